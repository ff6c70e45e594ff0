"""A chunk of staged people written in one short transaction.

Owns what an import may do to somebody who is known already – what they chose stays, who left stays
out – and the set-based insertion of everybody else. Called by `importing`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from math import gcd
from random import Random
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .. import consent, suppression
from ..database import Json, Utc, insert
from ..model import Act, Actor, SubscriptionState
from ..reference import ALPHABET, LENGTH
from ..tables import consent_record, erasure, subscriber, subscription
from ..tables import suppression as suppression_
from .staging import inserted, newcomers, staged

PENDING, CONFIRMED, UNSUBSCRIBED = (str(state) for state in SubscriptionState)
_ACTS = {PENDING: Act.ASKED, CONFIRMED: Act.DECLARED, UNSUBSCRIBED: Act.WITHDRAWN}


@dataclass(frozen=True, slots=True)
class Landing:
    """Where the people go, on whose word, and what makes them."""

    list_id: int
    wording: str
    wording_language: str | None
    source: str  # the file's name
    by: Actor
    now: datetime
    permanent_key: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """People of one transaction: the places of the staging table from `first` up to, not with, `end`."""

    number: int
    first: int
    end: int

    @property
    def here(self) -> sa.ColumnElement[bool]:
        return staged.c.place.between(self.first, self.end - 1)


class Move(NamedTuple):
    subscriber_id: int
    before: str | None
    after: str


@dataclass(slots=True)
class Counts:
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    left_to_choice: int = 0  # people with a field that they set themselves, and that the file says otherwise
    kept_out: Counter[str] = field(default_factory=Counter)


class References:
    """Short references for an import, each chunk's in a narrow band of all of them.

    Nearness keeps the index of references local (see `staging`); the bands come in no order, so that
    a reference says nothing about the address. Made in SQL: drawn one by one they cost 5 µs a person.
    """

    def __init__(self, random: Random, chunks: int) -> None:
        self._random = Random(random.getrandbits(64))  # noqa: S311 - no secret
        self._width = len(ALPHABET) ** LENGTH // max(1, chunks)
        self._bands = list(range(max(1, chunks)))
        self._random.shuffle(self._bands)

    def numbers(self, chunk: int, place: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        """SQL: a number for the person at a place of this chunk, another one each time it is asked.

        A multiple of a number coprime to the width: no two places of a chunk get the same. A clash
        with people who are there already is left to the unique index.
        """
        step = self._random.randrange(1, self._width)
        while gcd(step, self._width) > 1:
            step += 1
        offset = place * step + self._random.randrange(self._width)
        within: sa.ColumnElement[int] = offset % self._width
        number: sa.ColumnElement[int] = within + self._bands[chunk % len(self._bands)] * self._width
        return number


def _reference(number: sa.ColumnElement[int]) -> sa.ColumnElement[str]:
    """SQL: a number written in the signs of `reference`."""
    # Numbers stand in the statement: PostgreSQL's substr takes no bigint, which SQLAlchemy would bind.
    powers = (len(ALPHABET) ** exponent for exponent in reversed(range(LENGTH)))
    places = (number // _number(power) % _number(len(ALPHABET)) for power in powers)
    signs = [sa.func.substr(ALPHABET, sa.cast(place, sa.Integer) + 1, 1) for place in places]
    return reduce(lambda text, sign: text.concat(sign), signs)


def _number(number: int) -> sa.ColumnElement[int]:
    return sa.literal_column(str(number), sa.Integer)


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
        new, added = _insert(connection, landing, references, chunk)
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
    same = subscriber.c.address_key == staged.c.address_key
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
    for state, act in _ACTS.items():
        consent.record(
            connection, [person for person, _, after in moves if after == state], landing.list_id,
            act=act, by=landing.by, now=landing.now, source=landing.source,
            wording=None if act is Act.WITHDRAWN else landing.wording, wording_language=landing.wording_language,
        )  # fmt: skip


# ── people who are new ────────────────────────────────────────────────────────────────────────────


def _insert(
    connection: Connection, landing: Landing, references: References, chunk: Chunk
) -> tuple[int, int]:
    """Insert everybody who is left in the chunk, their subscription and the proof: (people, added)."""
    connection.execute(sa.delete(newcomers))
    nth = staged.c.place - chunk.first
    numbered = sa.select(staged.c.place, _id(connection, nth), references.numbers(chunk.number, nth)).where(
        chunk.here
    )
    new = inserted(connection, sa.insert(newcomers).from_select(["place", "id", "number"], numbered))
    people = sa.select(
        newcomers.c.id, _reference(newcomers.c.number),
        sa.func.coalesce(staged.c.email, staged.c.address_key), sa.func.coalesce(staged.c.wire, staged.c.address_key),
        staged.c.address_key, staged.c.domain, staged.c.name, staged.c.languages, staged.c.time_zone, staged.c.attributes,
        sa.literal([], Json), sa.literal(landing.now, Utc), sa.literal(landing.now, Utc),
    ).join(staged, staged.c.place == newcomers.c.place)  # fmt: skip
    columns = "id reference email wire address_key domain name languages time_zone attributes chosen created_at updated_at"
    # WHERE true: without a WHERE, SQLite takes ON CONFLICT for the ON of the join.
    statement = insert(connection, subscriber).from_select(columns.split(), people.where(sa.true()))
    added = inserted(connection, statement.on_conflict_do_nothing())
    if added < new:
        _part_from_left_over(connection)
    _subscribe_newcomers(connection, landing)
    if added < new:
        connection.execute(sa.delete(staged).where(staged.c.place.in_(sa.select(newcomers.c.place))))
    return new, added


def _subscribe_newcomers(connection: Connection, landing: Landing) -> None:
    theirs = newcomers.join(staged, staged.c.place == newcomers.c.place)
    now = sa.literal(landing.now, Utc)
    connection.execute(
        sa.insert(subscription).from_select(
            ["list_id", "subscriber_id", "state", "since", "source"],
            sa.select(
                sa.literal(landing.list_id), newcomers.c.id, staged.c.state, now, sa.literal("import")
            ).select_from(theirs),
        )
    )
    act = sa.case({state: str(act) for state, act in _ACTS.items()}, value=staged.c.state)
    wording = consent.wording_id(connection, landing.wording, landing.wording_language)
    connection.execute(
        sa.insert(consent_record).from_select(
            ["subscriber_id", "list_id", "act", "wording_id", "source", "by", "at"],
            sa.select(
                newcomers.c.id, sa.literal(landing.list_id), act,
                sa.case((staged.c.state == UNSUBSCRIBED, sa.null()), else_=sa.literal(wording)),
                sa.literal(landing.source), sa.literal(str(landing.by)), now,
            ).select_from(theirs),
        )
    )  # fmt: skip


def _id(connection: Connection, nth: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """SQL: ids for new people, known before they are inserted: no row is looked up again by its address."""
    if connection.dialect.name == "sqlite":  # we hold the lock of writers: nobody else takes an id
        return nth + 1 + (connection.scalar(sa.select(sa.func.max(subscriber.c.id))) or 0)
    return sa.func.nextval(sa.func.pg_get_serial_sequence(subscriber.name, "id"))


def _part_from_left_over(connection: Connection) -> None:
    """Whom ON CONFLICT left out are no newcomers in this round."""
    there = sa.exists().where(subscriber.c.id == newcomers.c.id)
    connection.execute(sa.delete(newcomers).where(~there))
