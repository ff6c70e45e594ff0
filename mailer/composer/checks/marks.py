"""Marks of the manuscript that did not work and would be printed: full-width ones, and half-width ones left over.

Judges what is printed, not what was typed. Braces in a text are a fault of the manuscript (`inline`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final, cast

from mailer.composer.model import Finding
from mailer.composer.text import walk

from .case import Case, Check
from .reading import Kind, Part, Run, excerpt, fields, told, told_of_field

# ［図1］（上） is no link: what stands in the round brackets must look like an address.
_ADDRESS: Final = r"(?:https?[:：]|mailto[:：]|files[/／]|images[/／]|#[a-z]|www\.|ｈｔｔｐ)"
_WIDE: Final = re.compile(
    rf"[！!]?[［\[][^］\]\n]{{0,200}}[］\]]\s{{0,3}}（\s{{0,3}}{_ADDRESS}[^）)\n]*[）)]?|[！!]?［[^］\n]{{0,200}}］\s{{0,3}}[（(]\s{{0,3}}{_ADDRESS}[^）)\n]*[）)]?"
    rf"|[！!]\[[^\]\n［］]{{1,200}}］\s?[（(]\s?{_ADDRESS}"
    r"|[｜|][\s　]{0,3}[-－ー―:：]{1,9}[\s　]{0,3}(?:｜[\s　]{0,3}[-－ー―:：]{1,9}[\s　]{0,3}){1,20}｜|！［[^］\n]{0,200}］|(?:^|\n)\s{0,3}：{3,}[^\n]*|(?<!＊)＊＊[^＊\n]{1,60}＊＊(?!＊)|(?:^|\n)\s{0,3}(?:＃{2,6}[^＃\n]+|＃[ 　]\S[^\n]*)"
    r"|｛\s{0,3}[.#．＃]\s{0,3}\w[^｝}\n]*[｝}]?|｛\s{0,3}\w{1,30}\s{0,3}[=＝][^｝}\n]*[｝}]?|(?:^|\n)\s{0,3}[｜|][^\n]*[｜|]\s{0,3}[-－ー:：]{3,}"
)
_NARROW: Final = re.compile(
    rf"!?\[[^\]\n]{{0,200}}\]\s{{0,3}}\(\s{{0,3}}{_ADDRESS}[^)\n]*\)?|!\[[^\]\n]{{0,200}}\]\s{{0,3}}\(|(?:^|\n)\s{{0,3}}!\[[^\]\n]{{0,200}}\]"
    rf"|(?<!\[)\b\w{{1,30}}\]\(\s?{_ADDRESS}[^)\n]{{0,300}}\)"
    r"|(?<![\w*])\*\*\s?[^*\s][^*\n]{0,80}\*\*(?!\*)|\*\*\s[^*\n]{1,60}\s\*\*|\*\*[^\s*][^*\n]{0,60}\s\*\*(?=\w)|(?<![\w_])__[^_\s][^_\n]{0,60}__(?![\w_])|~~[^~\s][^~\n]{0,60}~~"
    r"|(?<=[^\s:])\s{0,3}:{3,}\s{0,3}(?:note|event|gallery)?\s{0,3}$"
)
_BRACES: Final = re.compile(r"[{｛]\s{0,3}(?:[.#＃．]\s{0,3}\w|\w{1,30}\s{0,3}[=＝])[^}｝]*[}｝]?")
# 「！」 and a link to a picture. What is printed shows only the 「！」.
_WIDE_PICTURE: Final = re.compile(r"！\[[^\]\n]{0,200}\]\(\s?images/[^)\n]{0,200}\)")
_HALF_BOLD: Final = re.compile(r"</em>\*(?!\*)|(?<!\*)\*<em>")
_TABLE: Final = re.compile(r"^\s*\|[^|]+\|[^|]+\|.*\|\s*$", re.S)
_LONE: Final = re.compile(r"\*\*(?=\w)")
_PRINTED: Final = (Kind.TEXT, Kind.HEADING, Kind.CELL, Kind.CAPTION, Kind.LABEL)


def full_width(case: Case) -> Iterator[Finding]:
    """Marks typed with the Japanese input method on are no marks: they would be printed."""
    for language, part in case.each_part():
        found = [
            match for run in _printed(part) for match in _found(_WIDE, run.text) if not _BRACES.match(match)
        ]
        found += _found(_WIDE_PICTURE, _source(case, language, part.key))
        yield from _with_line(case, told("full_width_marks", language, part.key, found))
    for language, proof in case.proofs.items():
        for name, text in fields(proof.letter):
            wide = [match for match in _found(_WIDE, text) if not _BRACES.match(match)]
            yield from told_of_field("full_width_marks", language, name, wide)


def left_over(case: Case) -> Iterator[Finding]:
    """`[label] (https://…)`, `**` without its partner, a table without its second line."""
    lone = {language: _lone_stars(case, language) for language in case.proofs}
    for language, part in case.each_part():
        found = [match for run in _printed(part) for match in _found(_NARROW, run.text)]
        found += [
            _first_line(run.text) for run in part.runs if run.kind is Kind.TEXT and _TABLE.match(run.text)
        ]
        found += _half_bold(part)
        found += [said for key, said in lone[language] if key == part.key and not found]
        yield from _with_line(case, told("markdown_left", language, part.key, found))
    for language, proof in case.proofs.items():
        for name, text in fields(proof.letter):
            # A subject is no Markdown at all: what would work in the text is printed here.
            marks = [*_found(_NARROW, text), *(match[0] for match in _BRACES.finditer(text))]
            yield from told_of_field("markdown_left", language, name, marks)


def broken_marks(part: Part) -> Iterator[str]:
    """Each mark that would be printed, whole."""
    for run in _printed(part):
        for pattern in (_WIDE, _NARROW):
            yield from (match[0] for match in pattern.finditer(run.text))


def _with_line(case: Case, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The line of the section's text in which the first of them stands: a mark is seen better than it is read."""
    for one in findings:
        body = _source(case, one.language or "", one.section)
        sign = str(next(iter(cast(Iterable[str], one.facts["fragments"])))).strip("…")[:8]
        line = next((n for n, text in enumerate(body.split("\n"), 1) if sign in text), 0)
        yield replace(one, where=f"{one.where}, line {line}") if line else one


def _source(case: Case, language: str, key: str | None) -> str:
    if key is None:
        return case.issue.texts[language].lead
    return next(
        (s.texts[language].body for s in case.issue.sections if s.key == key and language in s.texts), ""
    )


def _half_bold(part: Part) -> list[str]:
    """`*very good**` leaves one star, if it is the only one: two may be a footnote."""
    texts = [text for text in walk.inlines(part.blocks) if _HALF_BOLD.search(text.html)]
    if part.text().count("*") != 1:
        return []
    return [excerpt(text.plain, text.plain.index("*"), text.plain.index("*") + 1) for text in texts]


def _printed(part: Part) -> list[Run]:
    return [run for run in part.runs if run.kind in _PRINTED]


def _found(pattern: re.Pattern[str], text: str) -> list[str]:
    return [match[0].strip()[:60] for match in pattern.finditer(text)]


def _first_line(text: str) -> str:
    return text.strip()[:40]


def _lone_stars(case: Case, language: str) -> list[tuple[str | None, str]]:
    """A single ** in the whole letter. Two may be a footnote: 「会場参加**」 and below 「** 要申込」."""
    found = [
        (part.key, excerpt(run.text, match.start(), match.end()))
        for tongue, part in case.each_part()
        if tongue == language
        for run in _printed(part)
        if run.text.count("**") == 1 and "***" not in run.text
        for match in _LONE.finditer(run.text)
    ]
    return found if len(found) == 1 else []


CHECKS: Final[tuple[Check, ...]] = (full_width, left_over)
