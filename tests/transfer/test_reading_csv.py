"""CSV from outside: encodings, delimiters, quotation marks, line numbers, and what is no table."""

from __future__ import annotations

import csv
import io
import tracemalloc
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import BadTable
from subscribers.transfer import csv_in, headings, text_encoding
from subscribers.transfer.csv_in import CsvTable
from subscribers.transfer.reasons import TABLE
from subscribers.transfer.tables_in import Source, open_table

JAPANESE = "メールアドレス,氏名\r\nkeiko@example.jp,髙橋①㈱\r\n"


def table(content: str | bytes, **known: Any) -> CsvTable:
    data = content.encode() if isinstance(content, str) else content
    opened, _ = open_table(Source(io.BytesIO(data), "x.csv", **known))
    assert isinstance(opened, CsvTable)
    return opened


def records(content: str | bytes, **known: Any) -> list[tuple[int, list[str]]]:
    return [record for block in table(content, **known).blocks() for record in block.records]


def reason(content: str | bytes, **known: Any) -> str:
    with pytest.raises(BadTable) as refused:
        records(content, **known)
    assert refused.value.reason in TABLE
    assert refused.value.facts["remedy"]
    assert "{" not in str(refused.value)
    return refused.value.reason


# ── encodings ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("utf-16", "utf-16"), ("cp932", "cp932"),
        ("iso2022_jp_ext", "iso2022_jp"),
    ],
)  # fmt: skip
def test_the_encoding_is_found(written: str, found: str) -> None:
    text = JAPANESE if written != "iso2022_jp_ext" else JAPANESE.replace("髙橋①㈱", "高橋")
    opened = table(text.encode(written))
    assert opened.encoding == found
    assert opened.head() == [(n, line.split(",")) for n, line in enumerate(text.splitlines(), start=1)]


def test_utf_16_of_either_order_is_read() -> None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        assert records(mark + JAPANESE.encode(encoding))[1] == (2, ["keiko@example.jp", "髙橋①㈱"])


def test_a_sign_of_another_encoding_late_in_the_file_is_found_before_anything_is_read() -> None:
    # The first Japanese name may stand in line 100,000: the head of the file does not tell.
    rows = "".join(f"p{n}@example.jp,x\n" for n in range(60_000))
    opened = table(f"email,name\n{rows}".encode() + "a@example.jp,横浜\n".encode("cp932"))
    assert opened.encoding == "cp932"


def test_one_damaged_byte_does_not_turn_a_utf_8_file_into_nonsense() -> None:
    # CP932 would take it: 横浜 would come in as 讓ｪ豬�.
    text = "email,name\n" + "".join(f"p{n}@example.jp,横浜市役所\n" for n in range(50))
    data = bytearray(text.encode())
    del data[data.index("浜".encode())]
    assert reason(bytes(data)) == "damaged_text"


def test_text_in_no_known_encoding_names_the_line() -> None:
    with pytest.raises(BadTable) as refused:
        records(b"email,name\na@example.jp,x\nb@example.jp,\x81\x20\xff\n")
    assert (refused.value.reason, refused.value.facts["line"]) == ("unknown_encoding", 3)


def test_a_given_encoding_is_used_or_refused() -> None:
    text = "email,name\na@example.jp,Müller\n"
    assert records(text.encode("cp1252"), encoding="cp1252")[1][1] == ["a@example.jp", "Müller"]
    assert reason(text.encode("cp1252"), encoding="utf-8") == "wrong_encoding"
    for name in ("rot13", "klingon", "utf-7", "a\0b", "idna"):
        assert reason(text, encoding=name) == "no_such_encoding"
    assert records("\ufeff" + text, encoding="utf-8")[0][1][0] == "email"


# ── delimiters ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    text = "name,email,languages\n田中,a@example.jp,ja\n".replace(",", delimiter)
    opened = table(text)
    assert (opened.delimiter, opened.head()[1][1]) == (delimiter, ["田中", "a@example.jp", "ja"])


def test_separators_inside_the_only_column_do_not_make_columns() -> None:
    assert table("email\na@example.jp;b@example.jp\nc@example.jp;d@example.jp\n").delimiter == ","


def test_the_hint_of_excel_is_taken_and_keeps_the_line_numbers() -> None:
    opened = table("sep=;\r\nemail;name\r\na@example.jp;x,y,z\r\n")
    assert opened.delimiter == ";"
    assert opened.head() == [(2, ["email", "name"]), (3, ["a@example.jp", "x,y,z"])]


# ── records and lines ───────────────────────────────────────────────────────────────────────────


def test_a_record_is_numbered_by_the_line_where_it_begins() -> None:
    text = 'email,name\n"a@example.jp","two\nlines"\n\nb@example.jp,"x ""y"" z"\nc@example.jp,"a\n\nb"\nd@example.jp,\n'
    found = [(line, cells) for line, cells in records(text) if cells]
    assert found == [
        (1, ["email", "name"]), (2, ["a@example.jp", "two\nlines"]), (5, ["b@example.jp", 'x "y" z']),
        (6, ["c@example.jp", "a\n\nb"]), (9, ["d@example.jp", ""]),
    ]  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(end: str) -> None:
    assert [line for line, _ in records(f"email{end}a@example.jp{end}b@example.jp")] == [1, 2, 3]


def test_a_quotation_mark_that_nobody_closed_costs_its_own_line_alone() -> None:
    text = 'email,name\na@example.jp,"Tanaka\nb@example.jp,B\n"c@example.jp","ja,en"\nd@example.jp,D\n'
    opened = table(text)
    blocks = list(opened.blocks())
    assert [line for block in blocks for line, _ in block.records] == [1, 3, 4, 5]
    ((error, cells),) = [refused for block in blocks for refused in block.broken]
    assert (error.line, error.reason, cells) == (2, "unclosed_quote", ["a@example.jp", '"Tanaka'])


def test_a_quotation_mark_within_a_cell_is_a_sign_like_any() -> None:
    assert records('email,name\na@example.jp,5" disk\nb@example.jp,x"y,\n')[1:] == [
        (2, ["a@example.jp", '5" disk']),
        (3, ["b@example.jp", 'x"y', ""]),
    ]


def test_a_quoted_cell_may_lie_across_the_blocks_that_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_in, "_BLOCK_CHARACTERS", 10)
    text = "email,name\n" + "".join(f'p{n}@example.jp,"a\nb,{n}\n\nc"\nq{n}@example.jp,\n' for n in range(9))
    found = records(text)
    assert [line for line, _ in found] == [1, *(line for n in range(9) for line in (5 * n + 2, 5 * n + 6))]
    assert found[3] == (7, ["p1@example.jp", "a\nb,1\n\nc"])


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from('\n\t",')),
            min_size=2,
            max_size=4,
        ),
        max_size=8,
    )
)
def test_whatever_the_csv_module_writes_is_read_back(rows: list[list[str]]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([["email", "name"], *rows])
    starts, reader, after = [], csv.reader(io.StringIO(text.getvalue(), newline="")), 0
    for _ in reader:
        starts.append(after + 1)
        after = reader.line_num
    found = records(text.getvalue(), encoding="utf-8", delimiter=",")
    assert found == list(zip(starts, [["email", "name"], *rows], strict=True))


# ── limits ──────────────────────────────────────────────────────────────────────────────────────


def test_a_million_columns_are_refused_quickly() -> None:
    # F37
    assert reason("email" + ",x" * 1_000_000 + "\n") == "line_too_long"
    assert reason("email" + "," * 500_000 + "x\na@example.jp\n") == "too_many_columns"
    assert headings.choose([(1, ["email", *[""] * 400_000])], {}).headings == ("email",)


def test_a_file_without_line_breaks_is_not_held_in_memory() -> None:
    # F37: 1 GB in one line. A file object that makes its bytes as they are read.
    class Endless(io.RawIOBase):
        size = 1 << 30

        def __init__(self) -> None:
            self.at = 0

        def seek(self, at: int, whence: int = 0) -> int:
            self.at = at if whence == 0 else self.size + at
            return self.at

        def tell(self) -> int:
            return self.at

        def read(self, size: int = -1) -> bytes:
            size = min(size if size >= 0 else self.size, self.size - self.at)
            self.at += size
            return b"x" * size

    endless: Any = Endless()
    tracemalloc.start()
    try:
        with pytest.raises(BadTable) as refused:
            open_table(Source(endless, "x.csv"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert refused.value.reason == "line_too_long"
    assert endless.at < 4 << 20
    assert peak < 32 << 20


def test_a_cell_longer_than_the_csv_module_allows_costs_its_row() -> None:
    text = f"email,note\na@example.jp,{'x' * 200_000}\nb@example.jp,y\n"
    for content in (text, text.replace("b@", '"b@').replace("jp,y", 'jp",y')):
        blocks = list(table(content).blocks())
        assert [cells[0] for block in blocks for _, cells in block.records] == ["email", "b@example.jp"]
        assert [error.reason for block in blocks for error, _ in block.broken] == ["too_long"]


def test_a_line_of_quotation_marks_is_read_in_linear_time() -> None:
    # ReDoS: with a backtracking pattern this takes longer than the universe has been there.
    text = "email,name\n" + '"' * 60_001 + "\n" + '","' * 20_000 + "\n"
    assert len(records(text)) >= 1


# ── what is no table ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "content", [b"", b"\n\r\n  \t", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1a", b"\xef\xbb\xbf\r\n"]
)
def test_an_empty_file_is_said_to_be_empty(content: bytes) -> None:
    assert reason(content) == "empty"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "PDF"), (b"\x89PNG\r\n\x1a\n\0\0", "PNG"), (b"\xff\xd8\xff\xe0\0\x10JFIF", "JPEG"),
        (b"GIF89a\x01\0", "GIF"), (b"\x1f\x8b\x08\0", "gzip"), (b"{\\rtf1\\ansi", "RTF"), (b"<!doctype html><p>", "HTML"),
        (b"\n <HTML><table><tr><td>email", "HTML"), (b"<table><tr><td>email</table>", "HTML"), (b"<?xml version='1.0'?>", "XML"),
        (b"BEGIN:VCARD\nEMAIL:a@example.jp", "vCard"), (b'[{"email": "a@example.jp"}]', "JSON"), (b"SQLite format 3\0", "SQLite"),
        (b"\xef\xbb\xbf<html>", "HTML"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_called_by_its_name(content: bytes, kind: str) -> None:
    with pytest.raises(BadTable) as refused:
        records(content)
    assert (refused.value.reason, refused.value.facts["kind"]) == ("not_a_table", kind)


def test_binary_content_is_no_text() -> None:
    assert reason(b"email\n\0\0\0\0") == "binary"
    assert reason(bytes(range(1, 32)) * 9) == "binary"
    assert reason("email\na@example.jp\n".encode("utf-16-le")) == "binary"  # without its mark


def test_a_stray_nul_far_down_costs_its_row_alone(read_in: Any) -> None:
    text = "email,name\n" + "".join(f"p{n}@example.jp,x\n" for n in range(5_000)) + "a@example.jp,a\0b\n"
    result = read_in(text)
    assert (result.added, [(e.line, e.reason) for e in result.refused]) == (
        5_000,
        [(5_002, "control_character")],
    )


def test_the_file_stays_open_for_its_owner() -> None:
    file: BinaryIO = io.BytesIO(b"email\na@example.jp\n")
    opened, _ = open_table(Source(file, "x.csv"))
    list(opened.blocks())
    del opened
    assert not file.closed


def test_blocks_of_the_scan_do_not_cut_signs_or_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_encoding, "_BLOCK_BYTES", 3)
    monkeypatch.setattr(text_encoding, "LONGEST_LINE", 40)
    for encoding in ("utf-8", "utf-16", "cp932"):
        assert records(JAPANESE.encode(encoding))[1][1][1] == "髙橋①㈱"
    assert reason("email\n" + "x" * 60 + "\n") == "line_too_long"
