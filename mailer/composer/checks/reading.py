"""What a letter prints, run by run, and how a check says where something stands.

Owns the order of reading for checks of words. Judges nothing. Called by the checks of this folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailer.composer.model import (
    Block,
    ButtonRow,
    Event,
    Figure,
    Finding,
    Gallery,
    Letter,
    Note,
    Paragraph,
    ResourceBox,
    SubHeading,
    Table,
)
from mailer.composer.text import walk

from .codes import finding

MOST_FRAGMENTS: Final = 6  # quoted in one finding; a person mends the kind, not the twentieth example
_AROUND: Final = 8  # signs of the neighbourhood, so that the place is found with a search
_LONGEST: Final = 48
_MOST_SIGNS: Final = 4000  # of one run: two pages without a break; what is longer is judged by its beginning
# A web address or that of a mailbox: no words, in whatever language it stands. RFC 5321: 64 signs before the @.
ADDRESS: Final = re.compile(
    r"https?://[!-~]+|(?<!\w)www\.[!-~]+|(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]+"
)


class Kind(StrEnum):
    TEXT = "text"
    HEADING = "heading"
    CELL = "cell"  # of a table; of an event's rows
    CAPTION = "caption"
    ALT = "alt"
    LABEL = "label"  # of a button or a resource
    FIELD = "field"  # subject, preheader, title


@dataclass(frozen=True, slots=True)
class Run:
    """Words that are printed without a break. `block` counts the blocks of its part; 0 is the heading."""

    text: str
    kind: Kind
    block: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """The lead (key None) or a section."""

    key: str | None
    title: str
    blocks: Sequence[Block]
    runs: tuple[Run, ...]

    def text(self) -> str:
        return "\n".join(run.text for run in self.runs if run.kind is not Kind.ALT)


def parts(letter: Letter) -> list[Part]:
    titles = {section.key: section.title.plain for section in letter.sections}
    found = []
    for key, top in walk.parts(letter):
        title = titles.get(key, "") if key else ""
        heading = [Run(title, Kind.HEADING)] if title else []
        found.append(Part(key, title, top, (*heading, *_runs(top))))
    return found


def fields(letter: Letter) -> list[tuple[str, str]]:
    """(name in issue.toml, words); the title only where it is not the subject."""
    named = [("subject", letter.subject), ("preheader", letter.preheader)]
    if letter.title != letter.subject:
        named.append(("title", letter.title))
    return [(name, text[:_MOST_SIGNS]) for name, text in named if text]


def _runs(top: Sequence[Block]) -> Iterator[Run]:
    for number, block in enumerate(walk.blocks(top), 1):
        for kind, text in _words(block):
            if text.strip():
                yield Run(text[:_MOST_SIGNS], kind, number)


def _words(block: Block) -> Iterator[tuple[Kind, str]]:
    match block:
        case Paragraph(text):
            yield Kind.TEXT, text.plain
        case SubHeading(text):
            yield Kind.HEADING, text.plain
        case Figure():
            yield from _picture(block)
        case Gallery():
            for figure in block.figures:
                yield from _picture(figure)
        case Table():
            yield from ((Kind.CELL, cell.plain) for row in (block.head, *block.rows) for cell in row)
        case ButtonRow():
            yield from ((Kind.LABEL, button.label) for button in block.buttons)
        case ResourceBox():
            yield Kind.LABEL, block.label
        case Note():
            yield Kind.HEADING, block.title
        case Event():
            yield Kind.HEADING, block.title
            yield Kind.CELL, block.place
            yield from ((Kind.CELL, f"{label}: {text.plain}") for label, text in block.details)
        case _:
            pass


def _picture(figure: Figure) -> Iterator[tuple[Kind, str]]:
    yield Kind.ALT, figure.alt
    yield Kind.CAPTION, figure.caption.plain


def base(language: str) -> str:
    """`en-GB` → en."""
    return language.partition("-")[0]


def where(language: str, key: str | None) -> str:
    return f"{language}.md, {'lead' if key is None else '#' + key}"


def excerpt(text: str, start: int, end: int) -> str:
    """The place with a few signs on both sides."""
    left, right = max(0, start - _AROUND), min(len(text), end + _AROUND)
    cut = " ".join(text[left:right].split())
    return f"{'…' if left else ''}{cut}{'…' if right < len(text) else ''}"


def shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def told(
    code: str, language: str, key: str | None, fragments: Iterable[str], **facts: object
) -> Iterator[Finding]:
    """One finding of a part with all its fragments, or none."""
    once = list(dict.fromkeys(fragments))
    if once:
        shown = tuple(once[:MOST_FRAGMENTS]) + (("…",) if len(once) > MOST_FRAGMENTS else ())
        yield finding(code, language, key, where(language, key), fragments=shown, **facts)


def told_of_field(
    code: str, language: str, name: str, fragments: Iterable[str], **facts: object
) -> Iterator[Finding]:
    """The same of a line of issue.toml."""
    if once := tuple(dict.fromkeys(fragments)):
        place = f"issue.toml: edition.{language}.{name}"
        yield finding(code, language, None, place, fragments=once[:MOST_FRAGMENTS], **facts)
