"""The sender: takes due rows, has them printed, hands them to the relay and writes down what came back.

Async because of the socket; everything at the database is a batch in one thread of its own, so that nothing
per message crosses to a thread. Owns no rule: what may leave and what follows is `turn`'s. Called by worker,
by `campaigns send --wait` and by cluster (`send_batch`).
"""

from __future__ import annotations

import asyncio
import contextlib
import random as random_module
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

import structlog
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from mailer.delivery import domains, failover, first_copy, ledger, process, throttle
from mailer.delivery.journal import Journal
from mailer.delivery.model import Claimed
from mailer.delivery.press import Clock, Press, Sent, Settings, Wire
from mailer.delivery.routes import NONE
from mailer.delivery.stretch import Stretch
from mailer.delivery.throttle import Closed
from mailer.delivery.turn import Turn
from mailer.delivery.watch import Watch
from subscribers.database import reading

T = TypeVar("T")
log = structlog.get_logger("mailer.delivery")
LONGEST_PAUSE = 5.0  # seconds between tries when the database does not answer


class Sender:
    """One relay, one process, as many connections as its pool opens."""

    def __init__(
        self,
        engine: Engine,
        open_wire: Callable[[], Wire],
        press: Press,
        settings: Settings,
        clock: Clock,
        *,
        random: Callable[[], float] = random_module.random,
        name: str | None = None,
    ) -> None:
        self.press = press
        self.settings = settings
        self.clock = clock
        self.name = name or process.own_name()
        self.turn = Turn(settings, Watch(), random)
        self.journal = Journal(settings.relay)
        self._engine = engine
        self._open_wire = open_wire
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._connection: Connection | None = None  # of that thread
        self._tidied_at: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Send whatever becomes due until `stop`; then hand over nothing more, wait for the replies that are
        due (`settings.drain`), give back what was claimed and return."""
        async with self._at_work() as wire:
            while not stop.is_set():
                sent = await self._send(wire, stop, None)
                await self._rest(sent.again_at, stop)

    async def send_batch(self, stop: asyncio.Event | None = None) -> Sent:
        """Claim one batch, send it, wait for all replies; what became of it and when to come again."""
        async with self._at_work() as wire:
            return await self._send(wire, stop or asyncio.Event(), self.settings.batch_size)

    def claim(self, connection: Connection, limit: int, now: datetime) -> list[Claimed]:
        """Up to `limit` rows of what this relay carries now; none while others of the hand go another way."""
        mine, watch = failover.share(connection, self.settings, now), self.turn.watch
        if not mine or not mine.newsletters.covers(watch.carrying):
            return []
        watch.carrying = mine.newsletters
        lease, zone = self.settings.lease, self.settings.zone
        found = ledger.claim(connection, self.name, limit, now, lease, share=mine, zone=zone)
        limits = domains.limits(self.settings.domain_rates, throttle.standing(connection).paces, now)
        late = domains.beyond(found, limits, watch.ends, now)
        ledger.put_off(connection, [row for row in found if row.id in late], late)
        return [row for row in found if row.id not in late]

    async def at_ledger(self, work: Callable[[Connection], T], stop: asyncio.Event | None = None) -> T:
        """Run `work` in a transaction, again and again while the database cannot be reached.

        A reply that is not yet written must not be lost because PostgreSQL restarts or chose us as the victim
        of a deadlock. Gives up only when `stop` is set.
        """
        pause = 0.1
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, work)
            except (OperationalError, InterfaceError) as error:
                if stop is not None and stop.is_set() and pause >= LONGEST_PAUSE:
                    raise
                log.warning("ledger_unreachable", error=type(error.orig).__name__, seconds=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _at_work(self) -> AsyncIterator[Wire]:
        try:
            async with self._open_wire() as wire:
                yield wire
        finally:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._hang_up)

    def _commit(self, work: Callable[[Connection], T]) -> T:
        """In the ledger's thread, on one connection that stays open: taking one from the pool and giving it
        back cost more than the rows of a turn."""
        if self._connection is None:
            self._connection = self._engine.connect()
            self._yield_when_frozen(self._connection)
        try:
            with self._connection.begin():
                return work(self._connection)
        except (OperationalError, InterfaceError):
            with contextlib.suppress(SQLAlchemyError):
                self._connection.invalidate()
            self._hang_up()
            raise

    def _yield_when_frozen(self, connection: Connection) -> None:
        """A process that stands still in the middle of a transaction would keep its rows from everybody: after
        a lease PostgreSQL ends that transaction. (SQLite's lock is the process's own.)"""
        if connection.dialect.name == "postgresql":
            lease_ms = round(self.settings.lease.total_seconds() * 1000)
            with connection.begin():
                connection.exec_driver_sql(f"SET idle_in_transaction_session_timeout = {lease_ms}")

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(SQLAlchemyError):
                connection.close()

    async def _send(self, wire: Wire, stop: asyncio.Event, limit: int | None) -> Sent:
        now = self.clock.now()
        await self._tidy(now, stop)
        if not await asyncio.get_running_loop().run_in_executor(self._thread, self._something_to_do, now):
            return Sent({}, None)
        gate = await self.at_ledger(lambda connection: self._gate(connection, now), stop)
        if gate is not None and gate.until > now:
            return Sent({}, gate.until)
        if gate is not None and not self.settings.routes.is_single:
            limit = 1  # one that knocks; the others are not kept from the relay that stands in
        self.turn.watch.carrying = NONE
        sent = await Stretch(self, wire, stop, limit).run()
        await self._look_round(stop)
        return sent

    async def _tidy(self, now: datetime, stop: asyncio.Event) -> None:
        """Take over from senders that are gone; often enough that nobody waits long after a lease."""
        if self._tidied_at is None:
            await self.at_ledger(lambda connection: failover.reconsider(connection, self.settings, now), stop)
        elif abs(now - self._tidied_at) < self.settings.lease / 10:
            return
        self._tidied_at = now
        resend = self.settings.policy.resend_uncertain
        unsent, uncertain = await self.at_ledger(
            lambda connection: ledger.release_dead(connection, process.is_dead, now, resend=resend), stop
        )
        if unsent or uncertain:
            log.warning("took_over", unsent=unsent, uncertain=uncertain)
        if self.settings.routes.unserved:
            await self.at_ledger(
                lambda connection: ledger.hold_unserved(connection, self.settings.routes, now), stop
            )
        await self._look_round(stop)
        await self.at_ledger(lambda connection: self._keep_quiet(connection, now), stop)
        await self.at_ledger(lambda connection: ledger.forget_claims(connection, now), stop)

    async def _look_round(self, stop: asyncio.Event) -> None:
        """What the rows mean for their campaigns, whoever settled them."""

        def look(connection: Connection) -> tuple[list[int], Sequence[Any]]:
            first_copy.conclude(connection, self.clock.now())
            finished = ledger.finish_done(connection, self.clock.now())
            return finished, self.journal.standings(connection)

        finished, standings = await self.at_ledger(look, stop)
        self.journal.look(standings)
        if finished:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._tell_finished, finished)

    def _tell_finished(self, finished: list[int]) -> None:
        """Counting a million rows takes seconds: not in a transaction that writes."""
        with contextlib.suppress(OperationalError, InterfaceError), reading(self._engine) as connection:
            for campaign_id in finished:
                self.journal.finished(campaign_id, ledger.counts(connection, campaign_id))

    def _something_to_do(self, now: datetime) -> bool:
        with contextlib.suppress(OperationalError, InterfaceError), reading(self._engine) as connection:
            return failover.is_concerned(connection, self.settings, now)
        return False

    def _gate(self, connection: Connection, now: datetime) -> Closed | None:
        """A relay that is closed makes campaigns wait, those too that began after it closed."""
        gate = throttle.gates(connection).get(self.settings.relay)
        self._keep_quiet(connection, now)
        if gate is None or gate.until <= now:
            ledger.go_on(connection, now)
        else:
            failover.tell(connection, self.settings, now)
        return gate

    def _keep_quiet(self, connection: Connection, now: datetime) -> None:
        """Also campaigns that began in quiet time wait for its end, and none waits for an end that was abolished."""
        if self.settings.only is None:
            ledger.keep_quiet(connection, self.settings.quiet_until(now))

    async def _rest(self, until: datetime | None, stop: asyncio.Event) -> None:
        """Until there may be work again; a poll sooner if nothing is known, because others enqueue notices."""
        seconds = self.settings.poll.total_seconds()
        if until is not None:
            seconds = min(max((until - self.clock.now()).total_seconds(), 0.0), seconds)
        asleep = asyncio.ensure_future(self.clock.sleep(seconds))
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait({asleep, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (asleep, stopped):
            task.cancel()
        await asyncio.gather(asleep, stopped, return_exceptions=True)
