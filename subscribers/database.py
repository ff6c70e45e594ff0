"""The ground under every table: one MetaData, an engine per URL, UTC times.

Owns how SQLite and PostgreSQL are opened (WAL, BEGIN IMMEDIATE, foreign keys) and the column
types that hide their differences. Owns no table. Called by bootstrap and by tests.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import DBAPIError

from .files import make_private

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only makes an INTEGER primary key an alias of the row id (no second index, no extra page).
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


class Utc(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime. A naive one is refused: it has been a bug each time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: times are aware and in UTC")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_engine(url: str) -> Engine:
    """An engine for `sqlite:///path` or `postgresql://…` (psycopg 3). Opens no connection yet.

    SQLite: WAL so that pages are read while the sender writes; synchronous=FULL because a reply
    that is recorded must survive a power cut; BEGIN IMMEDIATE so that two writers wait for each
    other (busy_timeout) instead of failing at the upgrade of a read lock.
    """
    if url.startswith(("postgresql://", "postgres://")):
        url = "postgresql+psycopg://" + url.split("://", 1)[1]
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30}, hide_parameters=True)

    @sa.event.listens_for(engine, "do_connect")
    def _private(_dialect: Any, _record: Any, arguments: Any, _options: Any) -> None:
        """A new file is its owner's alone; SQLite gives the log beside it the same mode."""
        if arguments[0] != ":memory:":
            with suppress(OSError):  # it is there, or SQLite itself says what is wrong with the place
                make_private(Path(arguments[0]))

    @sa.event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=30000")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("reading", False)
        _say(connection, "BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _say(connection: Connection, text: str) -> None:
    """Straight to the driver: as a statement of SQLAlchemy's, BEGIN would cost more than an UPDATE."""
    driver: Any = connection.connection.dbapi_connection
    try:
        driver.execute(text)
    except sqlite3.Error as error:
        raise DBAPIError.instance(text, None, error, sqlite3.Error, dialect=connection.dialect) from error


def insert(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """INSERT INTO `table` of this database's kind: both know ON CONFLICT DO NOTHING and DO UPDATE."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def among(dialect: str, column: sa.ColumnElement[int], ids: Collection[int] | str) -> sa.ColumnElement[bool]:
    """`column IN ids` as one parameter: the statement text is the same for any number of ids.

    500 ids as 500 parameters cost PostgreSQL's driver 10 ms of parsing per batch, this 1 ms. `ids` as text: the
    name of a parameter that is given later, in the form of `as_listed`.
    """
    listed: sa.types.TypeEngine[Any] = sa.Text() if dialect == "sqlite" else postgresql.ARRAY(sa.BigInteger)
    given: sa.BindParameter[Any] = (
        sa.bindparam(ids, type_=listed)
        if isinstance(ids, str)
        else sa.bindparam(None, as_listed(dialect, ids), type_=listed)
    )
    if dialect == "sqlite":
        return column.in_(sa.select(sa.func.json_each(given).table_valued("value").c.value))
    return column == sa.any_(given)


def as_listed(dialect: str, ids: Collection[int]) -> object:
    """Many ids as the one value that `among` reads."""
    return json.dumps(list(ids)) if dialect == "sqlite" else list(ids)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read-only snapshot that never waits for a writer (SQLite: BEGIN DEFERRED)."""
    with engine.connect().execution_options(reading=True) as connection, connection.begin():
        yield connection
