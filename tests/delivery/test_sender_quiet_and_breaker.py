"""Quiet time and the breaker at a real server: what waits, what is held, what goes all the same."""

from __future__ import annotations

import asyncio
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from mailer.campaigns import store
from mailer.delivery import ledger
from mailer.delivery.model import Notice
from mailer.delivery.quiet import Quiet
from mailer.delivery.throttle import parse
from mailer.smtp.sink import Action, Sink
from tests.delivery.press_room import MovedClock, recipients, relay_of, sender_to
from tests.delivery.test_sender_journeys import addresses, finished, send_until
from tests.doubles import fault_server

TOKYO = ZoneInfo("Asia/Tokyo")
NIGHT = Quiet(TOKYO, time(22), time(7))
# The world of the tests begins at 09:00 in Tokyo on Wednesday, 20 December 2034.
EVENING, LATE, MORNING = timedelta(hours=13), timedelta(hours=14), timedelta(hours=22)


def waiting(office, campaign):
    found = office.campaign(campaign)
    return found.state, found.waits_reason, found.waits_until


# ── quiet time ──────────────────────────────────────────────────────────────────────────────────


def test_a_campaign_that_begins_in_quiet_time_waits_for_its_end_and_then_goes(office):
    async def journey():
        campaign, clock = office.launched(30), MovedClock(office.now + LATE)
        async with Sink() as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, quiet=NIGHT, poll=timedelta(minutes=10))
            await send_until(office, sender, lambda: office.campaign(campaign).waits_reason is not None)
            assert waiting(office, campaign) == ("sending", "quiet", office.now + MORNING)
            assert (office.states(campaign), sink.messages) == ({"queued": 30}, [])
            await send_until(office, sender, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 31))
        assert clock.now() >= office.now + MORNING
        assert waiting(office, campaign) == ("finished", None, None)

    asyncio.run(journey())


def test_quiet_time_begins_before_the_next_message_and_what_was_claimed_is_given_back(office):
    async def journey():
        campaign, clock = office.launched(120), MovedClock(office.now + EVENING - timedelta(minutes=1))
        left = []

        def tick(caught):
            left.append(clock.now())
            clock.move(timedelta(seconds=2))

        async with Sink(tick) as sink:
            sender = sender_to(
                office.engine, relay_of(sink, connections=1), clock, quiet=NIGHT, poll=timedelta(minutes=10)
            )
            await send_until(office, sender, lambda: office.campaign(campaign).waits_reason == "quiet")
            on_the_wire = timedelta(seconds=2 * 8)  # marked before ten: two for each that can be under way
            assert max(left) < office.now + EVENING + on_the_wire
            states = office.states(campaign)
            assert set(states) == {"accepted", "queued"}
            assert 10 < states["accepted"] < 60
            await send_until(office, sender, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 121))
        assert not [at for at in left if office.now + EVENING + on_the_wire < at < office.now + MORNING]

    asyncio.run(journey())


@pytest.mark.parametrize("kind", ["test", "rehearsal"])
def test_notices_and_the_offices_own_trials_go_in_quiet_time(office, kind):
    async def journey():
        regular, clock = office.launched(5), MovedClock(office.now + LATE)
        trial = office.add_campaign(kind=kind)
        office.build(trial, again=True)
        with office.engine.begin() as connection:
            made = Notice("goodbye", "goodbye:1", "hanako@example.org", "example.org", 1, "ja", {})
            ledger.enqueue_notice(connection, made, clock.now())
        async with Sink() as sink:
            only = {"only": (trial,)} if kind == "rehearsal" else {}
            sender = sender_to(office.engine, relay_of(sink), clock, quiet=NIGHT, **only)
            await send_until(office, sender, finished(office, trial))
            sender = sender_to(office.engine, relay_of(sink), clock, quiet=NIGHT)
            await send_until(office, sender, lambda: "hanako@example.org" in recipients(sink))
        assert len(sink.messages) == 6
        assert office.states(regular) == {"queued": 5}

    asyncio.run(journey())


def test_quiet_hours_that_were_abolished_keep_nobody_waiting(office):
    async def journey():
        campaign, clock = office.launched(5), MovedClock(office.now + LATE)
        async with Sink() as sink:
            relay = relay_of(sink)
            first = sender_to(office.engine, relay, clock, quiet=NIGHT)
            await send_until(office, first, lambda: office.campaign(campaign).waits_reason == "quiet")
            await send_until(office, sender_to(office.engine, relay, clock), finished(office, campaign))
        assert clock.now() < office.now + MORNING

    asyncio.run(journey())


def test_a_closed_relay_does_not_shorten_the_night_nor_the_night_a_quota(office):
    campaign = office.launched(5)
    night, quota = office.now + timedelta(hours=8), office.now + timedelta(hours=20)
    with office.engine.begin() as connection:
        assert ledger.keep_quiet(connection, night) == 1
        assert ledger.wait(connection, office.now + timedelta(minutes=1), "relay_busy", "451") == 0
    assert waiting(office, campaign) == ("sending", "quiet", night)
    with office.engine.begin() as connection:
        assert ledger.wait(connection, quota, "quota", "550 5.4.5") == 1
        assert ledger.keep_quiet(connection, night) == 0
        assert ledger.keep_quiet(connection, None) == 0
    assert waiting(office, campaign) == ("sending", "quota", quota)


def test_a_closed_day_is_waited_for(office):
    async def journey():
        campaign, clock = office.launched(5), MovedClock(office.now)
        quiet = Quiet(TOKYO, is_quiet_day=lambda day: day in (date(2034, 12, 20), date(2034, 12, 21)))
        async with Sink() as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, quiet=quiet, poll=timedelta(hours=1))
            await send_until(office, sender, finished(office, campaign))
        assert clock.now() >= office.now + timedelta(hours=39)

    asyncio.run(journey())


# ── the breaker ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("people", "line"), [(50, "550 5.1.1 no such user"), (600, "554 5.0.0 transaction failed")]
)
def test_a_relay_that_refuses_everybody_is_noticed_in_a_small_list_and_in_a_large_one(
    office, keiko, people, line
):  # F7
    async def journey():
        campaign, clock = office.launched(people), MovedClock(office.now)
        mended = False

        def broken(moment):
            return None if mended or moment.stage != "rcpt" else Action(say=f"{line}\r\n".encode())

        async with Sink(script=broken) as sink:
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock, refused_percent=10)
            await send_until(office, sender, lambda: office.campaign(campaign).state == "held")
            held, states = office.campaign(campaign), office.states(campaign)
            assert held.reason == "too_many_refusals"
            assert held.reason_facts["refused"] == held.reason_facts["of"] >= 5
            assert (held.reason_facts["percent"], held.reason_facts["reply"]) == (100, line)
            # Nobody is lost: who was refused is listed, the others wait.
            assert states["refused"] + states["queued"] == people
            assert 5 <= states["refused"] <= 20
            mended = True
            with office.engine.begin() as connection:
                assert (
                    store.retry(connection, campaign, uncertain=False, by=keiko, now=clock.now())
                    == states["refused"]
                )
                store.resume(connection, campaign, by=keiko, now=clock.now())
            await send_until(office, sender, finished(office, campaign))
        assert office.states(campaign) == {"accepted": people}
        assert recipients(sink) == addresses(range(1, people + 1))

    asyncio.run(journey())


def test_after_a_person_resumed_it_every_process_counts_afresh(office, keiko):  # F7
    async def journey():
        campaign, clock = office.launched(100), MovedClock(office.now)
        refuse = True

        def script(moment):
            nonlocal refuse
            if moment.stage == "rcpt" and (refuse or moment.message % 20 == 0):
                return Action(say=b"550 5.1.1 no such user\r\n")
            return None

        async with Sink(script=script) as sink:
            relay = relay_of(sink, connections=1)
            senders = [
                sender_to(office.engine, relay, clock, name=f"host:{n}:a@test", batch_size=4, refused_percent=10)
                for n in (1, 2)
            ]  # fmt: skip
            await send_until(office, senders, lambda: office.campaign(campaign).state == "held")
            refuse = False
            clock.move(timedelta(minutes=1))
            with office.engine.begin() as connection:
                store.resume(connection, campaign, by=keiko, now=clock.now())
            clock.move(timedelta(seconds=1))
            await send_until(office, senders, finished(office, campaign))
        states = office.states(campaign)
        assert set(states) == {"accepted", "refused"}

    asyncio.run(journey())


def test_a_list_with_some_dead_addresses_is_never_held(office):  # F6 F7
    async def journey():
        campaign, clock = office.launched(200), MovedClock(office.now)
        dead = fault_server.reply("rcpt", "550 5.1.1 no such user", message=range(7, 200, 14))
        async with Sink(script=dead) as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, refused_percent=10)
            await send_until(office, sender, finished(office, campaign))
        assert office.states(campaign) == {"accepted": 186, "refused": 14}

    asyncio.run(journey())


def test_a_list_that_is_known_to_be_old_is_not_held_again_at_the_same_share(office, keiko):  # F7
    async def journey():
        campaign, clock = office.launched(400), MovedClock(office.now)
        dead = fault_server.reply("rcpt", "550 5.1.1 no such user", message=range(0, 2_000, 3))
        held = []
        async with Sink(script=dead) as sink:
            relay = relay_of(sink, connections=1)

            def rests():
                return office.campaign(campaign).state in ("held", "finished")

            for number in range(5):  # each time a new process: what counts is in the audit record
                sender = sender_to(
                    office.engine, relay, clock, name=f"host:{number}:a@test", refused_percent=10
                )
                await send_until(office, sender, rests)
                if office.campaign(campaign).state == "finished":
                    break
                held.append(office.campaign(campaign).reason_facts["allowed"])
                clock.move(timedelta(minutes=1))
                with office.engine.begin() as connection:
                    store.resume(connection, campaign, by=keiko, now=clock.now())
                clock.move(timedelta(seconds=1))
        assert held in ([10], [10, 20])
        assert set(office.states(campaign)) == {"accepted", "refused"}

    asyncio.run(journey())


def test_a_relay_that_breaks_after_an_old_list_was_let_pass_is_noticed_all_the_same(office, keiko):  # F7
    async def journey():
        campaign, clock = office.launched(200), MovedClock(office.now)
        async with Sink(script=fault_server.reply("rcpt", "550 5.1.1 no such user")) as sink:
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock, refused_percent=10)
            for allowed in (10, 20, 40):
                await send_until(office, sender, lambda: office.campaign(campaign).state == "held")
                assert office.campaign(campaign).reason_facts["allowed"] == allowed
                clock.move(timedelta(minutes=1))
                with office.engine.begin() as connection:
                    store.resume(connection, campaign, by=keiko, now=clock.now())
                clock.move(timedelta(seconds=1))
        assert office.states(campaign)["refused"] < 60

    asyncio.run(journey())


def test_who_is_refused_again_after_a_retry_does_not_hold_the_campaign_again(office, keiko):  # F7
    async def journey():
        campaign, clock = office.launched(200), MovedClock(office.now)
        dead = fault_server.reply("rcpt", "550 5.1.1 no such user", message=range(7, 200, 14))
        async with Sink(script=dead) as sink:
            relay = relay_of(sink)
            sender = sender_to(office.engine, relay, clock, refused_percent=10)
            await send_until(office, sender, finished(office, campaign))
            sink.script = fault_server.reply("rcpt", "550 5.1.1 no such user")
            with office.engine.begin() as connection:
                assert store.retry(connection, campaign, uncertain=False, by=keiko, now=clock.now()) == 14
            await send_until(office, sender, finished(office, campaign))
        assert office.states(campaign) == {"accepted": 186, "refused": 14}

    asyncio.run(journey())


def test_the_breaker_can_be_off(office):
    async def journey():
        campaign, clock = office.launched(40), MovedClock(office.now)
        async with Sink(script=fault_server.reply("rcpt", "550 5.1.1 no such user")) as sink:
            await send_until(
                office, sender_to(office.engine, relay_of(sink), clock), finished(office, campaign)
            )
        assert office.states(campaign) == {"refused": 40}

    asyncio.run(journey())


def test_the_real_rate_keeps_to_the_set_rate(office):  # F17
    async def journey():
        campaign, clock = office.launched(150), MovedClock(office.now)
        left = []
        async with Sink(lambda _: left.append(clock.now())) as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, rates=(parse("10/second"),))
            await send_until(office, sender, finished(office, campaign))
        seconds = (max(left) - min(left)).total_seconds()
        assert 0.9 * 10 <= len(left[10:]) / seconds <= 1.1 * 10  # the first window is full at once

    asyncio.run(journey())
