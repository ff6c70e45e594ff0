"""Walking a letter: every block, every run of words, every link, wherever they are nested.

Owns the order of reading. Called by `pictures`, `resources` and `checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..model import (
    Block,
    ButtonRow,
    Event,
    Figure,
    Gallery,
    Inline,
    Letter,
    ListBlock,
    Note,
    Paragraph,
    Quote,
    ResourceBox,
    SubHeading,
    Table,
)


def parts(letter: Letter) -> Iterator[tuple[str | None, Sequence[Block]]]:
    """(section key, its blocks); None is the lead."""
    yield None, letter.lead
    for section in letter.sections:
        yield section.key, section.blocks


def blocks(top: Sequence[Block]) -> Iterator[Block]:
    """All blocks, those inside others behind the one that holds them."""
    for block in top:
        yield block
        match block:
            case ListBlock():
                for item in block.items:
                    yield from blocks(item.blocks)
            case Quote() | Note() | Event():
                yield from blocks(block.blocks)
            case _:
                pass


def figures(top: Sequence[Block]) -> Iterator[Figure]:
    for block in blocks(top):
        if isinstance(block, Figure):
            yield block
        elif isinstance(block, Gallery):
            yield from block.figures


def inlines(top: Sequence[Block]) -> Iterator[Inline]:
    """Every run of words with marks: texts, captions, cells, details of events."""
    for block in blocks(top):
        match block:
            case Paragraph(text) | SubHeading(text):
                yield text
            case Figure():
                yield block.caption
            case Gallery():
                yield from (figure.caption for figure in block.figures)
            case Table():
                yield from block.head
                for row in block.rows:
                    yield from row
            case Event():
                yield from (text for _, text in block.details)
            case _:
                pass


def links(top: Sequence[Block]) -> Iterator[tuple[str, str]]:
    """(label, URL or path of a file) of every link, button and resource."""
    for block in blocks(top):
        match block:
            case ButtonRow():
                yield from ((button.label, button.url) for button in block.buttons)
            case ResourceBox():
                yield block.label, block.target
            case _:
                pass
    for text in inlines(top):
        yield from text.links
