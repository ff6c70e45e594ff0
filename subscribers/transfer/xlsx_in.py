"""An Excel workbook as records, safely: sizes are checked before anything is unpacked.

Owns the choice of the sheet and a cell's value as text. Formulas give their stored values, hidden
sheets are not read, macros not looked at. Called by `tables_in`.
"""

from __future__ import annotations

import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO
from xml.parsers import expat

from . import headings
from .csv_in import Block, Record
from .headings import Columns
from .reasons import bad_table

if TYPE_CHECKING:
    from .tables_in import Source

LAST_ROW = 1_048_576  # Excel's own; a file may claim any number, and gaps are walked row by row
# Each protects memory or hours of time, against sizes that the archive itself declares (zipfile reads no more).
_MOST_MEMBERS = 10_000
_LARGEST_MEMBER = 1 << 30  # a full sheet of ten columns has some 500 MB
_LARGEST_STRINGS = 1 << 28  # shared strings are held in memory, at about twice this
_HIGHEST_RATIO = 200  # a sheet that repeats itself reaches 60; deflate itself can do 1,032
_RATIO_FROM = 1 << 24
_PROLOG_BYTES = 1 << 16
_BLOCK_ROWS = 2_000
_HEAD_ROWS = 200
_HEAD_RECORDS = 20
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # ECMA-376 part 1 §22.9.2.19: _x000D_ for a carriage return


class XlsxTable:
    encoding: str | None = None
    delimiter: str | None = None

    def __init__(self, file: BinaryIO, sheet: Any) -> None:
        self.file = file
        self.sheet: str | None = sheet.title
        self._sheet = sheet
        self._width = headings.MOST_COLUMNS + 1
        self._read = 0
        self.ignored_sheets: tuple[str, ...] = ()
        self.size_bytes = file.seek(0, 2)

    def head(self) -> list[Record]:
        filled = (record for record in self._records(_HEAD_ROWS) if any(cell.strip() for cell in record[1]))
        return [(line, _trimmed(cells)) for line, cells in islice(filled, _HEAD_RECORDS)]

    def fit(self, columns: int) -> None:
        """Read so many columns and one more, in which a cell too many shows."""
        self._width = min(columns, headings.MOST_COLUMNS) + 1

    def blocks(self) -> Iterator[Block]:
        block: list[Record] = []
        for record in self._records(LAST_ROW):
            block.append(record)
            if len(block) == _BLOCK_ROWS:
                self._read = max(self._read, min(self.file.tell(), self.size_bytes))
                yield Block(block, [])
                block = []
        self._read = self.size_bytes
        yield Block(block, [])

    def bytes_read(self) -> int:
        return self._read

    def _records(self, last: int) -> Iterator[Record]:
        """Rows that hold anything, with their numbers."""
        self._sheet.reset_dimensions()  # what the file says of its size may be wrong or hostile
        rows = self._sheet.iter_rows(max_row=last, max_col=self._width, values_only=True)
        try:
            for line, values in enumerate(rows, start=1):
                if any(value is not None for value in values):
                    yield line, [_text(value) for value in values]
        except Exception as error:
            raise bad_table("broken_workbook") from error


def open_workbook(source: Source) -> tuple[XlsxTable, Columns]:
    """Raises BadTable."""
    _refuse_unsafe(source.file)
    import openpyxl

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on styles and extensions, which are not ours to mend
            workbook = openpyxl.load_workbook(source.file, read_only=True, data_only=True, keep_links=False)
        sheets = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    except Exception as error:  # openpyxl meets damage with any exception there is
        raise bad_table("broken_workbook") from error
    if source.sheet is not None:
        sheets = [sheet for sheet in sheets if sheet.title == source.sheet] or _unknown(source.sheet, sheets)
    tables = [(table, head) for sheet in sheets if (head := (table := XlsxTable(source.file, sheet)).head())]
    if not tables:
        raise bad_table("no_sheet")
    table, columns = _the_one(tables, source)
    table.fit(len(columns.headings) or max(len(cells) for _, cells in table.head()))
    read = [table.sheet]
    table.ignored_sheets = tuple(sheet.title for sheet in workbook.worksheets if sheet.title not in read)
    return table, columns


def _the_one(tables: list[tuple[XlsxTable, list[Record]]], source: Source) -> tuple[XlsxTable, Columns]:
    """The only sheet with addresses. A cover sheet before it is passed over."""
    from ..errors import BadTable

    found: list[tuple[XlsxTable, Columns]] = []
    first: BadTable | None = None
    for table, head in tables:
        try:
            found.append((table, headings.choose(head, source.columns, has_headings=source.has_headings)))
        except BadTable as error:
            first = first or error
    if len(found) > 1:
        raise bad_table("several_sheets", sheets=", ".join(str(table.sheet) for table, _ in found))
    if not found:
        raise first or bad_table("no_sheet")
    return found[0]


def _unknown(sheet: str, sheets: list[Any]) -> list[Any]:
    raise bad_table("unknown_sheet", sheet=sheet, sheets=", ".join(one.title for one in sheets))


def _refuse_unsafe(file: BinaryIO) -> None:
    """Bombs by size, by ratio and by entities (F37, F40)."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if any(member.flag_bits & 1 for member in members):
                raise bad_table("password")
            if len(members) > _MOST_MEMBERS or any(map(_is_too_large, members)):
                raise bad_table("unsafe_workbook")
            if sum(member.file_size for member in members) > 2 * _LARGEST_MEMBER:
                raise bad_table("unsafe_workbook")
            for member in members:
                if member.filename.lower().endswith((".xml", ".rels")):
                    _refuse_entities(archive, member)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, EOFError) as error:
        raise bad_table("broken_workbook") from error


def _is_too_large(member: zipfile.ZipInfo) -> bool:
    if member.file_size > _LARGEST_MEMBER:
        return True
    if member.filename.lower().endswith("sharedstrings.xml") and member.file_size > _LARGEST_STRINGS:
        return True
    return member.file_size > _RATIO_FROM and member.file_size > _HIGHEST_RATIO * max(1, member.compress_size)


def _refuse_entities(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """No part of a workbook has a document type; one that has is there to expand (XML 1.0 §2.8: it stands first)."""
    parser = expat.ParserCreate()
    seen: list[str] = []
    parser.StartDoctypeDeclHandler = lambda *_: seen.append("doctype")
    parser.StartElementHandler = lambda *_: seen.append("element")
    try:
        with archive.open(member) as part:
            parser.Parse(part.read(_PROLOG_BYTES), False)
    except expat.ExpatError:
        if "element" not in seen:
            seen.append("doctype")  # what cannot be read up to its first element is not read further
    except zlib.error as error:
        raise bad_table("broken_workbook") from error
    if not seen or seen[0] == "doctype":
        raise bad_table("unsafe_workbook")


def _trimmed(cells: list[str]) -> list[str]:
    return cells[: max((at for at, cell in enumerate(cells, start=1) if cell), default=0)]


def _unescaped(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)  # half a sign cannot be stored anywhere


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _ESCAPED.sub(_unescaped, value) if "_x" in value else value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    return (
        value.isoformat(*([" "] if isinstance(value, datetime) else []))
        if isinstance(value, date | time)
        else str(value)
    )
