"""The predicted finish, against the throttle itself where there are rates."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.engine import Connection

from mailer.delivery import forecast, ledger, throttle
from mailer.delivery.forecast import Limits, Speed
from mailer.delivery.model import DeliveryState, Settlement
from mailer.delivery.quiet import Quiet
from mailer.delivery.throttle import parse


def test_without_rates_the_wire_decides(now):
    assert forecast.reckon(600, now, speed=Speed(measured_per_second=10)) == now + timedelta(minutes=1)
    assert forecast.reckon(600, now, speed=Speed(connections=2)) == now + timedelta(seconds=100)
    assert forecast.reckon(0, now) == now


def test_a_wait_comes_first(now):
    until = now + timedelta(hours=1)
    assert forecast.reckon(
        10, now, speed=Speed(measured_per_second=10), waits_until=until
    ) == until + timedelta(seconds=1)


def test_an_office_with_a_rented_account_sees_the_day_on_which_it_ends(now):
    rates = [parse("20/minute"), parse("450/day")]
    assert forecast.reckon(300, now, rates) < now + timedelta(minutes=16)
    assert now + timedelta(days=1) < forecast.reckon(800, now, rates) < now + timedelta(days=1, hours=1)
    assert now + timedelta(days=2) < forecast.reckon(1_000, now, rates) < now + timedelta(days=2, hours=2)


def test_what_was_sent_before_counts(now):
    rates = [parse("450/day")]
    used = [[(now - timedelta(hours=20), 420)]]
    at = forecast.reckon(100, now, rates, used)
    assert now + timedelta(hours=4) < at < now + timedelta(hours=4.5)


@pytest.mark.parametrize("queued", [1, 20, 21, 95, 430, 900])
def test_it_says_what_the_throttle_then_does(sqlite, now, queued):
    rates, speed = [parse("20/minute"), parse("450/day")], Speed(measured_per_second=50)
    at, left = now, queued
    while left:
        with sqlite.begin() as connection:
            grant = throttle.take(connection, "relay", rates, min(left, 10), at)
        left -= grant.granted
        at = grant.next_at if grant.next_at else at + timedelta(seconds=grant.granted / 50)
    said = forecast.reckon(queued, now, rates, speed=speed)
    assert abs(said - at) <= max((at - now) * 0.02, timedelta(seconds=4))


def test_a_million_through_a_small_account_is_answered_at_once(now):
    at = forecast.reckon(1_000_000, now, [parse("20/minute"), parse("450/day")])
    assert timedelta(days=2_300) < at - now < timedelta(days=2_400)


def finish(connection: Connection, campaign: int, limits: Limits, now: datetime) -> datetime | None:
    return forecast.finish(connection, campaign, ledger.counts(connection, campaign), limits, now)


def test_a_campaign_that_waits_and_stands_behind_another_is_over_later(office):
    first = office.launched(30)
    with office.engine.begin() as connection:
        alone = finish(connection, first, Limits("relay", [parse("20/minute")]), office.now)
    assert alone is not None and alone < office.now + timedelta(minutes=2)
    second = office.add_campaign()
    office.set_campaign(second, at=office.now + timedelta(seconds=1))
    office.add_people(20)
    office.build(second, again=True)
    with office.engine.begin() as connection:
        behind = finish(connection, second, Limits("relay", [parse("20/minute")]), office.now)
        assert behind is not None and behind > office.now + timedelta(minutes=3)
    office.set_states(first, DeliveryState.ACCEPTED)
    with office.engine.begin() as connection:
        assert finish(connection, first, Limits("relay"), office.now) is None
        assert ledger.totals(connection) == {first: 30, second: 50}


# ── quiet time; the world of the tests begins at 09:00 in Tokyo ─────────────────────────────────

NIGHT = Quiet(ZoneInfo("Asia/Tokyo"), time(22), time(7))


def test_what_does_not_fit_before_the_night_leaves_in_the_morning(now):
    speed = Speed(measured_per_second=1)
    assert forecast.reckon(3600, now, speed=speed, quiet=NIGHT) == now + timedelta(hours=1)
    # 13 hours until 22:00, then 9 hours of night, then the last hour.
    assert forecast.reckon(14 * 3600, now, speed=speed, quiet=NIGHT) == now + timedelta(hours=23)
    assert forecast.reckon(1, now + timedelta(hours=14), speed=speed, quiet=NIGHT) == now + timedelta(
        hours=22, seconds=1
    )


def test_a_wait_that_ends_in_the_night_ends_in_the_morning(now):
    at = forecast.reckon(
        1, now, speed=Speed(measured_per_second=1), waits_until=now + timedelta(hours=15), quiet=NIGHT
    )
    assert at == now + timedelta(hours=22, seconds=1)


def test_rates_and_closed_days_come_together(now):
    closed = Quiet(ZoneInfo("Asia/Tokyo"), time(22), time(7), lambda day: day == date(2034, 12, 21))
    rates = [parse("450/day")]
    at = forecast.reckon(800, now, rates, speed=Speed(measured_per_second=1), quiet=closed)
    assert now + timedelta(days=1, hours=22) < at < now + timedelta(days=2)


def test_a_million_through_short_days_is_answered_at_once(now):
    short = Quiet(ZoneInfo("Asia/Tokyo"), time(17), time(9), lambda day: day.weekday() >= 5)
    at = forecast.reckon(1_000_000, now, [parse("20/minute")], quiet=short)
    assert timedelta(days=130) < at - now < timedelta(days=160)
    assert forecast.reckon(10**9, now, quiet=short) > now + timedelta(days=3650)


def test_a_speed_measured_over_a_night_is_not_believed(office):
    campaign = office.launched(100)
    with office.engine.begin() as connection:
        rows = ledger.claim(connection, "host:1:a", 50, office.now, timedelta(minutes=5))
    office.mark(rows, now=office.now + timedelta(hours=12, minutes=59))
    with office.engine.begin() as connection:
        accepted = [
            Settlement(row.id, row.fence, DeliveryState.ACCEPTED, office.now + timedelta(hours=22, minutes=1), 1, "message")
            for row in rows
        ]  # fmt: skip
        ledger.settle(connection, accepted, "relay")
        at = office.now + timedelta(hours=22, minutes=2)
        quick = finish(connection, campaign, Limits("relay", quiet=NIGHT), at)
        slow = finish(connection, campaign, Limits("relay"), at)
    assert quick is not None and slow is not None
    assert quick - at < timedelta(minutes=1) < slow - at
