"""Rates as rolling windows in the database."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailer.delivery import throttle
from mailer.delivery.pace import Pace
from mailer.delivery.throttle import Rate, parse
from mailer.errors import BadRule
from mailer.tables.delivery import domain_pace, rate_count

SCOPE = "relay:smtp.example.org:office"


def take(engine, rates, wanted, at, **more):
    with engine.begin() as connection:
        return throttle.take(connection, SCOPE, rates, wanted, at, **more)


def test_rates_are_read_as_people_write_them():
    assert parse("20/minute") == Rate(20, timedelta(minutes=1))
    assert parse(" 450 / day ") == Rate(450, timedelta(days=1))
    for wrong in ("", "20", "0/minute", "20/fortnight", "-1/day", "1e3/day"):
        with pytest.raises(BadRule):
            parse(wrong)


def test_no_rates_grant_everything_and_write_nothing(database, now):
    assert take(database, [], 500, now) == throttle.Grant(500)
    with database.begin() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(rate_count)) == 0


def test_a_window_gives_what_it_holds_and_says_when_there_is_more(database, now):
    rates = [parse("20/minute")]
    assert take(database, rates, 15, now).granted == 15
    grant = take(database, rates, 15, now + timedelta(seconds=10))
    assert grant.granted == 5
    assert grant.next_at is not None
    assert now + timedelta(minutes=1) <= grant.next_at <= now + timedelta(seconds=61.3)
    assert take(database, rates, 1, grant.next_at - timedelta(milliseconds=1)).granted == 0
    assert take(database, rates, 20, grant.next_at).granted == 15


def test_what_is_granted_in_part_says_when_the_rest_may_leave(database, now):
    grant = take(database, [parse("20/minute"), parse("30/hour")], 25, now)
    assert grant.granted == 20
    assert grant.next_at is not None
    assert now + timedelta(minutes=1) <= grant.next_at <= now + timedelta(seconds=61)


def test_a_day_is_a_rolling_day_not_a_calendar_day(database, now):  # F53
    rates = [parse("450/day")]
    eve = now + timedelta(hours=23)
    assert take(database, rates, 450, eve, notice=True).granted == 450
    assert take(database, rates, 1, now + timedelta(hours=25), notice=True).granted == 0
    assert take(database, rates, 450, eve + timedelta(hours=24, minutes=15), notice=True).granted == 450


def test_all_windows_hold_at_once(database, now):
    rates = [parse("20/minute"), parse("30/hour")]
    assert take(database, rates, 100, now).granted == 20
    grant = take(database, rates, 100, now + timedelta(minutes=2))
    assert grant.granted == 8  # 30 an hour, of which 2 are kept back for notices
    assert grant.next_at is not None and grant.next_at > now + timedelta(hours=1)


def test_a_share_of_long_windows_is_kept_back_for_notices(database, now):
    rates = [parse("450/day")]
    assert take(database, rates, 1000, now).granted == 427
    assert take(database, rates, 1, now).granted == 0
    assert take(database, rates, 1, now, notice=True).granted == 1


def test_what_was_granted_and_did_not_leave_is_given_back(database, now):
    rates = [parse("20/minute")]
    assert take(database, rates, 20, now).granted == 20
    with database.begin() as connection:
        throttle.give_back(connection, SCOPE, rates, 5, now)
    assert take(database, rates, 20, now).granted == 5


def test_two_rates_of_one_window_are_counted_once(database, now):
    rates = [parse("20/minute"), parse("10/minute")]
    assert take(database, rates, 20, now).granted == 10
    assert take(database, rates, 20, now).granted == 0


def test_the_count_is_kept_over_a_restart(database, now):  # F18
    assert take(database, [parse("20/minute")], 20, now).granted == 20
    database.dispose()  # a new process would see the same
    assert take(database, [parse("20/minute")], 20, now + timedelta(seconds=1)).granted == 0


def test_processes_that_take_at_the_same_moment_share_one_limit(database, now):  # F18
    granted: list[int] = []

    def sender() -> None:
        for _ in range(10):
            granted.append(take(database, [parse("50/minute")], 3, now).granted)  # noqa: PERF401

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(granted) == 50


def test_old_slices_are_tidied_away(database, now):
    for minute in range(30):
        take(database, [parse("20/minute")], 5, now + timedelta(minutes=minute))
    with database.begin() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(rate_count)) <= 3


def test_a_clock_that_was_far_ahead_does_not_close_the_relay_for_ever(database, now):
    take(database, [parse("20/minute")], 20, now + timedelta(days=3650))
    assert take(database, [parse("20/minute")], 20, now).granted == 20


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 12)), min_size=1, max_size=40),
    start=st.integers(0, 60_000),
)
def test_no_window_ever_holds_more_than_the_limit(sqlite, now, steps, start):  # F17
    rate = Rate(10, timedelta(seconds=10))
    with sqlite.begin() as connection:
        connection.execute(rate_count.delete())
    at = now + timedelta(milliseconds=start)
    left: list[datetime] = []
    for wait, wanted in steps:
        at += timedelta(milliseconds=wait)
        left += [at] * take(sqlite, [rate], wanted, at).granted
    for first in left:
        assert sum(first <= other < first + rate.window for other in left) <= rate.limit


def test_a_steady_sender_reaches_the_rate_that_is_set(sqlite, now):  # F17
    rates = [parse("50/second")]
    at, sent = now, 0
    while at < now + timedelta(seconds=20):
        grant = take(sqlite, rates, 10, at)
        sent += grant.granted
        at = grant.next_at or at + timedelta(milliseconds=5)
    assert 0.98 * 1000 <= sent <= 1.06 * 1000  # a full window at the start belongs to it


# ── what the relay told us ──────────────────────────────────────────────────────────────────────


def close(engine, reason, at, rates=()):
    with engine.begin() as connection:
        return throttle.close(connection, SCOPE, reason, "550 5.4.5 limit", rates, at)


def test_a_quota_waits_until_the_oldest_slice_leaves_the_longest_window(database, now):  # F53
    rates = [parse("20/minute"), parse("450/day")]
    take(database, rates, 20, now)
    take(database, rates, 20, now + timedelta(hours=2))
    shut = close(database, "quota", now + timedelta(hours=2), rates)
    assert now + timedelta(hours=24) <= shut.until <= now + timedelta(hours=24, minutes=15)
    again = close(database, "quota", shut.until, rates)
    assert again.until == shut.until + timedelta(hours=1)  # no better hint: an hour at a time


def test_a_quota_without_a_daily_rate_is_asked_about_every_hour(database, now):  # F53
    take(database, [parse("20/minute")], 20, now)
    assert close(database, "quota", now, [parse("20/minute")]).until == now + timedelta(hours=1)


def test_the_same_news_from_ten_connections_is_one_wait(database, now):
    first = close(database, "quota", now)
    assert close(database, "quota", now + timedelta(seconds=1)) == first


def test_a_relay_that_is_down_is_tried_soon_then_more_rarely(database, now):
    at, waits = now, []
    for _ in range(8):
        shut = close(database, "relay_down", at)
        waits.append((shut.until - at).total_seconds())
        at = shut.until
    assert waits == [15, 30, 60, 120, 240, 480, 600, 600]
    with database.begin() as connection:
        throttle.reopen(connection, SCOPE, at)
        assert throttle.gates(connection) == {}
    assert close(database, "relay_down", at).until == at + timedelta(seconds=15)


# ── what is asked in each turn ──────────────────────────────────────────────────────────────────


def test_relays_and_domains_are_asked_in_one_statement(database, now):
    with database.begin() as connection:
        assert throttle.standing(connection) == throttle.Standing({}, {})
        shut = throttle.close(connection, SCOPE, "quota", "550 5.4.5 limit", (), now)
        pace = {"domain": "docomo.ne.jp", "per_minute": 30, "since": now, "reply": "421 4.7.0 slow down"}
        connection.execute(domain_pace.insert().values(**pace))
        told = throttle.standing(connection)
    assert told.gates == {SCOPE: shut}
    assert told.paces == {"docomo.ne.jp": Pace(30, now, "421 4.7.0 slow down")}


def test_notices_take_their_share_before_the_others(database, now):
    rates = [parse("450/day")]
    with database.begin() as connection:
        assert throttle.take_in_order(connection, SCOPE, rates, 5, 900, now).granted == 5 + 422
        assert throttle.take_in_order(connection, SCOPE, rates, 30, 10, now).granted == 23
