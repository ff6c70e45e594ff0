"""A wait ends with its cause: a relay that was changed, a rate that was raised, a fault that a person mended."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest

from mailer.campaigns import store
from mailer.delivery import ledger, throttle
from mailer.delivery.throttle import parse
from mailer.errors import Refused
from mailer.smtp.sink import Sink
from mailer.tables.delivery import delivery
from subscribers.model import Actor
from tests.delivery.press_room import MovedClock, recipients, relay_of
from tests.delivery.test_relays import BOTH, finished, send_until, sender

KEIKO = Actor("staff", "keiko")
DAY = timedelta(days=1)


def stopped(office, reason, relay="relay"):
    """A campaign that waits until tomorrow for what this relay said."""
    campaign_id = office.launched(6)
    with office.engine.begin() as connection:
        if reason != "rate":
            throttle.close(connection, relay, reason, "550 5.7.1 no", (), office.now)
        ledger.wait(connection, office.now + DAY, reason, "550 5.7.1 no")
    return campaign_id


def sends_at_once(office, *senders_of):
    """The senders made by these, long before the wait would have been over."""

    async def journey():
        clock = MovedClock(office.now + timedelta(seconds=1))
        async with Sink() as sink:
            await send_until(office, [make(sink, clock) for make in senders_of], finished(office, 1))
        assert len(set(recipients(sink))) == len(recipients(sink)) == 6
        assert clock.time < office.now + timedelta(hours=1)  # not tomorrow; two who idle share this clock

    asyncio.run(journey())


@pytest.mark.parametrize("reason", ["quota", "relay_refuses"])
def test_another_relay_does_not_wait_for_what_the_old_one_said(office, reason):
    stopped(office, reason, relay="the old one")
    sends_at_once(office, lambda sink, clock: sender(office, "new", relay_of(sink), clock, ways=None))


def test_a_relay_that_was_added_takes_over_at_once(office):
    stopped(office, "quota", relay="first")
    sends_at_once(
        office,
        lambda sink, clock: sender(office, "first", relay_of(sink), clock, BOTH),
        lambda sink, clock: sender(office, "second", relay_of(sink), clock, BOTH),
    )


def test_a_rate_that_was_raised_is_reckoned_anew(office):
    stopped(office, "rate")
    sends_at_once(
        office,
        lambda sink, clock: sender(
            office, "relay", relay_of(sink), clock, ways=None, rates=(parse("2000/day"),)
        ),
    )


def test_who_resumes_has_the_relay_asked_at_once(office):
    campaign_id = stopped(office, "relay_refuses")
    with office.engine.begin() as connection:
        store.pause(connection, campaign_id, by=KEIKO, now=office.now)
        store.resume(connection, campaign_id, by=KEIKO, now=office.now)
    sends_at_once(office, lambda sink, clock: sender(office, "relay", relay_of(sink), clock, ways=None))


def test_what_waits_can_be_told_to_try_now(office):
    campaign_id = stopped(office, "quota")
    with office.engine.begin() as connection:
        assert store.resume(connection, campaign_id, by=KEIKO, now=office.now) == "sending"
    sends_at_once(office, lambda sink, clock: sender(office, "relay", relay_of(sink), clock, ways=None))


def test_what_is_finished_is_not_resumed(office):
    campaign_id = office.launched(2)
    with office.engine.begin() as connection:
        connection.execute(delivery.update().values(state="accepted", settled_at=office.now))
        assert ledger.finish_done(connection, office.now) == [campaign_id]
    with pytest.raises(Refused), office.engine.begin() as connection:
        store.resume(connection, campaign_id, by=KEIKO, now=office.now)
    assert office.campaign(campaign_id).state == "finished"


def test_nobody_is_forgotten_when_a_retry_meets_the_end_of_a_campaign(office):
    """On PostgreSQL the finish saw no open row, and the retry no finished campaign: one person queued for ever."""
    if office.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    campaign_id = office.launched(3)
    with office.engine.begin() as connection:
        connection.execute(delivery.update().values(state="accepted", settled_at=office.now))
        connection.execute(delivery.update().where(delivery.c.subscriber_id == 2).values(state="refused"))
    found = []

    def finish():
        with office.engine.begin() as connection:
            found.extend(ledger.finish_done(connection, office.now))

    beside = threading.Thread(target=finish)
    with office.engine.begin() as connection:
        assert store.retry(connection, campaign_id, uncertain=False, by=KEIKO, now=office.now) == 1
        beside.start()
        beside.join(0.5)
    beside.join()
    assert found == []
    assert (office.campaign(campaign_id).state, len(office.claim())) == ("sending", 1)
