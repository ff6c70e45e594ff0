"""kill -9 of a real sender in mid-send, on both databases: nobody lost, nobody twice, the rest is listed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from mailer.delivery import ledger, process
from mailer.delivery.model import DeliveryState
from mailer.smtp.sink import Sink
from mailer.tables.delivery import attempt, delivery
from tests.delivery.press_room import recipients

ROOT = Path(__file__).parents[2]
PEOPLE = 400
LIMIT = 60.0


async def start(url, sink, office):
    shift = office.now - datetime.now(UTC) + timedelta(seconds=1)
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.delivery.killed_sender", url, str(sink.port),
        str(shift.total_seconds()), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )  # fmt: skip
    assert sender.stdout is not None
    await sender.stdout.readline()
    return sender


async def until(condition):
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110  (another process acts)
            await asyncio.sleep(0.005)


def attempting(office):
    with office.engine.begin() as connection:
        return connection.scalar(
            sa.select(sa.func.count()).select_from(delivery).where(delivery.c.state == "attempting")
        )


def test_killed_senders_lose_nobody_and_repeat_nobody(office, database_url):  # F1
    async def journey():
        campaign, rng, kills = office.launched(PEOPLE), random.Random(1), 3
        bound = 2 * 4 * 1  # connections × depth without CHUNKING, twice
        async with Sink() as sink:
            for _ in range(kills):
                sender, goal = (
                    await start(database_url, sink, office),
                    len(sink.messages) + rng.randrange(20, 70),
                )
                await until(lambda goal=goal: len(sink.messages) >= goal)
                os.kill(sender.pid, signal.SIGKILL)
                await sender.wait()
                assert attempting(office) <= bound
            sender = await start(database_url, sink, office)
            await until(lambda: office.campaign(campaign).state == "finished")
            sender.send_signal(signal.SIGTERM)
            assert await sender.wait() == 0  # F2
        copies = Counter(recipients(sink))
        assert max(copies.values()) == 1
        with office.engine.begin() as connection:
            states = ledger.counts(connection, campaign).by_state
            accepted, uncertain = (
                set(connection.scalars(sa.select(delivery.c.subscriber_id).where(delivery.c.state == state)))
                for state in (DeliveryState.ACCEPTED, DeliveryState.UNCERTAIN)
            )
            listed = connection.scalar(
                sa.select(sa.func.count(attempt.c.delivery_id.distinct())).where(
                    attempt.c.outcome == "uncertain"
                )
            )
        arrived = {int(address[1:].partition("@")[0]) for address in copies}
        assert accepted | uncertain == set(range(1, PEOPLE + 1))  # nobody lost
        assert accepted <= arrived <= accepted | uncertain
        assert len(uncertain) == listed == states.get("uncertain", 0) <= kills * bound

    asyncio.run(journey())


def test_two_processes_share_a_campaign_and_one_may_die(office, database_url):  # F1 F4
    async def journey():
        campaign = office.launched(PEOPLE)
        async with Sink() as sink:
            one, two = await start(database_url, sink, office), await start(database_url, sink, office)
            await until(lambda: len(sink.messages) >= PEOPLE // 4)
            os.kill(one.pid, signal.SIGKILL)
            await one.wait()
            three = await start(database_url, sink, office)
            await until(lambda: office.campaign(campaign).state == "finished")
            for sender in (two, three):
                sender.send_signal(signal.SIGTERM)
                assert await sender.wait() == 0
        copies = Counter(recipients(sink))
        states = office.states(campaign)
        assert max(copies.values()) == 1
        assert states["accepted"] <= len(copies) <= states["accepted"] + states.get("uncertain", 0) == PEOPLE

    asyncio.run(journey())


def test_a_process_is_dead_only_if_it_was_here_and_is_gone():
    name = process.own_name()
    assert not process.is_dead(name)
    host, pid, rest = name.split(":", 2)
    started, _, place = rest.partition("@")
    assert process.is_dead(f"{host}:{pid}:{int(started) - 1}@{place}")  # the number was given to another
    assert not process.is_dead(f"{host}:{pid}:{started}@another-boot")
    assert not process.is_dead("elsewhere:1:a@test")
