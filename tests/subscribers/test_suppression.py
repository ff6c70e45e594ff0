"""subscribers.suppression: addresses that are never mailed."""

from __future__ import annotations

from datetime import datetime
from random import Random

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from subscribers import store, suppression, tables
from subscribers.address import parse
from subscribers.model import Actor


def test_a_suppression_stands_with_its_first_reason_until_it_is_lifted(
    database: Engine, keiko: Actor, now: datetime
) -> None:
    with database.begin() as connection:
        key = parse("Taro@Example.jp").key
        assert suppression.add(connection, key, reason="bounced", note="5.1.1", by=keiko, now=now)
        assert not suppression.add(connection, key, reason="staff", by=keiko, now=now)
        assert suppression.reason_of(connection, key) is suppression.Reason.BOUNCED
        assert suppression.remove(connection, key, by=keiko, now=now)
        assert not suppression.remove(connection, key, by=keiko, now=now)
        assert not suppression.is_suppressed(connection, key)


def test_the_audit_record_names_the_person_and_never_the_address(
    database: Engine, keiko: Actor, now: datetime
) -> None:
    with database.begin() as connection:
        taro = store.add(
            connection, parse("taro@example.jp"), by=keiko, now=now, random=Random(1), permanent_key="k"
        )
        suppression.add(connection, "taro@example.jp", reason="asked", by=keiko, now=now)
        suppression.add(connection, "stranger@example.jp", reason="staff", by=keiko, now=now)
        lines = connection.execute(sa.select(tables.audit_record).order_by(tables.audit_record.c.id)).all()
        assert [line.subject for line in lines] == [f"subscriber:{taro.id}"] * 2 + ["suppression"]
        assert "@" not in str(lines)


def test_the_trace_of_an_erased_person_needs_the_key(database: Engine, keiko: Actor, now: datetime) -> None:
    with database.begin() as connection:
        assert not suppression.erased(connection, "taro@example.jp", "k")
        taro = store.add(
            connection, parse("taro@example.jp"), by=keiko, now=now, random=Random(1), permanent_key="k"
        )
        store.erase(connection, taro.id, permanent_key="k", by=keiko, now=now)
        assert suppression.erased(connection, "taro@example.jp", "k")
        assert not suppression.erased(connection, "taro@example.jp", "another key")
        keys = [f"p{n}@example.jp" for n in range(2_000)] + ["taro@example.jp"]
        assert suppression.erased_among(connection, keys, "k") == {"taro@example.jp"}
