"""A record of a table as people to stage, or as the reasons why not.

Owns the rules of a row: one bad cell refuses the row, a cell of several addresses is several people
only where the caller says so. Knows no database. Called by `importing`; the hot loop of an import.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from ..address import parse, parse_mailbox, plain
from ..errors import BadAddress
from ..model import Address
from . import cells as cells_
from .csv_in import Record
from .headings import Columns
from .reasons import RefusedCell, RowError

PARTS = 10  # bits of a row's number for the address within a cell; cells.MOST_ADDRESSES fits


# One person of the file, as the staging table has it: a plain tuple, which costs a tenth of a named one.
# n (line << PARTS | which address of the cell), address key, email and wire (None = as the key), domain,
# name, languages, time zone, attributes (JSON), state.
Row = tuple[int, str, str | None, str | None, str, str, str, str | None, str, str]
Forms = tuple[int, str, str, str, str]  # the first five of them: n, key, email, wire, domain
Refused = tuple[RowError, list[str]]  # with the cells as they stood, to be mended


class RowReader:
    def __init__(self, columns: Columns, *, split: bool) -> None:
        self.columns = columns
        self._split = split
        self._width = len(columns.headings)
        self._field = ""
        self._attribute_names = [name for name, _ in columns.attributes]
        self._attribute_columns = [at for _, at in columns.attributes]
        self._attributes = lru_cache(maxsize=16_384)(self._read_attributes)

    def read(self, records: Sequence[Record]) -> tuple[list[Row], list[Refused], int]:
        """People, refusals, and how many records held anything at all."""
        rows: list[Row] = []
        refused: list[Refused] = []
        blank = 0
        for line, cells in records:
            try:
                if len(cells) != self._width:
                    cells = self._fitted(cells)  # noqa: PLW2901
                person = self._one(line, cells)
            except RefusedCell as error:
                refused.append((RowError(line, self._field, error.reason, error.facts), cells))
                continue
            if person is not None:
                rows.append(person)
            elif any(cell.strip() for cell in cells):
                self._several(line, cells, rows, refused)
            else:
                blank += 1
        return rows, refused, len(records) - blank

    def _one(self, line: int, cells: list[str]) -> Row | None:
        """The usual row: a bare address. None: the cell wants a closer look."""
        cell = cells[self.columns.email]
        if cell[:1] == "'":
            cell = cells_.unguard(cell)
        if everyday := plain(cell):
            local, domain = everyday
            return self._row((line << PARTS, cell.lower(), cell, f"{local}@{domain}", domain), "", cells)
        try:
            address = parse(cell)
        except BadAddress:
            return None
        return self._row(_forms(line << PARTS, address), "", cells)

    def _several(self, line: int, cells: list[str], rows: list[Row], refused: list[Refused]) -> None:
        try:
            self._field = "email"
            mailboxes = cells_.read_mailboxes(cells[self.columns.email])
            if not mailboxes:
                raise RefusedCell("no_address")
            if len(mailboxes) > 1 and not self._split:
                raise RefusedCell("several_addresses", addresses=len(mailboxes))
        except RefusedCell as error:
            refused.append((RowError(line, self._field, error.reason, error.facts), cells))
            return
        for part, mailbox in enumerate(mailboxes):
            try:
                self._field = "email"
                name, address = parse_mailbox(mailbox)
                forms = _forms(line << PARTS | part, address)
                rows.append(self._row(forms, "" if "@" in name else name, cells))
            except BadAddress as bad:
                reason = "no_address" if bad.reason == "empty" else bad.reason
                why = RowError(line, "email", reason, {"address": mailbox[:300]})
                refused.append((why, self.with_address(cells, mailbox)))
            except RefusedCell as cell:
                why = RowError(line, self._field, cell.reason, cell.facts)
                refused.append((why, self.with_address(cells, mailbox)))

    def cells_of(self, cells: list[str], part: int) -> list[str]:
        """The row of one person of those that the record held."""
        if not self._split:
            return cells
        mailboxes = cells_.read_mailboxes(cells[self.columns.email])
        return self.with_address(cells, mailboxes[part]) if len(mailboxes) > 1 else cells

    def with_address(self, cells: list[str], address: str) -> list[str]:
        """The row of one person out of a cell of several."""
        return [address if at == self.columns.email else cell for at, cell in enumerate(cells)]

    def _row(self, forms: Forms, mailbox_name: str, cells: list[str]) -> Row:
        columns = self.columns
        name = languages = state = ""
        zone = None
        attributes = "{}"
        # The field in hand is noted before each step: a refusal names it.
        if columns.name >= 0:
            self._field = "name"
            name = cells_.read_name(cells[columns.name])
        if mailbox_name:
            self._field = "name"
            name = cells_.read_name(mailbox_name)
        if columns.languages >= 0:
            self._field = "languages"
            languages = cells_.read_languages(cells[columns.languages])
        if columns.time_zone >= 0:
            self._field = "time_zone"
            zone = cells_.read_time_zone(cells[columns.time_zone])
        if columns.state >= 0:
            self._field = "state"
            state = cells_.read_state(cells[columns.state])
        if self._attribute_columns:
            attributes = self._attributes(tuple([cells[at] for at in self._attribute_columns]))
        n, key, email, wire, domain = forms
        return (
            n, key, None if email == key else email, None if wire == key else wire, domain,
            name, languages, zone, attributes, state or "confirmed",
        )  # fmt: skip

    def _read_attributes(self, values: tuple[str, ...]) -> str:
        """JSON of those that hold anything, as SQLAlchemy would write it."""
        read: dict[str, str] = {}
        for name, value in zip(self._attribute_names, values, strict=True):
            if value:
                self._field = f"attr.{name}"
                if text := cells_.read_text(value, cells_.LONGEST_VALUE):
                    read[name] = text
        return json.dumps(read)

    def _fitted(self, cells: list[str]) -> list[str]:
        """A row as wide as the heading. Cells too many shift everything after them: no guess which."""
        self._field = ""
        width = self._width or max(len(cells), self._needed())
        if any(cell.strip() for cell in cells[width:]):
            raise RefusedCell("too_many_cells", cells=len(cells), columns=width)
        return cells[:width] + [""] * (width - len(cells))

    def _needed(self) -> int:
        columns = self.columns
        return 1 + max(columns.email, columns.name, columns.languages, columns.time_zone, columns.state, *self._attribute_columns, -1)  # fmt: skip


def _forms(n: int, address: Address) -> Forms:
    return n, address.key, address.written, address.wire, address.domain
