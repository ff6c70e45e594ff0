"""Whatever somebody uploads: a result or a BadTable, never a crash, never a full memory."""

from __future__ import annotations

import csv
import io
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from subscribers import store
from subscribers.errors import BadTable
from subscribers.model import Actor
from subscribers.transfer import (
    Declaration,
    ImportResult,
    Options,
    RefusedFile,
    Source,
    import_people,
    sentence,
)
from subscribers.transfer.reasons import ROW, TABLE

NOW = datetime(2034, 12, 20, tzinfo=UTC)
BY = Actor("staff", "keiko")

SCRAPS = st.sampled_from(
    ["email", "メール", "name", "attr.x", "state", ",", ";", "\t", "\n", "\r\n", "\r", '"', '""', "a@x.jp", "b@y.jp", "@", "<", ">",
     "\0", "\ufeff", "あ", "ﾃｽﾄ", "=1", "'", "停止", "ja", "sep=;", " ", "\x1a", "𠮷", "#N/A", "\u202e", "\x85", "\u2028"]
)  # fmt: skip
TEXT_FILES = st.builds(
    lambda head, scraps, encoding: "".join([head, *scraps]).encode(encoding, "ignore"),
    st.sampled_from(["", "email,name\n", "氏名;メール\r\n", "name\temail\tattr.x\n", "email\n"]),
    st.lists(SCRAPS, max_size=40),
    st.sampled_from(
        ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp932", "iso2022_jp", "euc_jp", "latin-1"]
    ),
)
BINARIES = st.builds(
    lambda start, rest: start + rest,
    st.sampled_from(
        [
            b"",
            b"PK\x03\x04",
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            b"\xff\xfe",
            b"\xef\xbb\xbf",
            b"%PDF",
            b"\x1b$B",
        ]
    ),
    st.binary(max_size=300),
)


@pytest.fixture(scope="module")
def house(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    import shutil

    from subscribers.database import open_engine

    path = tmp_path_factory.mktemp("hostile") / "mailer.sqlite"
    shutil.copy(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        store.add_list(connection, "enews", "E-News", by=BY, now=NOW)
    yield engine
    engine.dispose()


def run(engine: Engine, content: bytes, options: Options | None = None, **known: Any) -> ImportResult:
    return import_people(
        engine, Source(io.BytesIO(content), "x", **known), Declaration("enews", "Yes"), options, by=BY, now=NOW,
        random=Random(1), permanent_key="k",
    )  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=TEXT_FILES | BINARIES, split=st.booleans(), dry_run=st.booleans())
@example(content=b"email\n" + b'"' * 9, split=False, dry_run=False)
@example(content="email\nа@x.jp\n".encode("utf-16"), split=False, dry_run=False)
def test_any_bytes_give_a_result_or_a_bad_table(
    house: Engine, tmp_path: Any, content: bytes, split: bool, dry_run: bool
) -> None:
    refused = tmp_path / "refused.csv"
    refused.unlink(missing_ok=True)
    try:
        result = run(house, content, Options(dry_run, RefusedFile(refused)), split=split)
    except BadTable as error:
        assert error.reason in TABLE
        assert error.facts["remedy"]
        return
    told = (
        result.added
        + result.changed
        + result.unchanged
        + sum(result.kept_out.values())
        + result.refused_count
    )
    assert told >= result.rows if split else told == result.rows
    assert all(error.reason in ROW and sentence(error) for error in result.refused)
    written = list(csv.reader(refused.open(encoding="utf-8-sig", newline=""))) if result.refused_count else []
    assert len(written) == result.refused_count + bool(result.refused_count)
    assert refused.exists() == bool(result.refused_count)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_scrambled_workbook_gives_a_result_or_a_bad_table(house: Engine, data: st.DataObject) -> None:
    content = _workbook()
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        victim = data.draw(st.sampled_from(old.namelist()))
        for name in old.namelist():
            part = old.read(name)
            if name == victim:
                at = data.draw(st.integers(0, len(part)))
                end = data.draw(st.integers(at, min(len(part), at + 40)))
                part = part[:at] + data.draw(st.binary(max_size=20)) + part[end:]
            new.writestr(name, part)
    try:
        run(house, out.getvalue(), Options(dry_run=True))
    except BadTable as error:
        assert error.reason in TABLE


def _workbook() -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["email", "name", "attr.n"])
    sheet.append(["a@example.jp", "x", 5])
    sheet.append(["b@example.jp", datetime(2034, 1, 1), 1.5])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_memory_does_not_grow_with_the_file(house: Engine) -> None:
    # F37: a tenth of the rows, the same memory, but for the pages that SQLite may keep (not Python's).
    def peak(count: int) -> int:
        text = "email,name\n" + "".join(f"p{n}@example.jp,{'x' * 150}\nbad{n},\n" for n in range(count))
        source = io.BytesIO(text.encode())
        del text
        tracemalloc.start()
        try:
            import_people(
                house, Source(source, "x"), Declaration("enews", "Yes"), Options(dry_run=True), by=BY, now=NOW,
                random=Random(1), permanent_key="k",
            )  # fmt: skip
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(9_000) < peak(3_000) + (1 << 20)
