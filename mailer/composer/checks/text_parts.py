"""Check of the text part: who reads it gets every heading, caption, address and date of the HTML, in its order.

The legal block is `mails`' affair: without it nothing leaves. Called by the gate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from mailer.composer.editions import Proof
from mailer.composer.model import Event, Finding, Note, ResourceBox, SubHeading
from mailer.composer.text import walk

from .case import Case, Check
from .codes import finding
from .shown import Page, page_of, short, squeezed

_MONTHS: Final = "January|February|March|April|May|June|July|August|September|October|November|December"
_DATE: Final = re.compile(
    rf"(?:\d{{4}}年)?\d{{1,2}}月\d{{1,2}}日|\b\d{{1,2}} (?:{_MONTHS})(?: \d{{4}})?\b|\b\d{{4}}-\d\d-\d\d\b"
)
_MOST_NAMED: Final = 5
_SHOWN_SIGNS: Final = 40


def complete(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        page, text = page_of(proof.edition.html), squeezed(unquote(proof.edition.text))
        seen = squeezed(page.seen())
        headings = [one for one in map(squeezed, _headings(proof)) if one and one in seen]
        wanted = [*headings, *(one for one in map(squeezed, _captions(proof)) if one in seen)]
        wanted += [squeezed(unquote(one)) for one in _addresses(page, proof)]
        wanted += [
            squeezed(date) for run in page.runs() if run.look.is_seen for date in _DATE.findall(run.text)
        ]
        missing = list(dict.fromkeys(one for one in wanted if one not in text))
        if missing:
            named = tuple(map(_named, missing[:_MOST_NAMED]))
            yield finding("text_part_lacks", language, where="mail.txt", things=named, count=len(missing))
        elif stray := _out_of_order(headings, text):
            yield finding("text_part_lacks", language, where="mail.txt", things=stray, reason="order")


def _headings(proof: Proof) -> Iterator[str]:
    yield proof.letter.title
    for section in (None, *proof.letter.sections):
        if section:
            yield section.title.plain
        for block in walk.blocks(section.blocks if section else proof.letter.lead):
            match block:
                case SubHeading(text):
                    yield text.plain
                case Event() | Note():
                    yield block.title
                case ResourceBox(label):
                    yield label
                case _:
                    pass


def _captions(proof: Proof) -> Iterator[str]:
    for _, top in walk.parts(proof.letter):
        yield from (figure.caption.plain for figure in walk.figures(top) if figure.caption)


def _addresses(page: Page, proof: Proof) -> Iterator[str]:
    """Where links lead. Not those to share with: the text gives the one address that they share.

    A teaser leads to each section of the whole page; the text gives the page's own address for all of them.
    """
    own = proof.surroundings.web_url
    for link in dict.fromkeys(run.link for run in page.runs() if run.link and run.look.is_seen):
        if link.startswith("mailto:"):
            yield link[7:].partition("?")[0]
        elif link.startswith(("http", "@@")) and not (
            own and own in unquote(link) and not link.startswith(own)
        ):
            yield own if own and link.partition("#")[0] == own else link


def _named(missing: str) -> str:
    """Addresses of one site differ at their end, so it is the middle that goes."""
    if "://" not in missing or len(missing) <= _SHOWN_SIGNS:
        return short(missing, _SHOWN_SIGNS)
    end = _SHOWN_SIGNS // 2
    return f"{missing[: _SHOWN_SIGNS - end - 1]}…{missing[-end:]}"


def _out_of_order(headings: list[str], text: str) -> str:
    """The first heading that stands before one that it should follow, "" if none does."""
    position = 0
    for heading in headings:
        found = text.find(heading, position)
        if found < 0:
            return short(heading, _SHOWN_SIGNS)
        position = found + len(heading)
    return ""


CHECKS: Final[tuple[Check, ...]] = (complete,)
