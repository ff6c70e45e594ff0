"""A CSV file as records with their line numbers, a block at a time; never the whole file at once.

Owns where a record begins and ends, the delimiter, and what becomes of a quotation mark that nobody
closed: its line is refused, the lines after it are not swallowed. Called by `tables_in`.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from . import text_encoding
from .reasons import RowError

Record = tuple[int, list[str]]  # line where it begins, cells

_BLOCK_CHARACTERS = 1 << 18  # some 4,000 rows: large enough that Python's share is small
_HEAD_RECORDS = 20
# A quoted cell may hold line breaks (an address a line). Further than this, the quote was never closed.
_MOST_LINES = 200
_MORE = -1  # the lines at hand do not tell yet
_LONGEST_RECORD = 1 << 17  # the csv module's own limit of a cell
DELIMITERS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\s*", re.IGNORECASE)  # Excel's own hint


class Block(NamedTuple):
    records: list[Record]
    broken: list[tuple[RowError, list[str]]]  # with the cells as far as they can be told


class CsvTable:
    """`delimiter` is set by `read_with`; `blocks` may be run again, each time from the start."""

    sheet: str | None = None
    ignored_sheets: tuple[str, ...] = ()

    def __init__(self, file: BinaryIO, encoding: str | None = None) -> None:
        self.file = file
        self.encoding: str | None = text_encoding.find(file, encoding)
        self.delimiter: str | None = None
        self.size_bytes = file.seek(0, io.SEEK_END)
        self._hint = _SEPARATOR_LINE.fullmatch(next(self._lines(), ""))

    def read_with(self, delimiter: str | None, likeness: Callable[[list[Record]], tuple[int, int]]) -> None:
        """Fix the delimiter: the given one, Excel's hint, else the one whose head is most like a table."""
        self.delimiter = delimiter or (self._hint and self._hint.group(1))
        if self.delimiter is None:

            def likeness_with(candidate: str) -> tuple[int, int]:
                self.delimiter = candidate
                return likeness(self.head())

            self.delimiter = max(DELIMITERS, key=likeness_with)

    def bytes_read(self) -> int:
        return self.file.tell()

    def head(self) -> list[Record]:
        """The first records that hold anything."""
        for records, _broken in self.blocks():
            if filled := [record for record in records if any(cell.strip() for cell in record[1])]:
                return filled[:_HEAD_RECORDS]
        return []

    def blocks(self) -> Iterator[Block]:
        """All records from the first line on, in order."""
        text, first, carried = self._open(), 1, list[str]()
        if self._hint:
            text.readline()
            first = 2
        rule = _Quotes(self.delimiter or ",")
        while True:
            fresh = text.readlines(_BLOCK_CHARACTERS)
            lines = carried + fresh
            if not lines:
                break
            if '"' in "".join(lines):
                block, taken = rule.block(lines, first, at_end=not fresh)
            else:
                block, taken = self._plain(lines, first), len(lines)
            yield block
            carried = lines[taken:]
            first += taken

    def _plain(self, lines: list[str], first: int) -> Block:
        """Without a quotation mark a line is a record: the csv module alone, in C."""
        try:
            rows = list(csv.reader(lines, delimiter=self.delimiter or ","))
        except csv.Error:
            return _one_by_one(lines, range(first, first + len(lines)), self.delimiter or ",")
        return Block(list(zip(range(first, first + len(lines)), rows, strict=True)), [])

    def _lines(self) -> Iterator[str]:
        text = self._open()
        yield from iter(lambda: text.readline(text_encoding.LONGEST_LINE), "")

    def _open(self) -> io.TextIOWrapper:
        self.file.seek(0)
        # A wrapper that is thrown away closes its file: it gets a reader of its own over ours.
        return io.TextIOWrapper(_Shared(self.file), self.encoding, newline="")


class _Shared(io.BufferedIOBase):
    """Our file for one reading: closing the reading does not close the file."""

    name = "table"

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        return self._file.read(-1 if size is None else size)

    def read1(self, size: int = -1, /) -> bytes:
        return self._file.read(size)


class _Quotes:
    """Which physical lines make a record, by the csv module's own rules (quotes doubled, not escaped)."""

    def __init__(self, delimiter: str) -> None:
        self.delimiter = delimiter
        sign = re.escape(delimiter)
        # Possessive throughout: linear in the line, whatever it holds.
        cell = rf'(?:"(?:[^"]|"")*+"[^{sign}]*+|[^"{sign}][^{sign}]*+)?+'
        self._closed = re.compile(rf"{cell}(?:{sign}{cell})*+", re.DOTALL)
        self._inside = re.compile(r'(?:[^"]|"")*+', re.DOTALL)
        self._after = re.compile(rf"{sign}|\s*\Z")

    def block(self, lines: list[str], first: int, *, at_end: bool) -> tuple[Block, int]:
        """The records of `lines` and how many lines they took: the last may need lines still to be read."""
        texts: list[str] = []
        starts: list[int] = []
        unclosed: list[tuple[RowError, list[str]]] = []
        at = 0
        while at < len(lines):
            line = lines[at]
            taken = 1
            if '"' in line and not self._closed.fullmatch(line):
                taken = self._lines_of(lines, at)
                if taken == _MORE and not at_end:
                    break
            if taken <= 0:
                error = RowError(first + at, "", "unclosed_quote")
                unclosed.append((error, line.rstrip("\r\n").split(self.delimiter)))
                taken = 1
            else:
                texts.append(line if taken == 1 else "".join(lines[at : at + taken]))
                starts.append(first + at)
            at += taken
        try:
            rows = list(csv.reader(texts, delimiter=self.delimiter))
            block = Block(list(zip(starts, rows, strict=True)), unclosed)
        except (csv.Error, ValueError):
            block = _one_by_one(texts, starts, self.delimiter)
            block.broken.extend(unclosed)
        return block, at

    def _lines_of(self, lines: list[str], at: int) -> int:
        """Lines of the record that begins at `at` with a quote left open; 0 if none closes it, or _MORE."""
        size = len(lines[at])
        taken = 1
        for taken, line in enumerate(lines[at + 1 : at + _MOST_LINES], start=2):
            size += len(line)
            if size > _LONGEST_RECORD:
                return 0
            inside = self._inside.match(line)
            end = inside.end() if inside else 0
            if end == len(line):
                continue
            if not self._after.match(line, end + 1):
                return 0  # a quote in mid-text: it opens the next cell of a later record, it closes nothing
            if self._closed.fullmatch(line, end + 1):
                return taken
        return 0 if taken == _MOST_LINES else _MORE


def _one_by_one(texts: list[str], starts: Sequence[int], delimiter: str) -> Block:
    """After the csv module gave up on a block: everything but the records that it cannot read."""
    records: list[Record] = []
    broken: list[tuple[RowError, list[str]]] = []
    for start, text in zip(starts, texts, strict=True):
        try:
            rows = list(csv.reader([text], delimiter=delimiter))
            records.append((start, rows[0] if rows else []))
        except csv.Error:
            error = RowError(start, "", "too_long", {"limit": csv.field_size_limit()})
            broken.append((error, [cell[:1000] for cell in text.rstrip("\r\n").split(delimiter)]))
    return Block(records, broken)
