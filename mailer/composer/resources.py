"""Managed links: what `/r/<issue>/<lang>/<name>` will serve, and until when.

Owns names, end moments and the table `resource`. Composes no text. Called by `editions`; `web`
reads the table through `find`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from mailer.errors import NotFound
from mailer.tables.composer import resource

from .calendar import CalendarEntry, calendar
from .model import Event, Issue, Letter, Paragraph, Resource, ResourceBox
from .text import walk

_LONGEST_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class Managed:
    """The managed links of one letter: resources by target, calendar files by section key."""

    resources: Mapping[str, Resource]  # "files/x.pdf" or a URL with an end date
    calendars: Mapping[str, tuple[Resource, bytes]]


def collect(letter: Letter, issue: Issue, *, zone: str, host: str, web_url: str) -> Managed:
    """Every file that is linked from the letter, every link with an end date, every event of a section."""
    names = _Names()
    calendars = {}
    for key, blocks in walk.parts(letter):
        events = [block for block in walk.blocks(blocks) if isinstance(block, Event)]
        if key is not None and events:
            name = names.take(f"{key}.ics")
            entries = [
                _entry(event, f"{issue.slug}/{key}/{n}", f"{web_url}#{key}" if web_url else "")
                for n, event in enumerate(events)
            ]
            content = calendar(entries, zone=zone, stamp=issue.date, host=host)
            calendars[key] = (Resource(name, events[0].title, None, None, None, None), content)
    resources: dict[str, Resource] = {}
    for label, target, until in _targets(letter):
        if target in resources and (until is None or resources[target].until is not None):
            continue
        name = resources[target].name if target in resources else names.take(_name(target))
        blob = issue.files.get(target)
        url = None if target.startswith("files/") else target
        resources[target] = Resource(name, label, blob, url, until, ends_at(until, zone) if until else None)
    return Managed(resources, calendars)


def _targets(letter: Letter) -> Iterable[tuple[str, str, date | None]]:
    """(label, target, last day). A link to the web without an end date is nobody's to manage."""
    for _, top in walk.parts(letter):
        for block in walk.blocks(top):
            if isinstance(block, ResourceBox):
                yield block.label, block.target, block.until
        yield from ((label, target, None) for label, target in walk.links(top) if target.startswith("files/"))


def _entry(event: Event, name: str, url: str) -> CalendarEntry:
    words = [f"{label}: {text.plain}" for label, text in event.details]
    words += [block.text.plain for block in event.blocks if isinstance(block, Paragraph)]
    return CalendarEntry(name, event, "\n".join(words), url)


def ends_at(until: date, zone: str) -> datetime:
    """The first moment when it is over: the start of the next day in `zone`, in UTC.

    Where the clock skips midnight (Cairo, Beirut) this is the moment of the jump: with fold=0 a time
    in a gap is read in the offset before it (PEP 495).
    """
    return datetime.combine(until + timedelta(days=1), time(), tzinfo=ZoneInfo(zone)).astimezone(UTC)


class _Names:
    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, name: str) -> str:
        stem, dot, ending = name.rpartition(".") if "." in name else (name, "", "")
        number, free = 1, name
        while free in self._taken:
            number += 1
            free = f"{stem}-{number}{dot}{ending}"
        self._taken.add(free)
        return free


def _name(target: str) -> str:
    """Stable: from the file's name or the last part of the address. Without Latin letters, from its hash."""
    if target.startswith("files/"):
        path, otherwise = PurePosixPath(target), "file"
        stem, ending = path.stem, plain_name(path.suffix)
    else:
        parts = urlsplit(target)
        stem, ending, otherwise = unquote(parts.path).rstrip("/").rpartition("/")[2], "", "link"
    plain = plain_name(stem)
    if not plain:
        plain = f"{otherwise}-{sha256(target.encode()).hexdigest()[:6]}"
    return f"{plain[:_LONGEST_NAME]}.{ending}" if ending else plain[:_LONGEST_NAME]


def plain_name(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")


def address(base_url: str, issue_slug: str, language: str, name: str) -> str:
    return f"{base_url}/r/{issue_slug}/{language}/{quote(name)}"


# ── the table ───────────────────────────────────────────────────────────────────────────────────


def publish(connection: Connection, issue_slug: str, language: str, found: Iterable[Resource]) -> None:
    """Serve these from now on. Names that an earlier edition used stay: a mailed address lives for ever."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    for one in found:
        row = {
            "issue_slug": issue_slug,
            "language": language,
            "name": one.name,
            "label": one.label,
            "blob": one.blob,
            "url": one.url,
            "until": one.until,
            "ends_at": one.ends_at,
        }
        key = ("issue_slug", "language", "name")
        changed = {name: value for name, value in row.items() if name not in key}
        insert = dialect.insert(resource).values(row)
        connection.execute(insert.on_conflict_do_update(index_elements=key, set_=changed))


def dated(connection: Connection, issue_slug: str) -> list[tuple[str, Resource]]:
    """(language, what has a last day), the first to end first; also what an earlier edition linked to."""
    c = resource.c
    query = (
        sa.select(c.language, c.name, c.label, c.blob, c.url, c.until, c.ends_at)
        .where(c.issue_slug == issue_slug, c.ends_at.is_not(None))
        .order_by(c.ends_at, c.language, c.name)
    )
    return [(language, Resource(*rest)) for language, *rest in connection.execute(query)]


def find(connection: Connection, issue_slug: str, language: str, name: str) -> Resource:
    """Raises NotFound. Whether it has ended is the caller's to ask: `ends_at` against its clock."""
    c = resource.c
    query = sa.select(c.name, c.label, c.blob, c.url, c.until, c.ends_at)
    row = connection.execute(
        query.where(c.issue_slug == issue_slug, c.language == language, c.name == name)
    ).first()
    if row is None:
        raise NotFound(f"There is no file {name} of issue {issue_slug}.", key="no_such_resource", name=name)
    return Resource(*row)
