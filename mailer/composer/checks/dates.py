"""Checks of days: ended links, past events, wrong weekdays, two styles, ends that differ between languages.

What a sentence says about the end of a link is `availability`'s affair.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Final

from mailer.composer.model import Event, Finding, ResourceBox
from mailer.composer.text import walk

from .case import Case, Check
from .codes import finding
from .prose_dates import ProseDate, find
from .reading import Kind, base, fields, told, told_of_field, where

# Two ways of writing a day that a reader would notice side by side.
_UNLIKE: Final = {
    "ja": ("kanji", "era", "slashes", "dots", "iso"),
    "en": ("day month", "month day", "iso"),
}
_LOOKING_BACK: Final = ("昨年", "去年", "前年", "一昨年", "last year", "a year ago")


def ended(case: Case) -> Iterator[Finding]:
    """A link that has ended when the mail is read; an event that is over."""
    for language, proof in case.proofs.items():
        for key, top in walk.parts(proof.letter):
            for block in walk.blocks(top):
                place = where(language, key)
                if isinstance(block, ResourceBox) and block.until and block.until < case.as_of:
                    facts = {"label": block.label, "until": block.until, "date": case.as_of}
                    yield finding("link_ended", language, key, place, **facts)
                elif isinstance(block, Event) and (block.end or block.start).date() < case.as_of:
                    facts = {"title": block.title, "date": block.start.date()}
                    yield finding("event_past", language, key, place, **facts)


def ends_differ(case: Case) -> Iterator[Finding]:
    """One file, two last days: one of the two languages was forgotten."""
    ends: dict[str, dict[str, tuple[str | None, ResourceBox]]] = defaultdict(dict)
    for language, proof in case.proofs.items():
        for key, top in walk.parts(proof.letter):
            for block in walk.blocks(top):
                if isinstance(block, ResourceBox):
                    ends[block.target].setdefault(language, (key, block))
    for languages in ends.values():
        (first, (home, one)), *others = languages.items()
        for language, (key, other) in others:
            if one.until and other.until and one.until != other.until:
                facts = {"label": other.label, "until": other.until, "other": first, "theirs": one.until}
                yield finding("until_differs", language, key, where(language, key), **facts)
            elif one.until != other.until:
                bare, place, dated = (language, key, first) if one.until else (first, home, language)
                facts = {
                    "label": languages[bare][1].label,
                    "other": dated,
                    "theirs": one.until or other.until,
                }
                yield finding("until_missing", bare, place, where(bare, place), **facts)


def weekdays(case: Case) -> Iterator[Finding]:
    """「1月31日（火）」 of a year in which it is a Wednesday."""
    about = case.issue.date
    for language, part in case.each_part():
        wrong = [one for run in part.runs for one in _wrong_weekdays(run.text, language, about)]
        days = tuple(dict.fromkeys(one.day for one in wrong))
        yield from told("weekday_wrong", language, part.key, [one.text for one in wrong], days=days)
    for language, proof in case.proofs.items():
        for name, text in fields(proof.letter):
            wrong = _wrong_weekdays(text, language, about)
            days = tuple(dict.fromkeys(one.day for one in wrong))
            yield from told_of_field("weekday_wrong", language, name, [one.text for one in wrong], days=days)


def _wrong_weekdays(text: str, language: str, about: date) -> list[ProseDate]:
    if any(word in text.lower() for word in _LOOKING_BACK):
        return []
    found = find(text, base(language), about)
    years = {one.day.year for one in found if one.year_given}
    return [one for one in found if _is_wrong(one, years)]


def _is_wrong(one: ProseDate, years: set[int]) -> bool:
    """Without a year of its own a day may belong to any year that the sentences name."""
    if one.weekday is None or one.day.weekday() == one.weekday:
        return False
    return one.year_given or not any(_falls_on(one, year) for year in years)


def _falls_on(one: ProseDate, year: int) -> bool:
    try:
        return one.day.replace(year=year).weekday() == one.weekday
    except ValueError:  # 29 February
        return True


def styles(case: Case) -> Iterator[Finding]:
    """Tables and the rows of events may be short; sentences of one language write a day in one way."""
    for language, proof in case.proofs.items():
        unlike = _UNLIKE.get(base(language), ())
        texts = [
            run.text
            for part in case.parts(language)
            for run in part.runs
            if run.kind not in (Kind.CELL, Kind.ALT)
        ]
        texts += [text for _, text in fields(proof.letter)]
        seen: dict[str, str] = {}
        for one in (one for text in texts for one in find(text, base(language), case.issue.date)):
            if one.style in unlike and (one.style not in seen or "年" not in seen[one.style]):
                seen[one.style] = one.text
        if "era" in seen and "年" not in seen.get("kanji", ""):
            seen.pop("kanji", None)  # 「1月31日」 goes with 令和17年, too
        if len(seen) > 1:
            yield finding("date_styles", language, where=f"{language}.md", fragments=tuple(seen.values()))


CHECKS: Final[tuple[Check, ...]] = (ended, ends_differ, weekdays, styles)
