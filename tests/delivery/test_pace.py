"""The pace of a recipient domain: half at each request, back step by step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.pace import RECOVERY, STEP, Pace, Tally, slower

MINUTE = timedelta(minutes=1)


def test_the_first_request_halves_what_the_domain_really_took(now):
    assert slower(None, 240, "421 4.7.0 slow down", now) == Pace(120, now, "421 4.7.0 slow down")
    assert slower(None, 1, None, now).per_minute == 1
    assert slower(None, 0, None, now).per_minute == 60  # unknown


def test_fifty_replies_of_one_burst_are_one_step(now):
    first = slower(None, 600, "first", now)
    for n in range(50):
        assert slower(first, 600, "again", now + n * timedelta(seconds=1)) is first
    assert slower(first, 600, "again", now + STEP).per_minute == 150


def test_a_domain_that_is_served_less_than_it_may_is_slowed_from_what_it_took(now):
    standing = Pace(300, now)
    assert slower(standing, 20, None, now + MINUTE).per_minute == 10


def test_a_pace_never_ends_at_nothing(now):
    standing = Pace(1, now)
    assert slower(standing, 0, None, now + MINUTE).per_minute == 1


def test_each_five_minutes_in_peace_double_it_until_the_domain_is_free(now):
    slow = Pace(60, now)
    minutes = [slow.at(now + n * RECOVERY) for n in range(6)]
    assert minutes == [60, 120, 240, 480, 960, None]
    assert Pace(1, now).at(now + 9 * RECOVERY) == 512  # what is very slow comes back as carefully
    assert Pace(1, now).at(now + 10 * RECOVERY) is None


def test_a_recovering_domain_that_asks_again_is_met_at_its_pace_of_that_moment(now):
    at = now + 2 * RECOVERY
    assert slower(Pace(60, now), 0, None, at) == Pace(120, at)


def test_a_clock_that_was_far_ahead_slows_nobody_for_years(now):
    wrong = Pace(1, now + timedelta(days=3650))
    assert wrong.at(now) is None
    assert slower(wrong, 240, None, now).per_minute == 120


@given(asked=st.lists(st.integers(0, 900), min_size=1, max_size=60))
def test_however_a_domain_asks_its_pace_stays_within_reason(asked):
    standing, at = None, datetime(2034, 12, 20, tzinfo=UTC)
    for seconds in asked:
        at += timedelta(seconds=seconds)
        before = standing.at(at) if standing is not None else None
        standing = slower(standing, 0, None, at)
        assert 1 <= standing.per_minute <= (before or 60)


def test_a_tally_counts_the_last_minute_by_domain(now):
    tally = Tally()
    for second in range(0, 180, 2):
        tally.add("docomo.ne.jp", now + timedelta(seconds=second))
        if second % 4 == 0:
            tally.add("example.org", now + timedelta(seconds=second))
    at = now + timedelta(seconds=180)
    assert 25 <= tally.last_minute("docomo.ne.jp", at) <= 35
    assert 12 <= tally.last_minute("example.org", at) <= 18
    assert tally.last_minute("unknown.example", at) == 0
    assert tally.last_minute("docomo.ne.jp", at + 2 * MINUTE) == 0
