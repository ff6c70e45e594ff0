"""Every reason why a row or a whole file is refused, as a code with an English sentence.

The texts in each language are the caller's (`import.reason.<code>`, `error.bad_table.<code>`); these
stand in logs, in tests and where no catalogue is at hand. Called by the modules of this package.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ..address import REASONS as ADDRESS_REASONS
from ..errors import BadTable

ROW: Mapping[str, str] = {
    **{code: sentence for code, sentence in ADDRESS_REASONS.items() if code != "empty"},
    "no_address": "The row has no address.",
    "several_addresses": "The cell holds several addresses. Split them into rows, or import with splitting on.",
    "too_many_addresses": "The cell holds more than {limit} addresses.",
    "duplicate": "The same person stands in line {other_line} already.",
    "bad_language": "“{value}” is no language.",
    "bad_time_zone": "“{value}” is no time zone. Zones are written like Asia/Tokyo.",
    "bad_state": "“{value}” is no state. States are pending, confirmed and unsubscribed.",
    "too_long": "The cell is longer than {limit} characters.",
    "too_many_cells": "The row has {cells} cells, the heading {columns}: perhaps a comma inside a cell is not quoted.",
    "unclosed_quote": "A quotation mark is opened and not closed.",
    "cell_error": "The cell shows the error {value} of a formula.",
}

# code → what it is, what to do
TABLE: Mapping[str, tuple[str, str]] = {
    "empty": ("The file is empty.", "Export the table again; there should be a heading and a row per person."),
    "not_a_table": (
        "The file is {kind}, not a table.",
        "Save the table as CSV (UTF-8) or as an Excel workbook (.xlsx) and import that.",
    ),
    "binary": (
        "The file is not text: it holds bytes that no table has.",
        "Save the table as CSV (UTF-8) or as an Excel workbook (.xlsx) and import that.",
    ),
    "old_excel": (
        "This is a workbook of the old Excel form (.xls).",
        "Open it in Excel or LibreOffice, save it as .xlsx and import that.",
    ),
    "password": (
        "The workbook is protected by a password.",
        "Open it, remove the password, save a copy and import that.",
    ),
    "broken_workbook": (
        "The workbook cannot be read: it is damaged or was made by an unusual program.",
        "Open it in Excel or LibreOffice, save it as CSV (UTF-8) and import that.",
    ),
    "unsafe_workbook": (
        "The workbook is built so that reading it would exhaust this machine.",
        "Copy the cells into a new workbook, save it and import that.",
    ),
    "no_sheet": (
        "The workbook has no visible sheet with cells.",
        "Show the sheet that holds the addresses and save the workbook again.",
    ),
    "unknown_sheet": ("There is no sheet “{sheet}” in the workbook: {sheets}.", "Name one of these sheets."),
    "several_sheets": (
        "Several sheets hold addresses: {sheets}.",
        "Say which sheet to import, or save it alone as a workbook.",
    ),
    "unknown_encoding": (
        "Line {line} can be read neither as UTF-8 nor as Shift_JIS (CP932).",
        "Save the table as CSV UTF-8, or say the encoding of the file.",
    ),
    "damaged_text": (
        "The file is {encoding}, but line {line} is damaged.",
        "Export the table again, or mend that line and save as UTF-8.",
    ),
    "wrong_encoding": (
        "Line {line} cannot be read as {encoding}.",
        "Leave the encoding out to have it found, or name another one.",
    ),
    "no_such_encoding": ("“{encoding}” is no encoding.", "Name one like utf-8, cp932 or euc_jp."),
    "line_too_long": (
        "Line {line} is longer than {limit} characters: it has too many columns, or the file has no line breaks.",
        "Save the table as CSV (UTF-8) with one line per person.",
    ),
    "too_many_columns": (
        "The table has {columns} columns; {limit} is the most.",
        "Delete the columns that are not needed and save the table again.",
    ),
    "no_address_column": (
        "No column is headed as the addresses. The headings are: {headings}.",
        "Call the column with the addresses “email” (or “メールアドレス”), or say which column it is.",
    ),
    "address_column_not_named": (
        "No column is headed as the addresses, but column {column} (“{heading}”) holds some.",
        "Call that column “email” (or “メールアドレス”), or say that it is the one.",
    ),
    "no_headings": (
        "The first row is no heading: it already holds an address.",
        "Add a first row with headings (email, name, …), or give the columns by number.",
    ),
    "double_heading": (
        "Two columns mean the same, {field}: column {first} and column {second}.",
        "Rename one of them, or say which one to use.",
    ),
    "unknown_column": (
        "There is no column “{column}”. The headings are: {headings}.",
        "Write the heading exactly as in the file, or the number of the column.",
    ),
    "unknown_field": (
        "“{field}” is nothing that a column can be.",
        "Columns are email, name, languages, time_zone, state and attr.… .",
    ),
    "bad_attribute": (
        "The heading “{heading}” has no name after the dot, or one longer than {limit} characters.",
        "Write a short name, such as attr.city.",
    ),
    "too_many_rows": (
        "An Excel sheet holds {limit} rows at most.",
        "Export as CSV, or one list at a time.",
    ),
}  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True)
class RowError:
    """A row that did not go in. `line`: of the file, 1-based, where the record begins (XLSX: the row)."""

    line: int
    field: str  # email, name, … or "" for the row as a whole
    reason: str  # a key of ROW
    facts: Mapping[str, object] = dataclasses.field(default_factory=dict)


class RefusedCell(Exception):
    """Inside this package: a cell's text cannot be taken. Becomes a RowError with its line."""

    def __init__(self, reason: str, **facts: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.facts = facts


def sentence(error: RowError) -> str:
    """In English."""
    return ROW[error.reason].format_map(error.facts)


def bad_table(reason: str, **facts: object) -> BadTable:
    """The error of a file that cannot be read; its remedy in English is among the facts."""
    text, remedy = TABLE[reason]
    return BadTable(text.format_map(facts), reason=reason, **{**facts, "remedy": remedy.format_map(facts)})
