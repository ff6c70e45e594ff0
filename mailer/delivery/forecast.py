"""When a send will be over: the rest, the windows with what they have used, and the speed of the wire.

`reckon` is pure: the numbers come in. `beforehand` is asked while a campaign has no rows, `finish` of one that
stands in the ledger. Called by bootstrap, which knows over which relay it goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery import ledger, throttle
from mailer.delivery.model import OPEN_STATES, Counts
from mailer.delivery.quiet import Quiet
from mailer.delivery.throttle import Rate
from mailer.tables.campaigns import campaign

# Without a measurement: what one connection without pipelining does over a round trip of 50 ms, TLS and a
# server that looks at what it takes. Rather too slow than too fast: people plan by it.
FIRST_GUESS_PER_CONNECTION = 3.0  # messages per second
# Steps followed one by one; what lies beyond is reckoned by the slowest window's average.
MOST_STEPS = 5_000
MOST_NIGHTS = 400  # the same for quiet times
MOST = 2**62  # mails: no bound
ENOUGH_SECONDS = 5.0  # a speed measured over less says nothing

Used = Sequence[tuple[datetime, int]]  # start of slice, mails: `throttle.used`


@dataclass(frozen=True, slots=True)
class Speed:
    """What the wire itself allows, rates aside."""

    connections: int = 1
    measured_per_second: float | None = None  # of this campaign or the last one, by all connections

    @property
    def per_second(self) -> float:
        return self.measured_per_second or self.connections * FIRST_GUESS_PER_CONNECTION


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a send over one relay."""

    relay: str  # its name: the scope of the rates
    rates: Sequence[Rate] = ()
    connections: int = 1  # of all sender processes together
    quiet: Quiet | None = None


def reckon(
    queued: int,
    now: datetime,
    rates: Sequence[Rate] = (),
    used: Sequence[Used] = (),
    speed: Speed = Speed(),
    *,
    waits_until: datetime | None = None,
    quiet: Quiet | None = None,
) -> datetime:
    """The moment when the last of `queued` mails has left; refusals and limits of single domains left aside.

    `used` belongs to `rates`, one by one. `waits_until`: a quota or a relay that is down. Follows the
    windows as the throttle would: a full window at once, as fast as the wire goes, then the next.
    """
    at = max(now, waits_until) if waits_until is not None else now
    windows = [_Window(rate, used[n] if n < len(used) else ()) for n, rate in enumerate(rates)]
    silence = _Silence(quiet)
    for _ in range(MOST_STEPS):
        if queued <= 0:
            return at
        if silence.nights > MOST_NIGHTS:
            break
        at = silence.over(at)
        room = min((window.room(at) for window in windows), default=queued)
        if room <= 0:
            at = max(window.next_at(at) for window in windows if window.room(at) <= 0)
            continue
        leaving = min(room, queued, silence.before_next(at, speed.per_second))
        for window in windows:
            window.take(at, leaving)
        at += timedelta(seconds=leaving / speed.per_second)
        queued -= leaving
    slowest = (rate.limit_for(notice=False) / rate.window.total_seconds() for rate in rates)
    seconds = queued / min((speed.per_second, *slowest))
    return at + timedelta(seconds=seconds / (quiet.open_share(at) if quiet is not None else 1.0))


def beforehand(connection: Connection, mails: int, limits: Limits, now: datetime) -> datetime:
    """When so many mails would have left, if they began now and nothing else was sending."""
    used = throttle.used(connection, limits.relay, limits.rates, now)
    return reckon(mails, now, limits.rates, used, Speed(limits.connections), quiet=limits.quiet)


def finish(
    connection: Connection, campaign_id: int, standing: Counts, limits: Limits, now: datetime
) -> datetime | None:
    """When this campaign's last mail has left; None if none is open. `standing`: as the ledger counts it now.

    Campaigns that are sending and began earlier go first. The speed is what this campaign has shown.
    """
    rest = sum(standing.by_state.get(state, 0) for state in OPEN_STATES)
    if rest == 0:
        return None
    found = connection.execute(sa.select(campaign).where(campaign.c.id == campaign_id)).one()
    before = sa.select(campaign.c.id).where(
        campaign.c.state == "sending", campaign.c.at < found.at, campaign.c.kind != "rehearsal"
    )
    rest += sum(ledger.open_rows(connection, one) for one in connection.scalars(before).all())
    # A rate that holds the campaign back is no speed of the wire: that is asked of the windows.
    speed = Speed(limits.connections, None if limits.rates else _shown(standing, limits.quiet))
    used = throttle.used(connection, limits.relay, limits.rates, now)
    return reckon(rest, now, limits.rates, used, speed, waits_until=_opens(found, now), quiet=limits.quiet)


def _shown(standing: Counts, quiet: Quiet | None) -> float | None:
    """Mails a second so far; None where too little was sent, or a night lay in between."""
    if standing.seconds < ENOUGH_SECONDS or standing.first_at is None or standing.last_at is None:
        return None
    begins = quiet.begins_after(standing.first_at) if quiet is not None else None
    return None if begins is not None and begins < standing.last_at else standing.messages_per_second


class _Silence:
    """Quiet time while it is reckoned forward; the next one is looked up once."""

    def __init__(self, quiet: Quiet | None) -> None:
        self._quiet = quiet
        self._next: datetime | None = None
        self.nights = 0  # looked up so far

    def over(self, at: datetime) -> datetime:
        """`at`, or the end of the quiet time that it lies in."""
        if self._quiet is None:
            return at
        if self.nights == 0 or (self._next is not None and at >= self._next):
            at = self._quiet.until(at) or at
            self._next = self._quiet.begins_after(at)
            self.nights += 1
        return at

    def before_next(self, at: datetime, per_second: float) -> int:
        """How many mails can leave until the next quiet time; at least one."""
        if self._next is None:
            return MOST
        return max(1, int((self._next - at).total_seconds() * per_second))


def _opens(found: sa.Row[Any], now: datetime) -> datetime | None:
    """When the first of the rest may leave: after what it waits for and after its safety window."""
    opens = found.opens_at
    if opens is None and found.safety_minutes:  # the first copies are on their way
        opens = now + timedelta(minutes=found.safety_minutes)
    return max((one for one in (found.waits_until, opens) if one is not None), default=None)


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
