"""Files and links with an end, and events for calendars."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from mailer import media
from mailer.composer import calendar, resources
from mailer.composer.calendar import CalendarEntry
from mailer.composer.model import Event, Issue, Resource
from mailer.composer.text import markdown
from mailer.errors import NotFound


def managed(issue: Issue, language: str = "ja") -> resources.Managed:
    letter = markdown.letter(issue, language, "Asia/Tokyo")
    return resources.collect(
        letter, issue, zone="Asia/Tokyo", host="example.org", web_url="https://example.org/a/"
    )


def test_a_resource_ends_with_its_day_in_the_zone_of_the_site(stored: Callable[[], Issue]) -> None:
    found = managed(stored()).resources["files/garden.pdf"]
    assert (found.name, found.label, found.until) == ("garden.pdf", "小さな雨庭", date(2035, 1, 31))
    assert found.ends_at == datetime(2035, 1, 31, 15, 0, tzinfo=UTC)  # 1 February, 0:00 in Yokohama


@pytest.mark.parametrize(
    ("zone", "day", "moment"),
    [
        ("Asia/Tokyo", date(2036, 2, 28), datetime(2036, 2, 28, 15, tzinfo=UTC)),  # a leap day follows
        ("Europe/Berlin", date(2035, 3, 24), datetime(2035, 3, 24, 23, tzinfo=UTC)),
        ("Africa/Cairo", date(2024, 4, 25), datetime(2024, 4, 25, 22, tzinfo=UTC)),  # 0:00 does not exist
        ("America/Havana", date(2024, 11, 2), datetime(2024, 11, 3, 4, tzinfo=UTC)),  # 0:00 comes twice
    ],
)
def test_the_end_is_the_first_moment_of_the_next_day(zone: str, day: date, moment: datetime) -> None:  # F13
    assert resources.ends_at(day, zone) == moment
    local = moment.astimezone(ZoneInfo(zone))
    assert local.date() == day + timedelta(days=1)
    assert (moment - timedelta(seconds=1)).astimezone(ZoneInfo(zone)).date() == day


def test_names_are_stable_plain_and_each_its_own(folder: Any, stored: Callable[[], Issue]) -> None:
    for name in ("files/資料.pdf", "files/Ma Présentation.PDF", "files/sub/garden.pdf", "files/garden.ics"):
        folder.write(name, name.encode())
    more = (
        "[a](files/資料.pdf)\n[b](<files/Ma Présentation.PDF>)\n[c](files/sub/garden.pdf)\n[d](files/garden.ics)\n"
        "[e](https://example.org/survey/2035?x=1){until=2035-01-31}\n[f](https://example.org/){until=2035-01-31}\n"
    )
    folder.change("ja.md", "::: event", f"{more}\n::: event")
    found = managed(stored())
    names = {target: one.name for target, one in found.resources.items()}
    assert names["files/Ma Présentation.PDF"] == "ma-presentation.pdf"
    assert names["files/sub/garden.pdf"] == "garden-2.pdf"
    assert names["files/garden.ics"] == "garden-2.ics"  # the event's calendar file is garden.ics
    assert re.fullmatch(r"file-[0-9a-f]{6}\.pdf", names["files/資料.pdf"])
    assert names["https://example.org/survey/2035?x=1"] == "2035"
    assert re.fullmatch(r"link-[0-9a-f]{6}", names["https://example.org/"])
    assert found == managed(stored())


def test_a_file_linked_from_a_sentence_or_a_button_is_managed_too(
    folder: Any, stored: Callable[[], Issue]
) -> None:
    folder.write("files/a.pdf", b"a")
    folder.write("files/b.pdf", b"b")
    folder.change(
        "ja.md",
        "## 三つの約束",
        "詳しくは[こちらの資料](files/a.pdf)。\n\n[読む](files/b.pdf){.button}\n\n## 三つの約束",
    )
    found = managed(stored()).resources
    assert {"files/a.pdf", "files/b.pdf", "files/garden.pdf"} == set(found)
    assert found["files/a.pdf"].blob == media.hash_of(b"a")


def test_the_table_keeps_names_of_earlier_editions(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        blob = media.save(connection, b"x", "application/pdf", now=now)
        old = Resource("old.pdf", "Old", blob, None, None, None)
        resources.publish(connection, "2034-12", "ja", [old])
        changed = Resource("old.pdf", "New", None, "https://example.org/", date(2035, 1, 1), now)
        resources.publish(connection, "2034-12", "ja", [Resource("new.pdf", "N", blob, None, None, None)])
        assert resources.find(connection, "2034-12", "ja", "old.pdf") == old
        resources.publish(connection, "2034-12", "ja", [changed])
        assert resources.find(connection, "2034-12", "ja", "old.pdf") == changed
        with pytest.raises(NotFound):
            resources.find(connection, "2034-12", "en", "old.pdf")


# ── calendars ───────────────────────────────────────────────────────────────────────────────────


def event(start: datetime, end: datetime | None = None, *, all_day: bool = False, title: str = "T") -> Event:
    return Event(title, start, end, all_day, "海辺ホール、3階", (), ())


def lines_of(content: bytes) -> list[str]:
    """Unfolded, RFC 5545 §3.1."""
    return content.decode().replace("\r\n ", "").split("\r\n")


def made(one: Event, zone: str = "Asia/Tokyo", description: str = "") -> bytes:
    entry = CalendarEntry("2034-12/x/0", one, description, "https://example.org/a/#x")
    return calendar.calendar([entry], zone=zone, stamp=date(2034, 12, 20), host="example.org")


def test_an_event_becomes_a_calendar_file(stored: Callable[[], Issue]) -> None:
    resource, content = managed(stored()).calendars["garden"]
    lines = lines_of(content)
    assert (resource.name, resource.label) == ("garden.ics", "半日講座")
    assert "DTSTART;TZID=Asia/Tokyo:20350218T140000" in lines
    assert "DTEND;TZID=Asia/Tokyo:20350218T170000" in lines
    assert "SUMMARY:半日講座" in lines
    assert "DESCRIPTION:定員: 会場30人" in lines
    assert "TZOFFSETTO:+0900" in lines
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert managed(stored()).calendars["garden"] == (resource, content)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "Africa/Cairo"])
def test_the_zone_in_the_file_says_what_the_zone_says(zone: str) -> None:
    for month in range(1, 13):
        moment = datetime(2025, month, 15, 14, tzinfo=ZoneInfo(zone))
        lines = lines_of(made(event(moment), zone))
        rules = re.findall(
            r"DTSTART:(\d{8}T\d{6})\nTZOFFSETFROM:[+-]\d{4}\nTZOFFSETTO:([+-]\d{4})", "\n".join(lines)
        )
        local = moment.strftime("%Y%m%dT%H%M%S")
        assert max(rule for rule in rules if rule[0] <= local)[1] == moment.strftime("%z")


def test_days_end_with_the_day_after_the_last() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    one = event(datetime(2035, 2, 18, tzinfo=tokyo), datetime(2035, 2, 20, tzinfo=tokyo), all_day=True)
    lines = lines_of(made(one))
    assert "DTSTART;VALUE=DATE:20350218" in lines
    assert "DTEND;VALUE=DATE:20350221" in lines
    assert "BEGIN:VTIMEZONE" not in lines


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=120))
def test_no_title_can_add_a_line_and_no_line_is_too_long(title: str) -> None:  # F35
    content = made(event(datetime(2035, 2, 18, 14, tzinfo=UTC), title=title), description=title)
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))
    names = [line.split(":")[0].split(";")[0] for line in lines_of(content)]
    assert names.count("BEGIN") == names.count("END")
    assert set(names) <= {
        "BEGIN", "END", "VERSION", "PRODID", "TZID", "DTSTART", "DTEND", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME",
        "UID", "DTSTAMP", "SUMMARY", "LOCATION", "DESCRIPTION", "URL", "",
    }  # fmt: skip
