"""The kill campaign: real sender processes ended by SIGKILL, and who got what compared at the server.

Real editions, real configuration, `mailer.worker` processes and `mailer work`; the relay is our sink behind a
distance, so that replies are under way when a kill comes. Short in the suite, whole in `make bench`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from random import Random

import sqlalchemy as sa

from mailer.bootstrap import House
from mailer.campaigns import store
from mailer.tables.delivery import attempt, claim, delivery
from subscribers import tables
from subscribers.database import reading
from tests.bench import office as offices
from tests.bench.office import Office
from tests.doubles.far_relay import FarRelay, far_relay

LIMIT = 120.0  # seconds that anything here may take; far more than it needs
EACH_WAY = 0.015  # seconds: with 30 ms for a reply there is always one under way
# The child of a killed `work` goes on for up to two seconds, until it sees that its parent is gone: not too fast.
FURTHER = 0.3
CONNECTIONS = 4
MOMENTS = ("random", "message", "mail", "random", "message", "body", "rcpt")
WHOM = ("one", "of two", "both", "one", "work", "one")


@dataclass(frozen=True)
class Kill:
    whom: str  # one | of two | both | work
    moment: str  # random, or the stage at whose command the server stopped to think
    chunking: bool
    attempting: int  # rows of the whole campaign right after it
    left_behind: int  # those of the killed
    bound: int  # 2 × connections × depth of the killed


@dataclass(frozen=True)
class Aftermath:
    """Subscribers by what became of them, before anybody is sent anything again, and after."""

    people: int
    kills: Sequence[Kill]
    arrived: Counter[int]
    accepted: set[int]
    uncertain: set[int]
    listed: set[int]  # with a row in `attempt` that says uncertain
    retried: int
    accepted_at_last: set[int]
    message_ids: dict[int, list[bytes]]  # of all copies, those of the retry too

    @property
    def lost(self) -> int:
        return self.people - len(self.accepted | self.uncertain)

    @property
    def twice(self) -> int:
        return sum(1 for copies in self.arrived.values() if copies > 1)

    @property
    def while_attempting(self) -> int:
        return sum(1 for kill in self.kills if kill.attempting)

    def faults(self) -> list[str]:
        """What is not as promised; empty where all is well."""
        arrived = set(self.arrived)
        promises = {
            f"{self.lost} lost": self.lost == 0,
            f"{self.twice} twice": self.twice == 0,
            "accepted by the ledger, unknown to the server": self.accepted <= arrived,
            "at the server, but neither accepted nor uncertain": arrived <= self.accepted | self.uncertain,
            "more uncertain in one kill than its bound": all(k.left_behind <= k.bound for k in self.kills),
            "uncertain beyond what the killed had in hand": len(self.uncertain) == sum(k.left_behind for k in self.kills),
            "uncertain, but not listed": self.uncertain == self.listed,
            "not all uncertain were sent again": self.retried == len(self.uncertain),
            "not everybody accepted at last": len(self.accepted_at_last) == self.people,
            "a second copy under another Message-ID": all(len(set(ids)) == 1 for ids in self.message_ids.values()),
        }  # fmt: skip
        return [fault for fault, kept in promises.items() if not kept]


# ── processes ───────────────────────────────────────────────────────────────────────────────────


@contextmanager
def sender(office: Office) -> Iterator[subprocess.Popen[bytes]]:
    """A sender process that ends with the test, if it still is there."""
    process = start(office)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def start(office: Office, *, whole: bool = False) -> subprocess.Popen[bytes]:
    """A sender process as `work` starts them; `whole`: `mailer work` itself."""
    command = [sys.executable, "-m", "mailer.worker", str(office.config), str(os.getpid())]
    if whole:
        command = [sys.executable, "-c", "from mailer.cli.main import run; run()", "--config", str(office.config), "work"]  # fmt: skip
    return subprocess.Popen(command, env=office.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def children_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def until(condition: Callable[[], bool], what: str) -> None:
    give_up = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(what)
        time.sleep(0.005)


# ── the campaign ────────────────────────────────────────────────────────────────────────────────


@dataclass
class Campaign:
    """One campaign in one office, and its kills so far."""

    office: Office
    house: House
    relay: FarRelay
    id: int
    people: int
    random: Random
    kills: list[Kill] = field(default_factory=list)

    def run(self, kills: int) -> Aftermath:
        """So many kills, then senders that may live; then those who are uncertain once more."""
        while len(self.kills) < kills:
            self._kill_one(len(self.kills))
        self.finish()
        arrived = Counter({self._ids[to]: len(ids) for to, ids in self.relay.copies.items()})
        accepted, uncertain, listed = self._in("accepted"), self._in("uncertain"), self._listed()
        now = datetime.now(UTC)
        with self.house.engine.begin() as connection:
            retried = store.retry(connection, self.id, uncertain=True, by=offices.BENCH, now=now)
        self.finish()
        return Aftermath(
            self.people, self.kills, arrived, accepted, uncertain, listed, retried, self._in("accepted"),
            {self._ids[to]: ids for to, ids in self.relay.copies.items()},
        )  # fmt: skip

    def finish(self) -> None:
        """Senders that nobody kills, until the campaign is finished; they end when they are told (F2)."""
        self.relay.far.each_way = EACH_WAY
        with sender(self.office) as process:
            until(lambda: offices.state(self.house, self.id) == "finished", "the campaign does not finish")
            process.terminate()
            assert process.wait(LIMIT) == 0

    # ── one kill ─────────────────────────────────────────────────────────────────────────────────

    def _kill_one(self, number: int) -> None:
        whom, moment = WHOM[number % len(WHOM)], MOMENTS[self.random.randrange(len(MOMENTS))]
        chunking = bool(self.random.randrange(2))
        self.relay.sink.options.chunking = chunking
        self.relay.far.each_way = EACH_WAY
        until(lambda: not self.relay.sink.open_sessions, "those who are gone do not hang up")
        self.relay.hold()
        processes = 1 if whom == "one" else 2
        office = self.office.also(delivery__processes=processes)
        started = [start(office, whole=whom == "work") for _ in range(1 if whom == "work" else processes)]
        try:
            self._await_all()
            struck = started[:1] if whom == "of two" else started
            orphans = [child for one in struck for child in children_of(one.pid)]
            self._strike(moment, [one.pid for one in struck], orphans)
            for one in struck:
                one.wait(LIMIT)
            share = CONNECTIONS if whom in ("one", "both") else CONNECTIONS // processes
            depth = self.house.relays[0].depth if chunking else 1
            left = self._left_behind([one.pid for one in struck])
            self.kills.append(Kill(whom, moment, chunking, self._attempting(), left, 2 * share * depth))
            self._let_live(started[len(struck) :], orphans)
        finally:
            self.relay.let_go()
            for one in started:
                if one.poll() is None:
                    one.kill()
                one.wait()

    def _await_all(self) -> None:
        """Nothing is said before all are connected: people are not used up while a slow one starts."""

        def connected() -> bool:
            if offices.state(self.house, self.id) == "finished":
                raise AssertionError(f"finished after {len(self.kills)} kills: more people are needed")
            return len(self.relay.sink.open_sessions) >= CONNECTIONS

        until(connected, "the senders do not connect")
        self.relay.let_go()

    def _strike(self, moment: str, pids: Sequence[int], orphans: Sequence[int]) -> None:
        """After some more arrivals: at once somewhere, or while the server thinks about such a command."""
        goal, struck = self.relay.arrivals + self.random.randrange(4, 24), threading.Event()

        def now() -> None:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            if orphans:
                self.relay.far.each_way = FURTHER
            struck.set()

        def at(stage: str) -> None:
            if stage == moment and self.relay.arrivals >= goal and not struck.is_set():
                now()

        if moment == "random":
            until(lambda: self.relay.arrivals >= goal, "nothing arrives")
            time.sleep(self.random.random() * 0.03)
            now()
            return
        self.relay.at = at
        assert struck.wait(LIMIT)
        self.relay.at = None

    def _let_live(self, survivors: Sequence[subprocess.Popen[bytes]], orphans: Sequence[int]) -> None:
        """Who was not killed goes on, and drains when it is told to, or when its parent is gone."""
        goal = self.relay.arrivals + 8
        until(lambda: not survivors or self.relay.arrivals >= goal, "the survivor does not go on")
        for one in survivors:
            one.terminate()
        for one in survivors:
            assert one.wait(LIMIT) == 0
        until(lambda: all(is_gone(pid) for pid in orphans), "an orphan does not end")

    # ── the ledger ───────────────────────────────────────────────────────────────────────────────

    def _attempting(self) -> int:
        asked = sa.select(sa.func.count()).select_from(delivery).where(delivery.c.state == "attempting")
        with reading(self.house.engine) as connection:
            return connection.scalar(asked) or 0

    def _left_behind(self, pids: Sequence[int]) -> int:
        of_them = sa.or_(*(claim.c.sender.like(f"%:{pid}:%") for pid in pids))
        asked = (
            sa.select(sa.func.count())
            .select_from(delivery.join(claim, claim.c.id == delivery.c.fence))
            .where(delivery.c.state == "attempting", of_them)
        )
        with reading(self.house.engine) as connection:
            return connection.scalar(asked) or 0

    def _in(self, state: str) -> set[int]:
        with reading(self.house.engine) as connection:
            return set(
                connection.scalars(sa.select(delivery.c.subscriber_id).where(delivery.c.state == state))
            )

    def _listed(self) -> set[int]:
        asked = (
            sa.select(delivery.c.subscriber_id)
            .join(attempt, attempt.c.delivery_id == delivery.c.id)
            .where(attempt.c.outcome == "uncertain")
        )
        with reading(self.house.engine) as connection:
            return set(connection.scalars(asked))

    @cached_property
    def _ids(self) -> dict[str, int]:
        with reading(self.house.engine) as connection:
            found = connection.execute(sa.select(tables.subscriber.c.wire, tables.subscriber.c.id))
            return {row.wire: row.id for row in found}


def _short_issue(folder: Path) -> Path:
    """Composed in a second, where the sample takes three; what is in it does not matter here."""
    folder.mkdir()
    (folder / "issue.toml").write_text(
        'slug = "2034-12"\nnumber = "84"\ndate = 2034-12-20\nlanguages = ["en"]\n\n[edition.en]\n'
        'subject = "Harbour Letter 84"\npreheader = "What happens in the harbour in winter"\n',
        "utf-8",
    )
    (folder / "en.md").write_text(
        "# The winter market {#market}\n\n" + "It opens at ten. " * 40 + "\n", "utf-8"
    )
    return folder


@contextmanager
def campaign(folder: Path, people: int, *, url: str = "", seed: int = 84) -> Iterator[Campaign]:
    """A launched campaign to so many people, at a far relay; `url` "" = SQLite in `folder`."""
    with far_relay(EACH_WAY) as relay:
        database = {"database__url": url} if url else {}
        office = offices.make(
            folder, relay.port, people, issue=_short_issue(folder.with_suffix(".issue")),
            relay__connections=CONNECTIONS, delivery__lease_seconds=30, **database,
        )  # fmt: skip
        launched = offices.launch(office)
        with office.house() as house:
            yield Campaign(office, house, relay, launched, people, Random(seed))
