"""Addresses that are never mailed, and the keyed traces of people who asked to be erased.

Owns `suppression` and `erasure`. By address, not by person: it holds before the person is known and
after they are gone. Called by the store, the import, bounces, the web.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import audit, tables
from .database import insert
from .model import Actor


class Reason(StrEnum):
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    ASKED = "asked"  # the person said: never again
    STAFF = "staff"


def add(
    connection: Connection, key: str, reason: Reason | str, *, note: str = "", by: Actor, now: datetime
) -> bool:
    """Suppress the address of this key. False if it already was: the first reason stands."""
    reason = Reason(reason)
    added = connection.execute(
        insert(connection, tables.suppression)
        .values(address_key=key, reason=str(reason), note=note, by=str(by), at=now)
        .on_conflict_do_nothing()
        .returning(tables.suppression.c.address_key)
    ).scalar()
    if added is not None:
        audit.record(
            connection, by, "suppression.add", _subject(connection, key), now, after={"reason": str(reason)}
        )
    return added is not None


def remove(connection: Connection, key: str, *, by: Actor, now: datetime) -> bool:
    """Lift the suppression. False if there was none. Subscriptions stay as they are."""
    before = reason_of(connection, key)
    if before is None:
        return False
    connection.execute(tables.suppression.delete().where(tables.suppression.c.address_key == key))
    audit.record(
        connection, by, "suppression.remove", _subject(connection, key), now, before={"reason": str(before)}
    )
    return True


def is_suppressed(connection: Connection, key: str) -> bool:
    return reason_of(connection, key) is not None


def reason_of(connection: Connection, key: str) -> Reason | None:
    reason = connection.scalar(
        sa.select(tables.suppression.c.reason).where(tables.suppression.c.address_key == key)
    )
    return None if reason is None else Reason(reason)


def erasure_hash(key: str, permanent_key: str) -> str:
    """What stays of an erased person: HMAC-SHA-256 in hex, useless to whoever lacks the key."""
    return hmac.digest(permanent_key.encode(), b"erasure\0" + key.encode(), hashlib.sha256).hex()


def erased(connection: Connection, key: str, permanent_key: str) -> bool:
    """Whether the person of this address key asked to be erased."""
    return bool(erased_among(connection, [key], permanent_key))


def erased_among(connection: Connection, keys: Iterable[str], permanent_key: str) -> set[str]:
    """Those of `keys` whose people were erased. For an import: one query for up to 10,000 keys.

    Keys are hashed only if anyone was ever erased: 2 µs each is a fifth of an import's budget.
    """
    anybody = connection.scalar(sa.select(sa.exists(sa.select(tables.erasure.c.address_hash))))
    if not anybody:
        return set()
    by_hash = {erasure_hash(key, permanent_key): key for key in keys}
    found = connection.scalars(
        sa.select(tables.erasure.c.address_hash).where(tables.erasure.c.address_hash.in_(list(by_hash)))
    )
    return {by_hash[address_hash] for address_hash in found}


def _subject(connection: Connection, key: str) -> str:
    """The audit record outlives an erasure, so it holds no address."""
    person = connection.scalar(
        sa.select(tables.subscriber.c.id).where(tables.subscriber.c.address_key == key)
    )
    return "suppression" if person is None else f"subscriber:{person}"
