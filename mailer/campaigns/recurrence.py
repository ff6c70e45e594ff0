"""Monthly rules as people say them, and the dates that they mean. Pure: no database, no clock.

Owns the grammar (English and Japanese) and what a local time means where the clocks change.
Called by `clock` (which occurrences are due) and by whoever shows the next dates.
"""

from __future__ import annotations

import re
import unicodedata
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from mailer.campaigns.business_days import Calendar
from mailer.errors import BadRule
from mailer.i18n import Words

LAST: Final = -1
_LONGEST_CLOSURE: Final = timedelta(days=62)  # looking further for an open day means the calendar is wrong
_FORMS: Final = (
    '"last business day 09:00", "2nd tuesday 10:00", "last friday 17:30", "20 09:00, next business day"'
)


class Unit(StrEnum):
    BUSINESS_DAY = "business day"
    WEEKDAY = "weekday"
    DAY = "day"


class Shift(StrEnum):
    NONE = ""
    NEXT = "next"
    PREVIOUS = "previous"


@dataclass(frozen=True)
class Occurrence:
    date: date  # local, in the schedule's zone: what makes it one of a kind
    at: datetime  # the moment, UTC


@dataclass(frozen=True)
class Rule:
    """One day of each month and a time. `str()` is the short form that `parse` reads again."""

    unit: Unit
    number: int  # 1 … ; LAST
    at: time
    weekday: int | None = None  # 0 = Monday, of Unit.WEEKDAY
    shift: Shift = Shift.NONE

    def __str__(self) -> str:
        which = "last" if self.number == LAST else _ordinal(self.number)
        match self.unit:
            case Unit.BUSINESS_DAY:
                day = f"{which} business day"
            case Unit.WEEKDAY:
                day = f"{which} {_WEEKDAYS[self.weekday or 0]}"
            case Unit.DAY:
                day = "last day" if self.number == LAST else str(self.number)
        return f"{day} {self.at:%H:%M}" + (f", {self.shift} business day" if self.shift else "")

    def describe(self, words: Words) -> str:
        """A phrase: 毎月最終営業日 9:00 · the last business day of each month at 9:00."""
        which = "last" if self.number == LAST else "nth"
        nth = words(
            f"rule.ordinal_{words.locale.ordinal_form(max(self.number, 1))}", number=max(self.number, 1)
        )
        key = {Unit.BUSINESS_DAY: "business_day", Unit.WEEKDAY: "weekday", Unit.DAY: "day"}[self.unit]
        day = words(f"rule.{which}_{key}", nth=nth, weekday=words.weekday(self.weekday or 0))
        whole = words("rule.monthly", day=day, time=words.time(self.at))
        return whole if self.shift is Shift.NONE else words(f"rule.shift_{self.shift}", rule=whole)

    def date_in(self, year: int, month: int, calendar: Calendar) -> date | None:
        """The day that the rule means for this month; shifted, it may lie in a neighbouring one.

        The 31st of a short month is its last day (F13). None only where a month has no open day.
        """
        days = [date(year, month, d) for d in range(1, monthrange(year, month)[1] + 1)]
        if self.unit is Unit.BUSINESS_DAY:
            days = [day for day in days if calendar.is_business_day(day)]
        elif self.unit is Unit.WEEKDAY:
            days = [day for day in days if day.weekday() == self.weekday]
        if not days:
            return None
        chosen = days[-1] if self.number == LAST else days[min(self.number, len(days)) - 1]
        return self._shifted(chosen, calendar)

    def _shifted(self, day: date, calendar: Calendar) -> date | None:
        if self.shift is Shift.NONE:
            return day
        step = timedelta(days=1 if self.shift is Shift.NEXT else -1)
        start = day
        while not calendar.is_business_day(day):
            day += step
            if abs(day - start) > _LONGEST_CLOSURE:
                return None
        return day

    def occurrences(
        self, after: datetime, until: datetime, calendar: Calendar, zone: str
    ) -> Iterator[Occurrence]:
        """Every occurrence with after < at ≤ until, oldest first, each local date once."""
        local = ZoneInfo(zone)
        seen: set[date] = set()
        # A shift may carry an occurrence over the longest closure into a neighbouring month.
        day = (after.astimezone(local).date() - _LONGEST_CLOSURE).replace(day=1)
        while day <= until.astimezone(local).date() + _LONGEST_CLOSURE:
            found = self.date_in(day.year, day.month, calendar)
            if found and found not in seen:
                seen.add(found)
                at = moment(found, self.at, local)
                if after < at <= until:
                    yield Occurrence(found, at)
            day = (day + timedelta(days=31)).replace(day=1)

    def next(self, after: datetime, count: int, calendar: Calendar, zone: str) -> list[Occurrence]:
        """The next `count` occurrences after a moment."""
        found: list[Occurrence] = []
        until = after + timedelta(days=31 * (count + 3))
        for occurrence in self.occurrences(after, until, calendar, zone):
            found.append(occurrence)
            if len(found) == count:
                break
        return found


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The UTC moment of a local time. In a gap: the first moment after it; in a fold: the first of two (F13)."""
    local = datetime.combine(day, at, tzinfo=zone)
    before, after = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    if before <= after:  # a fold (before < after) or an ordinary moment
        return before
    # In a gap fold=1 is reckoned with the new offset and so lies before the change, fold=0 behind it.
    early, late = after, before
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        early, late = (middle, late) if middle.astimezone(zone).utcoffset() == offset else (early, middle)
    return late.replace(microsecond=0)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────

_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_KANJI: Final = "月火水木金土日"
_ORDINALS: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": LAST,
                    "最終": LAST, "最後の": LAST, "最初の": 1}  # fmt: skip

_SHIFT_EN: Final = re.compile(
    r",?\s*(?:(?:if\s+closed|or|else|otherwise),?\s+)*(?:the\s+)?"
    r"(?P<way>next|following|previous|preceding)\s+(?:business|working)\s+day\b"
)
_SHIFT_JA: Final = re.compile(
    r"[、,]?\s*(?:(?:土日祝日?|土日|祝日|休日|休業日|休み|閉庁日)(?:なら|の場合は?|のときは?|の時は?|であれば|に当たれば)?、?\s*(?:その)?)?"
    r"(?P<way>翌|次の|前の|前|直前の)営業日(?:に)?"
)
_TIME: Final = re.compile(
    r"(?P<half>午前|午後)?\s*(?P<hour>\d{1,2})(?:\s*:\s*(?P<minute>\d{2})|\s*時\s*(?:(?P<minute_ja>\d{1,2})\s*分|(?P<thirty>半))?)"
    r"\s*(?P<noon>[ap]m\b)?|(?P<hour_12>\d{1,2})\s*(?P<noon_12>[ap]m)\b"
)
_NOISE: Final = re.compile(
    r"\b(?:of\s+(?:each|every|the)\s+month|(?:each|every)\s+month|monthly|on|at|the)\b|毎月の?|に$|の$"
)
_DAY_EN: Final = re.compile(
    rf"(?P<which>first|second|third|fourth|fifth|last|\d{{1,2}}(?:st|nd|rd|th))\s+"
    rf"(?P<unit>business\s+day|working\s+day|day|{'|'.join(w[:3] + f'(?:{w[3:]})?' for w in _WEEKDAYS)})"
)
_DAY_JA: Final = re.compile(
    rf"(?:(?P<which>最終|最後の|最初の)|第(?P<number>\d{{1,2}}))\s*(?P<unit>営業日|[{_KANJI}]曜日?)|(?P<end>月末|末日|最終日)(?P<open>の?営業日)?"
)
_NUMBER: Final = re.compile(r"(?:day\s+)?(?P<day>\d{1,2})(?:st|nd|rd|th|日)?")


def parse(text: str) -> Rule:
    """Read a rule in English or Japanese. Raises BadRule with a sentence that shows the forms."""
    rest = unicodedata.normalize("NFKC", text).casefold().strip(" 。.")
    if len(rest) > 200:  # a sentence, not a book: keeps the patterns below from long searches
        raise _bad(text[:40] + "…", "unreadable", "It is too long.")
    rest, shift = _take_shift(rest)
    rest, at = _take_time(rest, text)
    rest = re.sub(r"\s+", " ", _NOISE.sub(" ", rest.replace("、", " ").replace(",", " "))).strip(" のに()")
    unit, number, weekday = _day(rest, text)
    if shift and unit is Unit.BUSINESS_DAY:
        raise _bad(
            text, "shift_of_business_day", "A business day needs no “next” or “previous business day”."
        )
    if unit is Unit.WEEKDAY and number == 5:
        raise _bad(text, "fifth_weekday", "Not every month has a fifth one. Say “last”.")
    return Rule(unit, number, at, weekday, shift)


def _take_shift(text: str) -> tuple[str, Shift]:
    found = _SHIFT_EN.search(text) or _SHIFT_JA.search(text)
    if found is None:
        return text, Shift.NONE
    forward = found["way"] in ("next", "following", "翌", "次の")
    return f"{text[: found.start()]} {text[found.end() :]}", Shift.NEXT if forward else Shift.PREVIOUS


def _take_time(text: str, original: str) -> tuple[str, time]:
    found = _TIME.search(text)
    if found is None:
        raise _bad(original, "no_time", "It says no time.")
    hour = int(found["hour"] or found["hour_12"])
    minute = 30 if found["thirty"] else int(found["minute"] or found["minute_ja"] or 0)
    noon = found["noon"] or found["noon_12"]
    if noon or found["half"]:
        afternoon = noon == "pm" or found["half"] == "午後"
        if hour > 12 or (noon and hour == 0):
            raise _bad(original, "no_such_time", "There is no such time of day.")
        hour = hour % 12 + (12 if afternoon else 0)
    if hour > 23 or minute > 59:
        raise _bad(original, "no_such_time", "There is no such time of day.")
    return f"{text[: found.start()]} {text[found.end() :]}", time(hour, minute)


def _day(rest: str, original: str) -> tuple[Unit, int, int | None]:
    if found := _DAY_EN.fullmatch(rest):
        return _unit(found["unit"], _number(found["which"]), original)
    if found := _DAY_JA.fullmatch(rest):
        if found["end"]:
            return (Unit.BUSINESS_DAY if found["open"] else Unit.DAY), LAST, None
        return _unit(found["unit"], _number(found["which"] or found["number"]), original)
    if found := _NUMBER.fullmatch(rest):
        return _unit("day", int(found["day"]), original)
    raise _bad(original, "unreadable", "It is not a monthly rule.")


def _number(which: str) -> int:
    return _ORDINALS.get(which) or int(re.sub(r"\D", "", which))


def _unit(unit: str, number: int, original: str) -> tuple[Unit, int, int | None]:
    if unit == "営業日" or "business" in unit or "working" in unit:
        kind, weekday, most = Unit.BUSINESS_DAY, None, 15  # the shortest months have about 17 of them
    elif unit == "day":
        kind, weekday, most = Unit.DAY, None, 31
    else:
        kind, most = Unit.WEEKDAY, 5
        weekday = _KANJI.index(unit[0]) if unit[0] in _KANJI else [w[:3] for w in _WEEKDAYS].index(unit[:3])
    if number != LAST and not 1 <= number <= most:
        raise _bad(original, "no_such_day", "No month has such a day.")
    return kind, number, weekday


def _ordinal(number: int) -> str:
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def _bad(text: str, key: str, why: str) -> BadRule:
    return BadRule(
        f"“{text}” cannot be read as a monthly rule. {why}",
        remedy=f"Write it like one of these: {_FORMS}.",
        key=f"bad_rule.{key}",
        text=text,
    )
