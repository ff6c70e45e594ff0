"""Statements of every turn, compiled once and given to the database's driver as text.

Owns the way past SQLAlchemy's execution, which costs 57 µs a statement where SQLite needs 20 µs a row; the
statements themselves are SQLAlchemy's. Used by what every turn asks (mark, settle, the windows); the rest
goes the usual way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import ClauseElement


class Straight:
    """One statement on every kind of database that it meets.

    `build` makes it for a dialect's name. Its parameters are given as the driver takes them: times go through
    `stored`. No expanding parameter (`in_` of a list): the text must stay the same.
    """

    def __init__(self, build: Callable[[str], ClauseElement]) -> None:
        self._build = build
        self._made: dict[str, tuple[str, Mapping[str, Any], tuple[str, ...] | None]] = {}

    def rows(self, connection: Connection, given: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """All rows of the answer. Raises SQLAlchemy's errors, as the usual way does."""
        text, constants, order = self._made.get(connection.dialect.name) or self._make(connection)
        values: Any = {**constants, **given}
        if order is not None:
            values = [values[name] for name in order]
        driver: Any = connection.connection.dbapi_connection
        try:
            found: list[tuple[Any, ...]] = driver.execute(text, values).fetchall()
        except connection.dialect.loaded_dbapi.Error as error:
            raise DBAPIError.instance(
                text, None, error, connection.dialect.loaded_dbapi.Error, hide_parameters=True,
                dialect=connection.dialect,
            ) from error  # fmt: skip
        return found

    def _make(self, connection: Connection) -> tuple[str, Mapping[str, Any], tuple[str, ...] | None]:
        compiled: Any = self._build(connection.dialect.name).compile(dialect=connection.dialect)
        order = tuple(compiled.positiontup) if compiled.positional else None
        # Parameters without a value are given each time; the others are part of the statement.
        constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        made = self._made[connection.dialect.name] = (str(compiled), constants, order)
        return made


def stored(dialect: str, moment: datetime) -> object:
    """A time as this database's driver takes it."""
    return as_text(moment) if dialect == "sqlite" else moment


def as_text(moment: datetime) -> str:
    """A time in SQLite, as SQLAlchemy stores it: comparison is comparison of text."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
