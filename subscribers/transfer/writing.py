"""A chunk of staged people written in one short transaction.

Owns what an import may do to somebody who is known already: what they chose stays, who left stays
out. New people are `newcomers`. Called by `importing`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .. import consent, suppression
from ..database import insert
from ..model import Act
from ..tables import erasure, subscriber, subscription
from ..tables import suppression as suppression_
from .landing import ACTS, CONFIRMED, PENDING, UNSUBSCRIBED, Chunk, Counts, Landing
from .newcomers import References, insert_newcomers
from .staging import staged


class Move(NamedTuple):
    subscriber_id: int
    before: str | None
    after: str


def settle(
    connection: Connection, landing: Landing, references: References, chunk: Chunk, counts: Counts
) -> None:
    """Write the people of a chunk, and count them. Whoever is decided leaves the staging table.

    A reference that is taken, or a person who joined by a form meanwhile (PostgreSQL), comes round again.
    """
    while True:
        _keep_out(connection, "erased", _erased(connection, landing, chunk), counts)
        _keep_out(connection, "suppressed", _suppressed(connection, chunk), counts)
        _settle_known(connection, landing, chunk, counts)
        if landing.dry_run:
            counts.added += (
                connection.scalar(sa.select(sa.func.count()).select_from(staged).where(chunk.here)) or 0
            )
            return
        new, added = insert_newcomers(connection, landing, references, chunk)
        counts.added += added
        if new == added:
            return


def _erased(connection: Connection, landing: Landing, chunk: Chunk) -> list[int]:
    if not connection.scalar(sa.select(sa.exists(sa.select(erasure.c.address_hash)))):
        return []  # in most offices nobody was ever erased: no key is fetched, none hashed
    keys = connection.execute(sa.select(staged.c.place, staged.c.address_key).where(chunk.here)).all()
    erased = suppression.erased_among(connection, [key for _, key in keys], landing.permanent_key)
    return [place for place, key in keys if key in erased]


def _suppressed(connection: Connection, chunk: Chunk) -> list[int]:
    same = suppression_.c.address_key == staged.c.address_key
    return list(connection.scalars(sa.select(staged.c.place).join(suppression_, same).where(chunk.here)))


def _keep_out(connection: Connection, reason: str, places: Sequence[int], counts: Counts) -> None:
    if places:
        counts.kept_out[reason] += len(places)
        connection.execute(sa.delete(staged).where(staged.c.place.in_(places)))


# ── people who are known ──────────────────────────────────────────────────────────────────────────


def _settle_known(connection: Connection, landing: Landing, chunk: Chunk, counts: Counts) -> None:
    """Change who is known as far as the rules allow."""
    same = subscriber.c.address_key == staged.c.address_key
    if not connection.scalar(sa.select(sa.exists().where(chunk.here, same))):
        return
    changes: list[dict[str, Any]] = []
    moves: list[Move] = []
    differing = connection.execute(_differing(landing.list_id, chunk)).all()
    for row in differing:
        if row.state != UNSUBSCRIBED and (row.state_before == UNSUBSCRIBED or row.has_left):
            counts.kept_out["unsubscribed"] += 1
            continue
        change = _change(row, counts)
        after = _state_after(row.state_before, row.state)
        if after != row.state_before:
            moves.append(Move(row.id, row.state_before, after))
        if change:
            changes.append({"person": row.id, **change})
        if change or after != row.state_before:
            counts.changed += 1
        else:
            counts.unchanged += 1
    known = connection.execute(sa.delete(staged).where(chunk.here, sa.exists().where(same))).rowcount
    counts.unchanged += known - len(differing)
    if not landing.dry_run:
        _write_changes(connection, landing, changes)
        _write_moves(connection, landing, moves)


def _differing(list_id: int, chunk: Chunk) -> sa.Select[Any]:
    """Who is known and may need a change. A second run over a million finds nearly nobody here."""
    # On a form's request somebody who left is pending again; only their own button brings them back.
    has_left = sa.case(
        (subscription.c.state == PENDING, consent.left_condition(subscriber.c.id, list_id)), else_=sa.false()
    )
    on_list = sa.and_(subscription.c.subscriber_id == subscriber.c.id, subscription.c.list_id == list_id)
    attributes, attributes_before = (sa.cast(table.c.attributes, sa.Text) for table in (staged, subscriber))
    differs = sa.or_(
        sa.func.coalesce(subscription.c.state, "") != staged.c.state,
        subscription.c.state == PENDING,
        sa.and_(staged.c.name != "", staged.c.name != subscriber.c.name),
        sa.and_(staged.c.languages != "", staged.c.languages != subscriber.c.languages),
        staged.c.time_zone != sa.func.coalesce(subscriber.c.time_zone, ""),
        sa.and_(attributes != "{}", attributes != attributes_before),
    )
    return (
        sa.select(
            staged.c.state, staged.c.name, staged.c.languages, staged.c.time_zone, attributes.label("attributes"),
            subscriber.c.id, subscriber.c.name.label("name_before"), subscriber.c.languages.label("languages_before"),
            subscriber.c.time_zone.label("time_zone_before"), attributes_before.label("attributes_before"),
            sa.cast(subscriber.c.chosen, sa.Text).label("chosen"),
            subscription.c.state.label("state_before"), has_left.label("has_left"),
        )
        .join(subscriber, subscriber.c.address_key == staged.c.address_key)
        .outerjoin(subscription, on_list)
        .where(chunk.here, differs)
        .order_by(staged.c.place)  # two imports at once lock people in the same order
        .with_for_update(of=subscriber)  # PostgreSQL: nobody chooses between our reading and our writing
    )  # fmt: skip


def _change(row: sa.Row[Any], counts: Counts) -> dict[str, Any]:
    """All fields as they shall be, or {} for no change. An empty cell changes nothing."""
    values: dict[str, Any] = {
        "name": row.name or row.name_before,
        "languages": row.languages or row.languages_before,
        "time_zone": row.time_zone or row.time_zone_before,
        "attributes": row.attributes_before,
    }
    if row.attributes not in ("{}", row.attributes_before):
        before = json.loads(row.attributes_before)
        merged = {**before, **json.loads(row.attributes)}
        values["attributes"] = row.attributes_before if merged == before else json.dumps(merged)
    differing = [name for name, value in values.items() if value != getattr(row, f"{name}_before")]
    if not differing:
        return {}
    chosen = set(json.loads(row.chosen))
    counts.left_to_choice += bool(chosen & set(differing))
    for name in chosen & set(differing):
        values[name] = getattr(row, f"{name}_before")
    return {**values, "attributes": json.loads(values["attributes"])} if set(differing) - chosen else {}


def _state_after(before: str | None, wanted: str) -> str:
    """A file confirms and unsubscribes; it never takes a confirmed person back to pending."""
    return before if before == CONFIRMED and wanted == PENDING else wanted


def _write_changes(connection: Connection, landing: Landing, changes: Sequence[Mapping[str, Any]]) -> None:
    if changes:
        names = ("name", "languages", "time_zone", "attributes")
        values = {name: sa.bindparam(f"new_{name}", type_=subscriber.c[name].type) for name in names}
        statement = sa.update(subscriber).where(subscriber.c.id == sa.bindparam("person"))
        connection.execute(
            statement.values(**values, updated_at=landing.now),
            [{"person": one["person"], **{f"new_{name}": one[name] for name in names}} for one in changes],
        )


def _write_moves(connection: Connection, landing: Landing, moves: Sequence[Move]) -> None:
    shared = {"list_id": landing.list_id, "since": landing.now, "source": "import"}
    if joining := [(person, after) for person, before, after in moves if before is None]:
        connection.execute(
            insert(connection, subscription).on_conflict_do_nothing(),
            [{"subscriber_id": person, "state": after, **shared} for person, after in joining],
        )
    if moving := [move for move in moves if move[1] is not None]:
        # `state = before`: whoever unsubscribes between our reading and our writing stays away.
        as_read = sa.and_(
            subscription.c.list_id == landing.list_id,
            subscription.c.subscriber_id == sa.bindparam("person"),
            subscription.c.state == sa.bindparam("before"),
        )
        connection.execute(
            sa.update(subscription)
            .where(as_read)
            .values(state=sa.bindparam("after"), since=landing.now, source="import"),
            [{"person": person, "before": before, "after": after} for person, before, after in moving],
        )
    for state, act in ACTS.items():
        consent.record(
            connection, [person for person, _, after in moves if after == state], landing.list_id,
            act=act, by=landing.by, now=landing.now, source=landing.source,
            wording=None if act is Act.WITHDRAWN else landing.wording, wording_language=landing.wording_language,
        )  # fmt: skip
