"""Checks of CSS and HTML that a main mail client does not support: an own theme may hold some.

Owns the reading of the composed page and the list of what may stay, each with its reason. The facts are
caniemail's (`clients.toml`). Called by the gate.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import lxml.html

from mailer.composer.model import Finding

from .case import Case, Check
from .codes import finding
from .shown import COMMENT, DECLARATION, short

# What is used although a main client lacks it, and what happens there. Nothing else of the table may stand.
ALLOWED: Final[Mapping[str, str]] = {
    # What a client does not know of these costs an ornament.
    "border-radius": "corners are square",
    "box-shadow": "no shadow",
    "text-shadow": "no shadow",
    "text-decoration-color": "the underline has the colour of the words",
    "text-decoration-thickness": "the underline is as thick as ever",
    "text-underline-offset": "the underline is as near as ever",
    "text-wrap": "headings break where the line is full",
    "transition": "the colour changes at once",
    "cursor": "the pointer stays an arrow",
    "hyphens": "long words go to the next line whole",
    "hyphenate-limit-chars": "hyphens stand where the client sets them",
    # These are asked for where they exist; the page stands without them.
    "@media": "Outlook reads none: its ghost tables set the columns, and everywhere columns are inline blocks",
    "color-scheme": "the client darkens the page by its own rule; all pairs of colours keep their contrast then",
    "max-height": "of the preheader, which display:none hides already",
    "min-width": "Outlook takes the width of the ghost table",
    "overflow": "of the preheader, which display:none hides already, and of the line beside a section's number",
    "overflow-wrap": "an address that is too long runs over its cell",
    "word-break": "Japanese headings break between any two signs",
    "word-wrap": "see overflow-wrap",
    "white-space": "Outlook may break a number or a date in two",
    "height": "Yahoo takes the attribute of the picture",
    'aria-label="…"': "Yahoo reads the words out themselves",
    'aria-hidden="…"': "Yahoo reads the ornament out, too",
    'target="…"': "every mail client opens a link in a window of its own",
    "<bdi>": "its dir attribute stays",
    "<body>": "Yahoo makes a <div> of it; the colours stand on the cell below",
    "<wbr>": "the heading breaks between any two signs",
}
_TABLE: Final = Path(__file__).with_name("clients.toml")
_RULE: Final = re.compile(r"([^{}]*)\{([^{}]*)\}")
_AT: Final = re.compile(r"@([a-z-]+)")
_FUNCTION: Final = re.compile(r"([a-z][a-z-]*)\(")
_UNIT: Final = re.compile(r"(?<![\w#.-])-?[\d.]+([a-z]+)\b")
_SHOWN_PLACE: Final = 40
_NAMES: Final = {
    "apple-mail": "Apple Mail", "gmail": "Gmail", "outlook.windows": "Outlook (Windows)", "yahoo": "Yahoo Mail",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Use:
    """A thing of the table, as it stands in a page."""

    kind: str
    name: str
    place: str

    @property
    def feature(self) -> str:
        return _SPELT[self.kind].format(self.name)


_SPELT: Final = {
    "at-rule": "@{}", "attribute": "{}=\"…\"", "element": "<{}>", "function": "{}()", "pair": "{}", "property": "{}",
    "unit": "{}",
}  # fmt: skip


def support(case: Case) -> Iterator[Finding]:
    """One finding for each thing, however often it stands: the theme is the same in all languages."""
    found: dict[str, list[Use]] = {}
    for proof in case.proofs.values():
        for use in uses(proof.edition.html):
            found.setdefault(use.feature, []).append(use)
    for feature, those in sorted(found.items()):
        if feature not in ALLOWED:
            first = those[0]
            clients = tuple(_NAMES[family] for family in lacked()[first.kind, first.name])
            yield finding(
                "css_unsupported",
                where="mail.html",
                feature=feature,
                clients=clients,
                place=first.place,
                count=len(those),
            )


def uses(html: str) -> Iterator[Use]:
    """What of the table stands in a page. What only Outlook reads (conditional comments) is its own affair."""
    table = lacked()
    for element in lxml.html.document_fromstring(html).iter(lxml.etree.Element):
        place = _place(element)
        if ("element", element.tag) in table:
            yield Use("element", element.tag, place)
        yield from (Use("attribute", name, place) for name in element.attrib if ("attribute", name) in table)
        yield from (Use(*one, place) for one in _declared(element.get("style", "")) if one in table)
        if element.tag == "style":
            yield from _in_sheet(element.text or "")


def _in_sheet(css: str) -> Iterator[Use]:
    table = lacked()
    css = COMMENT.sub("", css)
    yield from (Use("at-rule", m[1], "<style>") for m in _AT.finditer(css) if ("at-rule", m[1]) in table)
    for rule in _RULE.finditer(css):
        place = f"<style> {rule[1].rpartition(';')[2].strip()[:_SHOWN_PLACE]}"
        yield from (Use(*one, place) for one in _declared(rule[2]) if one in table)


def _declared(css: str) -> Iterator[tuple[str, str]]:
    """(kind, name) of everything that declarations use."""
    for match in DECLARATION.finditer(css):
        name, value = match[1].lower(), match[2].replace("!important", "").strip().lower()
        yield "property", name
        yield "pair", f"{name}:{value}"
        yield from (("function", one) for one in _FUNCTION.findall(value))
        yield from (("unit", one) for one in _UNIT.findall(value))
        if value == "initial":
            yield "unit", value


def _place(element: lxml.html.HtmlElement) -> str:
    """The element and its first words: an inlined page is one long line."""
    words = str(element.text_content()) if element.tag not in ("html", "head", "style") else ""
    return f"<{element.tag}> {short(words, _SHOWN_PLACE)}".strip()


@cache
def lacked() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """(kind, name) → families of clients that lack it."""
    table = tomllib.loads(_TABLE.read_text("utf-8"))
    return {
        (kind, name): tuple(families.split())
        for kind, names in table.items()
        for name, families in names.items()
    }


CHECKS: Final[tuple[Check, ...]] = (support,)
