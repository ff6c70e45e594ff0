"""How fast a recipient domain may be served after it asked us to slow down. Pure: no table, no clock.

Owns the step down and the way back up. `domains` keeps a pace in the database for all processes and asks
it in each turn; `retry` decides which replies are such a request.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass
from datetime import datetime, timedelta

# Nothing accepted lately, so nobody knows what the domain can take: one a second is what a small office sends.
UNKNOWN_PER_MINUTE = 60
# A request is an answer to what left before it: what was on the wire then may be refused, too. A minute is
# longer than a message is under way, so fifty replies of one burst are one step.
STEP = timedelta(minutes=1)
# Receivers count by some minutes up to an hour. Doubling each 5 minutes tries the old speed after about half
# an hour; a domain that asks again meanwhile is met at the pace of that moment, halved.
RECOVERY = timedelta(minutes=5)
# Then the domain is free. Sixteen times the set pace has been served for 5 minutes without a complaint; and
# ten a second is more than most receivers get from any one newsletter.
FREE_FACTOR, FREE_PER_MINUTE = 16, 600
_SLICE = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Pace:
    """As it was set when the domain asked the last time."""

    per_minute: int
    since: datetime
    reply: str | None = None  # the server's words

    def at(self, now: datetime) -> int | None:
        """Mails a minute at this moment; None: the domain is free again.

        A `since` in the future comes from a clock that was wrong; it slows nobody for longer than a step.
        """
        if self.since - now > RECOVERY:
            return None
        doublings = max(now - self.since, timedelta(0)) // RECOVERY
        allowed = self.per_minute * 2 ** min(doublings, 20)
        return None if allowed > max(FREE_FACTOR * self.per_minute, FREE_PER_MINUTE) else allowed


def slower(standing: Pace | None, took_last_minute: int, reply: str | None, now: datetime) -> Pace:
    """The pace after one more request: half of what the domain really took, at least one a minute.

    `took_last_minute`: accepted by the domain; 0 is unknown. Returns `standing` itself within STEP.
    """
    if standing is not None and abs(now - standing.since) < STEP:
        return standing
    allowed = standing.at(now) if standing is not None else None
    if allowed is not None:
        before = min(allowed, took_last_minute or allowed)
    else:
        before = took_last_minute or 2 * UNKNOWN_PER_MINUTE
    return Pace(max(1, before // 2), now, reply)


class Tally:
    """What each domain accepted in the last minute from this process, in slices of ten seconds."""

    def __init__(self) -> None:
        self._slices: deque[tuple[datetime, Counter[str]]] = deque()

    def add(self, domain: str, at: datetime) -> None:
        if not self._slices or not timedelta(0) <= at - self._slices[-1][0] < _SLICE:
            self._slices.append((at, Counter()))
            while len(self._slices) > 1 + STEP // _SLICE:
                self._slices.popleft()
        self._slices[-1][1][domain] += 1

    def last_minute(self, domain: str, now: datetime) -> int:
        return sum(took[domain] for began, took in self._slices if abs(now - began) <= STEP)
