"""The text part is an edition of its own: nothing of the HTML is missing, nothing clings to an address."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest
from lxml import html as lxml_html

from mailer import i18n
from mailer.composer.look import plain_text
from mailer.composer.look.inlining import TOKEN
from mailer.composer.look.theme import Theme
from mailer.composer.model import Inline, Letter, LetterSection, ListBlock, ListItem, Paragraph, Quote, Table
from tests.theme import samples

LANGUAGES = ["ja", "en", "ar", "zh-Hant"]
# Words that only a page needs: titles of buttons and boxes. Short words (day plate, LINE) are left to the eye.
PAGE_ONLY = {
    i18n.words(language)(f"mail.{key}", zone="日本時間")
    for language in LANGUAGES
    for key in ("share", "download", "other_question", "until")
}


def text(language: str, base_url: str = samples.BASE, letter: Letter | None = None) -> str:
    about = samples.surroundings(language, base_url=base_url)
    return plain_text.render(letter or samples.letter(language), about, i18n.words(language))


def one_section(*blocks: object, language: str = "ja") -> Letter:
    section = LetterSection("one", Inline("題", "題"), tuple(blocks))  # type: ignore[arg-type]
    return replace(samples.letter(language), lead=(), sections=(section,))


@pytest.mark.parametrize("base_url", [samples.BASE, ""])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_heading_caption_address_and_slot_of_the_mail_is_in_the_text(
    language: str, base_url: str
) -> None:
    about = samples.surroundings(language, base_url=base_url)
    html = Theme(None).render_issue(samples.letter(language), about, i18n.words(language))
    seen = text(language, base_url)
    tree = lxml_html.fromstring(re.sub(r"<!--.*?-->|<wbr>|</?bdi[^>]*>", "", html, flags=re.S))
    for element in tree.iter("h1", "h2", "h3", "li", "p", "th", "td", "a"):
        own = (element.text or "").strip()
        assert (
            not own or own in PAGE_ONLY or re.fullmatch(r"\S{1,9}", own) or _squeezed(own) in _squeezed(seen)
        ), own
    for link in {a.get("href") for a in tree.iter("a")}:
        if not re.match(r"#|mailto:|https://(?:social|twitter|www\.facebook|www\.linkedin)", link):
            assert link in seen
    assert set(TOKEN.findall(html)) == set(TOKEN.findall(seen))


def _squeezed(text: str) -> str:
    """Without what a page and a text put differently around the same words."""
    return re.sub(r"[\s、,，。.:：（）()\u2068\u2069]|まで|至", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_address_stands_alone_or_behind_its_number(language: str) -> None:
    for line in text(language).splitlines():
        if "https://" in line:
            assert re.fullmatch(r"(?:\[\d+\] )?https://[!-~]+", line), line


def test_links_in_a_sentence_become_footnotes_below_it() -> None:
    seen = text("ja")
    assert (
        "投稿の手引き [1] を読んでぜひお寄せください。\n\n[1] https://www.harbour-cities.example/ja/write-for-us/\n"
        in seen
    )


def test_no_full_stop_touches_an_address_that_an_author_typed() -> None:
    html = 'くわしくは<a href="https://example.org/a">https://example.org/a</a>。または<a href="mailto:x@example.org">x@example.org</a>へ。'
    plain = "くわしくはhttps://example.org/a。またはx@example.orgへ。"
    links = (("https://example.org/a", "https://example.org/a"), ("x@example.org", "mailto:x@example.org"))
    seen = text("ja", letter=one_section(Paragraph(Inline(html, plain, links))))
    assert "くわしくは[1]。またはx@example.orgへ。\n\n[1] https://example.org/a\n" in seen


def test_an_address_that_is_all_of_its_line_is_printed_there() -> None:
    url = "https://example.org/a"
    alone = Paragraph(Inline(f'<a href="{url}">{url}</a>', url, ((url, url),)))
    seen = text("ja", letter=one_section(alone))
    assert f"\n\n{url}\n" in seen and "[1]" not in seen


def test_a_word_that_stands_twice_gets_its_number_at_the_link() -> None:
    inline = Inline(
        "", "案内を見て、案内を読む", (("案内", "https://example.org/1"), ("案内", "https://example.org/2"))
    )
    seen = text("ja", letter=one_section(Paragraph(inline)))
    assert "案内 [1] を見て、案内 [2] を読む" in seen


@pytest.mark.parametrize("language", ["ja", "en"])
def test_paragraphs_are_single_lines_between_blank_lines(language: str) -> None:
    # phones wrap again; a hard wrap gives a comb of long and short lines
    assert any(
        len(line) > 120 or (language == "ja" and len(line) > 70) for line in text(language).splitlines()
    )
    assert "\n\n\n" not in text(language)
    assert "\r" not in text(language)


def test_sections_carry_their_numbers_and_pictures_their_words() -> None:
    seen = text("en")
    assert "II.  Our guide to small rain gardens is out" in seen
    assert "[Picture: A lighthouse sweeping the sea at night]\n4 a.m. The cape light" in seen


def test_lists_tables_and_quotes_can_be_told_apart() -> None:
    def line(text: str) -> Paragraph:
        return Paragraph(Inline(text, text))

    inner = ListBlock(False, 1, (ListItem((line("深い"),)),))
    blocks = (
        ListBlock(True, 3, (ListItem((line("三"), inner)), ListItem((line("四"),)))),
        Table(
            (Inline("日", "日"), Inline("所", "所")), ((Inline("一", "一"), Inline("港", "港")),), ("", "")
        ),
        Quote((line("言葉"), line("また"))),
    )
    seen = text("ja", letter=one_section(*blocks))
    assert "3. 三\n   ・深い\n4. 四" in seen
    assert "日 | 所\n一 | 港" in seen
    assert "> 言葉\n>\n> また" in seen


def test_dates_and_zones_are_said_in_words() -> None:
    assert "公開期限：2035年1月31日（水）まで（日本時間）" in text("ja")
    assert "Available until 31 January 2035 (JST)" in text("en")
    assert "14:00～17:00（日本時間）\n会場：うみべ会館 3階 研修室／オンライン" in text("ja")


def test_a_resource_that_has_ended_says_so_and_gives_no_address() -> None:
    about = samples.surroundings("ja")
    seen = plain_text.render(samples.letter("ja"), about, i18n.words("ja"), today=date(2035, 2, 1))
    assert "公開を終了しました（2035年1月31日（水）まで）" in seen
    assert "rain-garden-guide" not in seen


def test_without_a_web_server_there_is_no_address_of_ours() -> None:
    seen = text("ja", base_url="")
    assert "archive" not in seen and "@@PREFERENCES@@" not in seen and "小さな雨の庭　はじめ" not in seen
    assert "配信を停止する：\n@@UNSUBSCRIBE@@" in seen


def test_right_to_left_text_isolates_the_address_of_the_reader() -> None:
    assert "\u2068@@EMAIL@@\u2069" in text("ar")
    assert "\u2068" not in text("ja")


def test_a_teaser_leads_to_the_whole() -> None:
    about = replace(samples.surroundings("ja"), teaser=True)
    seen = plain_text.render(samples.letter("ja"), about, i18n.words("ja"))
    assert "全文をウェブで読む：\nhttps://news.harbour-cities.example/archive/ja/2034-12/" in seen
    assert "三つの約束" not in seen
