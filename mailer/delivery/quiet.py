"""Quiet hours and quiet days: when no campaign's mail leaves. Pure; told the time, the zone and the days.

Owns spans by the clock on the wall, over midnight and over the change to summer time. Which day is quiet is
a predicate that bootstrap makes (holidays and closed days are the calendar's). Asked in each turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)
MOST_DAYS = 400  # looked ahead: a calendar that is quiet for longer is a mistake, and must not hang a sender
_FOUR_WEEKS = timedelta(days=28)  # long enough for the share of open time


@dataclass(frozen=True, slots=True)
class Quiet:
    """By the wall clock of `zone`: from `begins` to `ends` each day (none if they are equal), and on quiet days."""

    zone: tzinfo
    begins: time = time(0)
    ends: time = time(0)
    is_quiet_day: Callable[[date], bool] = lambda day: False

    def until(self, now: datetime) -> datetime | None:
        """When mail may leave again, aware UTC; None: now."""
        if not self._is_quiet(now):
            return None
        at = now
        for _ in range(MOST_DAYS):
            at = self._next_end(at)
            if not self._is_quiet(at):
                return self._not_later_than_needed(at, now)
        return at

    def begins_after(self, now: datetime) -> datetime | None:
        """When the next quiet time begins, seen from a moment that is not quiet; None: never within MOST_DAYS."""
        for at in self._starts(now.astimezone(self.zone).date()):
            if at > now and self._is_quiet(at):
                return at
        return None

    def open_share(self, now: datetime) -> float:
        """The share of time in which mail may leave, of the four weeks from `now`; never 0."""
        at, opened = now, timedelta(0)
        while at < now + _FOUR_WEEKS:
            at = self.until(at) or at
            shut = self.begins_after(at) or now + _FOUR_WEEKS
            opened += max(min(shut, now + _FOUR_WEEKS) - at, timedelta(0))
            at = shut
        return max(opened / _FOUR_WEEKS, 0.01)

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _is_quiet(self, moment: datetime) -> bool:
        local = moment.astimezone(self.zone)
        at, begins, ends = local.time(), self.begins, self.ends
        inside = begins <= at < ends if begins <= ends else (at >= begins or at < ends)
        return inside or self.is_quiet_day(local.date())

    def _next_end(self, moment: datetime) -> datetime:
        """The next moment after this one at which a quiet day or the quiet hours may end."""
        today = moment.astimezone(self.zone).date()
        ends = {time(0)} if self.begins == self.ends else {time(0), self.ends}
        days = (today, today + _DAY, today + 2 * _DAY)
        return min(at for day in days for end in ends for at in self._moments(day, end) if at > moment)

    def _starts(self, today: date) -> Iterator[datetime]:
        starts = [time(0)] if self.begins == self.ends else sorted({time(0), self.begins})
        for n in range(MOST_DAYS):
            for start in starts:
                yield from self._moments(today + n * _DAY, start)

    def _moments(self, day: date, at: time) -> list[datetime]:
        """One; two where the hour is shown twice; in the hour that is skipped one a little late."""
        folds = (datetime.combine(day, at.replace(fold=n), self.zone).astimezone(UTC) for n in (0, 1))
        return sorted({one for one in folds if one.astimezone(self.zone).time() >= at or at == time(0)})

    def _not_later_than_needed(self, at: datetime, now: datetime) -> datetime:
        """An end in the skipped hour comes at its end: by the wall the time has been passed then."""
        while at - _MINUTE > now and not self._is_quiet(at - _MINUTE):
            at -= _MINUTE
        return at
