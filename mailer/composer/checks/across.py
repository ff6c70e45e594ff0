"""Differences between the languages of one issue: what stands in one and not in the other.

Compares each language with the default one, section by section. Text in the wrong language is `languages`' affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Final

from mailer.composer.model import Block, Event, Finding, Letter, ResourceBox
from mailer.composer.text import walk
from mailer.composer.text.links import LinkKind, kind_of

from . import prose_dates, prose_numbers
from .case import Case, Check
from .codes import finding
from .prose_dates import ProseDate
from .prose_numbers import Quantities
from .reading import MOST_FRAGMENTS, Kind, Part, base, fields, parts, where

_COMPARED: Final = ("ja", "en")  # of which we read numbers and days
# English takes more than two letters for one Japanese sign; below one it is a summary, which rightly says less.
_SUMMARY: Final = 1.0
_SMALL: Final = 4  # "3つ" may rightly be "several"; a small number in one language only says nothing


def sections(case: Case) -> Iterator[Finding]:
    issue = case.issue
    written = [language for language in issue.languages if language in issue.texts]
    for section in issue.sections:
        there = [language for language in written if language in section.texts]
        for language in written:
            place = where(language, section.key)
            if language not in section.texts:
                title = next(iter(section.texts.values())).title if section.texts else section.key
                facts = {"title": title, "languages": tuple(there)}
                yield finding("section_missing", language, section.key, place, **facts)
            elif not section.texts[language].body.strip():
                title = section.texts[language].title
                yield finding("section_empty", language, section.key, place, title=title)


def _pairs(case: Case) -> Iterator[tuple[Letter, Letter]]:
    first = case.proofs.get(case.issue.default_language)
    for proof in case.proofs.values():
        if first and proof is not first:
            yield first.letter, proof.letter


def _alike(case: Case, one: Letter, other: Letter) -> Iterator[tuple[Part, Part]]:
    """Parts of the same key. Sections without keys are alike by their place, if there are as many."""
    if not all(section.keyed for section in case.issue.sections) and len(one.sections) != len(other.sections):
        return
    known = {part.key: part for part in parts(one)}
    for part in parts(other):
        if part.key in known and known[part.key].text() != part.text():  # a copy is told once (`languages`)
            yield known[part.key], part


# ── counts ──────────────────────────────────────────────────────────────────────────────────────


def counts(case: Case) -> Iterator[Finding]:
    for one, other in _pairs(case):
        for theirs, mine in _alike(case, one, other):
            here, there = _counts(mine.blocks), _counts(theirs.blocks)
            unlike = [kind for kind in here if here[kind] != there[kind]]
            if unlike:
                facts = {
                    "kinds": tuple(unlike),
                    "counts": tuple(here[kind] for kind in unlike),
                    "theirs": tuple(there[kind] for kind in unlike),
                    "other": one.language,
                }
                yield finding(
                    "counts_differ", other.language, mine.key, where(other.language, mine.key), **facts
                )


def _counts(top: Sequence[Block]) -> dict[str, int]:
    figures = list(walk.figures(top))
    elsewhere = (LinkKind.ANCHOR,)
    return {
        "figures": len(figures),
        "captions": sum(bool(figure.caption) for figure in figures),
        "links": sum(kind_of(url) not in elsewhere for _, url in walk.links(top)) - _sum(top, ResourceBox),
        "resources": _sum(top, ResourceBox),
        "events": _sum(top, Event),
    }


def _sum(top: Sequence[Block], kind: type) -> int:
    return sum(isinstance(block, kind) for block in walk.blocks(top))


def events(case: Case) -> Iterator[Finding]:
    """The same event at two times."""
    for one, other in _pairs(case):
        for theirs, mine in _alike(case, one, other):
            there, here = _events(theirs.blocks), _events(mine.blocks)
            if len(there) != len(here):
                continue
            for left, right in zip(there, here, strict=True):
                if (left.start, left.end) != (right.start, right.end):
                    facts = {
                        "title": right.title,
                        "start": right.start,
                        "theirs": left.start,
                        "other": one.language,
                    }
                    if left.start == right.start:
                        facts |= {"reason": "end"}
                    yield finding(
                        "event_differs", other.language, mine.key, where(other.language, mine.key), **facts
                    )


def _events(top: Sequence[Block]) -> list[Event]:
    return [block for block in walk.blocks(top) if isinstance(block, Event)]


# ── numbers and days ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Read:
    """A part as numbers and days. `near`: what pictures and boxes say besides, which counts as said."""

    language: str
    text: str
    days: tuple[ProseDate, ...]
    quantities: Quantities
    near: Quantities
    other_days: frozenset[date]

    def knows_day(self, day: date) -> bool:
        known = {one.day for one in self.days} | self.other_days
        if any((day.month, day.day) == (one.month, one.day) for one in known):
            return True
        bare = rf"(?<!\d){day.day}日" if self.language == "ja" else rf"\b{day.day}(?:st|nd|rd|th)\b"
        return re.search(bare, self.text) is not None

    def knows(self, value: Fraction) -> bool:
        in_days = {n for one in self.days for n in (one.day.day, one.day.month, one.day.year)}
        in_days |= {n for day in self.other_days for n in (day.day, day.month, day.year)}
        hours = {clock // 60 for clock in self.quantities.clocks} if value <= 24 else set()  # “9–5”
        known = self.quantities.holds(value) or self.near.holds(value)
        return known or value in in_days or value % 12 in hours

    def knows_clock(self, minutes: int) -> bool:
        hour, minute = divmod(minutes, 60)
        if minutes in self.quantities.clocks or minutes in self.near.clocks:
            return True
        in_words = minute == 0 or (
            minute == 30 and re.search("half|半", self.text)
        )  # “by six”, “half past two”
        return bool(in_words) and any(self.quantities.holds(Fraction(h)) for h in (hour, hour + 12))


def facts(case: Case) -> Iterator[Finding]:
    for one, other in _pairs(case):
        languages = {base(one.language), base(other.language)}
        if not languages <= set(_COMPARED) or len(languages) < 2:
            continue
        shared = _targets(one) & _targets(other)
        for theirs, mine in _alike(case, one, other):
            there, here = (
                _read(theirs, one.language, case.issue.date, shared),
                _read(mine, other.language, case.issue.date, shared),
            )
            place = (other.language, mine.key, where(other.language, mine.key), one.language)
            yield from _compared(here, there, place, one_sided=not _is_summary(here, there))
        mine_fields, their_fields = dict(fields(other)), dict(fields(one))
        for name in mine_fields.keys() & their_fields.keys():
            there, here = (
                _read_text(their_fields[name], one.language, case.issue.date),
                _read_text(mine_fields[name], other.language, case.issue.date),
            )
            place = (other.language, None, f"issue.toml: edition.{other.language}.{name}", one.language)
            yield from _compared(here, there, place, one_sided=False)


def _targets(letter: Letter) -> set[str]:
    return {b.target for _, top in walk.parts(letter) for b in walk.blocks(top) if isinstance(b, ResourceBox)}


def _is_summary(one: _Read, other: _Read) -> bool:
    japanese, english = (one, other) if one.language == "ja" else (other, one)
    return len(english.text) < _SUMMARY * len(japanese.text)


def _read(part: Part, language: str, about: date, shared: set[str]) -> _Read:
    words = "\n".join(run.text for run in part.runs if run.kind is not Kind.ALT)
    near = "\n".join(run.text for run in part.runs if run.kind is Kind.ALT)
    known: set[date] = set()
    clocks = []
    for block in walk.blocks(part.blocks):
        if isinstance(block, Event):
            known |= {moment.date() for moment in (block.start, block.end) if moment}
            clocks += [moment.strftime("%H:%M") for moment in (block.start, block.end) if moment]
        elif isinstance(block, ResourceBox) and block.until:
            known.add(block.until)
            if block.target not in shared:
                near += f"\n{block.until.isoformat()}"
    return _read_text(words, language, about, "\n".join([near, *clocks]), frozenset(known))


def _read_text(
    text: str, language: str, about: date, near: str = "", known: frozenset[date] = frozenset()
) -> _Read:
    tongue = base(language)
    days = prose_dates.find(text, tongue, about)
    more = frozenset(one.day for one in prose_dates.find(near, tongue, about))
    bare = text
    for one in reversed(days):
        bare = f"{bare[: one.start]}\n{bare[one.end :]}"
    quantities, beside = prose_numbers.find(bare, tongue), prose_numbers.find(near, tongue)
    return _Read(tongue, text, tuple(days), quantities, beside, known | more)


_Place = tuple[str, str | None, str, str]  # language, section, where, the other language
_Missed = tuple[str, Fraction]  # as written, its size
_LARGE: Final = Fraction(10**6)  # of what is never small: a time, a telephone, a month


def _compared(here: _Read, there: _Read, place: _Place, *, one_sided: bool) -> Iterator[Finding]:
    days = (_days_missed(here, there), _days_missed(there, here))
    if days != ([], []) and (one_sided or all(days)):
        yield _difference("date_differs", place, *days)
    mine, theirs = _numbers_missed(here, there), _numbers_missed(there, here)
    # 九つ against “ten”: words are told only where both sides have something that the other lacks.
    both = ([*mine, *_counted_missed(here, there)], [*theirs, *_counted_missed(there, here)])
    large = ([w for w, value in mine if value > _SMALL], [w for w, value in theirs if value > _SMALL])
    if all(both):
        yield _difference("number_differs", place, *([written for written, _ in side] for side in both))
    elif one_sided and any(large):
        yield _difference("number_differs", place, *large)


def _days_missed(one: _Read, other: _Read) -> list[str]:
    missed = [day.text for day in one.days if not other.knows_day(day.day)]
    years = {(d.day.month, d.day.day): d.day.year for d in other.days if d.year_given}
    missed += [
        day.text
        for day in one.days
        if day.year_given and years.get((day.day.month, day.day.day), day.day.year) != day.day.year
    ]
    return list(dict.fromkeys(missed))


def _numbers_missed(one: _Read, other: _Read) -> list[_Missed]:
    missed = [(w, value) for value, w in one.quantities.said.items() if value != 1 and not other.knows(value)]
    clocks = {
        minutes: w for minutes, w in one.quantities.clocks.items() if re.search(r"\d", w)
    }  # 昼 may be noon
    missed += [(w, _LARGE) for minutes, w in clocks.items() if not other.knows_clock(minutes)]
    if theirs := other.quantities.phones:
        missed += [(w, _LARGE) for digits, w in one.quantities.phones.items() if digits not in theirs]
    months = _months(one)
    if _months(other).keys() - months.keys():
        missed += [(w, _LARGE) for number, w in months.items() if w and number not in _months(other)]
    return missed


def _months(read: _Read) -> dict[int, str]:
    found = dict.fromkeys([day.month for day in read.other_days] + [one.day.month for one in read.days], "")
    return found | read.quantities.months


def _counted_missed(one: _Read, other: _Read) -> list[_Missed]:
    return [(written, value) for value, written in one.quantities.counted.items() if not other.knows(value)]


def _difference(code: str, place: _Place, mine: list[str], theirs: list[str]) -> Finding:
    language, key, at, other = place
    reason = {} if mine and theirs else {"reason": "here" if mine else "there"}
    said = {"fragments": _few(mine), "theirs": _few(theirs), "other": other}
    return finding(code, language, key, at, **said, **reason)


def _few(written: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(written))[:MOST_FRAGMENTS]


CHECKS: Final[tuple[Check, ...]] = (sections, counts, events, facts)
