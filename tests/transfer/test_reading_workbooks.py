"""XLSX from outside: the sheet, the cells as text, and the bombs."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from subscribers.errors import BadTable
from subscribers.transfer import xlsx_in
from subscribers.transfer.tables_in import Source, Table, open_table

ROWS: list[list[object]] = [
    ["メールアドレス", "氏名", "属性.日"],
    ["a@example.jp", "田中", date(2034, 12, 20)],
]


def workbook(*sheets: Sequence[Sequence[object]], hidden: Sequence[int] = ()) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet{number}")
        for row in rows:
            sheet.append(list(row))
        if number in hidden:
            sheet.sheet_state = "hidden"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def rezipped(content: bytes, change: Callable[[str, bytes], bytes], **more: bytes) -> bytes:
    """The workbook with its parts changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
        for name, data in more.items():
            new.writestr(name, data)
    return out.getvalue()


def opened(content: bytes, **known: Any) -> Table:
    return open_table(Source(io.BytesIO(content), "members.xlsx", **known))[0]


def cells(content: bytes, **known: Any) -> list[tuple[int, list[str]]]:
    return [record for block in opened(content, **known).blocks() for record in block.records]


def reason(content: bytes, **known: Any) -> str:
    with pytest.raises(BadTable) as refused:
        cells(content, **known)
    return refused.value.reason


# ── cells and sheets ────────────────────────────────────────────────────────────────────────────


def test_a_workbook_is_read_with_its_row_numbers() -> None:
    found = cells(workbook([ROWS[0], [], ROWS[1], [None, None], ["b@example.jp"]]))
    assert [(line, row[:3]) for line, row in found] == [
        (1, ["メールアドレス", "氏名", "属性.日"]),
        (3, ["a@example.jp", "田中", "2034-12-20"]),
        (5, ["b@example.jp", "", ""]),
    ]


def test_values_of_every_kind_become_the_text_that_a_person_sees() -> None:
    values: list[object] = [
        5, 5.0, 1.5, True, date(2034, 1, 2), datetime(2034, 1, 2, 9, 30), time(9, 30), timedelta(hours=1), "x_x000D_\ny",
    ]  # fmt: skip
    found = cells(workbook([["email", *"abcdefghi"], ["a@example.jp", *values]]))[1][1]
    assert found[1:10] == [
        "5", "5", "1.5", "TRUE", "2034-01-02", "2034-01-02 09:30:00", "09:30:00", "1:00:00", "x\r\ny",
    ]  # fmt: skip


def test_a_formula_gives_its_stored_value_and_is_not_computed() -> None:
    made = workbook([["email", "name"], ["a@example.jp", "=1+1"]])
    stored = rezipped(
        made, lambda name, data: data.replace(b"<v></v>", b"<v>2</v>").replace(b"<v />", b"<v>2</v>") if "sheet1" in name else data
    )  # fmt: skip
    assert cells(stored)[1][1][1] == "2"
    assert cells(made)[1][1][1] == ""  # never opened in Excel: there is none


def test_hidden_sheets_are_not_read_and_cover_sheets_passed_over() -> None:
    cover = [["会員名簿"], ["2034年"]]
    read = opened(workbook(cover, ROWS, [["email"], ["hidden@example.jp"]], hidden=[2]))
    assert (read.sheet, read.ignored_sheets) == ("Sheet1", ("Sheet0", "Sheet2"))
    assert reason(workbook(ROWS, [["x"]], hidden=[0])) == "no_address_column"


def test_of_several_sheets_with_addresses_none_is_guessed() -> None:
    both = workbook(ROWS, ROWS)
    assert reason(both) == "several_sheets"
    assert opened(both, sheet="Sheet1").sheet == "Sheet1"
    assert reason(both, sheet="Sheet9") == "unknown_sheet"


def test_a_workbook_without_cells_is_refused() -> None:
    assert reason(workbook([])) == "no_sheet"


def test_people_of_a_workbook_go_in(read_in: Any) -> None:
    rows = [
        ["Eメール", "お名前", "希望言語", "備考"],
        ["a@example.jp", "田中", "日本語", None],
        ["bad"],
        ["a@example.jp"],
    ]
    result = read_in(workbook(rows))
    assert (result.added, result.encoding, result.sheet) == (1, None, "Sheet0")
    assert [(e.line, e.reason) for e in result.refused] == [(3, "no_at"), (4, "duplicate")]
    assert result.ignored_columns == ("備考",)


def test_a_cell_beyond_the_headings_refuses_its_row(read_in: Any) -> None:
    result = read_in(workbook([["email", "name"], ["a@example.jp", "x", None], ["b@example.jp", "x", "y"]]))
    assert (result.added, [(e.line, e.reason) for e in result.refused]) == (1, [(3, "too_many_cells")])


def test_a_failed_lookup_refuses_its_row(read_in: Any) -> None:
    result = read_in(workbook([["email", "name"], ["a@example.jp", "#N/A"], ["#REF!", "x"]]))
    assert [(e.line, e.field, e.reason) for e in result.refused] == [
        (2, "name", "cell_error"),
        (3, "email", "no_at"),
    ]


# ── other files ─────────────────────────────────────────────────────────────────────────────────


def test_old_and_protected_workbooks_are_told_apart() -> None:
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert reason(ole + "Workbook".encode("utf-16-le")) == "old_excel"
    assert reason(ole + "EncryptedPackage".encode("utf-16-le") + bytes(100)) == "password"
    assert reason(ole + bytes(3 << 20) + "EncryptedPackage".encode("utf-16-le") + bytes(100)) == "password"


@pytest.mark.parametrize(
    ("member", "kind"),
    [("word/document.xml", "Word"), ("xl/workbook.bin", "Excel (.xlsb)"), ("content.xml", "OpenDocument"), ("a.txt", "ZIP")],
)  # fmt: skip
def test_other_zip_files_are_called_by_their_name(member: str, kind: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, "<x/>")
    with pytest.raises(BadTable) as refused:
        cells(out.getvalue())
    assert refused.value.facts["kind"] == kind


def test_a_workbook_cut_short_or_scrambled_is_refused() -> None:
    content = workbook(ROWS)
    assert reason(content[:-200]) == "broken_workbook"
    assert reason(rezipped(content, lambda name, data: data[: len(data) // 2])) == "broken_workbook"
    assert reason(
        rezipped(
            content, lambda name, data: data if "sheet1" not in name else data.replace(b"</row>", b"", 1)
        )
    )
    assert reason(b"PK\x03\x04" + bytes(100)) == "broken_workbook"


# ── bombs: F37, F40 ─────────────────────────────────────────────────────────────────────────────


def test_a_part_that_unpacks_to_far_more_than_it_weighs_is_not_unpacked() -> None:
    # F37: 64 MB of spaces in 64 KB.
    content = rezipped(workbook(ROWS), lambda _, data: data, **{"xl/media/image.bin": bytes(64 << 20)})
    assert len(content) < 100_000
    assert reason(content) == "unsafe_workbook"


def test_declared_sizes_beyond_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # F37
    for limit in ("_LARGEST_MEMBER", "_LARGEST_STRINGS", "_MOST_MEMBERS"):
        with monkeypatch.context() as patched:
            patched.setattr(xlsx_in, limit, 3)
            strings = {"xl/sharedStrings.xml": b"<sst/>"}
            assert reason(rezipped(workbook(ROWS), lambda _, data: data, **strings)) == "unsafe_workbook"


def test_entities_are_refused_before_any_part_is_read() -> None:
    # F40: a billion laughs, in any part.
    laughs = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'

    def in_part(part: str) -> bytes:
        def change(name: str, data: bytes) -> bytes:
            return laughs + data.split(b"?>", 1)[-1] if name == part else data

        return rezipped(workbook(ROWS), change)

    for part in ("xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml", "_rels/.rels"):
        assert reason(in_part(part)) == "unsafe_workbook"
    utf_16 = rezipped(workbook(ROWS), lambda _, data: data, **{"xl/x.xml": laughs.decode().encode("utf-16")})
    assert reason(utf_16) == "unsafe_workbook"
    late = b"<!--" + b"x" * 100_000 + b"-->" + laughs
    assert (
        reason(rezipped(workbook(ROWS), lambda name, data: late + data if "sheet1" in name else data))
        == "unsafe_workbook"
    )


def test_hostile_dimensions_and_row_numbers_cost_nothing(read_in: Any) -> None:
    # F37: a sheet that says it has 16,384 columns and a row a quintillion.
    def swell(name: str, data: bytes) -> bytes:
        if "sheet1" not in name:
            return data
        data = data.replace(b'ref="A1:C2"', b'ref="A1:XFD1048576"')
        return data.replace(
            b"</sheetData>",
            b'<row r="999999999999999999"><c r="A9" t="str"><v>z@example.jp</v></c></row></sheetData>',
        )

    result = read_in(rezipped(workbook(ROWS), swell))
    assert (result.added, result.refused_count) == (1, 0)


def test_a_heading_of_too_many_columns_is_refused() -> None:
    assert reason(workbook([["email", *["x"] * 2_000], ["a@example.jp"]])) == "too_many_columns"


def test_the_workbook_is_not_changed_by_being_read() -> None:
    content = workbook(ROWS)
    file = io.BytesIO(content)
    table, _ = open_table(Source(file, "x.xlsx"))
    list(table.blocks())
    assert not file.closed
    assert load_workbook(io.BytesIO(file.getvalue())).sheetnames == ["Sheet0"]
