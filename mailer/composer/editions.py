"""An issue in one language, ready to be sent: composed and frozen.

Owns what surrounds a letter (pictures, resources, identity, the other
languages). Draws nothing (`theme`, `plain_text`, `webpage`) and judges nothing (`checks`). Called by
`campaigns`, `checks`, `preview` and the command line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mailer import i18n, media
from mailer.errors import Fault
from subscribers import audit
from subscribers.language import match
from subscribers.model import Actor

from . import notices, pictures, resources, slots, store
from .frozen import frozen, load, load_many, remember, save
from .look import plain_text, webpage
from .look.theme import Theme
from .model import Edition, EmbeddedPicture, Identity, Issue, Letter, OtherEdition, Shown, Surroundings
from .text import markdown

__all__ = [
    "Press",
    "Proof",
    "compose",
    "compose_edition",
    "compose_notice",
    "draft",
    "freeze",
    "frozen",
    "hash_of",
    "load",
    "load_many",
    "save",
    "unknown_slots",
]

UNSAVED: Final = 0
_CID_DOMAIN: Final = "letter"  # RFC 2392 wants an addr-spec; a cid is never looked up


@dataclass(frozen=True, slots=True)
class Press:
    """All that composing needs beside the issue. Plain values of the configuration, made by bootstrap."""

    theme: Theme
    base_url: str  # "" = no web server: pictures embedded, no archive, no preferences, no files
    zone: str  # IANA name of the site
    identities: Mapping[str, Identity]  # by language; one of an unknown language falls back to the first
    pictures_budget_bytes: int
    site_languages: tuple[str, ...]
    now: datetime
    privacy_urls: Mapping[str, str] = field(default_factory=dict)  # by language

    def identity(self, language: str) -> Identity:
        found = match([language], tuple(self.identities), [*self.site_languages, *self.identities])
        return self.identities[found or next(iter(self.identities))]

    def web_url(self, slug: str, language: str) -> str:
        """The archive address of an edition, "" without a web server."""
        return f"{self.base_url}/archive/{language}/{slug}/" if self.base_url else ""

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or "mailer.invalid"


@dataclass(frozen=True, slots=True)
class Proof:
    """An edition with what it was made of; what the gate judges."""

    edition: Edition
    letter: Letter
    managed: resources.Managed
    album: pictures.Album
    surroundings: Surroundings


# ── composing ───────────────────────────────────────────────────────────────────────────────────


def compose_edition(connection: Connection, issue: Issue, language: str, press: Press) -> Edition:
    """One edition, not saved (id 0). Pictures that had to be made are kept. Raises BadIssue."""
    return compose(connection, issue, language, press).edition


def compose(connection: Connection, issue: Issue, language: str, press: Press) -> Proof:
    """The same with all that the gate wants to see. Raises BadIssue with every fault of the text."""
    return _print(connection, issue, markdown.letter(issue, language, press.zone), press)


def draft(connection: Connection, issue: Issue, language: str, press: Press) -> tuple[Proof, list[Fault]]:
    """What can be printed of a text with faults, and these. For eyes and for the gate; never to be sent.

    Raises BadIssue for a language without a text, or a picture that cannot be decoded.
    """
    if language not in issue.texts:
        markdown.letter(issue, language, press.zone)
    letter, faults = markdown.read(issue, language, press.zone)
    return _print(connection, issue, letter, press), faults


def _print(connection: Connection, issue: Issue, letter: Letter, press: Press) -> Proof:
    language = letter.language
    album = pictures.make(connection, issue, letter, press.pictures_budget_bytes, now=press.now)
    web_url = press.web_url(issue.slug, language)
    managed = resources.collect(letter, issue, zone=press.zone, host=press.host, web_url=web_url)
    decorations = _decorations(connection, press)
    about = _surroundings(issue, letter, press, managed)
    linked = _with_pictures(about, album, decorations, press.base_url, cid=False)
    mailed = linked if press.base_url else _with_pictures(about, album, decorations, "", cid=True)
    words = i18n.words(language)
    printed = pictures.with_top(letter)
    html = press.theme.render_issue(printed, mailed, words)
    text = plain_text.render(printed, mailed, words)
    web = webpage.render(printed, linked, words)
    embedded = () if press.base_url else _embedded(html, album, decorations)
    edition = Edition(
        UNSAVED,
        issue.slug,
        None,
        language,
        "",
        letter.subject,
        html,
        text,
        web,
        embedded,
        _facts(issue, letter, album, press.base_url),
    )
    edition = replace(edition, content_hash=hash_of(edition))
    return Proof(edition, letter, managed, album, mailed)


def compose_notice(
    connection: Connection, name: str, language: str, press: Press, values: Mapping[str, str]
) -> Edition:
    """A notice in one language, not saved. `values`: what `notices` says, plain or slot tokens. Raises ValueError."""
    values = notices.kind(name).values(values)
    decorations = _decorations(connection, press)
    about = Surroundings(
        issue_slug="", number="", date=press.now.astimezone(ZoneInfo(press.zone)).date(),
        identity=press.identity(language), zone=press.zone, base_url=press.base_url, web_url="", others=(),
        pictures={}, decorations={}, resource_urls={}, calendar_urls={},
        privacy_url=press.privacy_urls.get(language, ""),
    )  # fmt: skip
    nothing = pictures.Album({}, 0, True)
    shown = _with_pictures(about, nothing, decorations, press.base_url, cid=not press.base_url)
    subject, html, text = press.theme.render_notice(name, i18n.words(language), shown, values)
    embedded = () if press.base_url else _embedded(html, nothing, decorations)
    edition = Edition(UNSAVED, None, name, language, "", subject, html, text, None, embedded, {})
    return replace(edition, content_hash=hash_of(edition))


def hash_of(edition: Edition) -> str:
    """SHA-256 over everything a reader gets or sees on the web, and the base_url it was composed for."""
    parts = [
        edition.language,
        edition.subject,
        edition.html,
        edition.text,
        edition.web,
        [asdict(picture) for picture in edition.pictures],
        edition.facts.get("base_url"),  # else a letter without links would keep the facts of the old one
    ]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def _surroundings(issue: Issue, letter: Letter, press: Press, managed: resources.Managed) -> Surroundings:
    language = letter.language
    names = {key: one.name for key, (one, _) in managed.calendars.items()} if press.base_url else {}
    return Surroundings(
        issue_slug=issue.slug,
        number=issue.number,
        date=issue.date,
        identity=press.identity(language),
        zone=press.zone,
        base_url=press.base_url,
        web_url=press.web_url(issue.slug, language),
        others=tuple(
            OtherEdition(other, press.web_url(issue.slug, other))
            for other in issue.languages
            if other != language and press.base_url
        ),
        pictures={},
        decorations={},
        resource_urls=dict(_resource_urls(issue.slug, language, press, managed)),
        calendar_urls={
            key: resources.address(press.base_url, issue.slug, language, name) for key, name in names.items()
        },
        privacy_url=press.privacy_urls.get(language, ""),
        teaser=issue.teaser,
    )


def _resource_urls(
    slug: str, language: str, press: Press, managed: resources.Managed
) -> Iterable[tuple[str, str]]:
    """Without a web server a file cannot be reached and is left out; an outside address is linked as it is."""
    for target, one in managed.resources.items():
        if press.base_url:
            yield target, resources.address(press.base_url, slug, language, one.name)
        elif one.url:
            yield target, one.url


def _decorations(connection: Connection, press: Press) -> dict[str, pictures.Made]:
    found = {}
    for name, one in press.theme.decorations.items():
        blob = media.save(connection, one.content, one.media_type, *one.pixels, now=press.now)
        found[name] = pictures.Made(blob, one.media_type, len(one.content), one.shown)
    return found


def _with_pictures(
    about: Surroundings,
    album: pictures.Album,
    decorations: Mapping[str, pictures.Made],
    base_url: str,
    *,
    cid: bool,
) -> Surroundings:
    def shown(made: pictures.Made) -> Shown:
        source = f"cid:{_cid(made)}" if cid else base_url + media.address(made.blob, made.media_type)
        return Shown(source, *made.shown)

    return replace(
        about,
        pictures={key: shown(made) for key, made in album.made.items()},
        decorations={name: shown(made) for name, made in decorations.items()},
    )


def _cid(made: pictures.Made) -> str:
    return f"{made.blob[:24]}@{_CID_DOMAIN}"


def _embedded(
    html: str, album: pictures.Album, decorations: Mapping[str, pictures.Made]
) -> tuple[EmbeddedPicture, ...]:
    """The pictures that the HTML shows, in the order of the letter, each once."""
    found: dict[str, EmbeddedPicture] = {}
    for name, made in (*decorations.items(), *album.made.items()):
        if f"cid:{_cid(made)}" in html and made.blob not in found:
            stem = resources.plain_name(name.rpartition("/")[2].partition(".")[0]) or "picture"
            filename = f"{stem}.{media.extension_of(made.media_type)}"
            found[made.blob] = EmbeddedPicture(_cid(made), made.blob, made.media_type, filename)
    return tuple(found.values())


def _facts(issue: Issue, letter: Letter, album: pictures.Album, base_url: str) -> dict[str, object]:
    return {
        "title": letter.title,
        "preheader": letter.preheader,
        "number": issue.number,
        "date": issue.date.isoformat(),
        "slug": issue.slug,
        "contents": [{"key": section.key, "title": section.title.plain} for section in letter.sections],
        "picture_bytes": album.size_bytes,
        "base_url": base_url,
    }


# ── freezing and loading ────────────────────────────────────────────────────────────────────────


def freeze(
    connection: Connection, issue: Issue, press: Press, *, by: Actor, now: datetime
) -> dict[str, Edition]:
    """Compose and keep every language of the issue. The same text again gives the same editions.

    Raises BadIssue, NotFound.
    """
    issue_id = store.id_of(connection, issue.slug)
    frozen = {}
    for language in issue.languages:
        proof = compose(connection, issue, language, press)
        frozen[language] = save(connection, proof.edition, now, issue_id=issue_id)
        if press.base_url:
            _publish(connection, proof, issue.slug, now)
    remember(connection, issue_id, frozen)
    after = {language: edition.content_hash for language, edition in frozen.items()}
    audit.record(connection, by, "issue.frozen", f"issue:{issue.slug}", now, after=after)
    return frozen


def _publish(connection: Connection, proof: Proof, slug: str, now: datetime) -> None:
    found = list(proof.managed.resources.values())
    for one, content in proof.managed.calendars.values():
        found.append(replace(one, blob=media.save(connection, content, "text/calendar", now=now)))
    resources.publish(connection, slug, proof.edition.language, found)


def unknown_slots(edition: Edition) -> frozenset[str]:
    """Tokens that nobody would fill: they would be printed."""
    return (
        slots.unknown_in(edition.html) | slots.unknown_in(edition.text) | slots.tokens_in(edition.web or "")
    )
