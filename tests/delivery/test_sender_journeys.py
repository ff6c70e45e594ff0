"""The sender against a real SMTP server and a real database: who got what, and does the ledger say so."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from mailer.delivery import ledger
from mailer.delivery.model import DeliveryState, Notice
from mailer.delivery.press import Unsendable
from mailer.delivery.retry import Policy
from mailer.delivery.throttle import parse
from mailer.smtp.model import Relay
from mailer.smtp.pool import Pool
from mailer.smtp.sink import Action, Options, Sink
from mailer.tables import campaigns
from mailer.tables.delivery import attempt, delivery, relay_state
from subscribers import tables
from tests.delivery.press_room import MovedClock, PlainPress, recipients, relay_of, sender_to
from tests.doubles import fault_server

S = DeliveryState
LIMIT = 60.0  # seconds after which a test that hangs fails


async def send_until(office, senders, is_enough):
    """Let the sender, or several, run until `is_enough()`, then stop and wait for their end."""
    stop = asyncio.Event()
    several = senders if isinstance(senders, list) else [senders]
    async with asyncio.timeout(LIMIT):
        running = [asyncio.create_task(sender.run(stop)) for sender in several]
        while not is_enough() and not any(task.done() for task in running):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        stop.set()
        await asyncio.gather(*running)


def finished(office, *which):
    return lambda: all(office.campaign(one).state == "finished" for one in which)


def addresses(ids, prefix="p"):
    return sorted(f"{prefix}{id_}@example.org" for id_ in ids)


def test_everybody_gets_one_copy_and_ledger_and_server_agree(office):  # F19
    async def journey():
        campaign, clock = office.launched(130), MovedClock(office.now)
        async with Sink(options=Options(chunking=True)) as sink:
            await send_until(
                office, sender_to(office.engine, relay_of(sink), clock), finished(office, campaign)
            )
        assert recipients(sink) == addresses(range(1, 131))
        assert office.states(campaign) == {"accepted": len(sink.messages)} == {"accepted": 130}

    asyncio.run(journey())


def test_a_stop_drains_and_another_sender_goes_on_where_it_stood(office):  # F2
    async def journey():
        campaign, clock = office.launched(120), MovedClock(office.now)
        async with Sink() as sink:
            relay = relay_of(sink)
            first = sender_to(office.engine, relay, clock)
            await send_until(office, first, lambda: len(sink.messages) >= 20)
            left = office.states(campaign)
            assert set(left) == {
                "accepted",
                "queued",
            }  # nothing claimed, nothing attempting, nothing uncertain
            assert left["accepted"] == len(sink.messages) < 120
            second = sender_to(office.engine, relay, clock, name="host:2:b@test")
            await send_until(office, second, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 121))

    asyncio.run(journey())


def test_pausing_and_resuming_twenty_times_loses_and_repeats_nobody(office):  # F3
    async def journey():
        campaign, clock = office.launched(200), MovedClock(office.now)
        async with Sink() as sink:
            sender, done = sender_to(office.engine, relay_of(sink), clock), finished(office, campaign)
            running = asyncio.create_task(send_until(office, sender, done))
            for _ in range(20):
                office.set_campaign(campaign, state="paused")
                await asyncio.sleep(0.01)
                office.set_campaign(campaign, state="sending")
                await asyncio.sleep(0.02)
            await running
        assert recipients(sink) == addresses(range(1, 201))

    asyncio.run(journey())


def test_cancelling_in_mid_send_stops_the_rest_and_tells_the_truth(office):  # F3
    async def journey():
        campaign, clock = office.launched(200), MovedClock(office.now)

        def cancel():
            with office.engine.begin() as connection:
                connection.execute(
                    campaigns.campaign.update()
                    .where(campaigns.campaign.c.id == campaign)
                    .values(state="cancelled")
                )
                ledger.cancel(connection, campaign, office.now)

        async with Sink() as sink:
            running = asyncio.create_task(
                send_until(
                    office,
                    sender_to(office.engine, relay_of(sink), clock),
                    lambda: set(office.states(campaign)) == {"accepted", "cancelled"},
                )
            )
            while len(sink.messages) < 20:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await asyncio.to_thread(cancel)
            await running
        states = office.states(campaign)
        assert states["accepted"] == len(set(recipients(sink))) == len(sink.messages) < 200
        assert sum(states.values()) == 200

    asyncio.run(journey())


def test_two_senders_on_one_database_share_the_work(office):  # F4
    async def journey():
        campaign, clock = office.launched(300), MovedClock(office.now)
        async with Sink() as sink:
            relay = relay_of(sink)
            senders = [
                sender_to(office.engine, relay, clock, name=f"host:{n}:a@test", batch_size=20) for n in (1, 2)
            ]
            await send_until(office, senders, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 301))
        assert office.states(campaign) == {"accepted": 300}
        with office.engine.begin() as connection:
            shares = connection.execute(
                sa.text(
                    "SELECT c.sender, count(*) FROM delivery d JOIN claim c ON c.id = d.fence GROUP BY c.sender"
                )
            ).all()
        assert len(shares) == 2

    asyncio.run(journey())


@pytest.mark.parametrize(
    "line", ["450 4.2.0 greylisted", "451 4.3.0 try later", "454 4.7.0 later", "421 4.3.2 closing"]
)
def test_temporary_refusals_are_tried_again_and_the_campaign_stays_open(office, line):  # F5
    async def journey():
        campaign, clock = office.launched(12), MovedClock(office.now)
        refusing = fault_server.reply("rcpt", line, times=5)
        async with Sink(script=refusing) as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, poll=timedelta(minutes=1))
            sent = await sender.send_batch()
            assert sent.by_state["deferred"] == 5
            assert (office.campaign(campaign).state, office.states(campaign)) == (
                "sending", {"accepted": 7, "deferred": 5},
            )  # fmt: skip
            await send_until(office, sender, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 13))
        with office.engine.begin() as connection:
            tried = connection.execute(sa.select(attempt.c.number, attempt.c.outcome)).all()
        assert Counter(tried) == {(1, "deferred"): 5, (2, "accepted"): 5}

    asyncio.run(journey())


@pytest.mark.parametrize("stage", ["rcpt", "message"])
def test_one_refused_address_stops_nobody_else(office, stage):  # F6
    async def journey():
        campaign, clock = office.launched(30), MovedClock(office.now)
        no_such = fault_server.reply(
            stage, "550 5.1.1 no such user", message=(3, 4, 5, 6, 7, 8, 9, 10, 11, 12)
        )
        async with Sink(script=no_such) as sink:
            await send_until(
                office, sender_to(office.engine, relay_of(sink), clock), finished(office, campaign)
            )
        assert len(recipients(sink)) == 20
        assert office.states(campaign) == {"accepted": 20, "refused": 10}

    asyncio.run(journey())


def test_a_policy_reply_to_one_person_does_not_hold_the_others(office):  # F6
    async def journey():
        campaign, clock = office.launched(30), MovedClock(office.now)
        picky = fault_server.reply("rcpt", "550 5.7.1 not from you", containing="<p7@example.org>")
        async with Sink(script=picky) as sink:
            patience = Policy(give_up=timedelta(hours=2))
            sender = sender_to(
                office.engine, relay_of(sink), clock, poll=timedelta(minutes=20), policy=patience
            )
            await send_until(office, sender, finished(office, campaign))
        assert office.states(campaign) == {"accepted": 29, "refused": 1}  # when patience was over
        assert len(recipients(sink)) == 29

    asyncio.run(journey())


@pytest.mark.parametrize(
    ("line", "stage", "people"), [("550 5.7.1 message refused by policy", "rcpt", 40), ("550 5.7.26 unauthenticated", "message", 40),
                                  ("554 5.7.1 spam", "message", 2), ("552 5.3.4 too big", "mail", 1)],
)  # fmt: skip
def test_a_policy_against_us_holds_the_campaign_and_refuses_nobody(office, line, stage, people):
    async def journey():
        campaign, clock = office.launched(people), MovedClock(office.now)
        async with Sink(script=fault_server.reply(stage, line)) as sink:
            sender = sender_to(office.engine, relay_of(sink), clock)
            await send_until(office, sender, lambda: office.campaign(campaign).state != "sending")
        held = office.campaign(campaign)
        assert (held.state, sink.messages) == ("held", [])
        assert line[4:] in held.reason_facts["reply"]
        assert set(office.states(campaign)) <= {"queued", "deferred"}

    asyncio.run(journey())


def test_who_leaves_while_the_campaign_runs_gets_nothing(office):  # F10
    async def journey():
        campaign, clock = office.launched(300), MovedClock(office.now)
        left = set()

        def leave(caught):
            if len(sink.messages) != 20:
                return
            with office.engine.begin() as connection:
                for state in ("claimed", "queued"):  # one already in the sender's hand, one not
                    waiting = sa.select(delivery.c.subscriber_id).where(delivery.c.state == state)
                    left.add(connection.scalars(waiting.order_by(delivery.c.id.desc()).limit(1)).one())
                for person in left:
                    ledger.skip_for(connection, person, "unsubscribed", office.now)
                gone = tables.subscription.c.subscriber_id.in_(left)
                connection.execute(tables.subscription.update().where(gone).values(state="unsubscribed"))

        async with Sink(leave) as sink:
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock, batch_size=60)
            await send_until(office, sender, finished(office, campaign))
        assert len(left) == 2
        assert recipients(sink) == addresses(set(range(1, 301)) - left)
        assert office.states(campaign) == {"accepted": 298, "skipped": 2}

    asyncio.run(journey())


def test_a_change_of_language_in_mid_send_leaves_exactly_one_version(office):  # F15 F20
    async def journey():
        campaign, clock = office.launched(60), MovedClock(office.now)

        def change(caught):
            if len(sink.messages) == 10:
                with office.engine.begin() as connection:
                    connection.execute(tables.subscriber.update().values(languages="en"))

        async with Sink(change) as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, batch_size=10)
            await send_until(office, sender, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 61))
        subjects = Counter(message.content.split(b"Subject: ")[1][:2] for message in sink.messages)
        assert subjects == {b"ja": 30, b"en": 30}  # as it was built

    asyncio.run(journey())


@pytest.mark.parametrize("accident", ["keep_and_drop", "keep_and_stall"])
def test_a_message_that_may_have_arrived_is_uncertain_and_not_repeated(office, accident):  # F16
    async def journey():
        campaign, clock = office.launched(20), MovedClock(office.now)
        doubling = getattr(fault_server, accident)(message=5)
        async with Sink(script=doubling) as sink:
            relay = relay_of(sink, connections=1, timeout=timedelta(milliseconds=300))
            await send_until(office, sender_to(office.engine, relay, clock), finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 21))
        assert office.states(campaign) == {"accepted": 19, "uncertain": 1}
        with office.engine.begin() as connection:
            listed = connection.execute(sa.select(attempt.c.outcome, attempt.c.stage)).all()
        assert listed.count(("uncertain", "message")) == 1
        assert {outcome for outcome, _ in listed} <= {
            "uncertain",
            "deferred",
            "accepted",
        }  # who stood behind it went again

    asyncio.run(journey())


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "body"])
def test_a_connection_lost_before_the_end_mark_costs_a_second_try_and_no_double(office, stage):  # F16
    async def journey():
        campaign, clock = office.launched(20), MovedClock(office.now)
        async with Sink(script=fault_server.drop(stage, message=6)) as sink:
            relay = relay_of(sink, connections=1)
            sender = sender_to(
                office.engine, relay, clock, press=PlainPress(60_000 if stage == "body" else 0)
            )
            await send_until(office, sender, finished(office, campaign))
        states = office.states(campaign)
        # A body that fitted into one write may have left whole: then it is uncertain, and not at the server.
        assert set(states) <= {"accepted", "uncertain"}
        assert len(recipients(sink)) == len(set(recipients(sink))) == states["accepted"]
        assert states.get("uncertain", 0) <= (1 if stage == "body" else 0)

    asyncio.run(journey())


def test_a_retry_of_uncertain_deliveries_carries_the_same_message_id(office, keiko):  # F50
    async def journey():
        campaign, clock = office.launched(5), MovedClock(office.now)
        async with Sink(script=fault_server.keep_and_drop(message=2)) as sink:
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock)
            await send_until(office, sender, finished(office, campaign))
            with office.engine.begin() as connection:
                assert ledger.requeue(connection, campaign, [S.UNCERTAIN], clock.now()) == 1
                assert ledger.reopen(connection, campaign, clock.now(), by=keiko)
            await send_until(office, sender, finished(office, campaign))
        twice = [to for to, copies in Counter(recipients(sink)).items() if copies == 2]
        assert len(twice) == 1
        same = {m.content for m in sink.messages if m.envelope.rcpt_to == twice[0]}
        assert len(same) == 1
        assert office.states(campaign) == {"accepted": 5}

    asyncio.run(journey())


def test_the_same_issue_to_a_second_list_reaches_nobody_twice(office):  # F54
    async def journey():
        clock, second = MovedClock(office.now), office.add_list("events")
        both = office.add_people(10)
        office.put_on(both[:6], second)
        office.add_people(4, list_id=second, prefix="q")
        both_sends = [office.add_campaign(), office.add_campaign()]
        office.build(both_sends[0], list_ids=office.list_ids[:1])
        office.build(both_sends[1], list_ids=[second])
        async with Sink() as sink:
            await send_until(
                office, sender_to(office.engine, relay_of(sink), clock), finished(office, *both_sends)
            )
        assert recipients(sink) == sorted(addresses(both) + addresses(range(11, 15), "q"))

    asyncio.run(journey())


# ── rates and quotas ────────────────────────────────────────────────────────────────────────────


def rolling_windows(times, window):
    return max(sum(first <= other < first + window for other in times) for first in times)


def test_the_limit_is_shared_and_kept_over_a_restart(office):  # F17 F18
    async def journey():
        campaign, clock = office.launched(90), MovedClock(office.now)
        left = []
        async with Sink(lambda _: left.append(clock.now())) as sink:
            rates = (parse("20/minute"),)
            for name in ("a", "b", "c", "d"):  # each restarts in mid-window
                before = len(left)
                await send_until(
                    office,
                    sender_to(office.engine, relay_of(sink), clock, name=f"host:1:{name}@test", rates=rates),
                    lambda before=before: (
                        len(left) >= before + 25 or office.campaign(campaign).state == "finished"
                    ),
                )
            await send_until(
                office,
                sender_to(office.engine, relay_of(sink), clock, rates=rates),
                finished(office, campaign),
            )
        assert recipients(sink) == addresses(range(1, 91))
        assert rolling_windows(left, timedelta(minutes=1)) <= 20
        assert clock.now() - office.now < timedelta(minutes=6)

    asyncio.run(journey())


def test_a_quota_makes_the_campaign_wait_says_until_when_and_refuses_nobody(office):  # F53
    async def journey():
        campaign, clock = office.launched(45), MovedClock(office.now)
        taken = []

        def thirty_a_day(moment):
            lately = [at for at in taken if clock.now() - at < timedelta(days=1)]
            if moment.stage == "rcpt" and len(lately) >= 30:
                return Action(say=b"550 5.4.5 Daily user sending limit exceeded\r\n")
            return None

        async with Sink(lambda _: taken.append(clock.now()), script=thirty_a_day) as sink:
            sender = sender_to(
                office.engine,
                relay_of(sink, connections=1),
                clock,
                rates=(parse("20/minute"),),
                poll=timedelta(minutes=10),
            )
            await send_until(office, sender, lambda: office.campaign(campaign).waits_reason == "quota")
            waiting = office.campaign(campaign)
            assert (waiting.state, len(sink.messages)) == ("sending", 30)
            assert waiting.waits_reply == "550 5.4.5 Daily user sending limit exceeded"
            assert clock.now() < waiting.waits_until <= clock.now() + timedelta(hours=1)
            assert office.states(campaign) == {"accepted": 30, "queued": 15}
            await send_until(office, sender, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 46))
        assert office.states(campaign) == {"accepted": 45}
        assert timedelta(days=1) <= clock.now() - office.now < timedelta(days=1, hours=2)
        done = office.campaign(campaign)
        assert (done.waits_until, done.waits_reason, done.waits_reply) == (None, None, None)
        with office.engine.begin() as connection:
            counts = connection.execute(sa.select(sa.func.max(delivery.c.attempts))).scalar_one()
            assert connection.scalar(sa.select(relay_state.c.closed_until)) is None
        assert counts == 1  # refusals for the quota are no attempts

    asyncio.run(journey())


def test_a_refused_sender_waits_and_says_the_servers_words(office):  # F53
    async def journey():
        campaign, clock = office.launched(10), MovedClock(office.now)
        script = fault_server.reply("mail", "553 5.7.1 sender address not owned by user", times=2)
        async with Sink(script=script) as sink:
            relay = relay_of(sink, connections=1, pipeline=False)
            sender = sender_to(office.engine, relay, clock, poll=timedelta(minutes=10))
            await send_until(office, sender, lambda: office.campaign(campaign).waits_reason is not None)
            assert office.campaign(campaign).waits_reason == "relay_refuses"
            assert office.states(campaign) == {"queued": 10}
            await send_until(office, sender, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 11))

    asyncio.run(journey())


def test_a_relay_that_is_down_makes_the_campaign_wait_and_go_on_by_itself(office):
    async def journey():
        campaign, clock = office.launched(10), MovedClock(office.now)
        sink = Sink()
        await sink.start()
        relay = relay_of(sink, timeout=timedelta(seconds=2))
        await sink.stop()
        sender = sender_to(office.engine, relay, clock)
        await send_until(office, sender, lambda: office.campaign(campaign).waits_reason is not None)
        assert office.campaign(campaign).waits_reason == "relay_down"
        assert office.states(campaign) == {"queued": 10}
        async with Sink(port=relay.port) as back:
            await send_until(office, sender, finished(office, campaign))
        assert recipients(back) == addresses(range(1, 11))

    asyncio.run(journey())


def test_a_server_that_never_answers_after_the_dot_does_not_make_the_whole_list_uncertain(office):  # F16
    async def journey():
        campaign, clock = office.launched(100), MovedClock(office.now, still=True)
        async with Sink(script=fault_server.drop("message")) as sink:
            sender = sender_to(office.engine, relay_of(sink, connections=1), clock)
            await send_until(office, sender, lambda: office.campaign(campaign).waits_reason == "relay_down")
        assert office.states(campaign)["uncertain"] <= 12

    asyncio.run(journey())


def test_a_notice_passes_while_the_campaign_waits_for_its_day(office):
    async def journey():
        campaign, clock = office.launched(60), MovedClock(office.now)
        async with Sink() as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, rates=(parse("20/day"),))
            await send_until(office, sender, lambda: office.campaign(campaign).waits_reason == "rate")
            assert len(sink.messages) == 19
            with office.engine.begin() as connection:
                made = Notice("goodbye", "goodbye:1", "hanako@example.org", "example.org", 1, "ja", {})
                assert ledger.enqueue_notice(connection, made, clock.now()) is not None
            await send_until(office, sender, lambda: "hanako@example.org" in recipients(sink))
        assert len(sink.messages) == 20
        assert clock.now() - office.now < timedelta(hours=1)

    asyncio.run(journey())


# ── the press and the database ──────────────────────────────────────────────────────────────────


class Broken:
    def prepare(self, claimed, now):
        raise RuntimeError("no such picture")


class Picky(PlainPress):
    def prepare(self, claimed, now):
        letters = super().prepare(claimed, now)
        return [
            Unsendable("needs_smtputf8") if row.subscriber_id == 2 else one
            for row, one in zip(claimed, letters, strict=True)
        ]


def test_an_edition_that_cannot_be_printed_holds_the_campaign(office):
    async def journey():
        campaign, clock = office.launched(10), MovedClock(office.now)
        async with Sink() as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, press=Broken())
            await send_until(office, sender, lambda: office.campaign(campaign).state != "sending")
        assert office.campaign(campaign).reason == "press_failed"
        assert office.states(campaign) == {"queued": 10}

    asyncio.run(journey())


class Unlucky(PlainPress):
    """Edition `broken` cannot be printed, and the first tries find no database."""

    def __init__(self, broken=None, away=0):
        super().__init__()
        self.broken, self.away = broken, away

    def prepare(self, claimed, now):
        if self.away:
            self.away -= 1
            raise OperationalError("SELECT 1", {}, Exception("the database is locked"))
        if any(row.edition_id == self.broken for row in claimed):
            raise RuntimeError("no such picture")
        return super().prepare(claimed, now)


def test_a_database_that_is_away_while_printing_holds_nothing(office):
    async def journey():
        campaign, clock = office.launched(10), MovedClock(office.now)
        async with Sink() as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, press=Unlucky(away=2))
            await send_until(office, sender, finished(office, campaign))
        assert recipients(sink) == addresses(range(1, 11))

    asyncio.run(journey())


def test_a_stop_while_the_press_waits_for_the_database_gives_the_rows_back(office):
    async def journey():
        campaign, clock, press = office.launched(10), MovedClock(office.now), Unlucky(away=1000)
        async with Sink() as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, press=press)
            await send_until(office, sender, lambda: press.away < 999)
        assert (office.campaign(campaign).state, office.states(campaign)) == ("sending", {"queued": 10})

    asyncio.run(journey())


def test_an_edition_that_cannot_be_printed_holds_no_other_campaign(office):
    async def journey():
        second = office.add_list("events")
        office.add_people(6, languages=("ja",))
        office.add_people(6, languages=("en",), list_id=second)
        bad, good, clock = office.add_campaign(), office.add_campaign(), MovedClock(office.now)
        office.build(bad)
        office.build(good, list_ids=[second])
        async with Sink() as sink:
            press = Unlucky(broken=office.edition_ids["ja"])
            await send_until(
                office, sender_to(office.engine, relay_of(sink), clock, press=press), finished(office, good)
            )
        assert (office.campaign(bad).reason, office.states(bad)) == ("press_failed", {"queued": 6})
        assert recipients(sink) == addresses(range(7, 13))

    asyncio.run(journey())


class Stumbling(Pool):
    """A defect: one message in the pool ends with an exception that nobody foresaw."""

    def send(self, envelope, message):
        if envelope.rcpt_to.startswith("p3@"):
            raise KeyError("a defect")
        outcome = super().send(envelope, message)
        if envelope.rcpt_to.startswith("p4@"):
            outcome.set_exception(KeyError("a later one"))
        return outcome


def test_a_defect_with_one_message_leaves_it_uncertain_and_stops_nobody_else(office):
    async def journey():
        campaign, clock = office.launched(8), MovedClock(office.now)
        async with Sink() as sink:
            relay = relay_of(sink)
            sender = sender_to(office.engine, relay, clock)
            sender._open_wire = lambda: Stumbling(relay)
            await send_until(office, sender, finished(office, campaign))
        assert office.states(campaign) == {"accepted": 6, "uncertain": 2}

    asyncio.run(journey())


@pytest.mark.parametrize("stage", ["mail", "rcpt"])
def test_after_a_stop_that_lost_patience_only_what_may_have_left_is_uncertain(office, stage):  # F2 F16
    async def journey():
        campaign, clock = office.launched(20), MovedClock(office.now)
        reached = []

        def silent(moment):
            if moment.stage == stage:
                reached.append(moment)
                return Action(say=b"", then="stall")
            return None

        async with Sink(script=silent) as sink:
            sender = sender_to(
                office.engine, relay_of(sink, connections=1), clock, drain=timedelta(milliseconds=50)
            )
            await send_until(office, sender, lambda: bool(reached))
        assert (office.states(campaign), sink.messages) == ({"queued": 20}, [])

    asyncio.run(journey())


def test_a_person_for_whom_no_message_can_be_made_is_refused_with_the_reason(office):
    async def journey():
        campaign, clock = office.launched(5), MovedClock(office.now)
        async with Sink() as sink:
            sender = sender_to(office.engine, relay_of(sink), clock, press=Picky())
            await send_until(office, sender, finished(office, campaign))
        assert office.states(campaign) == {"accepted": 4, "refused": 1}

    asyncio.run(journey())


def test_a_database_that_goes_away_for_a_moment_costs_nobody(office):
    if office.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has no server that could go away")

    async def journey():
        campaign, clock = office.launched(150), MovedClock(office.now)
        async with Sink() as sink:
            stop = asyncio.Event()
            running = asyncio.create_task(sender_to(office.engine, relay_of(sink), clock).run(stop))
            other = sa.create_engine(office.engine.url)
            async with asyncio.timeout(LIMIT):
                for _ in range(5):
                    await asyncio.sleep(0.02)
                    with other.begin() as connection:
                        connection.execute(
                            sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                                    "WHERE datname = current_database() AND pid <> pg_backend_pid()")
                        )  # fmt: skip
                while True:
                    with other.begin() as connection:
                        if ledger.counts(connection, campaign).by_state.get("accepted") == 150:
                            break
                    await asyncio.sleep(0.05)
                stop.set()
                await running
            other.dispose()
        assert recipients(sink) == addresses(range(1, 151))

    asyncio.run(journey())


def test_a_relay_without_name_and_port_is_never_asked_when_nothing_is_due(sqlite, now):
    async def journey():
        relay = Relay("relay", "127.0.0.1", 1, tls="none")
        sent = await sender_to(sqlite, relay, MovedClock(now)).send_batch()
        assert (dict(sent.by_state), sent.again_at) == ({}, None)

    asyncio.run(journey())
