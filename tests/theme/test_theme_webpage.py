"""The web version: semantic, without styles of its own, without a slot of anybody."""

from __future__ import annotations

import re
from datetime import date

import pytest
from lxml import html as lxml_html

from mailer import i18n
from mailer.composer.look import webpage
from mailer.composer.slots import tokens_in
from tests.theme import samples


def page(language: str, **options: date) -> str:
    return webpage.render(
        samples.letter(language), samples.surroundings(language), i18n.words(language), **options
    )


@pytest.mark.parametrize("language", ["ja", "en", "ar", "zh-Hant"])
def test_it_holds_no_slot_no_style_and_no_script(language: str) -> None:
    html = page(language)
    assert not tokens_in(html)
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", html)


def test_sections_carry_their_keys_and_the_rail_leads_to_them() -> None:
    tree = lxml_html.fromstring(f"<main>{page('ja')}</main>")
    ids = [h.get("id") for h in tree.iterfind(".//article//h2")]
    assert ids == ["meeting", "garden", "day", "course", "calendar"]
    assert [a.get("href") for a in tree.iterfind(".//aside//ol//a")] == [f"#{key}" for key in ids]
    assert tree.find(".//h2[@id='garden']").text_content() == "2 「小さな雨の庭」の手引きを公開しました"


def test_pictures_have_sizes_and_wait_until_they_are_seen() -> None:
    tree = lxml_html.fromstring(f"<main>{page('en')}</main>")
    images = list(tree.iter("img"))
    assert len(images) == 8
    assert all(int(i.get("width")) > 0 and int(i.get("height")) > 0 and i.get("alt") for i in images)
    assert [i.get("loading") for i in images] == ["eager"] + ["lazy"] * 7


def test_languages_and_dates_are_marked() -> None:
    html = page("en")
    assert '<article class="article" lang="en" dir="ltr">' in html
    assert 'lang="ja" hreflang="ja" dir="ltr">この号を日本語で読む</a>' in html
    assert '<time datetime="2034-12-20">Wednesday, 20 December 2034</time>' in html
    assert '<time datetime="2035-02-20T14:00:00+09:00">' in html
    assert 'lang="ar" dir="rtl"' in page("ar")


def test_what_has_ended_is_words_and_no_dead_button() -> None:
    later = page("en", today=date(2035, 2, 1))
    assert "No longer available (was available until 31 January 2035)" in later
    assert "rain-garden-guide" not in later
    assert "rain-garden-guide" in page("en", today=date(2035, 1, 31))


def test_only_the_public_address_is_shared() -> None:
    html = page("ja")
    assert "lineit/share?url=https%3A%2F%2Fnews.harbour-cities.example%2Farchive%2Fja%2F2034-12%2F" in html
