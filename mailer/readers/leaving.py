"""A reader leaves: who stands behind a token, and what leaving does, at once and completely.

Owns no table; calls consent and the ledger in one transaction. Called by the web (page and
RFC 8058) and by the reader of unsubscribe mails.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery import ledger
from subscribers import consent, tables
from subscribers.language import match
from subscribers.model import Actor


@dataclass(frozen=True, slots=True)
class OnList:
    id: int
    name: Mapping[str, str]  # per language; "" = for all
    language: str | None
    active: bool  # pending or confirmed


@dataclass(frozen=True, slots=True)
class Reader:
    """What the page may show to whoever holds the link, which may have been forwarded."""

    subscriber_id: int
    masked: str  # "m••••@city.example.jp"
    languages: tuple[str, ...]
    here: OnList  # the list that the token names
    others: tuple[OnList, ...]  # further lists that the person is on


def reader(connection: Connection, subscriber_id: int, list_id: int) -> Reader | None:
    """None: this person has been erased, or the list is gone."""
    person = connection.execute(
        sa.select(tables.subscriber.c.email, tables.subscriber.c.languages).where(
            tables.subscriber.c.id == subscriber_id
        )
    ).first()
    if person is None:
        return None
    state = tables.subscription.c.state
    lists = [
        OnList(row.id, row.name, row.language, row.state in ("pending", "confirmed"))
        for row in connection.execute(
            sa.select(tables.list_.c.id, tables.list_.c.name, tables.list_.c.language, state)
            .join_from(tables.list_, tables.subscription)
            .where(tables.subscription.c.subscriber_id == subscriber_id)
            .order_by(tables.list_.c.id)
        )
    ]
    here = next((on for on in lists if on.id == list_id), None)
    if here is None:
        return None
    others = tuple(on for on in lists if on.active and on.id != list_id)
    return Reader(
        subscriber_id, mask(person.email), tuple(filter(None, person.languages.split(","))), here, others
    )


def leave(
    connection: Connection, subscriber_id: int, list_id: int | None, *, source: str, now: datetime
) -> int:
    """Off this list, or off all (None); what is queued for them is skipped. Again is harmless: 0.

    Works for a person who has been erased: there is nothing left to change.
    """
    left = consent.unsubscribe(
        connection,
        subscriber_id,
        None if list_id is None else [list_id],
        source=source,
        by=Actor("subscriber"),
        now=now,
    )
    ledger.skip_for(
        connection, subscriber_id, "unsubscribed", now, list_ids=None if list_id is None else [list_id]
    )
    return left


def mask(email: str) -> str:
    """Enough for the owner to know it, too little for anyone else: `m••••@city.example.jp`."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}••••@{domain}"


def text_of(texts: Mapping[str, str], language: str) -> str:
    """A list's name in this language, else in the first that it has."""
    if "" in texts:
        return texts[""]
    return texts[match([language], list(texts)) or next(iter(texts))] if texts else ""
