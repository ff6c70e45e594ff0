"""What the tests of imports share: a list, and an import in one line."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from subscribers import store
from subscribers.model import Actor
from subscribers.transfer import Declaration, ImportResult, Options, Source, import_people

KEY = "permanent"
Import = Callable[..., ImportResult]


def import_into(engine: Engine, by: Actor, now: datetime) -> Import:
    """import(text or bytes, list, options=…, **Source fields) → ImportResult"""

    def run(
        content: str | bytes, to: str = "enews", options: Options | None = None, **known: Any
    ) -> ImportResult:
        data = content.encode() if isinstance(content, str) else content
        return import_people(
            engine,
            Source(io.BytesIO(data), "members.csv", **known),
            Declaration(to, "I agree to the E-News."),
            options,
            by=by,
            now=now,
            random=Random(84),
            permanent_key=KEY,
        )

    return run


def _add_lists(engine: Engine, by: Actor, now: datetime) -> None:
    with engine.begin() as connection:
        for slug in ("enews", "events"):
            store.add_list(connection, slug, slug, by=by, now=now)


@pytest.fixture
def bring_in(database: Engine, keiko: Actor, now: datetime) -> Import:
    """An import into lists enews and events, on each kind of database."""
    _add_lists(database, keiko, now)
    return import_into(database, keiko, now)


@pytest.fixture
def read_in(sqlite: Engine, keiko: Actor, now: datetime) -> Import:
    """The same on SQLite alone: for tests of the file, not of the database."""
    _add_lists(sqlite, keiko, now)
    return import_into(sqlite, keiko, now)
