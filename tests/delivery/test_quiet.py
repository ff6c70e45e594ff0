"""Quiet hours and days by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.delivery.quiet import MOST_DAYS, Quiet

TOKYO, BERLIN = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
NIGHT = Quiet(TOKYO, time(22), time(7))


def is_weekend(day: date) -> bool:
    return day.weekday() >= 5


def local(zone, *parts, fold=0):
    return datetime(*parts, tzinfo=zone, fold=fold).astimezone(UTC)


def until(quiet, *parts, fold=0):
    """In the zone's own time, for reading; None if it is not quiet."""
    end = quiet.until(local(quiet.zone, *parts, fold=fold))
    return end and end.astimezone(quiet.zone).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("now", "end"),
    [((2034, 12, 20, 21, 59), None), ((2034, 12, 20, 22, 0), datetime(2034, 12, 21, 7)),
     ((2034, 12, 21, 0, 0), datetime(2034, 12, 21, 7)), ((2034, 12, 21, 6, 59, 59), datetime(2034, 12, 21, 7)),
     ((2034, 12, 21, 7, 0), None), ((2034, 12, 21, 12, 0), None)],
)  # fmt: skip
def test_a_night_lasts_over_midnight_and_ends_at_its_minute(now, end):
    assert until(NIGHT, *now) == end


def test_a_span_within_a_day_is_a_span_too():
    lunch = Quiet(TOKYO, time(12), time(13))
    assert until(lunch, 2034, 12, 20, 12, 30) == datetime(2034, 12, 20, 13)
    assert until(lunch, 2034, 12, 20, 13, 0) is None
    assert until(lunch, 2034, 12, 20, 0, 0) is None


def test_nothing_set_is_never_quiet(now):
    assert Quiet(TOKYO).until(now) is None
    assert Quiet(TOKYO).begins_after(now) is None
    assert Quiet(TOKYO).open_share(now) == 1.0


def test_a_quiet_day_is_quiet_from_midnight_to_midnight_and_several_are_one():
    weekend = Quiet(TOKYO, is_quiet_day=is_weekend)
    assert until(weekend, 2034, 12, 15, 23, 59) is None  # a Friday
    assert until(weekend, 2034, 12, 16, 0, 0) == datetime(2034, 12, 18)
    assert until(weekend, 2034, 12, 17, 20, 0) == datetime(2034, 12, 18)


def test_nights_and_days_that_touch_are_one_quiet_time():
    both = Quiet(TOKYO, time(22), time(7), is_weekend)
    assert until(both, 2034, 12, 15, 22, 30) == datetime(2034, 12, 18, 7)
    new_year = {
        date(2034, 12, 29),
        date(2034, 12, 30),
        date(2034, 12, 31),
        *(date(2035, 1, n) for n in (1, 2, 3)),
    }
    closed = Quiet(TOKYO, time(22), time(7), lambda day: day in new_year)
    assert until(closed, 2034, 12, 28, 23, 0) == datetime(2035, 1, 4, 7)


def test_the_spring_change_neither_hangs_nor_prolongs_the_night():  # F13
    # At 02:00 it is 03:00. An end at 02:30 is never shown: at 03:00 it has been passed.
    night = Quiet(BERLIN, time(22), time(2, 30))
    assert until(night, 2034, 3, 26, 1, 30) == datetime(2034, 3, 26, 3)
    assert until(Quiet(BERLIN, time(22), time(7)), 2034, 3, 26, 1, 30) == datetime(2034, 3, 26, 7)


def test_the_autumn_change_shows_an_hour_twice_and_the_wall_clock_decides():  # F13
    night = Quiet(BERLIN, time(22), time(2, 30))  # 02:00–03:00 comes twice
    assert until(night, 2034, 10, 29, 1, 0) == datetime(2034, 10, 29, 2, 30)
    assert until(night, 2034, 10, 29, 2, 40) is None
    end = night.until(local(BERLIN, 2034, 10, 29, 2, 10, fold=1))
    assert end == local(BERLIN, 2034, 10, 29, 2, 30, fold=1)


def test_days_without_end_do_not_hang_a_sender(now):
    for_ever = Quiet(TOKYO, is_quiet_day=lambda day: True)
    end = for_ever.until(now)
    assert end is not None and end > now + timedelta(days=MOST_DAYS - 2)
    assert 0 < for_ever.open_share(now) < 0.02


def test_the_next_quiet_time_is_known_ahead(now):
    assert NIGHT.begins_after(local(TOKYO, 2034, 12, 20, 9, 0)) == local(TOKYO, 2034, 12, 20, 22, 0)
    weekend = Quiet(TOKYO, is_quiet_day=is_weekend)
    assert weekend.begins_after(local(TOKYO, 2034, 12, 13, 9, 0)) == local(TOKYO, 2034, 12, 16, 0, 0)
    assert NIGHT.open_share(now) == pytest.approx(15 / 24, abs=0.02)


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(["Asia/Tokyo", "Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "UTC"]),
    begins=st.integers(0, 95),
    ends=st.integers(0, 95),
    days=st.sets(st.integers(0, 6), max_size=6),
    at=st.integers(0, 366 * 24 * 60),
)
def test_at_its_end_it_is_not_quiet_and_a_minute_before_it_was(zone, begins, ends, days, at):
    def quarter(n):
        return time(n // 4, n % 4 * 15)

    quiet = Quiet(ZoneInfo(zone), quarter(begins), quarter(ends), lambda day: day.weekday() in days)
    now = datetime(2034, 1, 1, tzinfo=UTC) + timedelta(minutes=at)
    end = quiet.until(now)
    if end is None:
        begin = quiet.begins_after(now)
        if begin is not None:
            assert begin > now
            assert quiet.until(begin) is not None
    else:
        assert end > now
        assert quiet.until(end) is None
        assert quiet.until(end - timedelta(minutes=1)) == end
