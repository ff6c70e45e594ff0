"""The blocks of a letter as rows of the sheet, as the templates of the mail draw them.

Owns how blocks are grouped: neighbouring text shares one cell, a gallery is cut into rows, the
calendar button joins the button row of its event. Called by `theme`; knows no HTML of the theme.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from ..model import (
    Block,
    ButtonRow,
    Event,
    Figure,
    Gallery,
    Inline,
    ListBlock,
    ListItem,
    Note,
    Paragraph,
    Quote,
    ResourceBox,
    Shown,
    SubHeading,
    Table,
)
from . import tables
from .view import PICTURE_WIDTHS, EventView, ResourceView, View, gallery

# ── running text ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Line:
    kind: str  # "paragraph" | "heading"
    html: Markup


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a list: its first paragraph without a <p>, then whatever else it holds."""

    html: Markup | None
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Listed:
    tag: str  # "ol" | "ul"
    start: int
    entries: Sequence[Entry]
    kind: ClassVar[str] = "list"


@dataclass(frozen=True, slots=True)
class Quoted:
    rows: Sequence[Row]
    kind: ClassVar[str] = "quote"


Item = Line | Listed | Quoted

# ── rows ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Text:
    items: list[Item]
    kind: ClassVar[str] = "text"


@dataclass(frozen=True, slots=True)
class Pictured:
    alt: str
    caption: Markup
    credit: str  # "写真：森 恵子"
    picture: Shown | None


@dataclass(frozen=True, slots=True)
class Pictures:
    """One picture at full width ("figure") or two to three side by side ("gallery")."""

    kind: str
    figures: Sequence[Pictured]
    width: int


@dataclass(frozen=True, slots=True)
class LabelledLink:
    label: str
    url: str
    filled: bool


@dataclass(frozen=True, slots=True)
class Buttons:
    buttons: Sequence[LabelledLink]
    kind: ClassVar[str] = "buttons"


@dataclass(frozen=True, slots=True)
class Ruled:
    kind: ClassVar[str] = "rule"


@dataclass(frozen=True, slots=True)
class Cell:
    html: Markup
    align: Markup  # an attribute, or nothing
    fit: str  # names of classes: where it may break
    label: str  # what stands before it where rows are stacked: "Place: "


@dataclass(frozen=True, slots=True)
class Tabled:
    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]
    stacked: bool  # on a telephone each row is lines of label and value
    kind: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class Resourced:
    resource: ResourceView
    label: Markup
    kind: ClassVar[str] = "resource"


@dataclass(frozen=True, slots=True)
class Noted:
    title: Markup
    rows: Sequence[Row]
    kind: ClassVar[str] = "note"


@dataclass(frozen=True, slots=True)
class Dated:
    event: EventView
    title: Markup
    kind: ClassVar[str] = "event"


Row = Text | Pictures | Buttons | Ruled | Tabled | Resourced | Noted | Dated


def rows(view: View, blocks: Sequence[Block], key: str = "") -> list[Row]:
    """`key` is the section's: its event has a calendar file. Blocks that cannot be reached make no row."""
    made: list[Row] = []
    for made_row in _Rows(view, view.about.calendar_urls.get(key, "")).of(blocks):
        if isinstance(made_row, Text) and made and isinstance(made[-1], Text):
            made[-1].items.extend(made_row.items)
        else:
            made.append(made_row)
    return made


class _Rows:
    def __init__(self, view: View, calendar_url: str) -> None:
        self.view = view
        self.calendar_url = calendar_url  # handed to the first event, then ""

    def of(self, blocks: Sequence[Block]) -> Iterator[Row]:
        flat = [
            inner
            for block in blocks
            for inner in (block, *(block.blocks if isinstance(block, Event) else ()))
        ]
        calendar: list[LabelledLink] = []
        for index, block in enumerate(flat):
            if isinstance(block, ButtonRow):
                yield self._buttons(block, calendar)
                calendar = []
                continue
            yield from self._row(block)
            if isinstance(block, Event):
                calendar = self._calendar()
                if calendar and not _buttons_follow(flat[index + 1 :]):
                    yield Buttons(calendar)
                    calendar = []

    def _calendar(self) -> list[LabelledLink]:
        url, self.calendar_url = self.calendar_url, ""
        return [LabelledLink(self.view.words("mail.calendar"), url, filled=False)] if url else []

    def _buttons(self, row: ButtonRow, calendar: list[LabelledLink]) -> Buttons:
        reached = [(b.label, self.view.address(b.url)) for b in row.buttons]
        links = [LabelledLink(label, url, filled=i == 0) for i, (label, url) in enumerate(reached) if url]
        return Buttons([*links, *calendar])

    def _row(self, block: Block) -> Iterator[Row]:
        view = self.view
        match block:
            case Paragraph(text):
                yield Text([Line("paragraph", view.html(text))])
            case SubHeading(text):
                yield Text([Line("heading", view.heading(text))])
            case ListBlock():
                entries = [self._entry(item) for item in block.items]
                yield Text([Listed("ol" if block.ordered else "ul", block.start, entries)])
            case Quote(blocks):
                yield Text([Quoted(rows(view, blocks))])
            case Figure():
                yield self._pictures((block,))
            case Gallery(figures):
                yield from (self._pictures(row) for row in gallery(figures))
            case Table():
                yield self._table(block)
            case ResourceBox():
                if found := view.resource(block):
                    yield Resourced(found, view.phrases(found.label))
            case Note(title, blocks):
                yield Noted(view.phrases(title), rows(view, blocks))
            case Event():
                shown = view.event(block)
                yield Dated(shown, view.phrases(shown.title))
            case _:
                yield Ruled()

    def _entry(self, item: ListItem) -> Entry:
        first, rest = (item.blocks[0], item.blocks[1:]) if item.blocks else (None, ())
        if isinstance(first, Paragraph):
            return Entry(self.view.html(first.text), rows(self.view, rest))
        return Entry(None, rows(self.view, item.blocks))

    def _pictures(self, figures: Sequence[Figure]) -> Pictures:
        columns = len(figures)
        shown = [
            Pictured(
                figure.alt,
                self.view.html(figure.caption),
                self.view.credit(figure.credit),
                self.view.picture(figure, columns),
            )
            for figure in figures
        ]
        return Pictures("figure" if columns == 1 else "gallery", shown, PICTURE_WIDTHS[columns])

    def _table(self, table: Table) -> Tabled:
        found = tables.fit(table)
        labels = [self._label(cell.plain.strip()) if found.stacked else "" for cell in table.head]

        def line(cells: Sequence[Inline], classes: Sequence[str], labels: Sequence[str] = ()) -> list[Cell]:
            padded = ([*given, *[""] * len(cells)] for given in (table.align, labels))
            return [
                Cell(self.view.html(text), _align(align), marks, label)
                for text, marks, align, label in zip(cells, classes, *padded, strict=False)
            ]

        head, *rest = found.classes
        body = [line(cells, marks, labels) for cells, marks in zip(table.rows, rest, strict=True)]
        return Tabled(line(table.head, head), body, found.stacked)

    def _label(self, text: str) -> str:
        label = self.view.words("mail.text.link", label=text) if text else ""
        return label if not label or label.endswith("：") else f"{label} "


def _align(align: str) -> Markup:
    """`left` in Markdown means the start side, whichever that is."""
    return Markup(' align="{}"').format(align) if align in ("center", "right") else Markup("")


def _buttons_follow(rest: Sequence[Block]) -> bool:
    """Is there a button row before the next heading or event? Words of the event may stand between."""
    for block in rest:
        if isinstance(block, ButtonRow):
            return True
        if not isinstance(block, Paragraph | ListBlock):
            return False
    return False
