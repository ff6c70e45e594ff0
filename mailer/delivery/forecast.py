"""When a send will be over: the rest, the windows with what they have used, and the speed of the wire.

Pure: the numbers come in. Called before a send (nothing used yet) and while it runs, by campaigns and pages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailer.delivery.throttle import Rate

# Without a measurement: what one connection without pipelining does over a round trip of 50 ms, TLS and a
# server that looks at what it takes. Rather too slow than too fast: people plan by it.
FIRST_GUESS_PER_CONNECTION = 3.0  # messages per second
# Steps followed one by one; what lies beyond is reckoned by the slowest window's average.
MOST_STEPS = 5_000

Used = Sequence[tuple[datetime, int]]  # start of slice, mails: `throttle.used`


@dataclass(frozen=True, slots=True)
class Wire:
    """What the wire itself allows, rates aside."""

    connections: int = 1
    measured_per_second: float | None = None  # of this campaign or the last one, by all connections

    @property
    def per_second(self) -> float:
        return self.measured_per_second or self.connections * FIRST_GUESS_PER_CONNECTION


def finish(
    queued: int,
    now: datetime,
    rates: Sequence[Rate] = (),
    used: Sequence[Used] = (),
    wire: Wire = Wire(),
    *,
    waits_until: datetime | None = None,
) -> datetime:
    """The moment when the last of `queued` mails has left, quiet hours and refusals left aside.

    `used` belongs to `rates`, one by one. `waits_until`: a quota or a relay that is down. Follows the
    windows as the throttle would: a full window at once, as fast as the wire goes, then the next.
    """
    at = max(now, waits_until) if waits_until is not None else now
    windows = [_Window(rate, used[n] if n < len(used) else ()) for n, rate in enumerate(rates)]
    for _ in range(MOST_STEPS):
        if queued <= 0:
            return at
        room = min((window.room(at) for window in windows), default=queued)
        if room <= 0:
            at = max(window.next_at(at) for window in windows if window.room(at) <= 0)
            continue
        leaving = min(room, queued)
        for window in windows:
            window.take(at, leaving)
        at += timedelta(seconds=leaving / wire.per_second)
        queued -= leaving
    slowest = min(rate.limit_for(notice=False) / rate.window.total_seconds() for rate in rates)
    return at + timedelta(seconds=queued / min(slowest, wire.per_second))


class _Window:
    """One rolling window while it is reckoned forward."""

    def __init__(self, rate: Rate, used: Used) -> None:
        self._rate = rate
        self._whole = rate.window + timedelta(milliseconds=rate.slice_ms)
        self._taken = deque(used)
        self._sum = sum(taken for _, taken in used)

    def room(self, at: datetime) -> int:
        while self._taken and self._taken[0][0] + self._whole <= at:
            self._sum -= self._taken.popleft()[1]
        return self._rate.limit_for(notice=False) - self._sum

    def next_at(self, at: datetime) -> datetime:
        """When there is room again: the first slices have to leave until the sum is below the limit."""
        room = self.room(at)
        for slot, taken in self._taken:
            room += taken
            if room > 0:
                return slot + self._whole
        return at

    def take(self, at: datetime, mails: int) -> None:
        self._taken.append((self._rate.slot(at), mails))
        self._sum += mails
