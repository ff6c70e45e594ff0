"""The text part: a real edition, not a transcript. Every word, address and date of the HTML, in order.

Owns how a letter reads without any layout: paragraphs as single lines (phones wrap them again),
addresses as footnotes or on lines of their own, so that no 。 or 」 clings to one. Called by `editions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from mailer import i18n
from mailer.i18n import Words

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
    Surroundings,
    Table,
)
from .view import View

_TITLE: Final = "=" * 24  # short enough for a telephone
_SECTION: Final = "-" * 24
_BREAK: Final = "* * *"
_SUB: Final = "■ "


def render(letter: Letter, surroundings: Surroundings, words: Words, *, today: date | None = None) -> str:
    """The whole text part, tokens inert, LF line ends, blank lines between paragraphs."""
    view = View.of(letter, surroundings, words, today)
    pen = _Pen(view)
    pen.head()
    pen.blocks(letter.lead)
    numbered = [(words.section_number(i), section) for i, section in enumerate(letter.sections, 1)]
    if numbered:
        pen.put(
            "\n".join([words("mail.contents"), *(f"{number}  {s.title.plain}" for number, s in numbered)])
        )
    if view.teaser:
        pen.link(words("mail.read_full"), surroundings.web_url)
    else:
        for number, section in numbered:
            pen.put(f"{_SECTION}\n{number}  {section.title.plain}\n{_SECTION}")
            pen.blocks(section.blocks, surroundings.calendar_urls.get(section.key, ""))
    if surroundings.web_url:
        pen.link(words("mail.text.share"), surroundings.web_url)
    pen.foot()
    return pen.text()


def legal(about: Surroundings, words: Words) -> str:
    """Who sends: name, postal address, telephone, contact. Stands in every text part, notices too."""
    who, contact = about.identity, about.identity.contact
    lines = [who.organisation, who.organisation_other, who.postal_address]
    lines += [f"{words('mail.phone')} {who.phone}" if who.phone else ""]
    lines += [words("mail.text.link", label=words("mail.contact")), contact] if contact else []
    return "\n".join([_SECTION, *filter(None, lines)])


class _Pen:
    """Writes paragraphs one below the other and keeps the footnotes."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.words = view.words
        self.parts: list[str] = []
        self.notes: list[str] = []  # addresses, in order; the number is the position
        base = view.language.partition("-")[0].lower()
        self.full_width: Final = base in ("ja", "zh")
        self.rtl: Final = i18n.direction(view.language) == "rtl"

    def put(self, text: str) -> None:
        if text.strip():
            self.parts.append(text.strip("\n"))

    def text(self) -> str:
        return "\n\n".join(self.parts) + "\n"

    def link(self, label: str, url: str) -> None:
        self.put(f"{self.words('mail.text.link', label=label)}\n{url}")

    def head(self) -> None:
        view, about, words = self.view, self.view.about, self.words
        gap = "　" if self.full_width else ", "
        self.put(
            f"{about.identity.newsletter}{gap}{view.number}\n{words.date(about.date, 'weekday')}\n{about.identity.organisation}"
        )
        if about.web_url:
            self.link(words("mail.view_in_browser"), about.web_url)
        for other in view.others():
            self.put(f"{other.read}\n{other.url}")
        if view.letter.picture:
            self.put(self._figure(view.letter.picture))
        self.put(f"{_TITLE}\n{view.title}\n{_TITLE}")

    def foot(self) -> None:
        about, words = self.view.about, self.words
        self.put(legal(about, words))
        why = words("mail.why", newsletter=about.identity.newsletter, email="@@EMAIL@@", since="@@SINCE@@")
        self.put(f"{self._isolated(why)}{'' if self.full_width else ' '}{words('mail.leave')}")
        self.link(words("mail.unsubscribe"), "@@UNSUBSCRIBE@@")
        if about.base_url:
            self.link(words("mail.preferences"), "@@PREFERENCES@@")
        else:
            self.put(words("mail.unsubscribe_by_mail"))
        if about.privacy_url:
            self.link(words("mail.privacy"), about.privacy_url)
        self.put(self.view.credit(self.view.letter.credit))
        self.put(self._isolated(words("mail.reference", reference="@@REFERENCE@@")))
        self.put(words("mail.copyright", year=about.date.year, organisation=about.identity.organisation))

    def _isolated(self, text: str) -> str:
        """In right-to-left text an address stands in isolates (U+2068, U+2069), or its dots wander."""
        if self.rtl:
            for token in ("@@EMAIL@@", "@@REFERENCE@@"):
                text = text.replace(token, f"\u2068{token}\u2069")
        return text

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────

    def blocks(self, blocks: Sequence[Block], calendar_url: str = "") -> None:
        for block in blocks:
            if isinstance(block, Event):
                self._event(block, calendar_url)
                calendar_url = ""
            else:
                for part in self._parts(block):
                    self.put(part)

    def _parts(self, block: Block) -> Iterator[str]:  # noqa: PLR0912 - one case for each kind of block
        match block:
            case Paragraph(text):
                yield from self._noted(lambda: self._inline(text))
            case SubHeading(text):
                yield f"{_SUB}{text.plain}"
            case ListBlock():
                yield from self._noted(lambda: self._list(block))
            case Quote(blocks):
                inner = "\n\n".join(part for b in blocks for part in self._parts(b) if part)
                yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))
            case Table():
                yield from self._noted(lambda: self._table(block))
            case Figure():
                yield self._figure(block)
            case Gallery(figures):
                yield "\n\n".join(map(self._figure, figures))
            case ButtonRow(buttons):
                for button in buttons:
                    if url := self.view.address(button.url):
                        yield f"{self.words('mail.text.link', label=button.label)}\n{url}"
            case ResourceBox():
                yield self._resource(block)
            case Note(title, blocks):
                yield f"{_SUB}{title}" if title else ""
                for inner_block in blocks:
                    yield from self._parts(inner_block)
            case Event():
                raise AssertionError("an event stands in no other block")
            case _:
                yield _BREAK

    def _noted(self, write: Callable[[], str]) -> Iterator[str]:
        """A block, then the footnotes that it called for."""
        before = len(self.notes)
        yield write()
        fresh = range(before, len(self.notes))
        yield "\n".join(f"[{i + 1}] {self.notes[i]}" for i in fresh)

    def _inline(self, text: Inline) -> str:
        """The plain words with a number behind each link; an address that is its own label
        becomes the number, unless it stands alone."""
        plain, end, out = text.plain, 0, ""
        for label, target in text.links:
            url = self.view.address(target)
            start = plain.find(label, end)
            if start < 0 or not url or url.startswith("#") or _says_itself(label, url):
                continue
            end, before = start + len(label), plain[end:start]
            if label == url and not (plain[:start][-1:] + plain[end : end + 1]).strip():
                out += before + url  # nothing clings to it
                continue
            self.notes.append(url.removeprefix("mailto:").removeprefix("tel:"))
            number = f"[{len(self.notes)}]"
            out += before + (number if label == url else f"{label} {number}")
            if plain[end : end + 1].isalnum():
                out += " "
        return out + plain[end:]

    def _list(self, block: ListBlock, indent: str = "") -> str:
        lines: list[str] = []
        for position, item in enumerate(block.items, block.start):
            sign = (
                f"{self.words.number(position)}. " if block.ordered else ("・" if self.full_width else "- ")
            )
            inner = [self._in_item(b, indent + "   ") for b in item.blocks]
            lines += [f"{indent}{sign}{inner[0] if inner else ''}", *inner[1:]]
        return "\n".join(lines)

    def _in_item(self, block: Block, indent: str) -> str:
        if isinstance(block, Paragraph):
            return self._inline(block.text)
        if isinstance(block, ListBlock):
            return self._list(block, indent)
        return "\n".join(indent + part for part in self._parts(block) if part)

    def _table(self, table: Table) -> str:
        rows: Iterable[Sequence[Inline]] = (table.head, *table.rows) if table.head else table.rows
        return "\n".join(" | ".join(self._inline(cell) for cell in row) for row in rows)

    def _figure(self, figure: Figure) -> str:
        lines = [f"[{self.words('mail.text.photo', alt=figure.alt)}]"] if figure.alt else []
        lines += [self._inline(figure.caption)] if figure.caption else []
        lines += filter(None, [self.view.credit(figure.credit)])
        return "\n".join(lines)

    def _resource(self, box: ResourceBox) -> str:
        shown, words = self.view.resource(box), self.words
        if shown is None:
            return ""
        lines = [shown.kind, shown.label]
        if shown.until:
            zone = words.zone_name(self.view.about.zone)
            lines.append(
                words("mail.text.ended" if shown.ended else "mail.text.until", date=shown.until, zone=zone)
            )
        return "\n".join([*lines, *filter(None, [shown.url])])

    def _event(self, event: Event, calendar_url: str) -> None:
        shown, words = self.view.event(event), self.words
        facts = [(words("mail.place"), event.place)] if event.place else []
        facts += [(label, self._inline(text)) for label, text in event.details]
        gap = "" if self.full_width else " "
        lines = [f"{words('mail.text.link', label=label)}{gap}{value}" for label, value in facts]
        for part in self._noted(lambda: "\n".join([f"{_SUB}{shown.title}", *shown.when, *lines])):
            self.put(part)
        if calendar_url:
            self.link(words("mail.calendar"), calendar_url)
        self.blocks(event.blocks)


def _says_itself(label: str, url: str) -> bool:
    """A mail address or telephone number that is printed already."""
    return url.startswith(("mailto:", "tel:")) and url.partition(":")[2].replace("-", "") in label.replace(
        "-", ""
    )
