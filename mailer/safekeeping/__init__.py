"""The database in one file, and back: `mailer backup` and `mailer restore`.

Owns the files and the order of steps; what a restored database may not do before a person has looked is
`campaigns.restored`. Secrets stand in files of their own and are in no backup. Called by the CLI.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from mailer.campaigns import restored
from mailer.errors import Refused
from subscribers.files import being_written
from subscribers.model import Actor

from . import postgresql, sqlite
from .files import Made, Restored

__all__ = ["Made", "Restored", "backup", "restore"]


def backup(engine: Engine, file: Path, *, force: bool, now: datetime) -> Made:
    """A consistent copy, also while senders run. `file` is there only when it is whole.

    Raises Refused if `file` exists (unless `force`), if the database has no tables, if pg_dump is missing.
    """
    if file.exists() and not force:
        raise Refused(
            f"{file} is already there and was not touched.",
            remedy="Name another file, or overwrite it with --force.",
            key="file_exists", path=str(file),
        )  # fmt: skip
    kind = _kind(engine)
    kind.require_tables(engine)
    with engine.begin() as connection:
        restored.note_backup(connection, now)
    with being_written(file) as partial:
        kind.copy(engine, partial)
    return Made(file, file.stat().st_size, now)


def restore(engine: Engine, file: Path, *, force: bool, by: Actor, now: datetime) -> Restored:
    """The database of `engine` becomes what `file` holds, frozen. What stood there is set aside.

    Raises Refused if `file` is no backup of this program or newer than it, if somebody has the database
    open, and on PostgreSQL if the database is not empty (`force`: it is backed up and emptied first).
    """
    return _kind(engine).restore(engine, file, force=force, by=by, now=now)


def _kind(engine: Engine) -> postgresql.PostgreSQL | sqlite.SQLite:
    return sqlite.SQLite() if engine.dialect.name == "sqlite" else postgresql.PostgreSQL()
