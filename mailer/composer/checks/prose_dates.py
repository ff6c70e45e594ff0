"""Finds days in Japanese and English sentences: 1月31日（水）, 令和17年1月31日, Wed 31 January, January 31st, 1/31.

Owns how a day is written by people. Judges nothing. Called by the checks of dates and of differences.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
ERAS: Final[Mapping[str, int]] = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "明治": 1867}
_WEEKDAYS_JA: Final = "月火水木金土日"
_WEEKDAYS_EN: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_NUMBER_OF_MONTH: Final = {
    name[:n].lower(): i for i, name in enumerate(MONTHS, 1) for n in (3, len(name))
} | {"sept": 9}
_NUMBER_OF_WEEKDAY: Final = {
    form.lower(): i for i, name in enumerate(_WEEKDAYS_EN) for form in (name, name[:3])
} | {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_MONTH: Final = (
    r"(?P<month>" + "|".join(MONTHS) + r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec)\b\.?)"
)
_WEEKDAY: Final = r"(?:(?P<weekday>(?:Mon|Tues?|Wed(?:nes)?|Weds|Thu(?:rs|r)?|Fri|Sat(?:ur)?|Sun)(?:day)?)\b\.?,?\s{1,3}(?:the\s{1,3})?)?"
_DAY: Final = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR: Final = r"(?:,?\s{1,3}(?P<year>(?:19|20|21)\d\d)\b(?!\s{0,3}(?:people|participants|yen|copies)))?"
# The other days of "14, 15 and 16 November" and "November 14–16". A weekday may stand before each.
_AND: Final = r"\s{0,3}(?:[-–—~/,&]|,?\s{0,3}\b(?:and|to|or|until|till|through)\b)\s{0,3}"
_MORE: Final = rf"(?:(?:(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?\.?,?\s{{1,3}})?\d{{1,2}}(?:st|nd|rd|th)?{_AND})"
_ENGLISH: Final = (
    ("day month", re.compile(rf"(?<![\w.:/-])(?P<before>{_MORE}{{0,4}}){_WEEKDAY}{_DAY}\s{{1,3}}(?:of\s{{1,3}})?{_MONTH}(?![a-z]){_YEAR}", re.I)),
    (
        "month day",
        re.compile(
            rf"(?<![\w/-]){_WEEKDAY}{_MONTH}\s{{1,3}}(?:the\s{{1,3}})?{_DAY}(?![\d:%])(?!\s{{0,3}}(?:[ap]\.?m\b|%))"
            rf"(?P<after>(?:{_AND}\d{{1,2}}(?:st|nd|rd|th)?(?![\w:/])(?!\s{{0,3}}[ap]\.?m\b)){{0,4}})(?!\w)(?:{_YEAR})",
            re.I,
        ),
    ),
)  # fmt: skip
_BRACKETED: Final = r"(?:\s{0,3}[（(〔［]\s{0,3}(?P<weekday>[月火水木金土日])(?:曜日?)?\s{0,3}(?:[・･、,]?\s{0,3}(?:祝日?|休日?|振休|祭)){0,4}\s{0,3}[）)〕］]|\s{0,3}(?P<long>[月火水木金土日])曜)?"
_ERA_YEAR: Final = r"(?P<era>令和|平成|昭和|大正|明治)\s{0,3}(?P<eray>元|\d{1,2})\s{0,3}年"
_KANJI: Final = re.compile(
    rf"(?:(?:(?P<year>(?:19|20|21)\d\d)\s{{0,3}}年|{_ERA_YEAR})\s{{0,3}})?(?:[（(](?:{_ERA_YEAR.replace('era', 'erb')}|\d{{4}}年)[）)]\s{{0,3}})?"
    rf"(?<!\d)(?P<month>1[0-2]|0?[1-9])\s{{0,3}}月\s{{0,3}}(?P<day>3[01]|[12]\d|0?[1-9])\s{{0,3}}日(?!間){_BRACKETED}"
)
# 十一月十二日, 二〇三五年一月三十一日
_NUMERALS: Final = re.compile(
    rf"(?:(?P<year>二[〇零][〇一二三四五六七八九]{{2}})年)?(?P<month>十[一二]?|[一二三四五六七八九])月(?P<day>三十一?|二?十[一二三四五六七八九]?|[一二三四五六七八九])日(?!間){_BRACKETED}"
)
_NUMERAL: Final = {sign: str(value) for value, sign in enumerate("〇一二三四五六七八九")} | {"零": "0"}
# 「11月14日から16日」: the second day has the month of the first.
_SAME_MONTH: Final = re.compile(
    rf"\s{{0,3}}(?:から|より|[-–—~〜～、,・･/と]|および|及び|または|又は)\s{{0,3}}(?P<day>3[01]|[12]\d|0?[1-9])\s{{0,3}}日(?!間|目|々){_BRACKETED}"
)
# 「1月15・16日（金・土）」
_LISTED: Final = re.compile(
    r"(?:(?P<year>(?:19|20|21)\d\d)\s?年\s?)?(?<!\d)(?P<month>1[0-2]|0?[1-9])\s?月\s?(?P<days>\d{1,2}(?:\s?[・･、,/~〜～–-]\s?\d{1,2}){1,4})\s?日(?!間|目)"
    r"(?:\s?[（(](?P<weekdays>[月火水木金土日](?:\s?[・･、,~〜～–-]\s?[月火水木金土日]){1,4})[）)])?"
)
_SLASHED: Final = re.compile(
    rf"(?<![\d/.A-Za-z-])(?:(?P<year>(?:19|20|21)\d\d)(?P<mark>[/.]))?(?P<month>1[0-2]|0?[1-9])(?(mark)(?P=mark)|/)(?P<day>3[01]|[12]\d|0?[1-9])(?![\d/.]|[A-Za-z%]){_BRACKETED}"
)
_MONTH_END_JA: Final = re.compile(
    r"(?:(?P<year>(?:19|20|21)\d\d)\s?年\s?)?(?<!\d)(?P<month>1[0-2]|0?[1-9])\s?月(?:末日?|(?=いっぱい))"
)
_MONTH_END_EN: Final = re.compile(
    rf"\b(?:the )?(?:very )?(?:end|last day) of {_MONTH}(?![a-z])(?:,? (?P<year>(?:19|20|21)\d\d)\b)?", re.I
)
# 28/02/2027: only where one of the two can be no month.
_SLASHED_EN: Final = re.compile(
    r"(?<![\w/.-])(?P<one>\d{1,2})(?P<mark>[/.])(?P<other>\d{1,2})(?P=mark)(?P<year>(?:19|20|21)\d\d)(?![\w/-])"
)
_ISO: Final = re.compile(r"(?<![\w/-])(?P<year>(?:19|20|21)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?![\w/-])")
# Half a year and a bit on both sides: a letter of December speaks of next July and of last May.
_REACH: Final = timedelta(days=243)


@dataclass(frozen=True, slots=True)
class ProseDate:
    """A day in a run of words. `day` is resolved: without a year it is the one nearest to the issue."""

    day: date
    start: int
    end: int
    text: str
    style: str  # "day month", "month day", "kanji", "numerals", "era", "slashes", "dots", "iso"
    year_given: bool
    weekday: int | None  # as written, 0 = Monday


def find(text: str, language: str, about: date) -> list[ProseDate]:
    """All days of a run, in order. `language`: its base subtag; others than ja and en give ISO dates only."""
    plain = _half_width(text)
    found: list[ProseDate] = []
    for one in sorted(_all(plain, language, about), key=lambda d: (d.start, -d.end)):
        if not found or one.start >= found[-1].end:
            found.append(one)
    return [replace(one, text=text[one.start : one.end].strip()) for one in found]


def month_ends(text: str, language: str, about: date) -> list[ProseDate]:
    """「2月末」「2月いっぱい」 “the end of February”: the last day of a month. Languages: ja and en."""
    pattern = {"ja": _MONTH_END_JA, "en": _MONTH_END_EN}.get(language)
    found = []
    for match in pattern.finditer(_half_width(text)) if pattern else ():
        written = match["month"]
        month = int(written) if written.isdigit() else _NUMBER_OF_MONTH[written.rstrip(".").lower()]
        near = _nearest(month, 1, about)
        if year := int(match["year"]) if match["year"] else near.year if near else None:
            day = date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)
            given = match["year"] is not None
            said = text[match.start() : match.end()]
            found.append(ProseDate(day, match.start(), match.end(), said, "month end", given, None))
    return found


def _half_width(text: str) -> str:
    """Full-width digits and signs made half-width, sign by sign, so that places stay the same."""
    return "".join(
        unicodedata.normalize("NFKC", sign) if "！" <= sign <= "～" and sign not in "（）" else sign
        for sign in text
    )


def _all(text: str, language: str, about: date) -> Iterator[ProseDate]:
    for match in _ISO.finditer(text):
        yield from _one(match, "iso", int(match["month"]), about)
    if language == "ja":
        yield from _japanese(text, about)
    elif language == "en":
        yield from _english(text, about)
        yield from _slashed_en(text)


def _japanese(text: str, about: date) -> Iterator[ProseDate]:
    for match in _KANJI.finditer(text):
        style = "era" if match["era"] else "kanji"
        for one in _one(match, style, int(match["month"]), about):
            yield one
            end = match.end()
            while more := _SAME_MONTH.match(text, end):
                weekday = _weekday_ja(more)
                if day := _valid(one.day.year, one.day.month, int(more["day"])):
                    yield ProseDate(day, more.start("day"), more.end(), "", style, one.year_given, weekday)
                end = more.end()
    for match in _LISTED.finditer(text):
        yield from _listed(match, about)
    for match in _NUMERALS.finditer(text):
        year = int("".join(_NUMERAL[sign] for sign in match["year"])) if match["year"] else None
        month, number = _small(match["month"]), _small(match["day"])
        if day := _valid(year, month, number) if year else _nearest(month, number, about):
            weekday = _weekday_ja(match)
            yield ProseDate(day, match.start(), match.end(), "", "numerals", year is not None, weekday)
    for match in _SLASHED.finditer(text):
        if not match["year"] and _is_fraction(text, match):
            continue
        style = "dots" if match["mark"] == "." else "slashes"
        yield from _one(match, style, int(match["month"]), about)


def _listed(match: re.Match[str], about: date) -> Iterator[ProseDate]:
    """A weekday for each day, if there are as many."""
    month = int(match["month"])
    numbers = list(re.compile(r"\d{1,2}").finditer(match.string, *match.span("days")))
    signs = re.findall("[月火水木金土日]", match["weekdays"] or "")
    weekdays = [_WEEKDAYS_JA.index(sign) for sign in signs] if len(signs) == len(numbers) else [None] * 5
    first = _nearest(month, int(numbers[0][0]), about)
    year = int(match["year"]) if match["year"] else first.year if first else None
    for place, (number, weekday) in enumerate(zip(numbers, weekdays, strict=False)):
        if year and (day := _valid(year, month, int(number[0]))):
            start = number.start() if place else match.start()
            end = match.end() if number is numbers[-1] else number.end()
            yield ProseDate(day, start, end, "", "kanji", match["year"] is not None, weekday)


def _small(written: str) -> int:
    """Below a hundred: 三十一 → 31."""
    tens, ten, ones = written.rpartition("十")
    return int(_NUMERAL.get(tens, "1")) * 10 * bool(ten) + int(_NUMERAL.get(ones, "0"))


def _is_fraction(text: str, match: re.Match[str]) -> bool:
    """「2/3が賛成」「1/2の広さ」: without a weekday a slash is a day only beside a word of time."""
    if match["weekday"] or match["long"]:
        return False
    near = text[max(0, match.start() - 8) : match.end() + 6]
    return not re.search(r"まで|から|より|開催|締|〆|必着|当日|日時|期[間限]|[~〜～]|\d\s*:\s*\d\d", near)


def _english(text: str, about: date) -> Iterator[ProseDate]:
    for style, pattern in _ENGLISH:
        for match in pattern.finditer(text):
            number = _NUMBER_OF_MONTH[match["month"].rstrip(".").lower()]
            if match["month"] in ("may", "march"):  # "may 3 people join": the verb
                continue
            around = match.groupdict()
            for one in _one(match, style, number, about):
                first = "weekday" if match["weekday"] else "day" if style == "day month" else "month"
                last = "day" if around.get("after") else 0
                yield replace(one, start=match.start(first), end=match.end(last))
                yield from _beside(match, one, number)


def _slashed_en(text: str) -> Iterator[ProseDate]:
    for match in _SLASHED_EN.finditer(text):
        month, number = sorted((int(match["one"]), int(match["other"])))
        if (number > 12 or month == number) and (day := _valid(int(match["year"]), month, number)):
            yield ProseDate(day, match.start(), match.end(), "", "slashes", True, None)


_DAY_BESIDE: Final = re.compile(r"(?:(?P<weekday>[A-Z][a-z]{2,8})\.?,?\s+)?(?P<day>\d{1,2})")


def _beside(match: re.Match[str], one: ProseDate, month: int) -> Iterator[ProseDate]:
    """The other days of one month. "Room 3, 16 November" is no list: that has more than commas."""
    name = "before" if one.style == "day month" else "after"
    if not re.search(r"[a-z&/–—~-]", re.sub(r"[A-Z][a-z]+|\d(?:st|nd|rd|th)", "", match[name])):
        return
    for more in _DAY_BESIDE.finditer(match.string, match.start(name), match.end(name)):
        if day := _valid(one.day.year, month, int(more["day"])):
            weekday = _weekday_en(more["weekday"])
            yield replace(one, day=day, start=more.start(), end=more.end(), weekday=weekday)


def _one(match: re.Match[str], style: str, month: int, about: date) -> Iterator[ProseDate]:
    groups = match.groupdict()
    year = int(groups["year"]) if groups.get("year") else None
    if year is None and groups.get("era"):
        written = groups["eray"]
        year = ERAS[groups["era"]] + (1 if written == "元" else int(written))
    number = int(match["day"])
    day = _valid(year, month, number) if year else _nearest(month, number, about)
    if day:
        weekday = _weekday_ja(match) if "long" in groups else _weekday_en(groups.get("weekday"))
        yield ProseDate(day, match.start(), match.end(), "", style, year is not None, weekday)


def _weekday_ja(match: re.Match[str]) -> int | None:
    sign = match["weekday"] or match["long"]
    return _WEEKDAYS_JA.index(sign) if sign else None


def _weekday_en(written: str | None) -> int | None:
    return _NUMBER_OF_WEEKDAY.get(written.lower()) if written else None


def _valid(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _nearest(month: int, day: int, about: date) -> date | None:
    """In the year that lies nearest to the issue's date, and not further than eight months."""
    years = (about.year - 1, about.year, about.year + 1)
    candidates = [found for year in years if (found := _valid(year, month, day))]
    nearest = min(candidates, key=lambda one: abs(one - about), default=None)
    return nearest if nearest and abs(nearest - about) <= _REACH else None
