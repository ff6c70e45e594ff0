"""A file from outside opened as a table: CSV or XLSX, with its columns known, or a BadTable.

Owns what a file is, by its first bytes (never by its name), and the Source that a caller describes.
Nothing is written while a table is opened. Called by `importing`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from . import headings
from .csv_in import Block, CsvTable, Record
from .headings import Columns
from .reasons import bad_table

_ZIP = b"PK\x03\x04"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_HEAD_BYTES = 1 << 20
# A member that only this kind of file has → what it is called.
_KINDS = (
    ("word/document.xml", "Word"), ("ppt/presentation.xml", "PowerPoint"), ("xl/workbook.bin", "Excel (.xlsb)"),
    ("content.xml", "OpenDocument"), ("Index/Document.iwa", "Apple Numbers"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Source:
    """A file to import and what the caller knows about it. `file`: seekable, opened in binary."""

    file: BinaryIO
    name: str  # "members.csv": stands in the consent records
    columns: Mapping[str | int, str] = field(default_factory=dict)  # heading or number (from 1) → field
    has_headings: bool = True
    split: bool = False  # a cell with several addresses is several people
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


class Table(Protocol):
    encoding: str | None  # None: XLSX
    delimiter: str | None
    sheet: str | None
    ignored_sheets: tuple[str, ...]  # hidden ones, and those without addresses
    size_bytes: int

    def head(self) -> list[Record]: ...
    def blocks(self) -> Iterator[Block]: ...
    def bytes_read(self) -> int: ...


def open_table(source: Source) -> tuple[Table, Columns]:
    """Raises BadTable."""
    source.file.seek(0)
    start = source.file.read(8)
    if start == _OLE:
        raise bad_table(_old_kind(source.file))
    if start[:4] == _ZIP:
        from .xlsx_in import open_workbook

        _refuse_other_zip(source.file)
        return open_workbook(source)
    table = CsvTable(source.file, source.encoding)
    table.read_with(source.delimiter, lambda head: headings.likeness(head, source.columns))
    return table, headings.choose(table.head(), source.columns, has_headings=source.has_headings)


def _old_kind(file: BinaryIO) -> str:
    """An .xlsx with a password is an OLE file too; its stream has a name of its own (MS-OFFCRYPTO §2.3.4)."""
    file.seek(0, io.SEEK_END)
    size = file.tell()
    for place in {0, max(0, size - _OLE_HEAD_BYTES)}:  # the directory stands near the start or the end
        file.seek(place)
        if "EncryptedPackage".encode("utf-16-le") in file.read(_OLE_HEAD_BYTES):
            return "password"
    return "old_excel"


def _refuse_other_zip(file: BinaryIO) -> None:
    try:
        with zipfile.ZipFile(file) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise bad_table("broken_workbook") from error
    if "xl/workbook.xml" in members:
        return
    raise bad_table("not_a_table", kind=next((kind for member, kind in _KINDS if member in members), "ZIP"))
