"""The people of a file in a temporary table, sorted by address, before anything is written.

Owns the temporary tables of an import. Sorted, because a million random insertions into the index of
addresses rewrite it a hundred times over: 16–24 µs a row went into the WAL, and 2 µs so. Called by
`importing` and `writing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from ..database import Id, Json
from .rows import PARTS, Row

_private = sa.MetaData()


def _row_columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("n", Id, nullable=False),
        sa.Column("address_key", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("wire", sa.Text),
        sa.Column("domain", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("languages", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    ]


_TEMPORARY = ["TEMPORARY"]
arrived = sa.Table("import_arrived", _private, *_row_columns(), prefixes=_TEMPORARY)  # in the file's order
staged = sa.Table(
    "import_staged", _private, sa.Column("place", Id, primary_key=True), *_row_columns(), prefixes=_TEMPORARY
)  # in the order of addresses
# The new people of the chunk in hand, with the id and the number of the reference that they shall have.
newcomers = sa.Table(
    "import_newcomers", _private,
    sa.Column("place", Id, primary_key=True, autoincrement=False),
    sa.Column("id", Id, nullable=False),
    sa.Column("number", Id, nullable=False),
    prefixes=_TEMPORARY,
)  # fmt: skip


_before = staged.alias()
_is_twice = sa.and_(_before.c.place == staged.c.place - 1, _before.c.address_key == staged.c.address_key)


class Duplicate(NamedTuple):
    line: int
    part: int
    other_line: int  # of the row that counts


@contextmanager
def tables(connection: Connection) -> Iterator[None]:
    """The temporary tables, empty, and away again whatever happens."""
    with connection.begin():
        _private.create_all(connection, checkfirst=False)
    try:
        yield
    except BaseException:
        connection.invalidate()  # a query half read would not let its table go; closing the connection does
        raise
    with connection.begin():
        _private.drop_all(connection, checkfirst=False)


def fill(connection: Connection, rows: list[Row]) -> None:
    """As fast as the driver can: executemany on SQLite (4 µs a row), COPY on PostgreSQL."""
    if not rows:
        return
    names = ", ".join(column.name for column in arrived.columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(arrived.columns))
        connection.exec_driver_sql(f"INSERT INTO {arrived.name} ({names}) VALUES ({marks})", rows)
        return
    raw: Any = connection.connection.cursor()  # psycopg's own: COPY is not in SQLAlchemy
    with raw, raw.copy(f"COPY {arrived.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def inserted(connection: Connection, statement: sa.Insert) -> int:
    """Run an INSERT … SELECT; how many rows. SQLAlchemy counts inserted rows only when it is told to."""
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def sort(connection: Connection) -> int:
    """Everything that arrived, by address. How many rows.

    Of several rows of one person the first counts, but before it one that says unsubscribed: whoever
    left is not kept by an older line.
    """
    columns = [column.name for column in arrived.columns]
    left = sa.case((arrived.c.state == "unsubscribed", 0), else_=1)
    in_order = sa.select(arrived).order_by(arrived.c.address_key, left, arrived.c.n)
    rows = inserted(connection, sa.insert(staged).from_select(columns, in_order))
    connection.execute(sa.delete(arrived))
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE {staged.name}")
    return rows


def duplicates(connection: Connection) -> Iterator[Duplicate]:
    """The second and further rows of a person, by line; as a stream, there may be a million."""
    rows = connection.execute(
        sa.select(staged.c.n, _before.c.n).join(_before, _is_twice).order_by(staged.c.n),
        execution_options={"yield_per": 1_000},
    )
    lowest = (1 << PARTS) - 1
    for n, other in rows:
        yield Duplicate(n >> PARTS, n & lowest, other >> PARTS)


def drop_duplicates(connection: Connection) -> None:
    connection.execute(sa.delete(staged).where(sa.exists().where(_is_twice)))
