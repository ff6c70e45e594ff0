"""Quiet days by name: weekdays, Japan's holidays, the office's closed days."""

from __future__ import annotations

from datetime import date

import pytest

from mailer.campaigns.business_days import Calendar, any_of, read_closed

CALENDAR = Calendar("JP", *read_closed(["12-29..01-03", "2034-06-01"]))


@pytest.mark.parametrize(
    ("names", "day", "quiet"),
    [(["sat", "sun"], date(2034, 12, 16), True), (["sat", "sun"], date(2034, 12, 18), False),
     (["holidays"], date(2034, 5, 3), True), (["holidays"], date(2034, 5, 2), False),
     (["holidays"], date(2034, 12, 16), False),  # a Saturday is no holiday
     (["closed"], date(2035, 1, 2), True), (["closed"], date(2034, 6, 1), True), (["closed"], date(2035, 6, 1), False),
     (["wed", "closed"], date(2034, 12, 20), True), ([], date(2035, 1, 1), False)],
)  # fmt: skip
def test_a_day_is_quiet_by_any_of_its_names(names, day, quiet):
    assert any_of(CALENDAR, names)(day) is quiet


def test_business_days_are_neither_weekends_nor_holidays_nor_closed():
    assert CALENDAR.is_business_day(date(2034, 12, 20))
    for day in (date(2034, 12, 16), date(2034, 5, 3), date(2034, 12, 29), date(2034, 6, 1)):
        assert not CALENDAR.is_business_day(day)
