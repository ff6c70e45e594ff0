"""How a table fits a telephone: which cells may break inside a word, and when its rows are stacked.

Owns the arithmetic of widths. Called by `rows`. A number is never broken where a style block is
read; programs that drop it get rows that break words before the page scrolls sideways.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..model import Table

_WORD: Final = re.compile(r"[!-~\u00a1-\u1fff]+")  # what stands unbroken; CJK is not in it
_NUMBER: Final = re.compile(r"[\d\s.,:;/%+\-–−~～()（）$€£¥]*\d[\d\s.,:;/%+\-–−~～()（）$€£¥]*")
_LONGEST_NUMBER: Final = 16  # signs: "2034-12-20 14:00"
_GAP: Final = 10  # px between columns
_LEAST: Final = 34  # px of a column that breaks inside words: three letters
# (px between the margins, px of the type): 320 px without a style block and with it, and the desk
_BARE: Final = (256, 16)
_TELEPHONE: Final = (280, 15)
_DESK: Final = (536, 16)


@dataclass(frozen=True, slots=True)
class Fit:
    """`classes` of each cell, the head first; `stacked`: on a telephone each row is lines of label and value."""

    classes: Sequence[Sequence[str]]
    stacked: bool


def fit(table: Table) -> Fit:
    lines = [[cell.plain.strip() for cell in row] for row in (table.head, *table.rows)]
    aligned = [*table.align, *[""] * max(map(len, lines), default=0)]
    whole = [[_is_whole(text, aligned[i]) for i, text in enumerate(line)] for line in lines]
    bare, telephone = _torn(lines, whole, *_BARE), _torn(lines, whole, *_TELEPHONE)
    stacked = any(map(any, telephone)) and max(map(len, lines)) > 2
    shown = _torn(lines, whole, *_DESK) if stacked else telephone
    classes = [
        [
            _classes(whole[y][x] and not bare[y][x], bare[y][x], shown[y][x], stacked and y > 0)
            for x in range(len(line))
        ]
        for y, line in enumerate(lines)
    ]
    return Fit(classes, stacked)


def _classes(is_whole: bool, bare: bool, shown: bool, stacked: bool) -> str:
    """`anywhere` is written into the cell; `whole` takes it back where the style block is read."""
    found = ("anywhere" if bare or shown else "", "whole" if bare and not shown else "")
    return " ".join(filter(None, (*found, "one-line" if is_whole else "", "piled" if stacked else "")))


def _is_whole(text: str, align: str) -> bool:
    """A number, or a few signs set to the right: never broken, not at a space or dash either."""
    return len(text) <= _LONGEST_NUMBER and (
        bool(_NUMBER.fullmatch(text)) or (align == "right" and 0 < len(text) <= 12)
    )


def _torn(
    lines: Sequence[Sequence[str]], whole: Sequence[Sequence[bool]], room: int, size: int
) -> list[list[bool]]:
    """For each cell: must it break inside a word, so that all columns fit the room?

    The widest words give way first. Whole cells do so last, where no limit of the others is enough: a page that
    scrolls sideways is worse, and it happens only where no style block is read.
    """
    words = [
        [
            (len(text) and _wide(text, size))
            if whole[y][x]
            else max((_wide(word, size) for word in _WORD.findall(text)), default=0)
            for x, text in enumerate(line)
        ]
        for y, line in enumerate(lines)
    ]
    columns = range(max(map(len, lines), default=0))
    firm, loose = (
        [
            max(
                (words[y][x] for y, line in enumerate(lines) if x < len(line) and whole[y][x] is kind),
                default=0,
            )
            for x in columns
        ]
        for kind in (True, False)
    )
    for limit in range(room, _LEAST, -2):
        if sum(max(a, min(b, limit)) + _GAP for a, b in zip(firm, loose, strict=True)) <= room:
            return [
                [not whole[y][x] and words[y][x] > max(limit, firm[x]) for x in range(len(line))]
                for y, line in enumerate(lines)
            ]
    return [[True] * len(line) for line in lines]


def _wide(text: str, size: int) -> float:
    """px, a little more than in Helvetica and Arial: 0.53 em a small letter, 0.57 a digit, 0.72 a capital, 1 CJK."""
    return size * sum(
        1.0
        if sign > "\u1fff"
        else 0.72
        if sign.isupper() or sign in "mw@%"
        else 0.57
        if sign.isdigit()
        else 0.53
        for sign in text
    )
