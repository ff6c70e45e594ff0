"""Rows become messages beside the wire: what is claimed, and what is printed and ready to leave.

Owns the claimed rows of a stretch until they are handed over, and what follows when the press cannot print.
Made by each stretch, which takes from `ready` and gives back what it does not send.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from mailer.delivery import first_copy, ledger
from mailer.delivery.model import Claimed
from mailer.delivery.press import Unsendable
from mailer.masking import masked
from mailer.smtp.model import Envelope
from mailer.smtp.wire import Checked

if TYPE_CHECKING:
    from mailer.delivery.sender import Sender

log = structlog.get_logger("mailer.delivery")
# A longer wait gives the rows back, so that another process or a later hour finds them queued.
PATIENCE = timedelta(seconds=30)
AHEAD = 16  # messages printed ahead at least; at most as many as the window holds
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0  # seconds between tries when the press cannot read the database


@dataclass(frozen=True, slots=True)
class Ready:
    row: Claimed
    envelope: Envelope
    message: bytes | Checked


class Feed:
    """`limit`: rows that may be claimed in all, None for no limit. `wake` is set when there is more."""

    def __init__(self, sender: Sender, stop: asyncio.Event, limit: int | None, wake: asyncio.Event) -> None:
        self.ready: deque[Ready] = deque()
        self.refused: Counter[str] = Counter()  # rows of which no message can be made
        self._sender = sender
        self._stop = stop
        self._left = limit
        self._wake = wake
        self._rows: deque[Claimed] = deque()
        self._task: asyncio.Task[None] | None = None
        self._broken: Exception | None = None
        self._print_pause = FIRST_PAUSE
        self._exhausted = False
        self._looked_at = sender.clock.now()

    @property
    def is_dry(self) -> bool:
        """Nothing in hand, and a claim found nothing more."""
        return self._exhausted and not (self._rows or self.ready or self._task)

    def fill(self, window: int) -> None:
        """Start claiming and printing when what is in hand runs low for a window of so many."""
        if self._task is not None:
            return
        now = self._sender.clock.now()
        if (
            now - self._looked_at >= self._sender.settings.poll
        ):  # a notice may have come, or a deferred row is due
            self._exhausted = self._left == 0
        ahead = max(window, AHEAD)
        if len(self.ready) < ahead and (self._rows or not self._exhausted):
            self._task = asyncio.get_running_loop().create_task(
                self._claim_and_print(ahead, self._batch(window))
            )

    def held(self) -> list[Claimed]:
        """Whose leases are to be kept."""
        return [*self._rows, *(each.row for each in self.ready)]

    def require_whole(self) -> None:
        """Raises what ended the claiming or printing; the leases keep the rows."""
        if self._broken is not None:
            raise self._broken

    async def end(self) -> None:
        """Wait for what is being claimed or printed."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    def let_go(self) -> list[Claimed]:
        """All rows that did not leave, no longer held here."""
        kept = self.held()
        self._rows.clear()
        self.ready.clear()
        return kept

    # ── claiming ─────────────────────────────────────────────────────────────────────────────────

    async def _claim_and_print(self, ahead: int, batch: int) -> None:
        try:
            if not self._exhausted and len(self._rows) < batch // 2 + 1:
                await self._claim(batch)
            some = [self._rows.popleft() for _ in range(min(len(self._rows), ahead))]
            if some:
                await self._print(some)
        except Exception as error:  # noqa: BLE001  (raised again by the loop)
            self._broken = error
        finally:
            self._task = None
            self._wake.set()

    def _batch(self, window: int) -> int:
        """Claimed at a time: not more than what a rate lets leave soon, so that notices need not wait behind."""
        settings = self._sender.settings
        batch = settings.batch_size
        for rate in settings.rates:
            soon = rate.limit * PATIENCE / max(rate.window, PATIENCE)
            batch = min(batch, max(window, int(soon) + 1))
        return batch

    async def _claim(self, batch: int) -> None:
        now = self._sender.clock.now()
        limit = batch if self._left is None else min(batch, self._left)
        self._looked_at = now
        found = await self._sender.at_ledger(
            lambda connection: self._sender.claim(connection, limit, now), self._stop
        )
        if self._left is not None:
            self._left -= len(found)
        self._exhausted = not found or self._left == 0
        for row in reversed(found):
            if row.campaign_id is None:
                self._rows.appendleft(row)
        self._rows.extend(row for row in found if row.campaign_id is not None)

    # ── printing ─────────────────────────────────────────────────────────────────────────────────

    async def _print(self, rows: list[Claimed]) -> None:
        now = self._sender.clock.now()
        try:
            printed = await asyncio.to_thread(self._sender.press.prepare, rows, now)
        except (OperationalError, InterfaceError) as error:
            await self._print_later(rows, error)
            return
        except Exception as error:
            apart = _by_edition(rows)
            if len(apart) > 1:  # one edition that fails must not hold the campaigns of the others
                for some in apart:
                    await self._print(some)
                return
            log.exception("press_failed", deliveries=len(rows))
            await self._cannot_print(rows, f"{type(error).__name__}: {error}")
            return
        self._print_pause = FIRST_PAUSE
        refused: dict[Claimed, str] = {}
        for row, made in zip(rows, printed, strict=True):
            if isinstance(made, Unsendable):
                refused[row] = made.reason
            else:
                self.ready.append(Ready(row, *made))
        if refused:
            at = self._sender.clock.now()
            await self._sender.at_ledger(
                lambda connection: ledger.refuse_unsent(connection, refused, at), self._stop
            )
            self.refused["refused"] += len(refused)

    async def _print_later(self, rows: Sequence[Claimed], error: DBAPIError) -> None:
        """The database is away for a moment: back in hand, where leases are kept and a stop lets go of them."""
        self._rows.extendleft(reversed(rows))
        pause, self._print_pause = self._print_pause, min(self._print_pause * 2, LONGEST_PAUSE)
        log.warning("press_waits_for_database", error=type(error.orig).__name__, seconds=pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), pause)

    async def _cannot_print(self, rows: Sequence[Claimed], error: str) -> None:
        now = self._sender.clock.now()

        def give_back(connection: Connection) -> None:
            for campaign_id in {row.campaign_id for row in rows if row.campaign_id is not None}:
                ledger.hold(connection, campaign_id, "press_failed", {"error": masked(error)[:500]}, now)
            copies = [row for row in rows if row.notice == first_copy.PURPOSE]
            ledger.refuse_unsent(connection, dict.fromkeys(copies, "press_failed"), now)
            ledger.release(connection, rows, due_at=now + timedelta(minutes=10))

        await self._sender.at_ledger(give_back, self._stop)


def _by_edition(rows: Sequence[Claimed]) -> list[list[Claimed]]:
    apart: defaultdict[tuple[int | None, int], list[Claimed]] = defaultdict(list)
    for row in rows:
        apart[row.campaign_id, row.edition_id].append(row)
    return list(apart.values())
