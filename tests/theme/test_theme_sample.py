"""The sample issue that everybody sees first: whole, and with dates that a calendar confirms."""

from __future__ import annotations

import re
from datetime import date

from mailer.composer.text import folder
from tests.theme import samples

_WEEKDAYS = "月火水木金土日"
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


def test_the_sample_reads_without_a_fault_in_both_languages() -> None:
    found = folder.read(samples.SAMPLE, samples.ZONE)
    assert found.issue.languages == ("ja", "en")
    assert found.issue.orders["ja"] == found.issue.orders["en"]
    assert found.files["files/rain-garden-guide.pdf"].startswith(b"%PDF-")


def test_every_weekday_in_the_sample_is_right() -> None:
    # the issue is of December: months before June are of the next year
    seen = 0
    japanese = (samples.SAMPLE / "ja.md").read_text("utf-8")
    month = 0
    for m, d, weekday in re.findall(r"(?:(\d{1,2})月)?(\d{1,2})日（(.)）", japanese):
        month = int(m) if m else month
        assert _WEEKDAYS[date(2034 if month > 6 else 2035, month, int(d)).weekday()] == weekday
        seen += 1
    english = (samples.SAMPLE / "en.md").read_text("utf-8")
    names = "|".join(name[:3] + r"[a-z]*" for name in _DAYS)
    for weekday, d, name in re.findall(rf"\b({names}),? (\d{{1,2}}) ({'|'.join(_MONTHS)})", english):
        month = _MONTHS.index(name) + 1
        assert _DAYS[date(2034 if month > 6 else 2035, month, int(d)).weekday()].startswith(weekday)
        seen += 1
    assert seen > 12
