"""What did not go in: the first thousand for the screen, all of them as a CSV to mend and import again.

Owns the refused file: UTF-8 with its mark so that Excel reads it, the headings of the import, and
the reason in words at the end. Called by `importing`.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from ..files import make_private
from .cells import fold, guard
from .headings import REFUSAL, Columns
from .reasons import RowError, sentence

KEPT = 1_000  # in memory and in the answer; the file has all


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """Where refused rows go, and how a reason is said. No file is made if no row is refused."""

    path: Path
    words: Callable[[RowError], str] = sentence
    heading: str = REFUSAL["en"]


class Refusals:
    def __init__(self, columns: Columns, file: RefusedFile | None) -> None:
        self._columns = columns
        self._file = file
        self._text: TextIO | None = None
        self._first: list[RowError] = []
        self.count = 0

    def __enter__(self) -> Refusals:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._text and self._file:
            self._text.close()
            if error is None:
                # Not before: the file of an earlier round may be the very one that is being imported.
                self._part.replace(self._file.path)
            else:
                self._part.unlink(missing_ok=True)

    def add(self, refused: Sequence[tuple[RowError, list[str]]]) -> None:
        for error, cells in refused:
            self.count += 1
            if len(self._first) < KEPT:
                self._first.append(error)
            if self._file:
                self._write(self._file, error, cells)

    def first(self) -> list[RowError]:
        """By line."""
        return sorted(self._first, key=lambda error: error.line)

    def _write(self, file: RefusedFile, error: RowError, cells: Sequence[str]) -> None:
        if self._text is None:
            self._part = file.path.with_name(f"{file.path.name}.part")
            self._part.unlink(missing_ok=True)
            make_private(self._part)
            self._text = self._part.open("w", encoding="utf-8-sig", errors="replace", newline="")
            self._writer = csv.writer(self._text)
            if self._columns.headings:
                self._writer.writerow([*map(guard, self._columns.headings[: self._width()]), file.heading])
        row = [*cells[: self._width() or None]]
        row += [""] * (self._width() - len(row))
        self._writer.writerow([*map(guard, row), guard(file.words(error))])

    def _width(self) -> int:
        """Without the reason's column of an earlier round."""
        headings = self._columns.headings
        known = {fold(word) for word in (*REFUSAL.values(), self._file.heading if self._file else "")}
        return len(headings) - (1 if headings and fold(headings[-1]) in known else 0)
