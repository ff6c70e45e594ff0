"""Events as iCalendar files: what "add to calendar" downloads.

Owns RFC 5545 as far as one event needs it. The same event gives the same bytes, so that the file is
one blob. Called by `resources`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from .model import Event

_FOLD_OCTETS: Final = 75  # RFC 5545 §3.1, without the line break


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """One event of an issue. `name` tells entries apart for ever: the same event, corrected, replaces itself."""

    name: str
    event: Event
    description: str
    url: str


def calendar(entries: Sequence[CalendarEntry], *, zone: str, stamp: date, host: str) -> bytes:
    """The bytes of a .ics file. `stamp`: the issue's date; `host`: ours, or any name that stays."""
    years = {year for entry in entries for year in (entry.event.start.year, _end(entry.event).year)}
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Mooring//Newsletter//EN"]
    if any(not entry.event.all_day for entry in entries):
        lines += _zone(zone, min(years), max(years))
    for entry in entries:
        lines += _entry(entry, zone, stamp, host)
    return "".join(_folded(line) + "\r\n" for line in [*lines, "END:VCALENDAR"]).encode()


def _entry(entry: CalendarEntry, zone: str, stamp: date, host: str) -> list[str]:
    event = entry.event
    uid = hashlib.sha256(entry.name.encode()).hexdigest()[:24]
    lines = ["BEGIN:VEVENT", f"UID:{uid}@{host}", f"DTSTAMP:{stamp:%Y%m%d}T000000Z"]
    if event.all_day:
        last = (event.end or event.start).date() + timedelta(days=1)  # DTEND is exclusive, §3.6.1
        lines += [f"DTSTART;VALUE=DATE:{event.start:%Y%m%d}", f"DTEND;VALUE=DATE:{last:%Y%m%d}"]
    else:
        lines.append(f"DTSTART;TZID={zone}:{event.start:%Y%m%dT%H%M%S}")
        if event.end:
            lines.append(f"DTEND;TZID={zone}:{event.end:%Y%m%dT%H%M%S}")
    lines.append(f"SUMMARY:{_text(event.title)}")
    lines += [f"LOCATION:{_text(event.place)}"] if event.place else []
    lines += [f"DESCRIPTION:{_text(entry.description)}"] if entry.description else []
    lines += [f"URL:{entry.url}"] if entry.url else []
    return [*lines, "END:VEVENT"]


def _end(event: Event) -> datetime:
    return event.end or event.start


def _text(text: str) -> str:
    """§3.3.11. Whatever breaks a line becomes \\n: a title cannot add a property."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return "\\n".join(text.splitlines())


def _folded(line: str) -> str:
    """Lines of at most 75 octets, never cut inside a character."""
    rows, row, size = [], "", 0
    for character in line:
        octets = len(character.encode())
        if size + octets > _FOLD_OCTETS:
            rows.append(row)
            row, size = " ", 1
        row += character
        size += octets
    return "\r\n".join([*rows, row])


# ── the zone: every change of the clock that its years know ─────────────────────────────────────


def _zone(name: str, first_year: int, last_year: int) -> list[str]:
    zone = ZoneInfo(name)
    start = datetime(first_year - 1, 12, 30, tzinfo=UTC)  # before the first event, wherever on earth
    changes = list(_changes(zone, start, datetime(last_year + 1, 1, 1, tzinfo=UTC)))
    before = start.astimezone(zone)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{name}"]
    lines += _observance(before.replace(tzinfo=None), before, before)
    for moment in changes:
        old, new = (moment - timedelta(seconds=1)).astimezone(zone), moment.astimezone(zone)
        # The local time at which it happens is told in the old offset (§3.6.5).
        lines += _observance((moment + (old.utcoffset() or timedelta())).replace(tzinfo=None), old, new)
    return [*lines, "END:VTIMEZONE"]


def _changes(zone: ZoneInfo, start: datetime, end: datetime) -> Iterator[datetime]:
    moment = start
    while moment < end:
        following = moment + timedelta(days=1)
        if moment.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            yield _exactly(zone, moment, following)
        moment = following


def _exactly(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    offset = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == offset else (low, middle)
    return high


def _observance(local: datetime, old: datetime, new: datetime) -> list[str]:
    kind = "DAYLIGHT" if new.dst() else "STANDARD"
    return [
        f"BEGIN:{kind}",
        f"DTSTART:{local:%Y%m%dT%H%M%S}",
        f"TZOFFSETFROM:{old:%z}",
        f"TZOFFSETTO:{new:%z}",
        f"TZNAME:{new.tzname()}",
        f"END:{kind}",
    ]
