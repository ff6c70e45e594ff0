"""What a letter says beside its own words: dates, numbers, pictures, where a link leads.

Owns the facts that the mail, its plain text and the web version must have in common; draws
nothing. Called by `rows`, `theme`, `plain_text` and `webpage`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from html import escape, unescape
from pathlib import PurePosixPath
from typing import Final, Protocol
from urllib.parse import quote

from babel import dates
from markupsafe import Markup
from markupsafe import escape as escaped

from mailer import i18n
from mailer.i18n import Words

from ..model import Event, Figure, Inline, Letter, ResourceBox, Shown, Surroundings

# Pictures side by side in each row of a gallery: five = two + three. One stands alone at full width.
_GALLERY: Final[dict[int, tuple[int, ...]]] = {
    1: (1,), 2: (2,), 3: (3,), 4: (2, 2), 5: (2, 3), 6: (3, 3), 7: (2, 2, 3), 8: (2, 3, 3),
}  # fmt: skip
PICTURE_WIDTHS: Final = {1: 536, 2: 260, 3: 168}  # px shown, by pictures in the row; crops are 4:3
HERO_SIZE: Final = (600, 260)
_SHARE: Final = (
    ("LINE", "https://social-plugins.line.me/lineit/share?url={url}"),
    ("X", "https://twitter.com/intent/tweet?url={url}&text={title}"),
    ("Facebook", "https://www.facebook.com/sharer/sharer.php?u={url}"),
    ("LinkedIn", "https://www.linkedin.com/sharing/share-offsite/?url={url}"),
)
_LINK: Final = re.compile(r'<a href="(files/[^"]*|#[^"]*)">(.*?)</a>', re.S)
_LABELLED: Final = re.compile(r"[^:：]{1,16}[:：]|©|\(c\)", re.I)
_IN_DIGITS: Final = re.compile(r"\d[\d\-–.·・]*")
_TAG: Final = re.compile(r"(<[^>]*>)")


def gallery_rows(count: int) -> tuple[int, ...]:
    """How many pictures stand in each row of a gallery of `count`; a longer one goes on in threes."""
    if count in _GALLERY:
        return _GALLERY[count]
    return (*gallery_rows(count - 3), 3) if count > 0 else ()


def gallery(figures: tuple[Figure, ...]) -> Iterator[tuple[Figure, ...]]:
    """The rows of a gallery."""
    start = 0
    for size in gallery_rows(len(figures)):
        yield figures[start : start + size]
        start += size


@dataclass(frozen=True, slots=True)
class ResourceView:
    label: str
    kind: str  # "公開資料・PDF"
    url: str  # "" when ended
    action: str
    until: date | None
    until_label: str
    until_words: str
    ended: bool


@dataclass(frozen=True, slots=True)
class EventView:
    title: str
    month: str
    day: str
    weekday: str
    when: tuple[str, ...]  # one or two lines; the zone is always written
    facts: tuple[tuple[str, Markup], ...]
    calendar_url: str


@dataclass(frozen=True, slots=True)
class OtherView:
    language: str
    direction: str
    autonym: str
    url: str
    question: str  # "" in a language without a catalogue
    read: str


@dataclass(frozen=True, slots=True)
class Share:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class View:
    """One letter in its surroundings, in words. `today` decides what has ended."""

    letter: Letter
    about: Surroundings
    words: Words
    today: date

    @classmethod
    def of(cls, letter: Letter, about: Surroundings, words: Words, today: date | None) -> View:
        return cls(letter, about, words, today or about.date)

    @property
    def language(self) -> str:
        return self.letter.language

    @property
    def title(self) -> str:
        return self.letter.title or self.letter.subject

    @property
    def number(self) -> str:
        return numbered(self.words, self.about.number)

    @property
    def teaser(self) -> bool:
        """Lead and contents only. Without a web version the whole letter must travel."""
        return self.about.teaser and bool(self.about.web_url)

    def picture(self, figure: Figure, columns: int = 1) -> Shown | None:
        """The picture as made for `columns`, else any other making of it; None if it cannot be shown."""
        for suffix in (f"@{columns}" if columns > 1 else "", "", "@2", "@3"):
            if found := self.about.pictures.get(figure.path + suffix):
                return found
        return None

    def credit(self, name: str) -> str:
        """Who made a picture, behind the word for it unless one is written (絵：…, ©); "" if nobody is named."""
        return name if not name or _LABELLED.match(name) else self.words("mail.credit", name=name)

    def html(self, text: Inline) -> Markup:
        """Safe HTML with links to files of the issue turned into addresses; one that cannot be reached is text."""
        return _safe(_LINK.sub(self._linked, text.html))

    def _linked(self, match: re.Match[str]) -> str:
        target, label = unescape(match[1]), match[2]
        url = self.address(target)
        return f'<a href="{escape(url)}">{label}</a>' if url else label

    def address(self, target: str) -> str:
        """Where an author's link leads; "" if it cannot be reached."""
        if target.startswith("#"):
            return self.about.web_url + target if self.teaser else target
        if target.startswith("files/"):
            return self.about.resource_urls.get(target, "")
        return target

    def heading(self, text: Inline) -> Markup:
        """A heading, in Japanese with its phrases marked."""
        return _safe(_phrased(text.html, self.language))

    def phrases(self, text: str) -> Markup:
        """The same of plain text."""
        return phrased(text, self.language)

    def resource(self, box: ResourceBox) -> ResourceView | None:
        """None if there is nothing to open: the office has no web server."""
        words, url = self.words, self.about.resource_urls.get(box.target, "")
        ended = box.until is not None and box.until < self.today
        if not url and not ended:
            return None
        is_file = box.target.startswith("files/")
        kind = words("mail.resource") if is_file else words("mail.resource_page")
        if suffix := PurePosixPath(box.target).suffix.lstrip(".") if is_file else "":
            kind = words("mail.resource_kind", kind=kind, format=suffix.upper())
        zone = words.zone_name(self.about.zone)
        key = "mail.ended_date" if ended else "mail.until_date"
        return ResourceView(
            label=box.label,
            kind=kind,
            url="" if ended else url,
            action=words("mail.download") if is_file else words("mail.open_page"),
            until=box.until,
            until_label=words("mail.until", zone=zone),
            until_words=words(key, date=box.until, zone=zone) if box.until else "",
            ended=ended,
        )

    def event(self, event: Event, calendar_url: str = "") -> EventView:
        words, day = self.words, event.start.date()
        facts = [(words("mail.place"), escaped(event.place))] if event.place else []
        facts += [(label, self.html(text)) for label, text in event.details]
        return EventView(
            title=event.title,
            # MMM, not LLL: Babel 2.17 mixes up the aliases of two locales (Arabic after Japanese said 2月).
            month=str(dates.format_date(day, "MMM", locale=words.locale)),
            day=words.number(day.day),
            weekday=str(dates.format_date(day, "EEEE", locale=words.locale)),
            when=self._when(event),
            facts=tuple(facts),
            calendar_url=calendar_url,
        )

    def _when(self, event: Event) -> tuple[str, ...]:
        words, start, end = self.words, event.start, event.end
        first = words.date(start, "weekday")
        if event.all_day:
            last = end.date() if end else start.date()
            if last == start.date():
                return (first, words("mail.all_day"))
            return (words("mail.days", start=first, end=words.date(last, "weekday")),)
        zone = words.zone_name(self.about.zone, start)
        if end is None:
            return (
                first,
                words("mail.when", time=words("mail.from_time", start=words.time(start)), zone=zone),
            )
        if end.date() == start.date():
            return (first, words("mail.when", time=words.time_range(start, end), zone=zone))
        span = words("mail.days", start=words.moment(start), end=words.moment(end))
        return (words("mail.when", time=span, zone=zone),)

    def others(self) -> tuple[OtherView, ...]:
        return tuple(_other(edition.language, edition.url) for edition in self.about.others)

    def shares(self) -> tuple[Share, ...]:
        """Only ever the public address: a personal one would hand on who reads it."""
        if not self.about.web_url:
            return ()
        url, title = quote(self.about.web_url, safe=""), quote(self.title, safe="")
        mail = Share(self.words("mail.share_mail"), f"mailto:?subject={title}&body={url}")
        return (*(Share(name, address.format(url=url, title=title)) for name, address in _SHARE), mail)


def numbered(words: Words, number: str) -> str:
    """第84号, No. 84, العدد ٨٤; one in words, such as 冬号 or Winter 2034, stands as it is written."""
    if not _IN_DIGITS.fullmatch(number):
        return number
    return words("mail.number", number=int(number) if number.isdecimal() else number)


def contact_url(contact: str) -> str:
    if contact.startswith(("https://", "http://", "mailto:", "tel:")):
        return contact
    return f"mailto:{contact}" if "@" in contact else ""


def _other(language: str, url: str) -> OtherView:
    words, name = i18n.words(language), i18n.autonym(language)
    speaks = words.source.partition("-")[0] == language.partition("-")[0].lower()
    return OtherView(
        language=language,
        direction=i18n.direction(language),
        autonym=name,
        url=url,
        question=words("mail.other_question") if speaks else "",
        read=words("mail.other_read") if speaks else name,
    )


class _Parser(Protocol):
    """The part of BudouX that is used."""

    def parse(self, sentence: str) -> list[str]: ...


def _safe(html: str) -> Markup:
    """What `inline` made (escaped there, cleaned by nh3) or this module built from it."""
    return Markup(html)  # noqa: S704


# ── headings broken between phrases ─────────────────────────────────────────────────────────────


def phrased(text: str, language: str) -> Markup:
    """Plain text as a heading: see `View.heading`."""
    return _safe(_phrased(str(escaped(text)), language))


def _phrased(html: str, language: str) -> str:
    """Japanese with <wbr> between phrases, so that no heading breaks inside a word; others as they are."""
    if language.partition("-")[0].lower() != "ja":
        return html
    pieces = _TAG.split(html)
    return "".join(
        p if p.startswith("<") else "<wbr>".join(map(_escaped, _phrases(unescape(p)))) for p in pieces
    )


def _escaped(text: str) -> str:
    return escape(text, quote=False)


@cache
def _phrases(text: str) -> tuple[str, ...]:
    return tuple(_parser().parse(text)) if text.strip() else (text,)


@cache
def _parser() -> _Parser:
    import budoux  # 15 ms and a model of 100 KB, only where Japanese is composed

    parser: _Parser = budoux.load_default_japanese_parser()
    return parser
