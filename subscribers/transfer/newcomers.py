"""New people of a chunk: ids, references, subscriptions and proof, set by set.

Owns the insertion of whom nobody knows yet; no person passes through Python. Called by `writing`.
"""

from __future__ import annotations

from functools import reduce
from math import gcd
from random import Random

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from .. import consent
from ..database import Json, Utc, insert
from ..reference import ALPHABET, LENGTH
from ..tables import consent_record, subscriber, subscription
from .landing import ACTS, UNSUBSCRIBED, Chunk, Landing
from .staging import inserted, newcomers, staged


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


def insert_newcomers(
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
    act = sa.case({state: str(act) for state, act in ACTS.items()}, value=staged.c.state)
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
        # Not max(id): whoever was erased keeps their number, which stands in links and in the ledger.
        last = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'subscriber'")
        return nth + 1 + (connection.scalar(last) or 0)
    sequence = connection.scalar(sa.select(sa.func.pg_get_serial_sequence(subscriber.name, "id")))
    return sa.func.nextval(sa.cast(sequence, postgresql.REGCLASS))


def _part_from_left_over(connection: Connection) -> None:
    """Whom ON CONFLICT left out are no newcomers in this round."""
    there = sa.exists().where(subscriber.c.id == newcomers.c.id)
    connection.execute(sa.delete(newcomers).where(~there))
