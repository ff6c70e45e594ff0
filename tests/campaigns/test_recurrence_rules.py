"""Monthly rules: read in two languages, and right against a slow obvious oracle over 30 years."""

from __future__ import annotations

import contextlib
import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.campaigns.business_days import Calendar, Closed, read_closed
from mailer.campaigns.recurrence import LAST, Rule, Shift, Unit, moment, parse
from mailer.errors import BadRule
from mailer.i18n import words

JAPAN = Calendar("JP")
TOKYO = "Asia/Tokyo"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# ── reading ─────────────────────────────────────────────────────────────────────────────────────

NINE, TEN = time(9), time(10)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("last business day 09:00", Rule(Unit.BUSINESS_DAY, LAST, NINE)),
        ("first business day 10:00", Rule(Unit.BUSINESS_DAY, 1, TEN)),
        ("3rd business day 9:00", Rule(Unit.BUSINESS_DAY, 3, NINE)),
        ("at 9:00 on the last working day of each month", Rule(Unit.BUSINESS_DAY, LAST, NINE)),
        ("2nd tuesday 10:00", Rule(Unit.WEEKDAY, 2, TEN, weekday=1)),
        ("the second Tue of every month at 10 am", Rule(Unit.WEEKDAY, 2, TEN, weekday=1)),
        ("last friday 17:30", Rule(Unit.WEEKDAY, LAST, time(17, 30), weekday=4)),
        ("last friday 5:30 pm", Rule(Unit.WEEKDAY, LAST, time(17, 30), weekday=4)),
        ("20 09:00", Rule(Unit.DAY, 20, NINE)),
        ("20 09:00, next business day", Rule(Unit.DAY, 20, NINE, shift=Shift.NEXT)),
        ("20th 09:00, or the previous business day", Rule(Unit.DAY, 20, NINE, shift=Shift.PREVIOUS)),
        ("last day 12 am", Rule(Unit.DAY, LAST, time(0))),
        ("最終営業日 9:00", Rule(Unit.BUSINESS_DAY, LAST, NINE)),
        ("毎月の月末営業日、９時", Rule(Unit.BUSINESS_DAY, LAST, NINE)),
        ("第1営業日 午前10時", Rule(Unit.BUSINESS_DAY, 1, TEN)),
        ("最初の営業日 10時", Rule(Unit.BUSINESS_DAY, 1, TEN)),
        ("第2火曜 10:00", Rule(Unit.WEEKDAY, 2, TEN, weekday=1)),
        ("毎月第３火曜日の午後３時半", Rule(Unit.WEEKDAY, 3, time(15, 30), weekday=1)),
        ("最後の金曜日 17時30分", Rule(Unit.WEEKDAY, LAST, time(17, 30), weekday=4)),
        ("毎月20日 9:00、休みなら翌営業日", Rule(Unit.DAY, 20, NINE, shift=Shift.NEXT)),
        ("20日 9時、土日祝の場合はその前営業日に", Rule(Unit.DAY, 20, NINE, shift=Shift.PREVIOUS)),
        ("月末 17時", Rule(Unit.DAY, LAST, time(17))),
    ],
)
def test_a_rule_is_read_as_people_say_it(text: str, rule: Rule) -> None:
    assert parse(text) == rule


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "no_time"),
        ("last business day", "no_time"),
        ("tomorrow 9:00", "unreadable"),
        ("every tuesday 9:00", "unreadable"),
        ("next business day 9:00", "unreadable"),
        ("20 9:00 10:00", "unreadable"),
        ("x" * 5000 + " 9:00", "unreadable"),
        ("20 24:00", "no_such_time"),
        ("20 9:60", "no_such_time"),
        ("20 13 pm", "no_such_time"),
        ("0 9:00", "no_such_day"),
        ("32 9:00", "no_such_day"),
        ("16th business day 9:00", "no_such_day"),
        ("第5金曜 9:00", "fifth_weekday"),
        ("last business day 09:00, next business day", "shift_of_business_day"),
    ],
)
def test_what_is_no_rule_is_refused_with_a_sentence_in_both_languages(text: str, key: str) -> None:
    with pytest.raises(BadRule) as caught:
        parse(text)
    assert caught.value.key == f"bad_rule.{key}"
    for language in ("ja", "en"):
        sentence, remedy = words(language).error(caught.value)
        assert text[:30] in sentence and remedy


rules = st.one_of(
    st.builds(Rule, st.just(Unit.BUSINESS_DAY), st.sampled_from([LAST, *range(1, 16)]), st.just(NINE)),
    st.builds(
        Rule,
        st.just(Unit.WEEKDAY),
        st.sampled_from([LAST, 1, 2, 3, 4]),
        st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45])),
        st.integers(0, 6),
        st.sampled_from(Shift),
    ),
    st.builds(
        Rule,
        st.just(Unit.DAY),
        st.sampled_from([LAST, *range(1, 32)]),
        st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45])),
        st.none(),
        st.sampled_from(Shift),
    ),
)


@given(rules)
def test_the_short_form_is_read_back_as_the_same_rule(rule: Rule) -> None:
    assert parse(str(rule)) == rule


@given(rules)
def test_the_japanese_sentence_is_read_back_as_the_same_rule(rule: Rule) -> None:
    assert parse(rule.describe(words("ja"))) == rule


@given(st.text(max_size=60))
def test_any_text_is_a_rule_or_a_refusal(text: str) -> None:
    with contextlib.suppress(BadRule):
        parse(text)


def test_a_rule_describes_itself() -> None:
    rule = parse("20 09:00, next business day")
    assert rule.describe(words("en")) == "the 20th of each month at 9:00, or the next business day"
    assert rule.describe(words("ja")) == "毎月20日 9:00（休みなら翌営業日）"
    assert parse("2nd tue 10:00").describe(words("en")) == "the 2nd Tuesday of each month at 10:00"


# ── dates ───────────────────────────────────────────────────────────────────────────────────────


def dates(text: str, after: str, count: int, calendar: Calendar = JAPAN) -> list[str]:
    return [str(o.date) for o in parse(text).next(utc(after), count, calendar, TOKYO)]


def test_the_last_business_day_minds_new_year_holidays_and_weekends() -> None:
    # 30 December 2034 is a Saturday; 28 February 2035 a Wednesday; 29 April 2036 a holiday.
    assert dates("last business day 09:00", "2034-12-01T00:00Z", 3) == [
        "2034-12-29",
        "2035-01-31",
        "2035-02-28",
    ]
    assert dates("last business day 09:00", "2036-04-01T00:00Z", 1) == ["2036-04-30"]


def test_the_first_business_day_of_the_year_comes_after_the_office_opens() -> None:
    assert dates("first business day 10:00", "2034-12-20T00:00Z", 1) == ["2035-01-04"]


def test_a_shift_may_carry_an_occurrence_into_the_neighbouring_month() -> None:
    # 31 December is a closed day: the next business day lies in January, where January's own comes too.
    assert dates("31 09:00, next business day", "2034-12-15T00:00Z", 2) == ["2035-01-04", "2035-01-31"]
    assert dates("1 09:00, previous business day", "2034-12-15T00:00Z", 1) == ["2034-12-29"]


def test_the_31st_of_a_short_month_is_its_last_day() -> None:  # F13
    assert dates("31 09:00", "2036-01-31T12:00Z", 3) == ["2036-02-29", "2036-03-31", "2036-04-30"]


def test_a_local_time_in_a_gap_is_the_first_moment_after_it() -> None:  # F13
    assert moment(date(2035, 3, 25), time(2, 30), ZoneInfo("Europe/Berlin")) == utc("2035-03-25T01:00Z")
    # Cairo and Santiago change at midnight, Lord Howe by half an hour.
    assert moment(date(2035, 4, 27), time(0, 15), ZoneInfo("Africa/Cairo")) == utc("2035-04-26T22:00Z")


def test_a_local_time_that_comes_twice_is_the_first_of_the_two() -> None:  # F13
    assert moment(date(2035, 10, 28), time(2, 30), ZoneInfo("Europe/Berlin")) == utc("2035-10-28T00:30Z")


def test_closed_days_are_read_as_a_configuration_says_them() -> None:
    yearly, once = read_closed(["12-29..01-03", "08-15", "2035-05-02"])
    assert yearly == (Closed((12, 29), (1, 3)), Closed((8, 15), (8, 15)))
    calendar = Calendar("JP", yearly, once)
    closed = [date(2034, 12, 29), date(2035, 1, 3), date(2035, 8, 15), date(2035, 5, 2)]
    assert not any(calendar.is_business_day(day) for day in closed)
    assert calendar.is_business_day(date(2036, 5, 2))
    for wrong in ("13-01", "12-31..", "..", "New Year", "2035-02-30"):
        with pytest.raises(ValueError):
            read_closed([wrong])


def test_an_office_that_is_closed_for_months_makes_no_endless_search() -> None:
    shut = Calendar(None, (Closed((1, 1), (12, 31)),))
    assert dates("20 09:00, next business day", "2034-12-20T00:00Z", 3, shut) == []
    assert dates("last business day 09:00", "2034-12-20T00:00Z", 3, shut) == []


# ── the oracle: no arithmetic, only looking at every day and every quarter of an hour ───────────


def oracle_open(day: date, country: str | None, off: holidays.HolidayBase) -> bool:
    if day.strftime("%A") in ("Saturday", "Sunday") or (country and day in off):
        return False
    return day.strftime("%m-%d") not in ("12-31", "01-01", "01-02", "01-03")


def oracle_day(rule: Rule, month: list[date], is_open: dict[date, bool]) -> date:
    if rule.unit is Unit.BUSINESS_DAY:
        month = [day for day in month if is_open[day]]
    if rule.unit is Unit.WEEKDAY:
        month = [day for day in month if day.isoweekday() - 1 == rule.weekday]
    day = month[-1] if rule.number == LAST or rule.number > len(month) else month[rule.number - 1]
    while rule.shift is not Shift.NONE and not is_open[day]:
        day = date.fromordinal(day.toordinal() + (1 if rule.shift is Shift.NEXT else -1))
    return day


def oracle_moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The first quarter of an hour at which the clock on the wall shows the time, or a later one."""
    wanted = datetime.combine(day, at)
    now = wanted.replace(tzinfo=UTC) - timedelta(hours=15)
    while now.astimezone(zone).replace(tzinfo=None) < wanted:
        now += timedelta(minutes=15)
    return now


@pytest.mark.parametrize(
    ("country", "zone"),
    [
        ("JP", "Asia/Tokyo"),
        ("DE", "Europe/Berlin"),
        ("US", "America/New_York"),
        ("AU", "Australia/Lord_Howe"),
        ("CL", "America/Santiago"),
        (None, "Africa/Cairo"),
        (None, "Pacific/Chatham"),
    ],
)
def test_thirty_years_of_occurrences_agree_with_the_oracle(country: str | None, zone: str) -> None:  # F12 F13
    calendar = Calendar(country)
    off = holidays.country_holidays(country) if country else holidays.HolidayBase()
    every = [date(2033, 1, 1) + timedelta(days=n) for n in range(366 * 33)]
    is_open = {day: oracle_open(day, country, off) for day in every}
    months: dict[str, list[date]] = {}
    for day in every:
        months.setdefault(f"{day:%Y-%m}", []).append(day)
    local = ZoneInfo(zone)
    start, end = datetime(2034, 6, 17, 12, tzinfo=UTC), datetime(2064, 6, 17, 12, tzinfo=UTC)

    @settings(max_examples=12, deadline=None, derandomize=True)
    @given(rules)
    def agrees(rule: Rule) -> None:
        chosen = sorted(
            {oracle_day(rule, days, is_open) for key, days in months.items() if "2034" <= key < "2065"}
        )
        expected = [(day, oracle_moment(day, rule.at, local)) for day in chosen]
        found = [(o.date, o.at) for o in rule.occurrences(start, end, calendar, zone)]
        assert found == [(day, at) for day, at in expected if start < at <= end]

    agrees()


@given(rules, st.lists(st.integers(0, 2000), max_size=4))
@settings(max_examples=60, deadline=None)
def test_looking_in_steps_finds_each_occurrence_once(rule: Rule, steps: list[int]) -> None:  # F4 F12
    start = datetime(2034, 12, 20, tzinfo=UTC)
    edges = [start, *sorted(start + timedelta(days=n) for n in steps), start + timedelta(days=2000)]
    in_steps = [
        o for a, b in itertools.pairwise(edges) for o in rule.occurrences(a, b, JAPAN, "Europe/Berlin")
    ]
    assert in_steps == list(rule.occurrences(edges[0], edges[-1], JAPAN, "Europe/Berlin"))
