"""What an import does to the people who are there, and to those who come."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from subscribers import address, consent, store, suppression, tables
from subscribers.database import reading
from subscribers.errors import BadTable, NoConsent, UnknownList
from subscribers.model import Act, Actor, Subscriber
from subscribers.transfer import Declaration, ImportResult, Options, RefusedFile, Source, import_people
from subscribers.transfer import importing as importing_module

KEY = "permanent"
PERSON = Actor("subscriber")


def person(engine: Engine, email: str) -> Subscriber:
    with reading(engine) as connection:
        return store.find(connection, email)


def state(engine: Engine, email: str, list_slug: str = "enews") -> str | None:
    return next((str(s.state) for s in person(engine, email).subscriptions if s.list == list_slug), None)


def people(engine: Engine) -> int:
    with reading(engine) as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(tables.subscriber)) or 0


def numbers(result: ImportResult) -> tuple[int, int, int, int, int]:
    return (
        result.added, result.changed, result.unchanged, sum(result.kept_out.values()), result.refused_count,
    )  # fmt: skip


def refusals(result: ImportResult) -> list[tuple[int, str, str]]:
    return [(error.line, error.field, error.reason) for error in result.refused]


def join(engine: Engine, email: str, now: datetime, *, act: Act = Act.CONFIRMED, **fields: Any) -> int:
    """A person who came by the form."""
    with engine.begin() as connection:
        added = store.add(
            connection,
            address.parse(email),
            by=PERSON,
            now=now,
            random=Random(1),
            permanent_key=KEY,
            **fields,
        )
        list_id = store.list_by_slug(connection, "enews").id
        consent.subscribe(
            connection, added.id, list_id, act=act, by=PERSON, now=now, source="form", wording="Yes"
        )
    return added.id


# ── new people ──────────────────────────────────────────────────────────────────────────────────


def test_a_new_person_has_everything_that_the_row_says(bring_in: Any, database: Engine) -> None:
    result = bring_in(
        "email,name,languages,time_zone,attr.city\nKeiko@Example.jp,田中　恵子,日本語、英語,日本時間,横浜\n"
    )
    keiko = person(database, "keiko@example.jp")
    assert numbers(result) == (1, 0, 0, 0, 0)
    assert (keiko.email, keiko.name, keiko.languages) == ("Keiko@Example.jp", "田中　恵子", ("ja", "en"))
    assert (keiko.time_zone, keiko.attributes) == ("Asia/Tokyo", {"city": "横浜"})
    assert keiko.reference[3] == "-"
    assert state(database, "keiko@example.jp") == "confirmed"


def test_the_consent_record_holds_the_declared_words(bring_in: Any, database: Engine, now: datetime) -> None:
    bring_in("email\na@example.jp\n")
    with reading(database) as connection:
        (proof,) = consent.records(connection, store.find(connection, "a@example.jp").id)
    assert (proof.act, proof.wording, proof.source) == (Act.DECLARED, "I agree to the E-News.", "members.csv")
    assert (proof.by, proof.at, proof.list) == ("staff:keiko", now, "enews")


def test_without_declared_words_nothing_is_imported(
    database: Engine, bring_in: Any, keiko: Actor, now: datetime
) -> None:
    source = Source(io.BytesIO(b"email\na@example.jp\n"), "x.csv")
    with pytest.raises(NoConsent):
        import_people(
            database,
            source,
            Declaration("enews", "  "),
            by=keiko,
            now=now,
            random=Random(1),
            permanent_key=KEY,
        )
    assert people(database) == 0


def test_an_unknown_list_is_said_before_anything_is_read(bring_in: Any) -> None:
    with pytest.raises(UnknownList):
        bring_in(b"", "nowhere")


def test_the_state_column_is_honoured_for_new_people(bring_in: Any, database: Engine) -> None:
    bring_in("メール,状態\na@example.jp,登録済み\nb@example.jp,確認待ち\nc@example.jp,停止\nd@example.jp,\n")
    assert [state(database, f"{who}@example.jp") for who in "abcd"] == [
        "confirmed", "pending", "unsubscribed", "confirmed",
    ]  # fmt: skip
    with reading(database) as connection:
        proofs = [
            consent.records(connection, store.find(connection, f"{who}@example.jp").id)[0] for who in "abc"
        ]
    acts, left = [proof.act for proof in proofs], proofs[2]
    assert acts == [Act.DECLARED, Act.ASKED, Act.WITHDRAWN]
    assert left.wording is None  # nobody agreed to anything


def test_references_are_unique_also_against_those_that_are_there(
    bring_in: Any, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # With two signs there are 841 references for 700 people: clashes are certain and must come round again.
    from subscribers.transfer import newcomers

    monkeypatch.setattr(newcomers, "LENGTH", 2)
    for batch in range(7):
        rows = "".join(f"p{batch}.{n}@example.jp\n" for n in range(100))
        assert bring_in("email\n" + rows, options=None).added == 100
    with reading(database) as connection:
        found = connection.scalars(sa.select(tables.subscriber.c.reference)).all()
        confirmed = connection.scalar(sa.select(sa.func.count()).select_from(tables.subscription))
        proofs = connection.scalar(sa.select(sa.func.count()).select_from(tables.consent_record))
    assert (len(set(found)), confirmed, proofs) == (700, 700, 700)


def test_people_added_by_hand_after_an_import_get_ids_of_their_own(
    bring_in: Any, database: Engine, now: datetime
) -> None:
    bring_in("email\na@example.jp\nb@example.jp\n")
    join(database, "c@example.jp", now)
    bring_in("email\nd@example.jp\n")
    assert len({person(database, f"{who}@example.jp").id for who in "abcd"}) == 4


# ── people who are there ────────────────────────────────────────────────────────────────────────


def test_an_import_run_again_changes_nothing(bring_in: Any, database: Engine) -> None:
    table = "email,name,languages,attr.city\na@example.jp,A,ja,横浜\nb@example.jp,B,,\n"
    bring_in(table)
    again = bring_in(table)
    assert numbers(again) == (0, 0, 2, 0, 0)
    with reading(database) as connection:
        assert len(consent.records(connection, store.find(connection, "a@example.jp").id)) == 1


def test_a_row_changes_what_it_holds_and_an_empty_cell_changes_nothing(
    bring_in: Any, database: Engine
) -> None:
    bring_in("email,name,languages,attr.city,attr.ward\na@example.jp,Old,ja,横浜,西\n")
    result = bring_in("email,name,languages,attr.city,attr.floor\nA@EXAMPLE.JP,New,,神戸,3\n")
    after = person(database, "a@example.jp")
    assert numbers(result) == (0, 1, 0, 0, 0)
    assert (after.name, after.languages) == ("New", ("ja",))
    assert after.attributes == {"city": "神戸", "ward": "西", "floor": "3"}


def test_what_a_person_chose_is_never_overwritten(bring_in: Any, database: Engine, now: datetime) -> None:
    who = join(database, "a@example.jp", now, name="Keiko")
    with database.begin() as connection:
        store.set_languages(connection, who, ["en"], by=PERSON, now=now)
    result = bring_in("email,name,languages,attr.city\na@example.jp,田中様,ja,横浜\n")
    after = person(database, "a@example.jp")
    assert (after.name, after.languages, after.attributes) == ("Keiko", ("en",), {"city": "横浜"})
    assert (result.changed, result.left_to_choice) == (1, 1)
    again = bring_in("email,languages\na@example.jp,ja\n")
    assert (again.unchanged, again.left_to_choice) == (1, 1)


def test_joining_a_second_list_is_a_change_and_leaves_the_first_alone(
    bring_in: Any, database: Engine
) -> None:
    bring_in("email\na@example.jp\n")
    assert bring_in("email\na@example.jp\n", "events").changed == 1
    assert state(database, "a@example.jp") == state(database, "a@example.jp", "events") == "confirmed"


def test_whoever_left_stays_out(bring_in: Any, database: Engine, now: datetime) -> None:
    who = join(database, "a@example.jp", now)
    with database.begin() as connection:
        consent.unsubscribe(connection, who, None, source="page", by=PERSON, now=now)
    result = bring_in("email,name\na@example.jp,New Name\n")
    assert (result.kept_out, result.changed) == ({"unsubscribed": 1}, 0)
    assert (state(database, "a@example.jp"), person(database, "a@example.jp").name) == ("unsubscribed", "")


def test_a_form_that_a_stranger_sent_does_not_open_the_door_to_an_import(
    bring_in: Any, database: Engine, now: datetime
) -> None:
    # F24: unsubscribed, then asked again by a form that nobody confirmed.
    who = join(database, "a@example.jp", now)
    with database.begin() as connection:
        enews = store.list_by_slug(connection, "enews").id
        consent.unsubscribe(connection, who, None, source="page", by=PERSON, now=now)
        consent.subscribe(connection, who, enews, act="asked", by=PERSON, now=now, source="form", wording="?")
    assert bring_in("email\na@example.jp\n").kept_out == {"unsubscribed": 1}
    assert state(database, "a@example.jp") == "pending"


def test_whoever_waits_for_a_confirmation_is_confirmed_by_a_declaration(
    bring_in: Any, database: Engine, now: datetime
) -> None:
    join(database, "a@example.jp", now, act=Act.ASKED)
    assert bring_in("email,state\na@example.jp,pending\n").unchanged == 1
    assert bring_in("email\na@example.jp\n").changed == 1
    assert state(database, "a@example.jp") == "confirmed"


def test_a_file_never_takes_a_confirmed_person_back_to_pending(
    bring_in: Any, database: Engine, now: datetime
) -> None:
    join(database, "a@example.jp", now)
    assert bring_in("email,state\na@example.jp,pending\n").unchanged == 1
    assert state(database, "a@example.jp") == "confirmed"


def test_leaving_is_always_honoured(bring_in: Any, database: Engine, now: datetime) -> None:
    who = join(database, "a@example.jp", now)
    assert bring_in("email,state\na@example.jp,unsubscribed\n").changed == 1
    assert state(database, "a@example.jp") == "unsubscribed"
    with reading(database) as connection:
        assert consent.records(connection, who)[-1].act == Act.WITHDRAWN
    assert bring_in("email,state\na@example.jp,unsubscribed\n").unchanged == 1
    assert bring_in("email\na@example.jp\n").kept_out == {"unsubscribed": 1}


def test_of_two_rows_of_a_person_the_one_that_leaves_counts(bring_in: Any, database: Engine) -> None:
    result = bring_in("email,state\na@example.jp,confirmed\na@example.jp,unsubscribed\n")
    assert refusals(result) == [(2, "email", "duplicate")]
    assert state(database, "a@example.jp") == "unsubscribed"


def test_suppressed_and_erased_people_stay_out(
    bring_in: Any, database: Engine, keiko: Actor, now: datetime
) -> None:
    bring_in("email\nerased@example.jp\nknown@example.jp\n")
    with database.begin() as connection:
        gone = store.find(connection, "erased@example.jp").id
        store.erase(connection, gone, permanent_key=KEY, by=keiko, now=now)
        for who in ("known@example.jp", "unknown@example.jp"):
            suppression.add(connection, who, reason="complained", by=keiko, now=now)
    table = "email,name\nErased@example.jp,N\nknown@example.jp,N\nunknown@example.jp,N\nnew@example.jp,N\n"
    result = bring_in(table)
    assert result.kept_out == {"erased": 1, "suppressed": 2}
    assert (result.added, people(database)) == (1, 2)
    assert person(database, "known@example.jp").name == ""


# ── one person, one row ─────────────────────────────────────────────────────────────────────────


def test_the_second_row_of_a_person_is_refused_whatever_its_spelling(bring_in: Any, database: Engine) -> None:
    # F11: case, width and IDN variants are one person, and get one mail.
    result = bring_in(
        "email,name\ntaro@例え.jp,first\nＴａｒｏ＠例え．jp,second\nTARO@xn--r8jz45g.jp,third\n\nother@example.jp,\n"
    )
    assert refusals(result) == [(3, "email", "duplicate"), (4, "email", "duplicate")]
    assert result.refused[0].facts == {"other_line": 2}
    assert (person(database, "taro@例え.jp").name, result.added) == ("first", 2)


def test_a_refused_row_does_not_take_the_place_of_a_good_one(bring_in: Any, database: Engine) -> None:
    result = bring_in("email,languages\na@example.jp,notalanguage!\na@example.jp,ja\n")
    assert refusals(result) == [(2, "languages", "bad_language")]
    assert person(database, "a@example.jp").languages == ("ja",)


def test_the_other_rows_go_in(bring_in: Any, database: Engine) -> None:
    table = "email,name,languages,time_zone,state\nno-at-sign,,,,\n,Nameless,,,\na@example.jp,,,Mars/Base,\nb@example.jp,,,,gone?\nc@example.jp,a\x01b,,,\nd@example.jp,OK,ja,Asia/Tokyo,confirmed\n"
    result = bring_in(table)
    assert refusals(result) == [
        (2, "email", "no_at"), (3, "email", "no_address"), (4, "time_zone", "bad_time_zone"),
        (5, "state", "bad_state"), (6, "name", "control_character"),
    ]  # fmt: skip
    assert (people(database), result.rows) == (1, 6)


def test_old_carrier_addresses_go_in_and_are_quoted_on_the_wire(bring_in: Any, database: Engine) -> None:
    # F46
    assert bring_in("メール\na..b@docomo.ne.jp\nabc.@ezweb.ne.jp\n").added == 2
    with reading(database) as connection:
        wires = connection.scalars(
            sa.select(tables.subscriber.c.wire).order_by(tables.subscriber.c.wire)
        ).all()
    assert wires == ['"a..b"@docomo.ne.jp', '"abc."@ezweb.ne.jp']


def test_idn_domains_are_stored_as_a_labels_and_shown_as_written(bring_in: Any, database: Engine) -> None:
    # F45
    bring_in("email\nhanako@例え.jp\n")
    with reading(database) as connection:
        row = connection.execute(sa.select(tables.subscriber)).one()
    assert (row.email, row.wire, row.domain) == ("hanako@例え.jp", "hanako@xn--r8jz45g.jp", "xn--r8jz45g.jp")


def test_names_are_composed_and_rare_signs_survive(bring_in: Any, database: Engine) -> None:
    # F49: NFD kana from a Mac become one sign each; ㈱, 髙, 𠮷, emoji with a joiner stay as they are.
    bring_in("email,name\na@example.jp,か\u3099き\u3099\nb@example.jp,㈱髙﨑𠮷①👩\u200d💻\n")
    assert person(database, "a@example.jp").name == "がぎ"
    assert person(database, "b@example.jp").name == "㈱髙﨑𠮷①👩\u200d💻"


# ── cells of several addresses ──────────────────────────────────────────────────────────────────

SEVERAL = (
    'email,name,languages\n"a@example.jp; B <b@example.jp>、\nc@example.jp",事務局,ja\nd@example.jp,D,en\n'
)


def test_a_cell_of_several_addresses_is_refused_unless_asked(bring_in: Any) -> None:
    result = bring_in(SEVERAL)
    assert refusals(result) == [(2, "email", "several_addresses")]
    assert result.refused[0].facts == {"addresses": 3}


def test_a_cell_of_several_addresses_is_split_into_people(bring_in: Any, database: Engine) -> None:
    result = bring_in(SEVERAL, split=True)
    assert (result.added, result.rows) == (4, 2)
    assert [person(database, f"{who}@example.jp").name for who in "abcd"] == ["事務局", "B", "事務局", "D"]
    assert person(database, "c@example.jp").languages == ("ja",)


def test_of_a_split_cell_only_the_bad_address_is_refused(bring_in: Any, tmp_path: Path) -> None:
    file = RefusedFile(tmp_path / "refused.csv")
    result = bring_in(
        'email,name\n"a@example.jp; b.example.jp; a@example.jp",X\n',
        split=True,
        options=Options(refused=file),
    )
    assert refusals(result) == [(2, "email", "no_at"), (2, "email", "duplicate")]
    assert result.added == 1
    rows = list(csv.reader(file.path.open(encoding="utf-8-sig", newline="")))
    assert [row[0] for row in rows] == ["email", "b.example.jp", "a@example.jp"]


# ── refused rows ────────────────────────────────────────────────────────────────────────────────


def test_refused_rows_are_mended_and_imported_again(bring_in: Any, database: Engine, tmp_path: Path) -> None:
    file = RefusedFile(
        tmp_path / "refused.csv", lambda error: f"理由：{error.reason}", "取り込めなかった理由"
    )
    table = "メール,氏名,備考\r\na@example.jp,A,x\r\nb.example.jp,=1+1,y\r\nc@example.jp,C\r\n"
    result = bring_in(table.encode("cp932"), options=Options(refused=file))
    written = file.path.read_bytes()
    assert written.startswith(b"\xef\xbb\xbf")  # Excel
    assert written.decode("utf-8-sig").splitlines() == [
        "メール,氏名,備考,取り込めなかった理由",
        "b.example.jp,'=1+1,y,理由：no_at",  # F34: refused cells are opened in a spreadsheet too
    ]
    mended = written.decode("utf-8-sig").replace("b.example.jp", "b@example.jp")
    again = bring_in(mended, options=Options(refused=file))
    assert (numbers(again), again.ignored_columns) == ((1, 0, 0, 0, 0), ("備考",))
    assert person(database, "b@example.jp").name == "=1+1"
    assert result.added == 2


def test_rows_refused_twice_carry_one_reason(bring_in: Any, tmp_path: Path) -> None:
    file = RefusedFile(tmp_path / "refused.csv")
    bring_in("email,name\nx,y\n", options=Options(refused=file))
    once = file.path.read_text("utf-8-sig")
    bring_in(once, options=Options(refused=file))
    assert file.path.read_text("utf-8-sig") == once


def test_refused_rows_may_go_into_the_very_file_that_is_imported(
    sqlite: Engine, read_in: Any, keiko: Actor, now: datetime, tmp_path: Path
) -> None:
    # Mended in place and imported again by the same command: the file must not be emptied while it is read.
    path = tmp_path / "members.csv"
    path.write_text("email\nbad\n" + "".join(f"p{n}@example.jp\n" for n in range(20_000)))
    with path.open("rb") as file:
        result = import_people(
            sqlite, Source(file, "members.csv"), Declaration("enews", "Yes"), Options(refused=RefusedFile(path)),
            by=keiko, now=now, random=Random(1), permanent_key=KEY,
        )  # fmt: skip
    assert (result.added, result.refused_count) == (20_000, 1)
    assert len(path.read_text("utf-8-sig").splitlines()) == 2


def test_no_file_of_refused_rows_is_made_when_there_are_none(bring_in: Any, tmp_path: Path) -> None:
    bring_in("email\na@example.jp\n", options=Options(refused=RefusedFile(tmp_path / "refused.csv")))
    assert not (tmp_path / "refused.csv").exists()


def test_the_list_of_refusals_is_bounded_and_the_file_has_all(read_in: Any, tmp_path: Path) -> None:
    file = RefusedFile(tmp_path / "refused.csv")
    result = read_in("email\n" + "bad\n" * 2_500, options=Options(refused=file))
    assert (len(result.refused), result.refused_count) == (1_000, 2_500)
    assert len(file.path.read_text("utf-8-sig").splitlines()) == 2_501


# ── trial, progress, interruption ───────────────────────────────────────────────────────────────


def test_a_dry_run_counts_the_same_and_writes_nothing(
    bring_in: Any, database: Engine, now: datetime, tmp_path: Path
) -> None:
    join(database, "known@example.jp", now)
    who = join(database, "left@example.jp", now)
    with database.begin() as connection:
        consent.unsubscribe(connection, who, None, source="page", by=PERSON, now=now)

    def everything() -> list[Any]:
        with reading(database) as connection:
            return [
                connection.execute(sa.select(table).order_by(*table.primary_key.columns)).all()
                for table in (
                    tables.subscriber,
                    tables.subscription,
                    tables.consent_record,
                    tables.audit_record,
                )
            ]

    before = everything()
    table = "email,name\nknown@example.jp,K\nleft@example.jp,L\nnew@example.jp,N\nnew@example.jp,\nbad,\n"
    trial = bring_in(table, options=Options(dry_run=True, refused=RefusedFile(tmp_path / "trial.csv")))
    assert everything() == before
    real = bring_in(table, options=Options(refused=RefusedFile(tmp_path / "real.csv")))
    assert numbers(trial) == numbers(real) == (1, 1, 0, 1, 2)
    assert (trial.kept_out, trial.refused) == (real.kept_out, real.refused)
    assert (tmp_path / "trial.csv").read_bytes() == (tmp_path / "real.csv").read_bytes()


def test_progress_goes_up_to_the_end(read_in: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing_module, "CHUNK", 1_000)
    told: list[tuple[int, int, int]] = []
    table = "email,name\n" + "".join(f"p{n}@example.jp,{'x' * 100}\n" for n in range(5_000))
    read_in(table, options=Options(progress=lambda *now: told.append(now)))
    shares = [done for _, done, _ in told]
    assert shares == sorted(shares)
    assert told[-1] == (5_000, len(table.encode()), len(table.encode()))
    assert len(told) > 5


def test_an_import_that_was_killed_is_run_again(
    bring_in: Any, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing_module, "CHUNK", 10)
    table = "email\n" + "".join(f"p{n:03}@example.jp\n" for n in range(35))

    def stop(_rows: int, done: int, total: int) -> None:
        if done > total * 3 // 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring_in(table, options=Options(progress=stop))
    assert people(database) == 20  # whole chunks, each with its subscriptions and proof
    again = bring_in(table)
    assert numbers(again) == (15, 0, 20, 0, 0)
    with reading(database) as connection:
        for table_ in (tables.subscription, tables.consent_record):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table_)) == 35
        lines = connection.scalars(
            sa.select(tables.audit_record.c.after)
            .where(tables.audit_record.c.action == "subscribers.import")
            .order_by(tables.audit_record.c.id)
        ).all()
    assert [(line["interrupted"], line["added"]) for line in lines] == [(True, 20), (False, 15)]


def test_one_audit_line_says_what_an_import_did(bring_in: Any, database: Engine, now: datetime) -> None:
    bring_in("email\na@example.jp\n")
    with reading(database) as connection:
        line = connection.execute(
            sa.select(tables.audit_record).where(tables.audit_record.c.action == "subscribers.import")
        ).one()
    assert (line.by, line.subject, line.at) == ("staff:keiko", "list:enews", now)
    assert line.after == {
        "file": "members.csv", "added": 1, "changed": 0, "unchanged": 0, "kept_out": {}, "interrupted": False,
    }  # fmt: skip


def test_many_chunks_make_one_result(
    bring_in: Any, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing_module, "CHUNK", 7)
    emails = [f"p{n * 37 % 101}@example.jp" for n in range(101)]
    result = bring_in(
        "email,name\n" + "".join(f"{email},{n}\n" for n, email in enumerate([*emails, *emails[:9]]))
    )
    assert numbers(result) == (101, 0, 0, 0, 9)
    assert {error.facts["other_line"] for error in result.refused} == set(range(2, 11))
    assert person(database, emails[50]).name == "50"


def test_a_file_that_turns_out_to_be_no_table_leaves_nothing_behind(bring_in: Any, database: Engine) -> None:
    rows = "".join(f"p{n}@example.jp\n" for n in range(30_000))
    with pytest.raises(BadTable):
        bring_in(("email\n" + rows).encode() + b"\xff\xff\xff")
    assert people(database) == 0


def test_pages_and_senders_write_between_the_chunks(
    read_in: Any, sqlite: Engine, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # One long transaction would make the sender wait past its busy timeout.
    monkeypatch.setattr(importing_module, "CHUNK", 10)
    joined: list[int] = []

    def meanwhile(_rows: int, done: int, total: int) -> None:
        with sqlite.connect() as connection:
            connection.connection.cursor().execute("PRAGMA busy_timeout=0")
        joined.append(join(sqlite, f"form{len(joined)}@example.jp", now + timedelta(seconds=len(joined))))

    table = "email\n" + "".join(f"p{n}@example.jp\n" for n in range(30)) + "form5@example.jp\n"
    result = read_in(table, options=Options(progress=meanwhile))
    assert len(joined) > 3
    assert result.added == 31


def test_two_imports_at_once_add_each_person_once(
    bring_in: Any, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On PostgreSQL both are between reading and writing: ON CONFLICT, and another round for who is known by now.
    monkeypatch.setattr(importing_module, "CHUNK", 100)
    table = "email,name\n" + "".join(f"p{n}@example.jp,N{n}\n" for n in range(1_000))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: bring_in(table), range(2)))
    assert sum(result.added for result in results) == 1_000
    assert sum(result.unchanged for result in results) == 1_000
    with reading(database) as connection:
        for counted in (tables.subscriber, tables.subscription, tables.consent_record):
            assert connection.scalar(sa.select(sa.func.count()).select_from(counted)) == 1_000
