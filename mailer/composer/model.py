"""What an issue is: plain values, no SQL, no HTML of the theme.

An `Issue` holds Markdown per section and language. `markdown` turns one language of it into a
`Letter`: a tree of blocks that the theme (HTML mail), `plain_text` and the web version each
render in their own way. Inline text inside blocks is `Inline`: sanitised, minimal HTML and its
plain form side by side, so that no renderer parses HTML again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum

# ── the issue as written ────────────────────────────────────────────────────────────────────────


class IssueState(StrEnum):
    DRAFT = "draft"
    REVIEW = "review"
    APPROVED = "approved"
    SENT = "sent"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class IssueText:
    """[edition.ja] of issue.toml, and the Markdown before the first heading."""

    subject: str
    preheader: str = ""
    title: str = ""  # "" = the subject
    picture_alt: str | None = None
    lead: str = ""


@dataclass(frozen=True, slots=True)
class SectionText:
    title: str
    body: str  # Markdown below the heading


@dataclass(frozen=True, slots=True)
class Section:
    key: str
    texts: Mapping[str, SectionText]  # by language; a part may exist in one language only
    keyed: bool = True


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """[pictures."images/a.jpg"] of issue.toml: what must be known of a picture before it is shown to many."""

    credit: Mapping[str, str] = field(default_factory=dict)  # who made it, by language; "" = for all
    people: bool | None = None  # can somebody be recognised? None: nobody said
    consent: str = ""  # a note of where the consent of those people is kept
    usable_until: date | None = None  # last day on which it may be shown

    def credit_in(self, language: str) -> str:
        return self.credit.get(language) or self.credit.get("", "")


@dataclass(frozen=True, slots=True)
class Issue:
    slug: str
    number: str
    date: date
    languages: tuple[str, ...]  # first = default edition
    texts: Mapping[str, IssueText]
    sections: tuple[Section, ...]  # in the order of the default language, others behind
    orders: Mapping[str, tuple[str, ...]]  # section keys in the order of each language's file
    newsletter: str = "main"
    picture: str | None = None  # "images/hero.png"
    teaser: bool = False
    files: Mapping[str, str] = field(default_factory=dict)  # "images/a.jpg" → blob hash
    state: IssueState = IssueState.DRAFT
    pictures: Mapping[str, PictureFacts] = field(
        default_factory=dict
    )  # by path; "" = of those that say nothing

    @property
    def default_language(self) -> str:
        return self.languages[0]

    def own_credit(self, path: str, language: str) -> str:
        """What stands beside the picture itself."""
        return self.pictures.get(path, PictureFacts()).credit_in(language)

    def picture_facts(self, path: str) -> PictureFacts:
        """Of one picture; without a credit of its own it has the one that stands for all."""
        own, common = self.pictures.get(path, PictureFacts()), self.pictures.get("", PictureFacts())
        return own if own.credit else replace(own, credit=common.credit)


# ── one language of it, read ────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Inline:
    """A run of text. `html` holds only a[href], strong, em, code, br, bdi, span[lang]; it is safe to print."""

    html: str
    plain: str  # links as "label (URL)" are plain_text's affair: here the label alone
    links: tuple[tuple[str, str], ...] = ()  # (label, URL) in order

    def __bool__(self) -> bool:
        return bool(self.plain.strip())


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: Inline


@dataclass(frozen=True, slots=True)
class SubHeading:
    text: Inline


@dataclass(frozen=True, slots=True)
class ListItem:
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class ListBlock:
    ordered: bool
    start: int
    items: tuple[ListItem, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Table:
    head: tuple[Inline, ...]
    rows: tuple[tuple[Inline, ...], ...]
    align: tuple[str, ...]  # "", "left", "center", "right" by column


@dataclass(frozen=True, slots=True)
class Rule:
    pass


@dataclass(frozen=True, slots=True)
class Figure:
    path: str  # "images/a.jpg"
    alt: str
    caption: Inline
    credit: str = ""  # who made it, in the letter's language, if not the one of `Letter.credit`
    caption_says_it: bool = False  # {alt=caption}: somebody decided that the alt text is rightly empty


@dataclass(frozen=True, slots=True)
class Gallery:
    figures: tuple[Figure, ...]  # 1 … 8


@dataclass(frozen=True, slots=True)
class Button:
    label: str
    url: str


@dataclass(frozen=True, slots=True)
class ButtonRow:
    buttons: tuple[Button, ...]  # the first is filled, the others outlined


@dataclass(frozen=True, slots=True)
class ResourceBox:
    """A managed file or link, perhaps with a last day (inclusive, in the site's zone)."""

    label: str
    target: str  # "files/x.pdf" or a URL
    until: date | None


@dataclass(frozen=True, slots=True)
class Note:
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Event:
    title: str
    start: datetime  # aware, in the site's zone
    end: datetime | None
    all_day: bool
    place: str
    details: tuple[tuple[str, Inline], ...]  # ("定員", "会場30人") rows
    blocks: tuple[Block, ...]


Block = (
    Paragraph
    | SubHeading
    | ListBlock
    | Quote
    | Table
    | Rule
    | Figure
    | Gallery
    | ButtonRow
    | ResourceBox
    | Note
    | Event
)


@dataclass(frozen=True, slots=True)
class LetterSection:
    key: str
    title: Inline
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """One language of an issue as a tree; what every renderer takes."""

    language: str
    subject: str
    preheader: str
    title: str
    lead: tuple[Block, ...]
    sections: tuple[LetterSection, ...]
    picture: Figure | None  # on top; caption empty
    credit: str = ""  # of all pictures that name nobody; said once, at the end


# ── what renderers are told beside the letter ───────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture as the mail shows it: `src` is a media URL or `cid:…`."""

    src: str
    width: int  # CSS pixels
    height: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sends, in one language. The legal block: name, postal address, contact, way to leave."""

    newsletter: str  # "みなと便り"
    organisation: str
    organisation_other: str  # the same in the other language, "" if there is none
    organisation_other_language: str
    postal_address: str
    phone: str
    contact: str  # a mail address or a URL
    # (field, language) of what the configuration gives by language: it may be borrowed from another one.
    written: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OtherEdition:
    language: str
    url: str  # archive address of the same issue in that language


@dataclass(frozen=True, slots=True)
class Resource:
    """A row of `resource`: what /r/<issue>/<lang>/<name> will serve."""

    name: str
    label: str
    blob: str | None
    url: str | None
    until: date | None
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that a renderer needs beside the letter; made once per edition by `editions`."""

    issue_slug: str
    number: str
    date: date
    identity: Identity
    zone: str  # IANA name of the site
    base_url: str  # "" = the office has no web server: no web version, preferences or dated links
    web_url: str  # archive address of this edition, "" without a web server
    others: tuple[OtherEdition, ...]  # empty without a web server
    pictures: Mapping[str, Shown]  # by path of the figure (full width); galleries: "path@2", "path@3"
    decorations: Mapping[str, Shown]  # "mark", "tide": the theme's own pictures
    resource_urls: Mapping[str, str]  # by ResourceBox.target; absent = cannot be reached, leave out
    calendar_urls: Mapping[str, str]  # by section key of the event → .ics address
    privacy_url: str = ""
    teaser: bool = False


# ── the result ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class EmbeddedPicture:
    cid: str  # without <>; stands as cid:… in the HTML
    blob: str
    media_type: str
    filename: str


@dataclass(frozen=True, slots=True)
class Edition:
    """An issue or a notice frozen in one language. Never edited; the hash says which it is."""

    id: int
    issue_slug: str | None
    notice: str | None
    language: str
    content_hash: str
    subject: str
    html: str
    text: str
    web: str | None
    pictures: tuple[EmbeddedPicture, ...]
    facts: Mapping[str, object]


class Severity(StrEnum):
    ERROR = "error"  # holds
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the gate found. Message and remedy are made by `i18n` from code and facts."""

    code: str
    severity: Severity
    language: str | None
    section: str | None
    where: str
    facts: Mapping[str, object] = field(default_factory=dict)
