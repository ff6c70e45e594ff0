"""One stretch of sending: from the first claim until nothing is left to do, to wait for, or we are stopped.

Owns what this process has on the wire and the results not yet written; rows and messages in hand are the feed's.
At most `window` rows are attempting at any time, on the wire or with a result that is not yet durable: that
many a crash can leave uncertain. Made by the sender for each stretch.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import structlog

from mailer.delivery import ledger
from mailer.delivery.feed import PATIENCE, Feed, Ready
from mailer.delivery.model import Claimed
from mailer.delivery.press import Sent, Wire
from mailer.delivery.turn import Tried, Turned
from mailer.smtp.errors import RelayUnusable
from mailer.smtp.model import Outcome

if TYPE_CHECKING:
    from mailer.delivery.sender import Sender

log = structlog.get_logger("mailer.delivery")
COMMIT_WINDOW = 100  # results
LOOK_SECONDS = 0.5  # how often the loop looks up when nothing happens: heartbeat, notices
ABORT_SECONDS = 1.0  # a wire that is cut tells its outcomes within one round of the loop


class Stretch:
    def __init__(self, sender: Sender, wire: Wire, stop: asyncio.Event, limit: int | None) -> None:
        self._sender = sender
        self._settings = sender.settings
        self._clock = sender.clock
        self._wire = wire
        self._stop = stop
        self._wake = asyncio.Event()
        self._feed = Feed(sender, stop, limit, self._wake)
        self._flying: dict[asyncio.Future[Outcome], Claimed] = {}
        self._tried: list[Tried] = []
        self._resting = False  # nothing more leaves in this stretch
        self._pause_until: datetime | None = None
        self._again_at: datetime | None = None
        self._settled: Counter[str] = Counter()
        self._renewed_at = sender.clock.now()

    async def run(self) -> Sent:
        stopped = asyncio.ensure_future(self._stop.wait())
        stopped.add_done_callback(lambda _: self._wake.set())
        try:
            while not self._is_over():
                if not self._is_stopping:
                    self._feed.fill(self._window)
                if self._is_turn_due():
                    await self._turn()
                else:
                    await self._pause()
                await self._keep_leases()
        finally:
            stopped.cancel()
            await self._let_go()
        return Sent(dict(self._settled + self._feed.refused), self._again_at)

    # ── when ─────────────────────────────────────────────────────────────────────────────────────

    @property
    def _window(self) -> int:
        """Two for each message that can be under way: one on the wire, one marked behind it."""
        offers = self._wire.capabilities
        depth = self._settings.depth if offers is not None and "CHUNKING" in offers else 1
        return 2 * self._settings.connections * depth

    @property
    def _is_stopping(self) -> bool:
        return self._resting or self._stop.is_set()

    def _is_over(self) -> bool:
        self._feed.require_whole()
        if self._stop.is_set():
            return True
        if self._flying or self._tried:
            return False
        return self._resting or self._feed.is_dry

    def _is_turn_due(self) -> bool:
        """Results wait a moment for company, and so do free places: a commit costs as much for one as for ten,
        and the other half of the window keeps the wire busy meanwhile."""
        enough = max(1, min(COMMIT_WINDOW, self._window // 2))
        if self._tried and (len(self._tried) >= enough or not self._flying):
            return True
        if self._is_stopping or not self._feed.ready or self._pause_until is not None:
            return False
        free = self._window - len(self._flying) - len(self._tried)
        return free >= enough or (free > 0 and not self._flying)

    async def _pause(self) -> None:
        """Until something happens. Short waits are real time; a wait for a rate is the clock's."""
        self._wake.clear()
        if self._pause_until is not None and not self._tried and not self._is_stopping:
            seconds = max((self._pause_until - self._clock.now()).total_seconds(), 0.0)
            asleep = asyncio.ensure_future(self._clock.sleep(seconds))
            awake = asyncio.ensure_future(self._wake.wait())
            done, _ = await asyncio.wait({asleep, awake}, return_when=asyncio.FIRST_COMPLETED)
            if asleep in done or self._clock.now() >= self._pause_until:
                self._pause_until = None
            asleep.cancel()
            awake.cancel()
            await asyncio.gather(asleep, awake, return_exceptions=True)
            return
        linger = self._settings.linger.total_seconds()
        try:
            await asyncio.wait_for(self._wake.wait(), linger if self._tried else LOOK_SECONDS)
        except TimeoutError:
            if self._tried:  # they have waited long enough
                await self._turn()

    # ── messages → relay ─────────────────────────────────────────────────────────────────────────

    async def _turn(self) -> None:
        now = self._clock.now()
        tried, self._tried = self._tried, []
        free = max(self._window - len(self._flying), 0)
        leaving = [] if self._is_stopping or self._pause_until is not None else list(self._feed.ready)[:free]
        candidates, in_flight = [each.row for each in leaving], len(self._flying)
        turned = await self._sender.at_ledger(
            lambda connection: self._sender.turn(connection, tried, candidates, in_flight, now), self._stop
        )
        self._settled += turned.settled
        self._sender.journal.turned(tried, turned)
        if turned.stale:
            log.warning("stale_results", deliveries=turned.stale)
        stays: list[Ready] = []
        for each in leaving:
            self._feed.ready.popleft()
            if each.row.id in turned.marked:
                self._fly(each)
            elif each.row.id not in turned.offered | turned.put_off:
                stays.append(each)
        self._feed.ready.extendleft(reversed(stays))
        await self._give_back(candidates, turned)
        self._resting = self._resting or turned.over
        self._wait_for(turned.again_at, now)

    async def _give_back(self, candidates: Sequence[Claimed], turned: Turned) -> None:
        unmarked = [row for row in candidates if row.id in turned.offered - turned.marked]
        if unmarked:
            await self._sender.at_ledger(lambda connection: ledger.release(connection, unmarked), self._stop)

    def _wait_for(self, again_at: datetime | None, now: datetime) -> None:
        if again_at is None:
            return
        if again_at - now > PATIENCE:
            self._again_at = again_at
            self._resting = True
        else:
            self._pause_until = again_at

    def _fly(self, ready: Ready) -> None:
        """Hand one message over; the relay decides when its turn on the wire is."""
        try:
            outcome = self._wire.send(ready.envelope, ready.message)
        except ValueError as error:  # not fit for the wire: it has not left
            log.error("unfit_message", delivery=ready.row.id, error=str(error))
            self._note(ready, Outcome("mail", None, end_mark_left=False, error="unfit_message"))
        except Exception:  # noqa: BLE001  (logged there)
            self._note(ready, _defect(ready))
        else:
            self._flying[outcome] = ready.row
            outcome.add_done_callback(lambda done: self._landed(ready, done))

    def _landed(self, ready: Ready, done: asyncio.Future[Outcome]) -> None:
        del self._flying[done]
        try:
            self._note(ready, done.result())
        except RelayUnusable as problem:
            unsent = Outcome("connect", problem.reply, end_mark_left=False, error=problem.key)
            self._note(ready, unsent, problem.sentence)
        except asyncio.CancelledError:  # our patience at a stop is over: nobody knows
            self._note(ready, Outcome("message", None, end_mark_left=True, error="stopped"))
        except Exception:  # noqa: BLE001  (logged there)
            self._note(ready, _defect(ready))

    def _note(self, ready: Ready, outcome: Outcome, told: str = "") -> None:
        self._tried.append(Tried(ready.row, self._clock.now(), outcome, told))
        self._wake.set()

    # ── holding and letting go ───────────────────────────────────────────────────────────────────

    async def _keep_leases(self) -> None:
        now = self._clock.now()
        if now - self._renewed_at < self._settings.lease / 3:
            return
        self._renewed_at = now
        held = self._held()
        until = now + self._settings.lease
        await self._sender.at_ledger(lambda connection: ledger.renew(connection, held, until), self._stop)

    def _held(self) -> list[Claimed]:
        on_the_way = [*self._flying.values(), *(each.row for each in self._tried)]
        return [*self._feed.held(), *on_the_way]

    async def _let_go(self) -> None:
        """Whatever ended the stretch: replies first, then the rows that did not leave."""
        await self._feed.end()
        await self._drain()
        kept = self._feed.let_go()
        if kept:
            await self._sender.at_ledger(lambda connection: ledger.release(connection, kept), self._stop)

    async def _drain(self) -> None:
        self._resting = True
        if self._flying:
            late = self._settings.drain.total_seconds()
            _, waiting = await asyncio.wait(tuple(self._flying), timeout=late)
            if waiting:  # what waits for its turn on the wire has not left; only the wire knows
                self._wire.abort()
                _, waiting = await asyncio.wait(waiting, timeout=ABORT_SECONDS)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        if self._tried:
            await self._turn()


def _defect(ready: Ready) -> Outcome:
    """Of ours, to be logged where it is caught: how far this message came is unknown."""
    log.exception("send_failed", delivery=ready.row.id)
    return Outcome("message", None, end_mark_left=True, error="internal")
