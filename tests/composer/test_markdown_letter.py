"""Markdown as people write it, and what a letter makes of it."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.composer.model import (
    Block,
    Button,
    ButtonRow,
    Event,
    Figure,
    Gallery,
    Issue,
    IssueText,
    Letter,
    ListBlock,
    Note,
    Paragraph,
    Quote,
    ResourceBox,
    Rule,
    Section,
    SectionText,
    SubHeading,
    Table,
)
from mailer.composer.text import inline, manuscript, markdown, walk
from mailer.composer.text.links import LinkKind, folder_path, kind_of
from mailer.errors import BadIssue

FILES = {
    "images/a.jpg": "a" * 40,
    "images/b.jpg": "b" * 40,
    "images/写真.jpg": "c" * 40,
    "files/x.pdf": "d" * 40,
}


def an_issue(body: str, title: str = "Title", **text: Any) -> Issue:
    return Issue(
        "2034-12",
        "84",
        date(2034, 12, 20),
        ("en",),
        {"en": IssueText("Subject", **text)},
        (Section("one", {"en": SectionText(title, body)}),),
        {"en": ("one",)},
        files=FILES,
    )


def letter(body: str, **more: Any) -> Letter:
    return markdown.letter(an_issue(body, **more), "en", "Asia/Tokyo")


def blocks(body: str) -> tuple[Block, ...]:
    return letter(body).sections[0].blocks


def html(body: str) -> str:
    (block,) = blocks(body)
    assert isinstance(block, Paragraph)
    return block.text.html


def codes(body: str, **more: Any) -> list[tuple[str, str]]:
    with pytest.raises(BadIssue) as caught:
        letter(body, **more)
    return [(fault.code, fault.where.rpartition(", ")[2]) for fault in caught.value.faults]


# ── words ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**強調。**次", "<strong>強調。</strong>次"),
        ("前の**「括弧」**後", "前の<strong>「括弧」</strong>後"),
        ("一行目\n二行目", "一行目二行目"),
        ("one\ntwo", "one\ntwo"),
        ("one  \ntwo", "one<br>two"),
        ("*so* `code` <https://example.org/>", '<em>so</em> <code>code</code> <a href="https://example.org/">https://example.org/</a>'),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("&lt;script&gt;", "&lt;script&gt;"),
        ("[texte]{lang=fr}", '<span lang="fr">texte</span>'),
        ("<info@example.org>", '<a href="mailto:info@example.org">info@example.org</a>'),
        ("[a](https://example.org/?a=1&b=2)", '<a href="https://example.org/?a=1&amp;b=2">a</a>'),
        ("https://example.org/を見る", '<a href="https://example.org/">https://example.org/</a>を見る'),
        ("（https://example.org/a_b_c）。", '（<a href="https://example.org/a_b_c">https://example.org/a_b_c</a>）。'),
        ("see https://example.org/a(b).", 'see <a href="https://example.org/a(b)">https://example.org/a(b)</a>.'),
        ("    four spaces", "four spaces"),
        ("[get it](files/x.pdf) now", '<a href="files/x.pdf">get it</a> now'),
    ],
)  # fmt: skip
def test_words_become_safe_html(written: str, shown: str) -> None:
    assert html(written) == shown


def test_the_plain_form_stands_beside_the_html() -> None:
    (block,) = blocks("**A** [label](https://example.org/) & https://example.org/x")
    assert isinstance(block, Paragraph)
    assert block.text.plain == "A label & https://example.org/x"
    assert block.text.links == (("label", "https://example.org/"), ("https://example.org/x",) * 2)


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="ab<>&\"'`*_[](){}!#@:/\\\n =-+|.1あ（）「」{}javscript", max_size=60))
def test_no_text_gets_past_the_walls(text: str) -> None:  # F31
    found, _ = markdown.read(an_issue(text), "en", "Asia/Tokyo")
    for _, top in walk.parts(found):
        for run in walk.inlines(top):
            tags = set(re.findall(r"</?([a-zA-Z][\w-]*)", run.html))
            assert tags <= {"a", "strong", "em", "code", "br", "bdi", "span"}
            assert inline.clean(run.html) == run.html


def test_the_second_wall_stands_without_the_first() -> None:  # F31
    assert inline.clean('<a href="javascript:x" onclick="y">a</a><script>z</script><img src=x>') == "<a>a</a>"


# ── what is refused, with its line ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("text\n\n<script>x</script>", [("raw_html", "line 3")]),
        ("text\nmore <b>bold</b>", [("raw_html", "line 2"), ("raw_html", "line 2")]),
        ("<!-- note -->", [("raw_html", "line 1")]),
        ("- item\n\n  <img src=x>", [("raw_html", "line 3")]),
        ("[x](javascript:alert(1))", [("forbidden_link", "line 1")]),
        ("[x](JaVa&#115;cript&colon;alert(1))", [("forbidden_link", "line 1")]),
        ("[x](<java\tscript:x>)", [("incomplete_link", "line 1")]),
        ("[x](vbscript:x)", [("forbidden_link", "line 1")]),
        ("[x](data:text/html;base64,PHg+)", [("forbidden_link", "line 1")]),
        ("[x](file:///etc/passwd)", [("forbidden_link", "line 1")]),
        ("[x](https://example.org/){href=javascript:x}", [("unknown_attribute", "line 1")]),
        ("[x](https://example.org/){onclick=x}", [("unknown_attribute", "line 1")]),
        ("[x](https://example.org/){.big}", [("unknown_attribute", "line 1"), ("button_not_alone", "line 1")]),
        ("[x](www.example.org)", [("incomplete_link", "line 1")]),
        ("[](https://example.org/)", [("link_without_text", "line 1")]),
        ("![x](data:image/png;base64,AAAA)", [("remote_picture", "line 1")]),
        ("![x](//example.org/a.png)", [("remote_picture", "line 1")]),
        ("text ![x](images/a.jpg)", [("picture_in_text", "line 1")]),
        ("![x](images/A.JPG)", [("picture_not_found", "line 1")]),
        ("text\n\ntext [B](https://example.org/){.button}", [("button_not_alone", "line 3")]),
        ("see [x](files/x.pdf){until=2035-01-31} now", [("resource_not_alone", "line 1")]),
        ("- [x](files/x.pdf){until=2035-01-31}", [("resource_not_alone", "line 1")]),
        ("[x](files/x.pdf){.button until=2035-01-31}", [("button_with_until", "line 1")]),
        ("[x](files/x.pdf){until=2035/01/31}", [("bad_braces", "line 1")]),
        ("[x](files/x.pdf)｛until＝2035-01-31｝", [("bad_braces", "line 1")]),
        ("[x](https://example.org/){button}", [("bad_braces", "line 1")]),
        ("[x](files/x.pdf){until=2035-02-30}", [("bad_until", "line 1")]),
        ("[x](files/x.pdf){until=2035-01-31}\n\n[x](files/x.pdf){until=2035-01-30}", [("resource_two_dates", "line 3")]),
        ("### Deep", [("heading_too_deep", "line 1")]),
        ("- # Inside", [("heading_inside", "line 1")]),
        ("##Tight", [("heading_without_space", "line 1")]),
        ("Heading\n======", [("underlined_heading", "line 2")]),
        ("[name]: https://example.org/", [("reference_link", "line 1")]),
        ("```\ncode\n```", [("code_block", "line 1")]),
        ("a\n\n::: note\nopen\n\nnever closed", [("unclosed_box", "line 3")]),
        ("::: note\ntext\n:::\n\n:::", [("stray_fence", "line 5")]),
        ("::: nota\ntext\n:::", [("unknown_box", "line 1"), ("stray_fence", "line 3")]),
        ("::: note\n:::", [("empty_box", "line 1")]),
        ("::: note\n::: gallery\n![x](images/a.jpg)\n:::\n:::", [("misplaced", "line 2"), ("stray_fence", "line 5")]),
        ("::: gallery\ntext\n:::", [("gallery_not_pictures", "line 2")]),
        ("::: event\n## T\n:::", [("event_without_start", "line 1")]),
        ('::: event {start="2035-02-18 14:00"}\ntext\n:::', [("event_without_title", "line 1")]),
        ('::: event T {start="18 February"}\ntext\n:::', [("bad_event_time", "line 1")]),
        ('::: event T {start="2035-02-18 14:00" end="13:00"}\ntext\n:::', [("event_ends_before", "line 1")]),
        ('::: event T {begin="2035-02-18"}\nx\n:::', [("unknown_attribute", "line 1"), ("event_without_start", "line 1")]),
        ("::: event T {start=“2035-02-18”}\nx\n:::", [("bad_braces", "line 1"), ("event_without_start", "line 1")]),
        ("@@EMAIL@@", [("slot_in_text", "line 1")]),
        ("@@EM**AIL@@**", [("slot_in_text", "line 1")]),
        ("@\\@EMAIL&#64;@", [("slot_in_text", "line 1")]),
        ("[x](https://example.org/?e=@@EMAIL@@)", [("slot_in_text", "line 1")]),
        ("[@@NAME@@](https://example.org/){.button}", [("slot_in_text", "line 1")]),
        ('![@@NAME@@](images/a.jpg "x")', [("slot_in_text", "line 1")]),
    ],
)  # fmt: skip
def test_what_a_mail_cannot_hold_is_refused_with_its_line(
    body: str, expected: list[tuple[str, str]]
) -> None:  # F29, F31
    assert codes(body) == expected


def test_a_heading_holds_no_link_and_no_slot() -> None:
    assert [code for code, _ in codes("text", title="[x](https://example.org/)")] == ["link_in_heading"]
    assert [code for code, _ in codes("text", title="@@NAME@@")] == ["slot_in_text"]
    assert [code for code, _ in codes("text", title="")] == ["heading_without_text"]


def test_all_faults_of_all_parts_come_together() -> None:
    assert codes("<b>\n\n[x](javascript:y)", lead="![x](images/no.jpg)") == [
        ("picture_not_found", "line 1"),
        ("raw_html", "line 1"),
        ("forbidden_link", "line 3"),
    ]


# ── blocks ──────────────────────────────────────────────────────────────────────────────────────


def test_a_picture_alone_on_a_line_is_a_figure_even_below_a_line_of_text() -> None:
    text, figure, more = blocks('Look:\n![Two *boats*](images/a.jpg "At **dawn**")\nNice.')
    assert isinstance(figure, Figure)
    assert (figure.path, figure.alt, figure.caption.html) == (
        "images/a.jpg",
        "Two boats",
        "At <strong>dawn</strong>",
    )
    assert isinstance(text, Paragraph)
    assert isinstance(more, Paragraph)
    assert more.text.plain == "Nice."


def test_a_picture_may_have_a_japanese_name() -> None:
    (figure,) = blocks("![x](images/写真.jpg)")
    assert isinstance(figure, Figure)
    assert figure.path == "images/写真.jpg"


@pytest.mark.parametrize("between", [" ", "\n", " \n"])
def test_buttons_side_by_side_or_below_each_other_are_one_row(between: str) -> None:
    one, two = "[One](https://example.org/1){.button}", "[Two](files/x.pdf){.button}"
    assert blocks(one + between + two) == (
        ButtonRow((Button("One", "https://example.org/1"), Button("Two", "files/x.pdf"))),
    )


def test_a_file_or_a_dated_link_alone_on_a_line_is_a_resource() -> None:
    assert blocks("[Slides](files/x.pdf)\n[Film](https://example.org/film){until=2035-01-31}") == (
        ResourceBox("Slides", "files/x.pdf", None),
        ResourceBox("Film", "https://example.org/film", date(2035, 1, 31)),
    )


def test_the_usual_blocks_are_read() -> None:
    found = blocks(
        "## Sub\n\n> quoted\n\n3. three\n4. four\n\n   - inner\n\n---\n\n| a | b |\n|---|--:|\n| 1 | 2 |"
    )
    assert [type(block) for block in found] == [SubHeading, Quote, ListBlock, Rule, Table]
    _, _, numbered, _, table = found
    assert isinstance(numbered, ListBlock)
    assert (numbered.ordered, numbered.start, len(numbered.items)) == (True, 3, 2)
    assert isinstance(numbered.items[1].blocks[1], ListBlock)
    assert isinstance(table, Table)
    assert table.align == ("", "right")


def test_a_gallery_holds_its_pictures_in_order() -> None:
    (gallery,) = blocks('::: gallery\n![one](images/a.jpg "A")\n\n![two](images/b.jpg)\n:::')
    assert isinstance(gallery, Gallery)
    assert [(f.path, f.caption.plain) for f in gallery.figures] == [
        ("images/a.jpg", "A"),
        ("images/b.jpg", ""),
    ]


@pytest.mark.parametrize("written", ["::: note 休業\n", "::: note\n## 休業\n", ":::note 休業\n"])
def test_a_note_has_its_title_behind_the_colons_or_as_a_heading(written: str) -> None:
    (note,) = blocks(f"{written}\ntext\n\n- a\n:::")
    assert isinstance(note, Note)
    assert note.title == "休業"
    assert [type(block) for block in note.blocks] == [Paragraph, ListBlock]


def test_an_event_has_times_in_the_zone_of_the_site_and_rows() -> None:
    (event,) = blocks(
        '::: event {start="2035-02-18 14:00" end="17:00" place="海辺ホール"}\n### 半日講座\n'
        "- 定員: 会場30人\n- 締切：[申込](https://example.org/)\n\nどなたでも。\n\n- plain\n:::"
    )
    assert isinstance(event, Event)
    tokyo = ZoneInfo("Asia/Tokyo")
    assert (event.start, event.end) == (
        datetime(2035, 2, 18, 14, tzinfo=tokyo),
        datetime(2035, 2, 18, 17, tzinfo=tokyo),
    )
    assert (event.title, event.place, event.all_day) == ("半日講座", "海辺ホール", False)
    assert [(label, text.plain) for label, text in event.details] == [("定員", "会場30人"), ("締切", "申込")]
    assert [type(block) for block in event.blocks] == [Paragraph, ListBlock]


def test_an_event_may_say_everything_in_its_head_line() -> None:
    (event,) = blocks('::: event 終日の催し {start="2035-02-20" place="うみべ会館"}\n:::')
    assert isinstance(event, Event)
    assert (event.title, event.place, event.all_day) == ("終日の催し", "うみべ会館", True)
    assert (event.details, event.blocks) == ((), ())


def test_an_event_may_last_days_and_take_full_width_digits() -> None:
    (event,) = blocks('::: event Fair {start="２０３５-02-18" end="2035-02-20"}\nx\n:::')
    assert isinstance(event, Event)
    assert event.all_day
    assert event.end is not None
    assert event.end.date() == date(2035, 2, 20)


def test_a_time_that_the_clock_skips_is_refused() -> None:  # F13
    issue = an_issue('::: event T {start="2035-03-25 02:30"}\nx\n:::')
    with pytest.raises(BadIssue, match="skips"):
        markdown.letter(issue, "en", "Europe/Berlin")
    assert markdown.letter(issue, "en", "Asia/Tokyo")


# ── links and manuscripts ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://example.org/", LinkKind.WEB),
        ("mailto:a@example.org", LinkKind.MAIL),
        ("tel:+81450000000", LinkKind.TELEPHONE),
        ("#garden", LinkKind.ANCHOR),
        ("files/x.pdf", LinkKind.FILE),
        ("", LinkKind.DEAD),
        ("#", LinkKind.DEAD),
        ("http://", LinkKind.DEAD),
        ("https://localhost/x", LinkKind.DEAD),
        ("http://127.0.0.1:8000/", LinkKind.DEAD),
        ("TODO", LinkKind.DEAD),
        ("https://example.org/TODO", LinkKind.DEAD),
        ("mailto:", LinkKind.DEAD),
        ("/about", LinkKind.INCOMPLETE),
        ("http://[", LinkKind.INCOMPLETE),
        ("java\tscript:x", LinkKind.FORBIDDEN),
        ("\x01javascript:x", LinkKind.FORBIDDEN),
        ("cid:x", LinkKind.FORBIDDEN),
        ("ftp://example.org/", LinkKind.FORBIDDEN),
    ],
)
def test_a_link_is_of_one_kind(url: str, kind: LinkKind) -> None:
    assert kind_of(url) is kind


@pytest.mark.parametrize(
    "path",
    [
        "files/../x",
        "files/./x",
        "files//x",
        "/files/x",
        "x/files",
        "files",
        "files/a\\..\\x",
        "images/%2e%2e/x",
    ],
)
def test_a_path_never_leaves_the_folder(path: str) -> None:
    assert folder_path(path) is None


_LINE = st.text(alphabet="ab#あ {}:*|> \t", max_size=12)


@settings(max_examples=200, deadline=None)
@given(st.lists(_LINE, max_size=14).map("\n".join))
def test_a_manuscript_comes_back_as_it_was_split(text: str) -> None:
    first = manuscript.split(text)
    rows = [(draft.key, draft.title, draft.body) for draft in first.sections]
    again = manuscript.split(manuscript.join(first.lead, rows))
    assert again.lead == first.lead
    assert [(draft.key, draft.title, draft.body) for draft in again.sections] == rows
