"""What servers do wrong, to the end: each fault leaves the ledger in a state that is true, and nobody twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mailer.delivery.retry import Policy
from mailer.smtp.sink import Options, Sink
from mailer.tables.delivery import attempt, delivery
from tests.delivery.press_room import MovedClock, recipients, relay_of, sender_to
from tests.delivery.test_sender_journeys import finished, send_until
from tests.doubles import fault_server

PEOPLE = 14


def sent_through(office, script, *, options=None, **more):
    """A campaign to fourteen through a server that follows the script, until it is finished."""
    relay = {"connections": 1, "timeout": timedelta(milliseconds=400), **more.pop("relay", {})}

    async def journey():
        campaign, clock = office.launched(PEOPLE), MovedClock(office.now)
        async with Sink(script=script, options=options) as sink:
            sender = sender_to(office.engine, relay_of(sink, **relay), clock, **more)
            await send_until(office, sender, finished(office, campaign))
        return campaign, sink

    return asyncio.run(journey())


def check(office, campaign, sink, *, uncertain=0):
    """Who is accepted has it, once; who has it is accepted or uncertain; everybody is one or the other."""
    states, taken = office.states(campaign), Counter(recipients(sink))
    assert set(taken.values()) <= {1}
    assert states["accepted"] + states.get("uncertain", 0) == PEOPLE
    assert states.get("uncertain", 0) <= uncertain
    with office.engine.begin() as connection:
        rows = connection.execute(sa.select(delivery.c.subscriber_id, delivery.c.state)).all()
    assert {f"p{row.subscriber_id}@example.org" for row in rows if row.state == "accepted"} <= set(taken)


@pytest.mark.parametrize("chunking", [False, True])
@pytest.mark.parametrize("stage", ["mail", "rcpt", "message"])
@pytest.mark.parametrize("fault", ["stall", "garbage", "endless_reply", "say_and_drop"])
def test_a_server_that_falls_silent_or_talks_nonsense_costs_nobody_a_copy(
    sqlite_office, fault, stage, chunking
):  # F16
    arguments = (stage, "421 4.3.2 going down") if fault == "say_and_drop" else (stage,)
    script = getattr(fault_server, fault)(*arguments, message=5)
    campaign, sink = sent_through(sqlite_office, script, options=Options(chunking=chunking))
    # What was behind it on the wire is as unknown as itself: by BDAT up to the depth.
    check(sqlite_office, campaign, sink, uncertain=4 if chunking else 1 if stage == "message" else 0)


@pytest.mark.parametrize("fault", ["stall", "garbage", "drop"])
def test_a_fault_at_the_answer_to_data_is_tried_again(office, fault):  # F16
    campaign, sink = sent_through(office, getattr(fault_server, fault)("data", message=5))
    check(office, campaign, sink)


@pytest.mark.parametrize(
    ("line", "state"), [("451 4.3.0 try again", "accepted"), ("550 5.1.1 no such user", "refused"), ("552 5.2.2 mailbox full", "refused")]
)  # fmt: skip
@pytest.mark.parametrize("stage", ["rcpt", "data", "message"])
def test_a_refusal_is_read_the_same_at_every_stage(sqlite_office, stage, line, state):  # F5 F6
    campaign, sink = sent_through(sqlite_office, fault_server.reply(stage, line, times=1))
    expected = Counter({"accepted": PEOPLE - 1}) + Counter({state: 1})
    assert Counter(sqlite_office.states(campaign)) == expected
    assert len(recipients(sink)) == expected["accepted"]


@pytest.mark.parametrize(
    ("script", "options", "relay"),
    [
        pytest.param(fault_server.closes_after(3), None, {}, id="closes-after-three"),
        pytest.param(fault_server.closes_after(3), Options(chunking=True), {}, id="closes-after-three-bdat"),
        pytest.param(fault_server.limits_connections(1), None, {"connections": 4}, id="one-connection"),
        pytest.param(None, Options(ehlo=False), {}, id="helo-only"),
        pytest.param(None, Options(pipelining=False), {}, id="no-pipelining"),
        pytest.param(fault_server.surplus_reply("rcpt", message=5), None, {}, id="surplus"),
    ],
)
def test_a_server_with_limits_gets_everybody_once(sqlite_office, script, options, relay):
    campaign, sink = sent_through(sqlite_office, script, options=options, relay=relay)
    check(sqlite_office, campaign, sink)


def test_a_greylisting_server_gets_each_message_again_after_its_time_and_not_before(office):  # F5
    campaign, sink = sent_through(
        office, fault_server.reply("rcpt", "450 4.7.1 Greylisted, come back in 5 minutes", times=PEOPLE),
        poll=timedelta(seconds=5),
    )  # fmt: skip
    check(office, campaign, sink)
    with office.engine.begin() as connection:
        tried = connection.execute(sa.select(attempt.c.delivery_id, attempt.c.at, attempt.c.outcome)).all()
    waits = [
        later.at - sooner.at
        for sooner in tried
        for later in tried
        if sooner.delivery_id == later.delivery_id
        and sooner.outcome == "deferred"
        and later.outcome == "accepted"
    ]
    assert len(waits) == PEOPLE
    assert timedelta(minutes=4) <= min(waits) < max(waits) <= timedelta(minutes=8)
    assert len(set(waits)) > PEOPLE // 2  # jitter: they do not all come back together


def test_who_is_put_off_for_ever_is_refused_when_patience_ends_counted_from_the_first_try(office):  # F5
    patience = Policy(give_up=timedelta(hours=6), longest=timedelta(hours=1))
    never = fault_server.reply("rcpt", "450 4.2.0 mailbox busy", containing="<p3@example.org>")
    campaign, sink = sent_through(office, never, policy=patience, poll=timedelta(minutes=5))
    assert office.states(campaign) == {"accepted": PEOPLE - 1, "refused": 1}
    assert len(recipients(sink)) == PEOPLE - 1
    with office.engine.begin() as connection:
        row = connection.execute(sa.select(delivery).where(delivery.c.state == "refused")).one()
        tries = connection.scalars(sa.select(attempt.c.at).where(attempt.c.delivery_id == row.id)).all()
    assert (row.reason, row.reply_code, row.reply_text) == ("gave_up", 450, "mailbox busy")
    assert 5 <= len(tries) <= 14
    assert timedelta(hours=6) <= max(tries) - min(tries) < timedelta(hours=7, minutes=30)
