"""Why we may write to someone: the state of each subscription and the proof behind it.

Owns `subscription` (its state), `consent_record` (append-only) and `consent_wording` (the exact
words, once). Sends no mail and makes no person. Called by forms, the import, staff pages, bounces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NotRequired, Required, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import audit, tables
from .database import insert
from .errors import UnknownSubscriber
from .model import Act, Actor, SubscriptionState

PENDING, CONFIRMED, UNSUBSCRIBED = SubscriptionState

# (state before, act) → state after; None = not on the list. A form sent again never un-confirms (F24),
# and what the office declares never brings back who has left: only their own act does.
TRANSITIONS: Mapping[tuple[SubscriptionState | None, Act], SubscriptionState] = {
    (None, Act.ASKED): PENDING,
    (None, Act.CONFIRMED): CONFIRMED,
    (None, Act.DECLARED): CONFIRMED,
    (PENDING, Act.ASKED): PENDING,
    (PENDING, Act.CONFIRMED): CONFIRMED,
    (PENDING, Act.DECLARED): CONFIRMED,
    (PENDING, Act.WITHDRAWN): UNSUBSCRIBED,
    (CONFIRMED, Act.ASKED): CONFIRMED,
    (CONFIRMED, Act.CONFIRMED): CONFIRMED,
    (CONFIRMED, Act.DECLARED): CONFIRMED,
    (CONFIRMED, Act.WITHDRAWN): UNSUBSCRIBED,
    (UNSUBSCRIBED, Act.ASKED): PENDING,
    (UNSUBSCRIBED, Act.CONFIRMED): CONFIRMED,
    (UNSUBSCRIBED, Act.DECLARED): UNSUBSCRIBED,
    (UNSUBSCRIBED, Act.WITHDRAWN): UNSUBSCRIBED,
}


class Evidence(TypedDict):
    """What a consent record shows besides the act. `source`: a form's URL, a file's name, "staff"."""

    source: Required[str]
    wording: Required[str | None]  # the exact words that the person saw or the office declares
    wording_language: NotRequired[str | None]
    ip: NotRequired[str | None]


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    list: str | None  # slug
    act: Act
    wording: str | None
    wording_language: str | None
    source: str
    ip: str | None
    by: str
    at: datetime


def subscribe(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    *,
    act: Act | str,
    by: Actor,
    now: datetime,
    **evidence: Unpack[Evidence],
) -> SubscriptionState:
    """Put the act on record and return the state that it leads to (TRANSITIONS).

    Acts: asked, confirmed, declared. Only the person confirms: `confirmed` by anyone else counts as
    declared. Nothing is recorded where nothing changes. Raises UnknownSubscriber.
    """
    act = Act(act)
    if act is Act.WITHDRAWN:
        raise ValueError("withdrawing is unsubscribe()")
    if act is Act.CONFIRMED and by.kind != "subscriber":
        act = Act.DECLARED
    _lock(connection, subscriber_id)
    before = state_of(connection, subscriber_id, list_id)
    after = TRANSITIONS[before, act]
    if _is_not_their_act(act, by) and _has_left(connection, subscriber_id, list_id, before):
        after = before or after
    if after == before and not (after is PENDING and act is Act.ASKED):
        return after
    if after != before:
        _write_state(connection, subscriber_id, list_id, after, evidence["source"], now)
    record(connection, [subscriber_id], list_id, act=act, by=by, now=now, **evidence)
    audit.record(
        connection, by, f"subscription.{act}", f"subscriber:{subscriber_id}", now,
        before={"list": list_id, "state": before}, after={"list": list_id, "state": after},
    )  # fmt: skip
    return after


def unsubscribe(
    connection: Connection,
    subscriber_id: int,
    list_ids: Sequence[int] | None,
    *,
    source: str,
    by: Actor,
    now: datetime,
) -> int:
    """Take the person off these lists, or off all (None). Subscriptions changed; again is harmless: 0."""
    subscription = tables.subscription
    theirs = sa.and_(subscription.c.subscriber_id == subscriber_id, subscription.c.state != UNSUBSCRIBED)
    if list_ids is not None:
        theirs = sa.and_(theirs, subscription.c.list_id.in_(list(list_ids)))
    left = connection.scalars(
        subscription.update()
        .where(theirs)
        .values(state=str(UNSUBSCRIBED), since=now, source=source)
        .returning(subscription.c.list_id)
    ).all()
    for list_id in sorted(left):
        record(
            connection,
            [subscriber_id],
            list_id,
            act=Act.WITHDRAWN,
            by=by,
            now=now,
            source=source,
            wording=None,
        )
    if left:
        audit.record(
            connection, by, "subscription.withdrawn", f"subscriber:{subscriber_id}", now,
            after={"lists": sorted(left), "source": source},
        )  # fmt: skip
    return len(left)


def state_of(connection: Connection, subscriber_id: int, list_id: int) -> SubscriptionState | None:
    """None: never on the list."""
    subscription = tables.subscription
    state = connection.scalar(
        sa.select(subscription.c.state).where(
            subscription.c.list_id == list_id, subscription.c.subscriber_id == subscriber_id
        )
    )
    return None if state is None else SubscriptionState(state)


def confirmed_since(connection: Connection, subscriber_id: int, list_id: int) -> datetime | None:
    """Since when the person is confirmed on the list; None if they are not."""
    subscription = tables.subscription
    since: datetime | None = connection.scalar(
        sa.select(subscription.c.since).where(
            subscription.c.list_id == list_id,
            subscription.c.subscriber_id == subscriber_id,
            subscription.c.state == CONFIRMED,
        )
    )
    return since


def counts(connection: Connection) -> dict[tuple[int, SubscriptionState], int]:
    """(list id, state) → people. A pair with nobody is left out."""
    list_id, state = tables.subscription.c.list_id, tables.subscription.c.state
    rows = connection.execute(sa.select(list_id, state, sa.func.count()).group_by(list_id, state))
    return {(which, SubscriptionState(name)): people for which, name, people in rows}


def record(
    connection: Connection,
    subscriber_ids: Sequence[int],
    list_id: int | None,
    *,
    act: Act,
    by: Actor,
    now: datetime,
    **evidence: Unpack[Evidence],
) -> None:
    """Append one record per person. For bulk writers in this package, who have set the state themselves."""
    shared = {
        "list_id": list_id,
        "act": str(act),
        "wording_id": wording_id(connection, evidence["wording"], evidence.get("wording_language")),
        "source": evidence["source"],
        "ip": evidence.get("ip"),
        "by": str(by),
        "at": now,
    }
    if subscriber_ids:
        connection.execute(
            tables.consent_record.insert(), [{"subscriber_id": one, **shared} for one in subscriber_ids]
        )


def wording_id(connection: Connection, text: str | None, language: str | None) -> int | None:
    """The row of this exact wording, made on first use. None for no wording."""
    if text is None:
        return None
    wording = tables.consent_wording
    digest = hashlib.sha256(f"{language or ''}\0{text}".encode()).hexdigest()
    connection.execute(
        insert(connection, wording).values(hash=digest, language=language, text=text).on_conflict_do_nothing()
    )
    found: int | None = connection.scalar(sa.select(wording.c.id).where(wording.c.hash == digest))
    return found


def records(connection: Connection, subscriber_id: int) -> list[ConsentRecord]:
    """Everything on record about the person, oldest first: the proof, and their own export."""
    consent, wording, list_ = tables.consent_record, tables.consent_wording, tables.list_
    rows = connection.execute(
        sa.select(
            list_.c.slug.label("list"), consent.c.act, wording.c.text.label("wording"),
            wording.c.language.label("wording_language"), consent.c.source, consent.c.ip, consent.c.by, consent.c.at,
        )
        .select_from(consent.outerjoin(wording).outerjoin(list_))
        .where(consent.c.subscriber_id == subscriber_id)
        .order_by(consent.c.id)
    )  # fmt: skip
    return [ConsentRecord(**{**row._mapping, "act": Act(row.act)}) for row in rows]


def left_condition(subscriber_id: sa.ColumnElement[int], list_id: int) -> sa.ColumnElement[bool]:
    """SQL: the person's last word on this list was to leave, though a form may have asked again since."""
    last, later = tables.consent_record.alias(), tables.consent_record.alias()

    def of_this(which: sa.FromClause) -> sa.ColumnElement[bool]:
        return sa.and_(which.c.subscriber_id == subscriber_id, which.c.list_id == list_id)

    came_back = sa.exists().where(of_this(later), later.c.act == Act.CONFIRMED, later.c.id > last.c.id)
    return sa.exists().where(of_this(last), last.c.act == Act.WITHDRAWN, ~came_back)


def _is_not_their_act(act: Act, by: Actor) -> bool:
    """Staff may ask for someone at the counter (they still have to confirm); an import may not."""
    return act is Act.DECLARED or by.kind == "import"


def _has_left(
    connection: Connection, subscriber_id: int, list_id: int, state: SubscriptionState | None
) -> bool:
    if state is not PENDING:
        return state is UNSUBSCRIBED
    # A stranger can send the form for someone who left, which makes them pending; an import on the
    # next day must not take that for a yes.
    person = sa.literal(subscriber_id)
    return bool(connection.scalar(sa.select(left_condition(person, list_id))))


def _lock(connection: Connection, subscriber_id: int) -> None:
    """One act at a time per person (PostgreSQL; on SQLite BEGIN IMMEDIATE has done it)."""
    person = sa.select(tables.subscriber.c.id).where(tables.subscriber.c.id == subscriber_id)
    if connection.scalar(person.with_for_update(key_share=True)) is None:
        raise UnknownSubscriber(f"There is no subscriber {subscriber_id}.", subscriber=subscriber_id)


def _write_state(
    connection: Connection,
    subscriber_id: int,
    list_id: int,
    state: SubscriptionState,
    source: str,
    now: datetime,
) -> None:
    values = {"state": str(state), "since": now, "source": source}
    connection.execute(
        insert(connection, tables.subscription)
        .values(list_id=list_id, subscriber_id=subscriber_id, **values)
        .on_conflict_do_update(index_elements=["list_id", "subscriber_id"], set_=values)
    )
