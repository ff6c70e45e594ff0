"""Several relays: which carries what, who takes over and when it gives back; against real servers."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mailer.delivery import ledger, throttle
from mailer.delivery.model import Notice
from mailer.delivery.press import Settings
from mailer.delivery.routes import ALL, NONE, Newsletters, Route, Routes
from mailer.delivery.sender import Sender
from mailer.delivery.throttle import Closed, parse
from mailer.errors import Refused
from mailer.smtp.model import Relay
from mailer.smtp.pool import Pool
from mailer.smtp.sink import Sink
from mailer.tables import composer
from subscribers import tables
from tests.delivery.press_room import MovedClock, PlainPress, recipients, relay_of
from tests.delivery.test_sender_journeys import addresses, finished, send_until
from tests.doubles import fault_server

BOTH = Routes(Route(("first", "second"), "enews@example.org"))
APART = Routes(Route(("first",), "enews@example.org"), {"harbour": Route(("second",), "harbour@example.com")})


def nobody_there() -> Relay:
    """A relay on a port where nobody listens."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    return Relay("gone", "127.0.0.1", port, tls="none", connections=2, local_name="office.example.org")


def sender(office, name, relay, clock, ways=BOTH, *, rates=(), batch_size=50):
    settings = Settings(
        relay=name, rates=rates, connections=relay.connections, batch_size=batch_size, ways=ways,
        drain=timedelta(seconds=10),
    )  # fmt: skip
    return Sender(
        office.engine, lambda: Pool(relay), PlainPress(), settings, clock, name=f"host:{name}:a@test"
    )


def gates(office):
    with office.engine.begin() as connection:
        return throttle.gates(connection)


def shut(office, name, minutes):
    """The relay has told us to come back so much later."""
    then = office.now + timedelta(minutes=minutes) - throttle.QUOTA_STEP
    with office.engine.begin() as connection:
        throttle.close(connection, name, "quota", "552 5.4.5 enough", (), then)


def of_another_newsletter(office, people=20):
    """A campaign of the newsletter `harbour`, to people of its own."""
    with office.engine.begin() as connection:
        row = connection.execute(sa.select(composer.issue).where(composer.issue.c.id == 1)).one()._asdict()
        connection.execute(
            composer.issue.insert().values(row | {"id": 2, "slug": "h-2034-12", "newsletter": "harbour"})
        )
    list_id = office.add_list("harbour")
    with office.engine.begin() as connection:
        connection.execute(
            tables.list_.update().where(tables.list_.c.id == list_id).values(newsletter="harbour")
        )
    ids = office.add_people(people, list_id=list_id, prefix="h")
    office.issue_id = 2
    campaign = office.add_campaign()
    office.build(campaign, list_ids=[list_id])
    office.issue_id = 1
    return campaign, addresses(ids, "h"), list_id


# ── the rule ─────────────────────────────────────────────────────────────────────────────────────


def test_newsletters_are_these_or_all_but_these():
    these, but = Newsletters(frozenset({"a", "b"}), others=False), Newsletters(frozenset({"a"}))
    assert "a" in these and "c" not in these and "a" not in but and "c" in but
    assert ALL.covers(these) and ALL.covers(but) and not but.covers(ALL) and not these.covers(but)
    assert but.covers(Newsletters(frozenset({"a", "b"}))) and not but.covers(these)
    assert these.covers(NONE) and not NONE and ALL.is_all


def test_the_second_carries_only_while_the_first_is_closed_or_has_yet_to_prove_itself(now):
    def gate(minutes):
        return {"first": Closed(now + timedelta(minutes=minutes), "relay_down", None, 1)}

    assert not BOTH.carried("second", {}, now)
    assert BOTH.carried("second", gate(5), now).is_all and not BOTH.carried("first", gate(5), now)
    assert BOTH.carried("second", gate(-1), now).is_all and BOTH.carried("first", gate(-1), now).is_all
    assert not BOTH.carried("second", gate(-60), now)  # nobody has knocked for an hour: no doubt any more


def test_a_newsletter_goes_only_where_its_sender_is_taken(now):
    assert "harbour" in APART.carried("second", {}, now) and "main" not in APART.carried("second", {}, now)
    assert "main" in APART.carried("first", {}, now) and "harbour" not in APART.carried("first", {}, now)
    nowhere = Routes(Route(("first",), "a@example.org"), {"harbour": Route((), "harbour@example.com")})
    assert nowhere.unserved == Newsletters(frozenset({"harbour"}), others=False)
    with pytest.raises(Refused) as refused:
        nowhere.require("harbour")
    assert refused.value.key == "no_relay_for_sender"
    nowhere.require("main")


# ── taking over ──────────────────────────────────────────────────────────────────────────────────


def test_the_second_relay_carries_all_when_the_first_is_down(office):  # F5
    async def journey():
        campaign, clock = office.launched(60), MovedClock(office.now)
        async with Sink() as second:
            both = [
                sender(office, "first", nobody_there(), clock),
                sender(office, "second", relay_of(second), clock),
            ]
            await send_until(office, both, finished(office, campaign))
        assert recipients(second) == addresses(range(1, 61))
        assert gates(office)["first"].reason == "relay_down"
        assert "second" not in gates(office)

    asyncio.run(journey())


def test_the_first_takes_over_again_when_it_is_back_and_nobody_gets_two(office):  # F5
    async def journey():
        campaign, clock = office.launched(300), MovedClock(office.now)
        busy = fault_server.reply("mail", "451 4.3.2 too busy", times=3)
        async with Sink(script=busy) as first, Sink() as second:
            both = [
                sender(office, "first", relay_of(first, connections=1), clock, batch_size=10),
                sender(office, "second", relay_of(second, connections=1), clock, batch_size=10),
            ]
            await send_until(office, both, finished(office, campaign))
        assert sorted(recipients(first) + recipients(second)) == addresses(range(1, 301))
        assert recipients(first) and recipients(second)
        assert gates(office) == {}

    asyncio.run(journey())


def test_what_is_beyond_the_quota_of_the_first_goes_over_the_second(office):  # F18 F53
    async def journey():
        campaign, clock = office.launched(60), MovedClock(office.now)
        async with Sink(script=fault_server.quota_after(20)) as first, Sink() as second:
            both = [
                sender(office, "first", relay_of(first), clock),
                sender(office, "second", relay_of(second), clock),
            ]
            await send_until(office, both, finished(office, campaign))
        assert sorted(recipients(first) + recipients(second)) == addresses(range(1, 61))
        assert len(first.messages) == 20 and len(second.messages) == 40
        assert office.states(campaign) == {"accepted": 60}  # nobody was refused for our limit

    asyncio.run(journey())


def test_a_campaign_waits_only_for_all_and_until_the_first_of_them_opens(office):  # F53
    async def journey():
        campaign, clock = office.launched(10), MovedClock(office.now, still=True)
        async with Sink() as first, Sink() as second:
            shut(office, "first", 180)
            shut(office, "second", 120)
            both = [
                sender(office, "first", relay_of(first), clock),
                sender(office, "second", relay_of(second), clock),
            ]
            await send_until(office, both, lambda: office.campaign(campaign).waits_reason is not None)
            assert office.campaign(campaign).waits_until == office.now + timedelta(minutes=120)
            later = MovedClock(office.now + timedelta(minutes=121))
            one = sender(office, "second", relay_of(second), later)
            await send_until(office, one, finished(office, campaign))
        assert recipients(second) == addresses(range(1, 11)) and not first.messages

    asyncio.run(journey())


def test_being_at_its_rate_is_no_reason_for_another_relay_to_take_over(office):  # F17
    async def journey():
        campaign, clock = office.launched(30), MovedClock(office.now, still=True)
        async with Sink() as first, Sink() as second:
            both = [
                sender(office, "first", relay_of(first), clock, rates=(parse("10/hour"),)),
                sender(office, "second", relay_of(second), clock),
            ]
            await send_until(office, both, lambda: len(first.messages) == 9)  # and one for notices
            await send_until(office, both, lambda: office.campaign(campaign).waits_reason == "rate")
        assert len(first.messages) == 9 and not second.messages

    asyncio.run(journey())


def test_a_stand_in_at_its_rate_does_not_keep_the_first_from_opening(office):  # F18
    async def journey():
        campaign, clock = office.launched(30), MovedClock(office.now, still=True)
        async with Sink() as first, Sink() as second:
            shut(office, "first", 60)
            both = [
                sender(office, "first", relay_of(first), clock),
                sender(office, "second", relay_of(second), clock, rates=(parse("10/day"),)),
            ]
            await send_until(office, both, lambda: len(second.messages) == 9)
            await send_until(office, both, lambda: office.campaign(campaign).waits_reason == "rate")
            assert office.campaign(campaign).waits_until == office.now + timedelta(minutes=60)
            clock.move(timedelta(minutes=61))
            await send_until(office, both[:1], lambda: bool(first.messages))
        assert len(second.messages) == 9

    asyncio.run(journey())


# ── by sender ────────────────────────────────────────────────────────────────────────────────────


def test_each_newsletter_goes_over_its_own_relay_and_waits_for_that_one_alone(office):  # F5
    async def journey():
        campaign, clock = office.launched(20), MovedClock(office.now, still=True)
        other, people, _ = of_another_newsletter(office)
        async with Sink() as second:
            both = [
                sender(office, "first", nobody_there(), clock, APART),
                sender(office, "second", relay_of(second), clock, APART),
            ]
            await send_until(
                office,
                both,
                lambda: finished(office, other)() and office.campaign(campaign).waits_reason is not None,
            )
        assert recipients(second) == people
        assert office.campaign(campaign).waits_reason == "relay_down"
        assert office.states(campaign) == {"queued": 20}

    asyncio.run(journey())


def test_a_notice_goes_as_the_newsletter_of_its_list(office):
    async def journey():
        clock = MovedClock(office.now)
        _, _, list_id = of_another_newsletter(office, people=0)
        edition_id = office.edition_ids["ja"]
        with office.engine.begin() as connection:
            for name, its_list in (("a", list_id), ("b", None)):
                address = f"{name}@example.org"
                notice = Notice(
                    "goodbye", name, address, "example.org", edition_id, "ja", {}, list_id=its_list
                )
                ledger.enqueue_notice(connection, notice, office.now)
        async with Sink() as first, Sink() as second:
            both = [
                sender(office, "first", relay_of(first), clock, APART),
                sender(office, "second", relay_of(second), clock, APART),
            ]
            await send_until(office, both, lambda: bool(first.messages and second.messages))
        assert recipients(first) == ["b@example.org"] and recipients(second) == ["a@example.org"]

    asyncio.run(journey())


def test_what_no_relay_takes_any_more_is_held_and_its_notices_wait(office):
    async def journey():
        clock = MovedClock(office.now)
        other, _, list_id = of_another_newsletter(office)
        with office.engine.begin() as connection:
            notice = Notice(
                "goodbye",
                "a",
                "a@example.org",
                "example.org",
                office.edition_ids["ja"],
                "ja",
                {},
                list_id=list_id,
            )
            delivery_id = ledger.enqueue_notice(connection, notice, office.now)
        ways = Routes(Route(("first",), "enews@example.org"), {"harbour": Route((), "harbour@example.com")})
        async with Sink() as first:
            one = sender(office, "first", relay_of(first), clock, ways)
            await send_until(office, one, lambda: office.campaign(other).state == "held")
        held = office.campaign(other)
        assert held.reason == "no_relay_for_sender"
        assert held.reason_facts == {"newsletter": "harbour", "email": "harbour@example.com"}
        assert office.row(delivery_id).state == "queued" and not first.messages

    asyncio.run(journey())
