"""The web version: one letter as semantic HTML for the public archive.

Owns what stands inside <main>: the article and its rail. No slots, no inline style, classes of the
site's sheet. The page around it is `web.archive`'s. Called by `editions`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import takewhile
from typing import Final

from markupsafe import Markup as Html

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
    ListItem,
    Note,
    Paragraph,
    Quote,
    ResourceBox,
    SubHeading,
    Surroundings,
    Table,
)
from .view import View, gallery

# A literal of ours is Html; what .format() fills in is escaped.
_OL: Final = Html("ol")
_UL: Final = Html("ul")
_PAPER: Final = Html(
    '<svg class="i" viewBox="0 0 24 24" aria-hidden="true"><path d="M7 3h7l5 5v13H7zM14 3v5h5"/></svg>'
)


def render(letter: Letter, surroundings: Surroundings, words: Words, *, today: date | None = None) -> str:
    """<article> and <aside>; each section has its key as id. `today` decides what has ended."""
    page = _Page(View.of(letter, surroundings, words, today))
    return f"{page.article()}\n{page.rail()}\n"


class _Page:
    def __init__(self, view: View) -> None:
        self.view = view
        self.words = view.words
        self.sections = [
            (view.words.section_number(position), section)
            for position, section in enumerate(view.letter.sections, 1)
        ]

    def article(self) -> Html:
        view = self.view
        opening = list(takewhile(lambda block: isinstance(block, Paragraph), view.letter.lead))
        parts = [self._header(opening)]
        parts += [self._blocks(view.letter.lead[len(opening) :])]
        for number, section in self.sections:
            calendar = view.about.calendar_urls.get(section.key, "")
            parts.append(
                Html(
                    '<section aria-labelledby="{0}">\n<h2 id="{0}"><span class="no">{1}</span> {2}</h2>\n{3}\n</section>'
                ).format(
                    section.key, number, self.view.html(section.title), self._blocks(section.blocks, calendar)
                )
            )
        if credit := view.credit(view.letter.credit):
            parts.append(Html("<p><small>{}</small></p>").format(credit))
        return Html('<article class="article" lang="{}" dir="{}">\n{}\n</article>').format(
            view.language, view.words.direction, _lines(parts)
        )

    def rail(self) -> Html:
        items = [
            Html('<li><a href="#{}">{}&ensp;{}</a></li>').format(
                section.key, number, self.view.html(section.title)
            )
            for number, section in self.sections
        ]
        parts = []
        if items:
            title = self.words("mail.contents")
            parts.append(
                Html('<nav aria-labelledby="toc"><h2 id="toc">{}</h2>\n<ol>\n{}\n</ol></nav>').format(
                    title, _lines(items)
                )
            )
        if shares := self.view.shares():
            links = [
                Html('<li><a href="{}" rel="noopener">{}</a></li>').format(s.url, s.label) for s in shares
            ]
            parts.append(
                Html(
                    '<section aria-labelledby="share"><h2 id="share">{}</h2>\n<ul>\n{}\n</ul></section>'
                ).format(self.words("mail.share"), _lines(links))
            )
        return Html('<aside class="rail" aria-label="{}">\n{}\n</aside>').format(
            self.view.number, _lines(parts)
        )

    def _header(self, opening: Sequence[Block]) -> Html:
        view, about = self.view, self.view.about
        parts = [
            Html(
                '<p class="dateline">{} <span aria-hidden="true">·</span> <time datetime="{}">{}</time></p>'
            ).format(view.number, about.date.isoformat(), self.words.date(about.date, "weekday")),
            Html("<h1>{}</h1>").format(view.title),
        ]
        parts += [
            Html('<p class="lead">{}</p>').format(self._html(block.text))
            for block in opening
            if isinstance(block, Paragraph)
        ]
        parts += [
            Html('<p><a class="other-lang" href="{}" lang="{}" hreflang="{}" dir="{}">{}</a></p>').format(
                other.url, other.language, other.language, other.direction, other.read
            )
            for other in view.others()
        ]
        parts += [self._figure(view.letter.picture, loading="eager")] if view.letter.picture else []
        return Html("<header>\n{}\n</header>").format(_lines(parts))

    # ── blocks ──────────────────────────────────────────────────────────────────────────────────

    def _html(self, text: Inline) -> Html:
        return self.view.html(text)

    def _blocks(self, blocks: Sequence[Block], calendar_url: str = "") -> Html:
        """`calendar_url` is of the first event; its button stands beside the event's others."""
        parts, waiting = [], ""
        for block, following in zip(blocks, (*blocks[1:], None), strict=False):
            if isinstance(block, Event):
                waiting = calendar_url if isinstance(following, ButtonRow) else ""
                parts.append(self._event(block, "" if waiting else calendar_url))
                calendar_url = ""
            elif isinstance(block, ButtonRow):
                parts.append(self._buttons(block, waiting))
                waiting = ""
            else:
                parts.append(self._block(block))
        return _lines(parts)

    def _block(self, block: Block) -> Html:  # noqa: PLR0911 - one case for each kind of block
        match block:
            case Paragraph(text):
                return Html("<p>{}</p>").format(self._html(text))
            case SubHeading(text):
                return Html("<h3>{}</h3>").format(self._html(text))
            case ListBlock():
                return self._list(block)
            case Quote(blocks):
                return Html("<blockquote>\n{}\n</blockquote>").format(self._blocks(blocks))
            case Table():
                return self._table(block)
            case Figure():
                return self._figure(block)
            case Gallery(figures):
                inner = _lines(self._figure(figure, len(row)) for row in gallery(figures) for figure in row)
                return Html('<div class="gallery">\n{}\n</div>').format(inner) if len(figures) > 1 else inner
            case ButtonRow():
                return self._buttons(block)
            case ResourceBox():
                return self._resource(block)
            case Note(title, blocks):
                heading = Html("<h3>{}</h3>\n").format(title) if title else Html("")
                return Html('<div class="note">\n{}{}\n</div>').format(heading, self._blocks(blocks))
            case Event():
                return self._event(block, "")
            case _:
                return Html("<hr>")

    def _list(self, block: ListBlock) -> Html:
        tag = _OL if block.ordered else _UL
        start = Html(' start="{}"').format(block.start) if block.ordered and block.start != 1 else Html("")
        return Html("<{0}{1}>\n{2}\n</{0}>").format(tag, start, _lines(map(self._item, block.items)))

    def _item(self, item: ListItem) -> Html:
        blocks = item.blocks
        if blocks and isinstance(first := blocks[0], Paragraph):
            return Html("<li>{}{}</li>").format(self._html(first.text), self._blocks(blocks[1:]))
        return Html("<li>{}</li>").format(self._blocks(blocks))

    def _table(self, table: Table) -> Html:
        head = Html("").join(Html('<th scope="col">{}</th>').format(self._html(cell)) for cell in table.head)
        rows = _lines(
            Html("<tr>{}</tr>").format(
                Html("").join(Html("<td>{}</td>").format(self._html(cell)) for cell in row)
            )
            for row in table.rows
        )
        head = Html("<thead><tr>{}</tr></thead>\n").format(head) if table.head else head
        return Html('<table class="bare">\n{}<tbody>\n{}\n</tbody>\n</table>').format(head, rows)

    def _figure(self, figure: Figure, columns: int = 1, loading: str = "lazy") -> Html:
        shown = self.view.picture(figure, columns)
        credit = self.view.credit(figure.credit)
        under = [self._html(figure.caption)] if figure.caption else []
        under += [Html("<small>{}</small>").format(credit)] if credit else []
        caption = (
            Html("<figcaption>{}</figcaption>").format(Html("\u2003").join(under)) if under else Html("")
        )
        if shown is None:
            text = Html("<p>{}</p>").format(figure.alt) if figure.alt else Html("")
            return Html("<figure>{}{}</figure>").format(text, caption)
        return Html('<figure><img src="{}" width="{}" height="{}" alt="{}" loading="{}">{}</figure>').format(
            shown.src, shown.width, shown.height, figure.alt, loading, caption
        )

    def _buttons(self, row: ButtonRow, calendar_url: str = "") -> Html:
        reached = [(button.label, self.view.address(button.url)) for button in row.buttons]
        links = [
            Html('<a class="btn{}" href="{}">{}</a>').format(" primary" if index == 0 else "", url, label)
            for index, (label, url) in enumerate(reached)
            if url
        ]
        if calendar_url:
            links.append(self._calendar(calendar_url))
        return Html("<p>{}</p>").format(Html(" ").join(links)) if links else Html("")

    def _calendar(self, url: str) -> Html:
        return Html('<a class="btn" href="{}">{}</a>').format(url, self.words("mail.calendar"))

    def _resource(self, box: ResourceBox) -> Html:
        shown = self.view.resource(box)
        if shown is None:
            return Html("")
        label = Html("{} <small>{}</small>").format(shown.label, shown.kind)
        title = (
            Html("<span>{}</span>").format(label)
            if shown.ended
            else Html('<a href="{}">{}</a>').format(shown.url, label)
        )
        state = ""
        if shown.until:
            zone = self.words.zone_name(self.view.about.zone)
            key = "mail.text.ended" if shown.ended else "mail.text.until"
            state = self.words(key, date=shown.until, zone=zone)
        until = (
            Html('<span class="until"><time datetime="{}">{}</time></span>').format(shown.until, state)
            if shown.until
            else Html("")
        )
        return Html('<div class="resource">{}{}{}</div>').format(_PAPER, title, until)

    def _event(self, event: Event, calendar_url: str) -> Html:
        shown = self.view.event(event)
        facts = _lines(
            Html("<div><dt>{}</dt><dd>{}</dd></div>").format(label, value) for label, value in shown.facts
        )
        when = Html('<p><time datetime="{}">{}</time></p>').format(
            event.start.date().isoformat() if event.all_day else event.start.isoformat(),
            Html("<br>").join(shown.when),
        )
        parts = [Html("<h3>{}</h3>").format(shown.title), when]
        parts += [Html('<dl class="facts">\n{}\n</dl>').format(facts)] if facts else []
        parts += [self._blocks(event.blocks)]
        if calendar_url:
            parts.append(Html("<p>{}</p>").format(self._calendar(calendar_url)))
        return Html('<div class="event">\n{}\n</div>').format(_lines(parts))


def _lines(parts: Iterable[Html]) -> Html:
    return Html("\n").join(part for part in parts if part)
