"""premailer behind its wrapper: what goes wrong with it, and what operators' templates may not break."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from mailer.composer.look import inlining
from mailer.composer.look.inlining import BadTemplate, inline

KEPT = "@media (max-width:599px){.row{padding:0 20px !important}}[data-ogsc] .ink{color:#FFFFFF !important}"
BLOCK_A = ".row{padding:0 32px}.ink{color:#16242E}.only-a{font-weight:700}img{width:100%}p{margin:0}"


def page(
    body: str, *, block_a: str = BLOCK_A, kept: str = KEPT, head: str = "", doctype: str = "<!DOCTYPE html>"
) -> str:
    return (
        f'{doctype}\n<html lang="ja"><head><meta charset="utf-8">{head}<style>{block_a}</style>'
        f'<style data-premailer="ignore">{kept}</style></head><body>{body}</body></html>'
    )


def made(body: str, **parts: str) -> str:
    return inline(page(body, **parts), "test.html", kept=KEPT)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """Every attempt to reach out is noted and fails."""
    tried: list[object] = []

    def refuse(*where: object, **_: object) -> None:
        tried.append(where)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield tried


@pytest.mark.parametrize(
    "parts",
    [
        {"head": '<link rel="stylesheet" href="http://127.0.0.1:9/x.css">'},
        {"head": '<link rel="stylesheet" href="//example.org/x.css">'},
        {"block_a": f'@import url("http://127.0.0.1:9/x.css");{BLOCK_A}'},
        {"block_a": f'@import "file:///etc/hostname";{BLOCK_A}'},
        {"block_a": BLOCK_A + ".x{background-image:url(http://127.0.0.1:9/x.png)}"},
    ],
)
def test_no_style_sheet_is_ever_fetched(parts: dict[str, str], no_network: list[object]) -> None:
    # F36: allow_network=False skips <link>, but cssutils follows @import all the same
    assert 'style="padding:0 32px"' in made(
        '<p class="x">a</p><table><tr><td class="row">b</td></tr></table>', **parts
    )
    assert no_network == []


def test_a_loader_that_is_asked_all_the_same_refuses() -> None:
    # F36: should premailer ever ask, in another version or with another setting
    with pytest.raises(BadTemplate, match="never loaded"):
        inlining._Offline("<p>")._load_external("http://127.0.0.1:9/x.css")


def test_tokens_survive_in_text_and_in_every_part_of_an_address() -> None:
    # F41: template signs in href come back percent-encoded; inert tokens do not
    html = made(
        '<a href="@@UNSUBSCRIBE@@">a</a><a href="https://example.org/@@REFERENCE@@?a=1&amp;b=@@EMAIL@@">b</a>'
        '<a href="mailto:x@example.org?subject=@@REFERENCE@@&amp;body=1">c</a> @@EMAIL@@'
    )
    assert 'href="@@UNSUBSCRIBE@@"' in html
    assert 'href="https://example.org/@@REFERENCE@@?a=1&amp;b=@@EMAIL@@"' in html
    assert 'subject=@@REFERENCE@@&amp;body=1"' in html
    assert "&amp;amp;" not in html  # F41: nor is & doubled


def test_the_kept_style_block_is_the_same_byte_for_byte() -> None:
    html = made('<table><tr><td class="row ink">a</td></tr></table>')
    assert f"<style>{KEPT}</style>" in html
    assert html.count("!important") == KEPT.count("!important")
    assert BLOCK_A not in html


def test_doctype_stands_first_and_a_lower_case_one_is_refused() -> None:
    assert made("<p>a</p>").startswith("<!DOCTYPE html>\n<html")
    with pytest.raises(BadTemplate, match="DOCTYPE"):
        made("<p>a</p>", doctype="<!doctype html>")


def test_a_picture_keeps_its_width_in_pixels() -> None:
    # premailer writes width="100%" over width="536": a giant in Outlook
    assert '<img src="a.png" width="536" style="width:100%">' in made('<img src="a.png" width="536">')


def test_phrase_breaks_stay_where_they_were_set() -> None:
    # libxml2 nests what follows into <wbr> and closes it at the end of the heading
    assert "<h2>水辺の<wbr>まちを<wbr>つないだ</h2>" in made("<h2>水辺の<wbr>まちを<wbr>つないだ</h2>")


def test_classes_that_only_block_a_knows_are_dropped() -> None:
    html = made('<table><tr><td class="row only-a ink">class="only-a" in words stays</td></tr></table>')
    assert '<td class="row ink" style="' in html
    assert 'class="only-a" in words stays' in html


def test_conditional_comments_pass_untouched() -> None:
    ghost = '<!--[if mso]><table width="600"><tr><td><![endif]-->'
    assert ghost in made(f"{ghost}<p>a</p><!--[if mso]></td></tr></table><![endif]-->")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<img src="https://example.org/{{ x }}" alt="">', "template sign"),
        ('<p style="color:var(--ink)">a</p>', "var"),
        ('<p style="width:calc(100% - 20px)">a</p>', "calc"),
        ('<img src="a.png" width="100%" alt="">', "width"),
        ("<p>a\u0092b</p>", "control character"),
        ("<p>@@UNSUBSCRIBE_ME@@</p>", "nobody will fill"),
        ('<a href="@@EMAIL@@ぁ@@EMAIL">a</a><p>@@Email@@</p>', "nobody will fill"),
    ],
)
def test_what_no_mail_may_hold_is_refused_by_name(body: str, problem: str) -> None:
    with pytest.raises(BadTemplate, match=problem) as raised:
        made(body)
    assert raised.value.facts["template"] == "test.html"


def test_curly_signs_in_an_authors_words_are_words() -> None:
    assert "{{ 20%引き }}" in made("<p>{{ 20%引き }} var(x)</p>")


def test_a_template_that_loses_the_kept_block_is_refused() -> None:
    with pytest.raises(BadTemplate, match="data-premailer"):
        inline(page("<p>a</p>", kept=""), "test.html", kept=KEPT)


def test_the_same_page_in_many_threads_comes_out_the_same() -> None:
    # cssutils keeps its state in globals (premailer issue 65)
    pages = [
        page(f'<table><tr><td class="row ink">{n}</td></tr></table>', block_a=f".row{{padding:0 {n}px}}")
        for n in range(4)
    ]
    expected = [inline(html, "t", kept=KEPT) for html in pages]
    found: dict[int, str] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: inline(pages[n % 4], "t", kept=KEPT)}))
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[n] for n in range(12)] == expected * 3
