"""subscribers.store: lists and people, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from subscribers import consent, store, suppression, tables
from subscribers.address import parse
from subscribers.database import metadata
from subscribers.errors import (
    AlreadyThere,
    BadAddress,
    BadLanguage,
    BadList,
    Erased,
    Suppressed,
    UnknownList,
    UnknownSubscriber,
)
from subscribers.model import Act, Actor, Subscriber

KEY = "permanent"
IMPORT = Actor("import", "members.csv")
PERSON = Actor("subscriber")


def add(connection: Connection, email: str, now: datetime, by: Actor, **fields: object) -> Subscriber:
    return store.add(
        connection, parse(email), by=by, now=now, random=Random(email), permanent_key=KEY, **fields  # type: ignore[arg-type]
    )  # fmt: skip


def test_a_list_is_added_once_and_found_by_its_key(database: Engine, keiko: Actor, now: datetime) -> None:
    with database.begin() as connection:
        made = store.add_list(
            connection, "enews", {"ja": "月刊", "en": "Monthly"}, language="JA", by=keiko, now=now
        )
        plain = store.add_list(connection, "staff", "Staff", opt_in="single", public=False, by=keiko, now=now)
        assert (made.language, made.opt_in, made.newsletter, made.public) == ("ja", "double", "main", True)
        assert [made.name_in("ja-JP"), made.name_in("en"), made.name_in("fr")] == ["月刊", "Monthly", "月刊"]
        assert plain.name_in("ja") == "Staff"
        assert store.lists(connection) == [made, plain]
        assert store.list_by_slug(connection, "enews") == made
        with pytest.raises(AlreadyThere):
            store.add_list(connection, "enews", "Again", by=keiko, now=now)
        with pytest.raises(UnknownList):
            store.list_by_slug(connection, "nowhere")


@pytest.mark.parametrize("slug", ["", "E-News", "e news", "-a", "a-", "a.b", "日本", "a" * 64, "a\n"])
def test_a_list_key_is_one_domain_label(sqlite: Engine, keiko: Actor, now: datetime, slug: str) -> None:
    with sqlite.begin() as connection, pytest.raises(BadList):
        store.add_list(connection, slug, "Name", by=keiko, now=now)


def test_a_person_is_added_with_normalised_languages(database: Engine, keiko: Actor, now: datetime) -> None:
    with database.begin() as connection:
        added = add(
            connection, "Taro@日本.example", now, keiko,
            name="髙橋 太郎", languages=["日本語", "EN_gb", "ja"], time_zone="Asia/Tokyo", attributes={"city": "横浜"},
        )  # fmt: skip
        assert added.languages == ("ja", "en-GB")
        assert (added.email, added.name, added.attributes) == (
            "Taro@日本.example",
            "髙橋 太郎",
            {"city": "横浜"},
        )
        assert added.created_at == now
        row = connection.execute(sa.select(tables.subscriber)).one()
        assert (row.wire, row.domain) == ("Taro@xn--wgv71a.example", "xn--wgv71a.example")
        assert row.chosen == []
        with pytest.raises(BadLanguage):
            add(connection, "b@example.jp", now, keiko, languages=["nonsense"])


@pytest.mark.parametrize(
    "spelling", ["TARO@日本.EXAMPLE", "ｔａｒｏ＠日本．ｅｘａｍｐｌｅ", "taro@xn--wgv71a.example"]
)
def test_the_same_person_is_found_and_refused_in_any_spelling(
    database: Engine, keiko: Actor, now: datetime, spelling: str
) -> None:
    # F11
    with database.begin() as connection:
        added = add(connection, "taro@日本.example", now, keiko)
        assert store.find(connection, spelling) == added
        with pytest.raises(AlreadyThere):
            add(connection, spelling, now, keiko)
        assert connection.scalar(sa.select(sa.func.count()).select_from(tables.subscriber)) == 1


def test_a_person_is_found_by_the_reference_that_they_read_out(
    database: Engine, keiko: Actor, now: datetime
) -> None:
    with database.begin() as connection:
        added = add(connection, "taro@example.jp", now, keiko)
        assert len(added.reference) == 7
        for typed in (
            added.reference,
            added.reference.lower().replace("-", " "),
            added.reference.replace("-", ""),
        ):
            assert store.find(connection, typed) == added
        for unknown in ("K7Q-492", "nobody@example.jp", "hello"):
            with pytest.raises(UnknownSubscriber):
                store.find(connection, unknown)
        with pytest.raises(BadAddress):
            store.find(connection, "nobody@")


def test_an_import_leaves_alone_what_the_person_chose(database: Engine, keiko: Actor, now: datetime) -> None:
    later = now + timedelta(hours=1)
    with database.begin() as connection:
        person = add(connection, "taro@example.jp", now, keiko, name="Taro", languages=["ja"])
        store.set_languages(connection, person.id, ["en"], by=PERSON, now=later)
        after = store.change(connection, person.id, name="Taro Y.", languages=["ja"], by=IMPORT, now=later)
        assert (after.name, after.languages) == ("Taro Y.", ("en",))
        assert store.set_languages(connection, person.id, ["fr"], by=keiko, now=later).languages == ("fr",)
        assert store.change(connection, person.id, languages=["ja"], by=IMPORT, now=later).languages == (
            "fr",
        )
        own = add(connection, "own@example.jp", now, PERSON, name="", languages=["en"])
        assert (
            store.change(connection, own.id, name="Own", languages=["ja"], by=IMPORT, now=now).name == "Own"
        )
        assert store.get(connection, own.id).languages == ("en",)
        with pytest.raises(UnknownSubscriber):
            store.change(connection, 999, name="x", by=keiko, now=now)


def test_erasing_leaves_a_keyed_hash_and_nothing_else(database: Engine, keiko: Actor, now: datetime) -> None:
    with database.begin() as connection:
        enews = store.add_list(connection, "enews", "E-News", by=keiko, now=now)
        person = add(
            connection, "secret.taro@example.jp", now, keiko, name="Secret Taro", attributes={"a": "Secret"}
        )
        consent.subscribe(connection, person.id, enews.id, act=Act.DECLARED, wording="yes", source="paper", by=keiko, now=now)  # fmt: skip
        store.change(connection, person.id, name="Secret Taro II", by=keiko, now=now)
        suppression.add(connection, parse("secret.taro@example.jp").key, reason="asked", by=keiko, now=now)
        store.erase(connection, person.id, permanent_key=KEY, by=keiko, now=now)
    with database.begin() as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                assert "secret" not in str(tuple(row)).lower(), table.name
        for table in (tables.subscriber, tables.subscription, tables.consent_record, tables.suppression):
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0
        with pytest.raises(Erased):
            add(connection, "Secret.Taro@EXAMPLE.jp", now, keiko)
        with pytest.raises(Erased):
            add(connection, "secret.taro@example.jp", now, IMPORT)
        with pytest.raises(UnknownSubscriber):
            store.erase(connection, person.id, permanent_key=KEY, by=keiko, now=now)
        back = add(connection, "secret.taro@example.jp", now, PERSON)  # by their own act
        store.erase(connection, back.id, permanent_key=KEY, by=PERSON, now=now)  # and gone again


def test_a_suppressed_address_is_not_added_by_others(database: Engine, keiko: Actor, now: datetime) -> None:
    with database.begin() as connection:
        suppression.add(connection, "taro@example.jp", reason="complained", by=keiko, now=now)
        with pytest.raises(Suppressed) as caught:
            add(connection, "Taro@example.jp", now, IMPORT)
        assert caught.value.reason == "complained"
        assert add(connection, "taro@example.jp", now, PERSON).email == "taro@example.jp"
        assert suppression.is_suppressed(connection, "taro@example.jp")


def test_references_of_many_people_are_all_different(database: Engine, keiko: Actor, now: datetime) -> None:
    with database.begin() as connection:
        taken = add(connection, "taro@example.jp", now, keiko).reference.replace("-", "")
        fresh = store.fresh_references(connection, Random(1), 5_000)
        assert len(set(fresh)) == 5_000
        # the same dice would throw the reference that is taken: it is thrown away
        assert store.fresh_references(connection, Random("taro@example.jp"), 1) != [taken]


def test_every_act_of_the_office_is_on_the_audit_record(
    database: Engine, keiko: Actor, now: datetime
) -> None:
    with database.begin() as connection:
        store.add_list(connection, "enews", "E-News", by=keiko, now=now)
        person = add(connection, "taro@example.jp", now, keiko)
        store.change(connection, person.id, name="Taro", by=keiko, now=now)
        store.change(connection, person.id, name="Taro", by=keiko, now=now)  # nothing changes
        store.erase(connection, person.id, permanent_key=KEY, by=keiko, now=now)
        lines = connection.execute(sa.select(tables.audit_record).order_by(tables.audit_record.c.id)).all()
    assert [(line.action, line.by) for line in lines] == [
        (action, "staff:keiko")
        for action in ("list.add", "subscriber.add", "subscriber.change", "subscriber.erase")
    ]
