"""The gate on the composed page: what is hidden, what is faint, what a mail program does not know, what the text lacks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from mailer.composer import checks
from mailer.composer.checks import SenderFacts, clients, contrast, mails, text_parts
from mailer.composer.checks.case import Case, Check
from mailer.composer.checks.shown import Page
from mailer.composer.editions import Press, Proof, compose
from mailer.composer.look.contrast import Contrast
from mailer.composer.model import Finding, Issue, Severity
from mailer.composer.slots import SLOTS
from mailer.i18n import words
from tests.composer import client_table
from tests.conftest import missing

SENDER = SenderFacts("enews@harbour-cities.example", "smtp.harbour-cities.example")
CHECKS = (*mails.CHECKS, *text_parts.CHECKS, *contrast.CHECKS, *clients.CHECKS)
_kept: dict[str, tuple[Issue, Proof]] = {}  # drawn once: drawing takes half a second


@pytest.fixture
def proof(sqlite: Engine, stored: Callable[[], Issue], press: Press) -> Proof:
    if not _kept:
        issue = stored()
        with sqlite.begin() as connection:
            _kept["en"] = (issue, compose(connection, issue, "en", press))
    return _kept["en"][1]


@pytest.fixture
def judge(
    proof: Proof, sqlite: Engine, stored: Callable[[], Issue], press: Press
) -> Callable[..., list[Finding]]:
    """What the checks of the page say of a good mail that somebody spoiled."""
    stored()

    def judged(own: tuple[Check, ...] = CHECKS, press: Press = press, **spoiled: Any) -> list[Finding]:
        changed = replace(proof, edition=replace(proof.edition, **spoiled))
        with sqlite.begin() as connection:
            case = Case(connection, _kept["en"][0], press, SENDER, {"en": changed}, _kept["en"][0].date)
            return [found for check in own for found in check(case)]

    return judged


def codes(found: list[Finding]) -> set[str]:
    return {one.code for one in found}


def test_our_own_theme_gives_no_finding(judge: Callable[..., list[Finding]]) -> None:
    assert judge() == []


# ── what is hidden ──────────────────────────────────────────────────────────────────────────────


def inside(html: str, start: str, end: str = "</div>") -> str:
    """The whole body within one element."""
    head, body = html.split("<body", 1)
    tag, rest = body.split(">", 1)
    return f"{head}<body{tag}>{start}{rest.replace('</body>', end + '</body>')}"


def with_css(html: str, css: str) -> str:
    return inside(html, "<div class='x'>").replace("</head>", f"<style>{css}</style></head>", 1)


HIDING = [
    "display:none", "display: NONE !important", "visibility: hidden", "opacity:0", "opacity: 0.05",
    "max-height:0;overflow:hidden", "height:0px; overflow: hidden", "font-size:0", "font-size: 1px", "font-size:2pt",
    "font-size:0.1em", "font-size:10%", "position:absolute;left:-9999px", "position:absolute;top:-5000px",
    "text-indent:-9999px", "mso-hide:all", "clip-path:inset(50%)", "position:absolute;clip:rect(0 0 0 0)",
    "color:transparent", "transform:scale(0)", "margin-left:-999em",
]  # fmt: skip
INNOCENT = [
    "display:block", "opacity:0.9", "max-height:0.5em", "height:0", "max-width:0;overflow:hidden;text-overflow:ellipsis",
    "font-size:9px", "font-size:x-small", "position:relative;left:-4px", "text-indent:-1em", "margin-left:-12px",
    "font-size:0.875rem", "color:#333", "background:#fff", "text-indent:1em", "overflow:hidden", "max-height:none;overflow:hidden",
]  # fmt: skip


def restyled(html: str) -> str:
    """Elements inside state sizes and colours of their own: a parent's would not reach them."""
    return html.replace("font-size:", "x-size:").replace("color:", "x-color:").replace("bgcolor=", "x=")


@pytest.mark.parametrize("css", HIDING)
@pytest.mark.parametrize("way", ["attribute", "rule", "phone", "dark"])
def test_a_legal_block_that_a_style_hides_is_missing(
    judge: Callable[..., list[Finding]], proof: Proof, css: str, way: str
) -> None:
    html = restyled(proof.edition.html)
    spoiled = {
        "attribute": inside(html, f"<div style='{css}'>"),
        "rule": with_css(html, f"p {{ margin: 0 }} .x {{ {css} }}"),
        "phone": with_css(html, f"@media (max-width: 600px) {{ p {{ margin: 0 }} div.x {{ {css} }} }}"),
        "dark": with_css(html, f"@media (prefers-color-scheme:dark) {{ .x {{ {css} }} }}"),
    }[way]
    found = judge((mails.legal, mails.unsubscribe), html=spoiled)
    assert codes(found) == {"legal_hidden", "unsubscribe_missing"}
    assert all(one.severity is Severity.ERROR for one in found)


@pytest.mark.parametrize("css", INNOCENT)
def test_what_only_looks_like_hiding_is_let_through(
    judge: Callable[..., list[Finding]], proof: Proof, css: str
) -> None:
    html = restyled(proof.edition.html)
    for spoiled in (inside(html, f"<div style='{css}'>"), with_css(html, f".x {{ {css} }}")):
        assert judge((mails.legal, mails.unsubscribe), html=spoiled) == []


@pytest.mark.parametrize(
    ("css", "hidden"),
    [
        ("color:#ffffff;background:#ffffff", True),
        ("color:white;background-color:#FEFEFE", True),
        ("color:rgb(238,238,238)", True),  # on the white of the page
        ("color:#777", False),
        ("color:#ffffff;background:#003355", False),
        ("color:#ffffff;background:url(x.png)", False),  # nobody knows what is on the picture
    ],
)
def test_words_in_the_colour_of_their_ground_are_hidden(
    judge: Callable[..., list[Finding]], proof: Proof, css: str, hidden: bool
) -> None:
    page = inside(restyled(proof.edition.html), f"<div style='{css}'>")
    found = judge((mails.legal,), html=page)
    assert codes(found) == ({"legal_hidden"} if hidden else set())


def test_the_hidden_attribute_and_a_comment_hide(judge: Callable[..., list[Finding]], proof: Proof) -> None:
    html = proof.edition.html
    assert codes(judge((mails.legal,), html=inside(html, "<div hidden>"))) == {"legal_hidden"}
    address = "1-2-3 Umibe-dori, Naka-ku, Yokohama 000-0000, Japan"
    assert address in html
    commented = html.replace(address, f"<!-- {address} -->")
    assert codes(judge((mails.legal,), html=commented)) == {"legal_missing"}


def test_a_block_that_stands_once_for_phones_and_once_for_the_desk_is_seen_on_both(
    judge: Callable[..., list[Finding]], proof: Proof
) -> None:
    html = proof.edition.html
    head, body = html.split("<body", 1)
    tag, rest = body.split(">", 1)
    inner = rest.split("</body>")[0]
    css = "@media (max-width:599px){.desk{display:none !important}.phone{display:block !important}}"
    twice = f"<div class='desk'>{inner}</div><div class='phone' style='display:none'>{inner}</div>"
    page = f"{head.replace('</head>', f'<style>{css}</style></head>')}<body{tag}>{twice}</body></html>"
    assert judge((mails.legal, mails.unsubscribe), html=page) == []
    without = page.replace(".phone{display:block !important}", "")
    assert codes(judge((mails.legal, mails.unsubscribe), html=without)) == {
        "legal_hidden",
        "unsubscribe_missing",
    }


def test_a_style_for_print_hides_nothing_from_a_reader(
    judge: Callable[..., list[Finding]], proof: Proof
) -> None:
    page = with_css(proof.edition.html, "@media print { .x { display: none } }")
    assert judge((mails.legal, mails.unsubscribe), html=page) == []


def test_the_way_out_needs_words(judge: Callable[..., list[Finding]], proof: Proof) -> None:
    link = re.compile(rf'(<a [^>]*href="{SLOTS["UNSUBSCRIBE"].token}"[^>]*>).*?</a>', re.S)
    emptied = link.sub(r"\1<img src='x.png'></a>", proof.edition.html)
    assert codes(judge((mails.unsubscribe,), html=emptied)) == {"unsubscribe_missing"}


# ── what is faint ───────────────────────────────────────────────────────────────────────────────


def put(html: str, piece: str) -> str:
    return html.replace("</body>", f"{piece}</body>", 1)


@pytest.mark.parametrize(
    ("piece", "faint"),
    [
        ("<p style='color:#999;background:#fff'>Read me</p>", True),
        ("<td bgcolor='#eeeeee'><p style='color:#888888'>Read me</p></td>", True),
        ("<p style='color:#767676;background:#fff'>Read me</p>", False),  # 4.54
        (
            "<p style='color:#949494;background:#fff;font-size:24px'>Large</p>",
            False,
        ),  # 3.03: enough for large words
        ("<p style='color:#999;background:#fff'>· · —</p>", False),  # an ornament
        ("<p aria-hidden='true' style='color:#999;background:#fff'>2</p>", False),
        ("<p style='display:none;color:#fff;background:#fff'>preheader</p>", False),
        ("<p style='color:#999;background:url(a.png)'>Read me</p>", False),
    ],
)
def test_words_too_faint_for_their_ground_are_told(
    judge: Callable[..., list[Finding]], proof: Proof, piece: str, faint: bool
) -> None:
    table = piece if "<td" not in piece else f"<table><tr>{piece}</tr></table>"
    found = judge(contrast.CHECKS, html=put(proof.edition.html, table))
    assert codes(found) == ({"contrast_low"} if faint else set())
    if faint:
        assert "Read me" in found[0].facts["pairs"][0]


def test_faint_words_in_the_dark_are_told_once(judge: Callable[..., list[Finding]], proof: Proof) -> None:
    dark = "@media (prefers-color-scheme: dark) { .x { color: #333333 !important; background: #000000 !important } }"
    (found,) = judge(contrast.CHECKS, html=with_css(restyled(proof.edition.html), dark))
    assert (found.code, found.severity) == ("contrast_low", Severity.WARNING)


def test_a_faint_pair_of_theme_toml_is_told_once_and_there(
    judge: Callable[..., list[Finding]], press: Press, proof: Proof
) -> None:
    class Faint:
        def contrasts(self) -> list[Contrast]:
            return [Contrast("ink", "paper", "light", 4.4), Contrast("ink", "sand", "dark", 2.0)]

    found = judge(
        contrast.CHECKS,
        press=replace(press, theme=Faint()),  # type: ignore[arg-type]
        html=put(proof.edition.html, "<p style='color:#999;background:#fff'>Read me</p>"),
    )
    assert [one.where for one in found] == ["theme.toml"]
    assert found[0].facts["pairs"] == ("ink / sand (dark, 2.0)", "ink / paper (light, 4.4)")


# ── what a mail program does not know ───────────────────────────────────────────────────────────


def test_the_table_is_made_of_the_installed_data() -> None:
    if not client_table.PACKAGE.is_dir():
        missing("caniemail", "npm: (cd tests && npm ci)")
    assert client_table.TABLE.read_text("utf-8") == client_table.made()
    assert tomllib.loads(client_table.made())["pair"]["display:grid"] == "gmail outlook.windows yahoo"


def test_each_thing_that_may_stay_is_lacked_somewhere_and_says_why() -> None:
    features = {clients.Use(kind, name, "").feature for kind, name in clients.lacked()}
    assert set(clients.ALLOWED) <= features
    assert all(reason.strip() for reason in clients.ALLOWED.values())


def test_a_grid_is_told_once_with_clients_property_and_place(
    judge: Callable[..., list[Finding]], proof: Proof
) -> None:  # F41 of a kind: what a template gains, a reader may lose
    cell = "<div style='display:grid'>Two columns</div>"
    (found,) = judge(clients.CHECKS, html=put(proof.edition.html, cell + cell))
    assert (found.code, found.severity) == ("css_unsupported", Severity.WARNING)
    assert found.facts == {
        "feature": "display:grid",
        "clients": ("Gmail", "Outlook (Windows)", "Yahoo Mail"),
        "place": "<div> Two columns",
        "count": 2,
    }
    for language in ("ja", "en"):
        message, _ = checks.describe(found, words(language))
        assert "display:grid" in message and "Gmail" in message and "Two columns" in message


@pytest.mark.parametrize(
    ("piece", "features"),
    [
        ("<div style='position:absolute; top: 3px'>x</div>", {"position", "top"}),
        ("<div style='width:calc(100% - 2px)'>x</div>", {"calc()"}),
        ("<div style='font-size:2rem;width:50vw'>x</div>", {"rem", "vw"}),
        ("<div style='DISPLAY: Flex !important'>x</div>", {"display:flex"}),
        ("<video></video>", {"<video>"}),
        ("<img srcset='a.png 2x'>", {'srcset="…"'}),
        ("<style>@import 'x.css';</style>", {"@import"}),
        ("<style>@media (max-width:1px){.a{display:grid}}</style>", {"display:grid"}),
        ("<div style='width:10px;color:#abc;margin:0 auto;font-family:\"Remus\",serif'>x</div>", set()),
        ("<div style='display:inline-block;border-radius:2px'>x</div>", set()),
        ("<div style=\"background:url('x.png?position:fixed;top:0')\">x</div>", set()),
        ("<!--[if mso]><style>td{position:absolute}</style><v:rect></v:rect><![endif]-->", set()),
        ("<style>/* display:grid */</style>", set()),
        ("<p>We use display:grid and calc() on 3rem</p>", set()),
    ],
)
def test_css_and_elements_are_told_where_a_main_client_lacks_them(
    judge: Callable[..., list[Finding]], proof: Proof, piece: str, features: set[str]
) -> None:
    found = judge(clients.CHECKS, html=put(proof.edition.html, piece))
    assert {one.facts["feature"] for one in found} == features


# ── what the text part lacks ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "lost",
    [
        "Three commitments",
        "The plenary on 12 November",
        "https://example.org/list",
        "Our rain garden guide",
        "18 February 2035",
    ],
)
def test_what_the_text_part_lacks_is_told_in_one_finding(
    judge: Callable[..., list[Finding]], proof: Proof, lost: str
) -> None:
    assert lost in proof.edition.text
    (found,) = judge(text_parts.CHECKS, text=proof.edition.text.replace(lost, ""))
    assert (found.code, found.severity, found.language) == ("text_part_lacks", Severity.WARNING, "en")


def test_a_text_part_that_says_only_goodbye_is_told_once(judge: Callable[..., list[Finding]]) -> None:
    (found,) = judge(text_parts.CHECKS, text="Goodbye.")
    assert found.facts["count"] > 5 and len(found.facts["things"]) == 5  # type: ignore[operator, arg-type]


def test_long_addresses_that_are_told_differ_to_the_eye(
    judge: Callable[..., list[Finding]], proof: Proof
) -> None:
    site = "https://conference.harbour-cities.example/programme/2034"
    links = "".join(f'<a href="{site}/session-{n}.html">Session {n}</a>' for n in range(3))
    (found,) = judge(text_parts.CHECKS, html=proof.edition.html.replace("</body>", f"<p>{links}</p></body>"))
    named: Any = found.facts["things"]
    assert len(set(named)) == 3 and all(one.startswith("https://") and len(one) <= 40 for one in named)


def test_a_teaser_leads_to_parts_of_the_page_whose_address_the_text_gives(
    sqlite: Engine, stored: Callable[[], Issue], press: Press
) -> None:
    issue = replace(stored(), teaser=True)
    with sqlite.begin() as connection:
        proof = compose(connection, issue, "en", press)
        page = proof.surroundings.web_url
        assert f"{page}#" in proof.edition.html and f"{page}#" not in proof.edition.text

        def found(proof: Proof) -> list[Finding]:
            return list(
                text_parts.complete(Case(connection, issue, press, SENDER, {"en": proof}, issue.date))
            )

        assert found(proof) == []
        (one,) = found(
            replace(proof, edition=replace(proof.edition, text=proof.edition.text.replace(page, "")))
        )
        assert one.facts["count"] == 1


def test_another_order_is_told(judge: Callable[..., list[Finding]], proof: Proof) -> None:
    text = proof.edition.text
    moved = text.replace("Three commitments", "") + "\nThree commitments\n"
    (found,) = judge(text_parts.CHECKS, text=moved)
    assert found.facts["reason"] == "order"
    for language in ("ja", "en"):
        assert all(checks.describe(found, words(language)))


def test_a_page_is_read_whole(proof: Proof) -> None:
    """Nothing is lost between the elements: tails, cells, links."""
    page = Page("<body><p>a<b>b</b>c<!-- x -->d</p><table><tr><td>e</td></tr></table>f</body>")
    assert page.text == page.seen() == "abcdef"
