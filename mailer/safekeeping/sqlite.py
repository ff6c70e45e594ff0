"""SQLite: its online backup API, and a rename. The old database stays beside the new one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mailer import migrations
from mailer.campaigns import restored
from mailer.errors import Refused
from subscribers.database import open_engine
from subscribers.files import make_private, put
from subscribers.model import Actor

from .files import Restored, in_use, not_a_backup, require_known

_MAGIC = b"SQLite format 3\x00"
_BESIDE = ("-wal", "-shm", "-journal")


class SQLite:
    def require_tables(self, engine: Engine) -> None:
        with engine.connect() as connection:
            migrations.require(connection)

    def copy(self, engine: Engine, target: Path) -> None:
        _copy(_path(engine), target)

    def restore(self, engine: Engine, file: Path, *, force: bool, by: Actor, now: datetime) -> Restored:
        database = _path(engine)
        engine.dispose()
        require_known(file, _revision(file))
        fresh = database.with_name(database.name + ".restoring")
        _remove(fresh)
        try:
            make_private(fresh)
            _copy(file, fresh)
            frozen, revision = _freeze(fresh, by, now)
            _readable_as(database, fresh)
            aside = _set_aside(database, now) if database.exists() else None
            put(fresh, database)
        finally:
            _remove(fresh)
        return Restored(frozen, revision, aside)


def _path(engine: Engine) -> Path:
    return Path(engine.url.database or "")


def _open(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=2)


def _copy(source: Path, target: Path) -> None:
    """All pages in one step: a snapshot that makes no writer wait. Raises Refused if the source is damaged."""
    mode = "rw" if _is_log_beside(source) else "ro"
    with closing(_open(source, mode)) as original, closing(sqlite3.connect(target)) as copy:
        try:
            original.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, without a log beside it
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        raise Refused(
            f"{source} is damaged: {found}.",
            remedy="Keep it, and restore an older backup.",
            key="backup_damaged", path=str(source), detail=found,
        )  # fmt: skip


def _is_log_beside(path: Path) -> bool:
    return any(path.with_name(path.name + ending).exists() for ending in _BESIDE)


def _revision(file: Path) -> str | None:
    with file.open("rb") as handle:
        start = handle.read(len(_MAGIC))
    if start != _MAGIC:
        raise not_a_backup(file, "postgresql" if start.startswith(b"PGDMP") else "")
    try:
        with closing(_open(file, "rw" if _is_log_beside(file) else "ro")) as connection:
            connection.execute("SELECT 1 FROM campaign LIMIT 1")
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.DatabaseError as error:
        raise not_a_backup(file) from error
    return found[0] if found else None


def _freeze(fresh: Path, by: Actor, now: datetime) -> tuple[restored.Frozen, str]:
    """Brought up to date and frozen while it has a name that nobody opens."""
    engine = open_engine(sa.URL.create("sqlite", database=str(fresh)).render_as_string())
    try:
        migrations.upgrade(engine)
        with engine.begin() as connection:
            frozen = restored.freeze(connection, by=by, now=now)
            _, revision = migrations.standing(connection)
        with engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA journal_mode=DELETE")
    finally:
        engine.dispose()
    return frozen, revision


def _readable_as(database: Path, fresh: Path) -> None:
    """By whom the old one was: neither by more people, nor closed to the service when root restores."""
    if not database.exists():
        fresh.chmod(0o600)
        return
    old = database.stat()
    with contextlib.suppress(PermissionError, AttributeError):  # only root gives away; not on Windows
        os.chown(fresh, old.st_uid, old.st_gid)
    fresh.chmod(old.st_mode & 0o777)


def _set_aside(database: Path, now: datetime) -> Path:
    """The database that stands there, renamed with the moment. Raises Refused if somebody has it open.

    Only the last connection can leave the write-ahead log: that tells, and makes it one whole file. Of a
    damaged one nothing can be asked; it is kept with whatever lies beside it.
    """
    try:
        with closing(_open(database, "rw")) as connection:
            mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
            if mode != "delete":
                raise in_use()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise in_use() from error
    aside = database.with_name(f"{database.name}.{now:%Y%m%d-%H%M%S}")
    if aside.exists():
        aside = database.with_name(f"{database.name}.{now:%Y%m%d-%H%M%S-%f}")
    for ending in _BESIDE:
        with contextlib.suppress(FileNotFoundError):
            database.with_name(database.name + ending).rename(aside.with_name(aside.name + ending))
    try:
        os.link(database, aside)  # so that there is no moment without a database
    except OSError:
        database.rename(aside)
    return aside


def _remove(path: Path) -> None:
    for ending in ("", *_BESIDE):
        path.with_name(path.name + ending).unlink(missing_ok=True)
