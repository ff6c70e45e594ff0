"""Exports: safe in a spreadsheet, and the way back into a list."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from sqlalchemy.engine import Engine

from mailer.tables import metadata
from subscribers import store, suppression, tables
from subscribers.database import open_engine, reading
from subscribers.errors import BadTable, UnknownList
from subscribers.model import Actor
from subscribers.transfer import Declaration, Source, export, exporting, import_people

KEEP = Actor("staff", "keiko")
NOW = datetime(2034, 12, 20, tzinfo=UTC)
PEOPLE = (
    "email,name,languages,time_zone,state,attr.city,attr.備考\n"
    'a@example.jp,田中　恵子,"ja,en",Asia/Tokyo,,横浜,\n'
    "b@example.jp,=HYPERLINK(1),,,pending,,-1\n"
    "c@example.jp,,,,unsubscribed,,\n"
)


def exported(engine: Engine, list_slug: str | None = "enews", form: str = "csv") -> bytes:
    out = io.BytesIO()
    with reading(engine) as connection:
        export(connection, list_slug=list_slug, out=out, form=form)
    assert not out.closed
    return out.getvalue()


def rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_an_export_opens_in_excel_and_holds_everything(bring_in: Any, database: Engine) -> None:
    bring_in(PEOPLE)
    content = exported(database)
    assert content.startswith(b"\xef\xbb\xbf")
    assert rows(content) == [
        ["email", "name", "languages", "time_zone", "state", "attr.city", "attr.備考", "suppressed"],
        ["a@example.jp", "田中　恵子", "ja,en", "Asia/Tokyo", "confirmed", "横浜", "", ""],
        ["b@example.jp", "'=HYPERLINK(1)", "", "", "pending", "", "'-1", ""],
        ["c@example.jp", "", "", "", "unsubscribed", "", "", ""],
    ]


def test_no_cell_of_an_export_is_a_formula(bring_in: Any, database: Engine) -> None:
    # F34: phpList CVE-2021-3188. An address may begin with = or + itself.
    bring_in(
        'email,name,attr.a\n=cmd@example.jp,@SUM(1),＝1\n+x@example.jp,"\t=1",\'=2\n-y@example.jp,-1+1,+2\n'
    )
    for row in rows(exported(database))[1:]:
        assert all(not cell.startswith(tuple("=+-@\t\r＝＋－＠")) for cell in row)
    sheet = load_workbook(io.BytesIO(exported(database, form="xlsx"))).active
    assert sheet is not None
    assert {cell.data_type for row in sheet.iter_rows() for cell in row if cell.value is not None} == {"s"}


def test_whoever_is_suppressed_leaves_the_house_as_unsubscribed(bring_in: Any, database: Engine) -> None:
    bring_in("email\na@example.jp\n")
    with database.begin() as connection:
        suppression.add(connection, "a@example.jp", reason="complained", by=KEEP, now=NOW)
    assert rows(exported(database))[1] == ["a@example.jp", "", "", "", "unsubscribed", "complained"]
    told = json.loads(exported(database, form="json"))
    assert (told[0]["suppressed"], told[0]["subscriptions"]) == (
        "complained",
        [{"list": "enews", "state": "confirmed"}],
    )


def test_everybody_comes_with_all_their_lists(bring_in: Any, database: Engine) -> None:
    bring_in("email,state\na@example.jp,\nb@example.jp,unsubscribed\n")
    bring_in("email,state\na@example.jp,unsubscribed\nc@example.jp,pending\n", "events")
    with database.begin() as connection:
        from subscribers.address import parse

        store.add(connection, parse("d@example.jp"), by=KEEP, now=NOW, random=Random(5), permanent_key="k")
    found = {row[0]: (row[4], row[-1]) for row in rows(exported(database, None))[1:]}
    assert found == {
        "a@example.jp": ("confirmed", "enews: confirmed, events: unsubscribed"),
        "b@example.jp": ("unsubscribed", "enews: unsubscribed"),
        "c@example.jp": ("pending", "events: pending"),
        "d@example.jp": ("", ""),
    }
    assert len(json.loads(exported(database, None, "json"))) == 4


def test_json_is_one_document_with_the_reference_as_it_is_read_out(bring_in: Any, database: Engine) -> None:
    assert json.loads(exported(database, form="json")) == []
    bring_in(PEOPLE)
    first = json.loads(exported(database, form="json"))[0]
    assert first["languages"] == ["ja", "en"]
    assert first["attributes"] == {"city": "横浜"}
    with reading(database) as connection:
        assert store.find(connection, first["reference"]).email == "a@example.jp"


def test_what_is_asked_wrongly_is_said(
    bring_in: Any, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnknownList):
        exported(database, "nowhere")
    with pytest.raises(ValueError, match="form"):
        exported(database, form="ods")
    bring_in(PEOPLE)
    monkeypatch.setattr(exporting, "LAST_ROW", 3)
    with pytest.raises(BadTable, match="3 rows"):
        exported(database, form="xlsx")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_imported_again_changes_nothing(bring_in: Any, database: Engine, form: str) -> None:
    bring_in(PEOPLE)
    before = exported(database)
    result = bring_in(exported(database, form=form))
    assert (result.unchanged, result.added, result.changed, result.refused, result.kept_out) == (
        3,
        0,
        0,
        [],
        {},
    )
    assert result.ignored_columns == ()
    assert exported(database) == before


def test_many_people_are_exported_as_a_stream(
    bring_in: Any, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_BATCH", 7)
    bring_in("email\n" + "".join(f"p{n:03}@example.jp\n" for n in range(100)))
    for slug in ("enews", None):
        assert [row[0] for row in rows(exported(database, slug))[1:]] == [
            f"p{n:03}@example.jp" for n in range(100)
        ]


# ── the way there and back ──────────────────────────────────────────────────────────────────────


class Person(NamedTuple):
    email: str
    name: str
    languages: str
    time_zone: str
    state: str
    remark: str


def _written(text: str) -> bool:
    return text == " ".join(text.split(" ")).strip() and not text.startswith("#")


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp", "Cf", "Zs"]), max_size=12),
    st.from_regex(r"'{0,2}[=+\-@]?[a-z\"',;、 ]{0,8}", fullmatch=True),
).filter(_written)
PERSONS = st.builds(
    Person,
    email=st.from_regex(
        r"[=+\-']?[a-z0-9]{1,8}(\.\.?[a-z]{1,3})?@[a-z]{1,5}\.(jp|example|例え\.jp)", fullmatch=True
    ),
    name=TEXTS,
    languages=st.sampled_from(["", "ja", "en-GB", "ja,en", "zh-Hant,en"]),
    time_zone=st.sampled_from(["", "Asia/Tokyo", "Europe/London"]),
    state=st.sampled_from(["confirmed", "pending", "unsubscribed"]),
    remark=TEXTS,
)


def _everything(engine: Engine) -> Sequence[Any]:
    person, on_list = tables.subscriber, tables.subscription
    with reading(engine) as connection:
        return connection.execute(
            sa.select(
                person.c.address_key, person.c.email, person.c.wire, person.c.domain, person.c.name,
                person.c.languages, person.c.time_zone, person.c.attributes, on_list.c.state,
            ).join(on_list).order_by(person.c.address_key)
        ).all()  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    people=st.lists(PERSONS, max_size=6, unique_by=lambda person: person.email),
    form=st.sampled_from(["csv", "xlsx"]),
)
def test_people_come_back_as_they_went(people: list[Person], form: str) -> None:
    # F34, F46, F49 on the way: formulas, carrier forms and signs of every script.
    table = io.StringIO(newline="")
    writer = csv.writer(table)
    writer.writerow(["email", "name", "languages", "time_zone", "state", "attr.remark"])
    writer.writerows([exporting.guard(cell) for cell in person] for person in people)
    with TemporaryDirectory(prefix="round") as folder:
        here, there = (_house(Path(folder, name)) for name in ("here", "there"))
        first = _bring(here, table.getvalue().encode())
        second = _bring(there, exported(here, form=form))
        assert (first.refused, second.refused) == ([], [])
        assert second.added == len(people)
        assert _everything(there) == _everything(here)
        assert [row.name for row in _everything(here)] == [
            _nfc(person.name) for person in sorted(people, key=lambda one: _key(one.email))
        ]
        here.dispose()
        there.dispose()


def _key(email: str) -> str:
    from subscribers.address import parse

    return parse(email).key


def _nfc(text: str) -> str:
    import unicodedata

    return unicodedata.normalize("NFC", text)


def _house(path: Path) -> Engine:
    engine = open_engine(f"sqlite:///{path}")
    metadata.create_all(engine, tables=[table for table in metadata.sorted_tables if table.name in _NEEDED])
    with engine.begin() as connection:
        store.add_list(connection, "enews", "E-News", by=KEEP, now=NOW)
    return engine


_NEEDED = {
    "list", "subscriber", "subscription", "consent_wording", "consent_record", "suppression", "erasure", "audit_record",
}  # fmt: skip


def _bring(engine: Engine, content: bytes) -> Any:
    return import_people(
        engine, Source(io.BytesIO(content), "x"), Declaration("enews", "Yes"), by=KEEP, now=NOW, random=Random(1),
        permanent_key="k",
    )  # fmt: skip
