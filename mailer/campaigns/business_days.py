"""Which days an office works: weekends, national holidays, its own closed days. Pure.

The holidays come from the library `holidays`; the closed days from the configuration.
Called by `recurrence` and, for the quiet days of the press, by bootstrap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Final


@dataclass(frozen=True)
class Closed:
    """The office's own closed days of every year, inclusive, perhaps over New Year: (12, 31) – (1, 3)."""

    first: tuple[int, int]
    last: tuple[int, int]

    def __contains__(self, day: date) -> bool:
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


NEW_YEAR: Final = Closed((12, 31), (1, 3))


@dataclass(frozen=True)
class Calendar:
    """Which days are business days: no Saturday or Sunday, no national holiday, not closed by the office."""

    country: str | None = "JP"  # ISO 3166-1; None = no national holidays
    closed: tuple[Closed, ...] = (NEW_YEAR,)
    closed_dates: frozenset[date] = field(default_factory=frozenset)

    @cached_property
    def _holidays(self) -> Any:
        import holidays  # 0.2 s at the first use; most processes never ask

        return holidays.country_holidays(self.country) if self.country else {}

    def is_business_day(self, day: date) -> bool:
        return day.weekday() < 5 and not self.is_closed(day) and not self.is_holiday(day)

    def is_closed(self, day: date) -> bool:
        """By the office itself."""
        return day in self.closed_dates or any(day in days for days in self.closed)

    def is_holiday(self, day: date) -> bool:
        return day in self._holidays


WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def any_of(calendar: Calendar, names: Sequence[str]) -> Callable[[date], bool]:
    """Is a day one of these: mon … sun, holidays, closed? Answers are kept: the press asks in every turn."""
    weekdays = {n for n, name in enumerate(WEEKDAYS) if name in names}

    @lru_cache(maxsize=512)
    def is_one(day: date) -> bool:
        if day.weekday() in weekdays or ("closed" in names and calendar.is_closed(day)):
            return True
        return "holidays" in names and calendar.is_holiday(day)

    return is_one


def read_closed(texts: Sequence[str]) -> tuple[tuple[Closed, ...], frozenset[date]]:
    """`12-31..01-03` (every year) and `2035-05-02` (once), as a configuration says them. Raises ValueError."""
    yearly, once = [], set()
    for text in texts:
        first, dots, last = text.strip().partition("..")
        if re.fullmatch(r"\d{4}-\d\d-\d\d", first) and not dots:
            once.add(date.fromisoformat(first))
        else:
            yearly.append(Closed(_month_day(first), _month_day(last if dots else first)))
    return tuple(yearly), frozenset(once)


def _month_day(text: str) -> tuple[int, int]:
    day = date.fromisoformat(f"2000-{text}")  # a leap year: 02-29 is a day
    return day.month, day.day
