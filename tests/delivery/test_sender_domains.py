"""Limits and paces of recipient domains, at a real server: slow domains stand in nobody's way."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
import sqlalchemy as sa

from mailer.delivery import domains, ledger, throttle
from mailer.delivery.model import Notice
from mailer.delivery.pace import Pace
from mailer.delivery.retry import Policy
from mailer.delivery.throttle import parse
from mailer.smtp.sink import Action, Sink
from mailer.tables.delivery import attempt, delivery, domain_pace, relay_state
from subscribers import tables
from tests.delivery.press_room import MovedClock, recipients, relay_of, sender_to
from tests.delivery.test_sender_journeys import finished, rolling_windows, send_until
from tests.doubles import fault_server

DOCOMO = "docomo.ne.jp"


def at_docomo(office, ids):
    with office.engine.begin() as connection:
        for id_ in ids:
            values = {"domain": DOCOMO, "wire": f"d{id_}@{DOCOMO}", "email": f"d{id_}@{DOCOMO}"}
            connection.execute(
                tables.subscriber.update()
                .where(tables.subscriber.c.id == id_)
                .values(address_key=f"d{id_}@{DOCOMO}", **values)
            )


def launched(office, people, docomo):
    """A campaign to so many people, the first `docomo` of them at one domain."""
    ids = office.add_people(people)
    at_docomo(office, ids[:docomo])
    campaign = office.add_campaign()
    office.build(campaign)
    return campaign


def slow_pace(office):
    with office.engine.begin() as connection:
        return throttle.standing(connection).paces.get(DOCOMO)


def set_pace(office, per_minute, since):
    with office.engine.begin() as connection:
        connection.execute(
            domain_pace.insert().values(domain=DOCOMO, per_minute=per_minute, since=since, reply="450 slow")
        )


@pytest.mark.parametrize("batch", [5, 50])
def test_a_limited_domain_keeps_its_limit_and_stands_in_nobodys_way(office, batch):
    async def journey():
        campaign, clock = launched(office, 60, docomo=40), MovedClock(office.now)
        left = []
        async with Sink(lambda caught: left.append((caught.envelope.rcpt_to, clock.now()))) as sink:
            limits = {DOCOMO: (parse("10/minute"),)}
            sender = sender_to(
                office.engine, relay_of(sink), clock, domain_rates=limits, batch_size=batch
            )  # fmt: skip
            await send_until(office, sender, finished(office, campaign))
        assert len(set(recipients(sink))) == len(sink.messages) == 60
        theirs = [at for to, at in left if to.endswith(DOCOMO)]
        others = [at for to, at in left if not to.endswith(DOCOMO)]
        assert rolling_windows(theirs, timedelta(minutes=1)) <= 10
        assert max(others) - office.now < timedelta(minutes=1)  # no head-of-line blocking
        assert timedelta(minutes=3) <= max(theirs) - office.now < timedelta(minutes=8)
        with office.engine.begin() as connection:  # to be put off is no try
            assert connection.scalar(sa.select(sa.func.max(delivery.c.attempts))) == 1
        assert office.campaign(campaign).waits_reason is None

    asyncio.run(journey())


def test_the_limit_of_a_domain_is_shared_by_all_senders(office):  # F18
    async def journey():
        campaign, clock = launched(office, 40, docomo=30), MovedClock(office.now)
        async with Sink() as sink:
            more = {"batch_size": 8, "domain_rates": {DOCOMO: (parse("6/minute"),)}}
            relay, names = relay_of(sink), ("host:1:a@test", "host:2:a@test")
            senders = [sender_to(office.engine, relay, clock, name=name, **more) for name in names]
            await send_until(office, senders, finished(office, campaign))
        assert len(set(recipients(sink))) == len(sink.messages) == 40
        with office.engine.begin() as connection:
            asked = sa.select(delivery.c.first_attempt_at).where(delivery.c.domain == DOCOMO)
            assert rolling_windows(connection.scalars(asked).all(), timedelta(minutes=1)) <= 6

    asyncio.run(journey())


def test_who_is_put_off_is_spread_along_the_window(office):
    campaign = launched(office, 30, docomo=30)
    with office.engine.begin() as connection:
        rows = ledger.claim(connection, "host:1:a", 30, office.now, timedelta(minutes=5))
        limits, ends = {DOCOMO: (parse("10/minute"),)}, {}
        first = domains.allot(connection, rows[:20], limits, ends, office.now)
        second = domains.allot(connection, rows[20:], limits, ends, office.now)
        late = [row for row in rows if row.id in first.put_off]
        assert ledger.put_off(connection, late, first.put_off) == 10
        dues = connection.scalars(sa.select(delivery.c.due_at).where(delivery.c.state == "queued")).all()
    assert (len(first.open), len(second.open)) == (10, 0)
    times = [*first.put_off.values(), *second.put_off.values()]
    gaps = [later - sooner for sooner, later in pairwise(times)]
    assert set(gaps) == {timedelta(seconds=6)}
    assert office.now + timedelta(minutes=1) <= times[0] < office.now + timedelta(seconds=62)
    assert sorted(dues) == sorted(first.put_off.values())
    assert office.states(campaign) == {"claimed": 20, "queued": 10}


def test_what_certainly_must_wait_is_put_off_before_it_is_printed(office):
    launched(office, 40, docomo=35)
    with office.engine.begin() as connection:
        rows = ledger.claim(connection, "host:1:a", 40, office.now, timedelta(minutes=5))
    late = domains.beyond(rows, {DOCOMO: (parse("10/minute"), parse("100/hour"))}, {}, office.now)
    assert len(late) == 25
    assert {row.domain for row in rows if row.id in late} == {DOCOMO}
    assert min(late.values()) == office.now + timedelta(minutes=1)
    assert domains.beyond(rows, {}, {}, office.now) == {}


def test_nobody_is_put_off_beyond_the_horizon(office):
    launched(office, 40, docomo=40)
    with office.engine.begin() as connection:
        rows = ledger.claim(connection, "host:1:a", 40, office.now, timedelta(minutes=5))
        allotted = domains.allot(connection, rows, {DOCOMO: (parse("1/day"),)}, {}, office.now)
    assert set(allotted.put_off.values()) == {office.now + domains.HORIZON}


def test_a_domain_that_throttles_is_slowed_and_everybody_arrives(office):  # F5
    async def journey():
        campaign, clock = launched(office, 50, docomo=20), MovedClock(office.now)
        script = fault_server.reply(
            "rcpt", "421 4.7.0 [TSS04] deferred due to unexpected volume", containing=DOCOMO, times=6
        )
        async with Sink(script=script) as sink:
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock)
            await send_until(office, sender, lambda: slow_pace(office) is not None)
            pace = slow_pace(office)
            assert 1 <= pace.per_minute <= 60
            assert "unexpected volume" in pace.reply
            with office.engine.begin() as connection:  # the relay is not closed, nor does the campaign wait
                assert connection.scalar(sa.select(relay_state.c.closed_until)) is None
            assert (office.campaign(campaign).state, office.campaign(campaign).waits_reason) == (
                "sending",
                None,
            )
            await send_until(office, sender, finished(office, campaign))
        assert office.states(campaign) == {"accepted": 50}
        assert len(set(recipients(sink))) == len(sink.messages) == 50

    asyncio.run(journey())


def test_the_pace_finds_what_a_slow_domain_takes(office):  # F5
    async def journey():
        campaign, clock = launched(office, 90, docomo=80), MovedClock(office.now)
        script = fault_server.slow_domain(DOCOMO, 10, clock.now)
        async with Sink(script=script) as sink:
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock)
            await send_until(office, sender, finished(office, campaign))
        assert office.states(campaign) == {"accepted": 90}
        assert len(set(recipients(sink))) == len(sink.messages) == 90
        with office.engine.begin() as connection:
            tries = connection.execute(sa.select(attempt.c.outcome, attempt.c.reply_text)).all()
        put_off = [row for row in tries if row.outcome == "deferred"]
        assert 0 < len(put_off) < 80  # nobody had to be told twice, on average
        assert clock.now() - office.now < timedelta(hours=1)

    asyncio.run(journey())


def test_a_burst_of_throttling_is_one_step_for_all_processes(office):
    at = office.now
    with office.engine.begin() as connection:
        first = domains.slow(connection, DOCOMO, None, "421 4.7.0 slow", 240, at)
        again = domains.slow(connection, DOCOMO, first, "421 4.7.0 slow", 240, at + timedelta(seconds=5))
    assert first == again == slow_pace(office) == Pace(120, at, "421 4.7.0 slow")
    with office.engine.begin() as connection:  # another process, a minute later, has sent ten of them
        throttle.take(
            connection, domains.scope(DOCOMO), [parse("120/minute")], 10, at + timedelta(seconds=30)
        )
        lower = domains.slow(connection, DOCOMO, again, "again", 0, at + timedelta(seconds=61))
    assert lower.per_minute == 5


def test_a_pace_is_kept_over_a_restart_and_forgotten_when_the_domain_has_recovered(office):  # F18
    async def journey():
        set_pace(office, 4, office.now)
        campaign, clock = launched(office, 24, docomo=20), MovedClock(office.now)
        left = []
        async with Sink(lambda caught: left.append((caught.envelope.rcpt_to, clock.now()))) as sink:
            sender = sender_to(office.engine, relay_of(sink), clock)
            await send_until(office, sender, finished(office, campaign))
        theirs = [at for to, at in left if to.endswith(DOCOMO)]
        assert (
            rolling_windows(
                [at for at in theirs if at < office.now + timedelta(minutes=5)], timedelta(minutes=1)
            )
            <= 4
        )
        assert len(theirs) == 20
        second, later = office.add_campaign(), MovedClock(office.now + timedelta(hours=2))
        office.build(second, again=True)
        async with Sink() as sink:
            sender = sender_to(office.engine, relay_of(sink), later)
            await send_until(office, sender, finished(office, second))
        assert len(sink.messages) == 24
        assert later.now() < office.now + timedelta(hours=2, minutes=1)
        assert slow_pace(office) is None

    asyncio.run(journey())


def test_a_notice_goes_before_a_campaign_in_a_limited_domain(office):
    async def journey():
        launched(office, 20, docomo=20)
        clock = MovedClock(office.now, still=True)
        with office.engine.begin() as connection:
            made = Notice("goodbye", "goodbye:1", f"hanako@{DOCOMO}", DOCOMO, 1, "ja", {})
            ledger.enqueue_notice(connection, made, clock.now())
        async with Sink() as sink:
            limits = {DOCOMO: (parse("3/minute"),)}
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock, domain_rates=limits)
            await send_until(office, sender, lambda: len(sink.messages) == 3)
        assert sink.messages[0].envelope.rcpt_to == f"hanako@{DOCOMO}"

    asyncio.run(journey())


def test_many_domains_that_ask_for_less_without_one_acceptance_are_the_relay(office):
    async def journey():
        ids = office.add_people(15)
        with office.engine.begin() as connection:
            for id_ in ids:
                connection.execute(
                    tables.subscriber.update()
                    .where(tables.subscriber.c.id == id_)
                    .values(domain=f"d{id_}.example")
                )
        campaign, clock = office.add_campaign(), MovedClock(office.now, still=True)
        office.build(campaign)
        async with Sink(script=fault_server.reply("rcpt", "450 4.7.0 slow down")) as sink:
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock)
            await send_until(office, sender, lambda: office.campaign(campaign).waits_reason is not None)
        assert office.campaign(campaign).waits_reason == "relay_busy"
        assert sink.messages == []

    asyncio.run(journey())


def test_a_server_that_is_out_of_order_for_everybody_is_knocked_at_and_nobody_runs_out_of_patience(
    office,
):  # F5
    async def journey():
        campaign, clock = office.launched(60), MovedClock(office.now)
        back_at = office.now + timedelta(hours=2)

        def out_of_order(moment):
            if moment.stage == "rcpt" and clock.now() < back_at:
                return Action(say=b"451 4.3.0 queue file write error\r\n")
            return None

        async with Sink(script=out_of_order) as sink:
            sender = sender_to(
                office.engine,
                relay_of(sink, connections=1),
                clock,
                poll=timedelta(minutes=1),
                policy=Policy(),
            )

            def waits_for_the_relay():  # one look: the sender may knock and clear it right behind
                seen = office.campaign(campaign)
                return seen.waits_reason == "relay_busy" and "queue file write error" in seen.waits_reply

            await send_until(office, sender, waits_for_the_relay)
            assert office.states(campaign)["queued"] >= 40  # instead of a million who are put off one by one
            await send_until(office, sender, finished(office, campaign))
        assert Counter(office.states(campaign)) == {"accepted": 60}
        assert len(set(recipients(sink))) == len(sink.messages) == 60

    asyncio.run(journey())
