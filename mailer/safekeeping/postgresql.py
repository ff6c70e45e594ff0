"""PostgreSQL: pg_dump and pg_restore of the server's own version, run as programs.

The revision is written last, in the transaction that freezes: before it the program does not open the database.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mailer import migrations
from mailer.campaigns import restored
from mailer.errors import Refused
from subscribers.files import being_written
from subscribers.model import Actor

from .files import Restored, in_use, not_a_backup, require_known

_REVISION_TABLE = re.compile(r"^\d+; .* TABLE DATA \S+ alembic_version .*$", re.MULTILINE)
_PLAIN = ("--no-owner", "--no-privileges")  # the role of the new place may have another name


class PostgreSQL:
    def require_tables(self, engine: Engine) -> None:
        with engine.connect() as connection:
            migrations.require(connection)

    def copy(self, engine: Engine, target: Path) -> None:
        _run(
            engine, "pg_dump", "--format=custom", *_PLAIN, f"--file={target}", f"--dbname={_address(engine)}"
        )

    def restore(self, engine: Engine, file: Path, *, force: bool, by: Actor, now: datetime) -> Restored:
        contents, revision = _examine(engine, file)
        require_known(file, revision)
        with engine.connect() as connection:
            if _others(connection):
                raise in_use()
            empty = not sa.inspect(connection).get_table_names()
        if not empty and not force:
            raise _not_empty(engine)
        aside = None if empty else self._empty(engine, file, now)
        try:
            _fill(engine, file, contents)
            with engine.begin() as connection:
                migrations.upgrade_on(connection, standing=revision)
                frozen = restored.freeze(connection, by=by, now=now)
                _, newest = migrations.standing(connection)
        except Exception as error:
            if aside is None:
                raise
            raise _emptied(engine, aside, error) from error
        return Restored(frozen, newest, aside)

    def _empty(self, engine: Engine, file: Path, now: datetime) -> Path:
        """A backup of what stands there, beside the one that is restored; then nothing stands there."""
        aside = file.with_name(f"{engine.url.database}.{now:%Y%m%d-%H%M%S-%f}.dump")
        with being_written(aside) as partial:
            self.copy(engine, partial)
        with engine.begin() as connection:
            quote = connection.dialect.identifier_preparer.quote
            tables = ", ".join(quote(name) for name in sa.inspect(connection).get_table_names())
            connection.exec_driver_sql(f"DROP TABLE {tables} CASCADE")
        return aside


def _examine(engine: Engine, file: Path) -> tuple[str, str | None]:
    """(its table of contents, its revision), after all of it was read once. Raises Refused."""
    with file.open("rb") as handle:
        start = handle.read(16)
    if not start.startswith(b"PGDMP"):
        raise not_a_backup(file, "sqlite" if start.startswith(b"SQLite format 3") else "")
    _run(engine, "pg_restore", f"--file={os.devnull}", str(file))
    contents = _run(engine, "pg_restore", "--list", str(file))
    told = _run(engine, "pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(file))
    found = re.search(r"^COPY .*alembic_version.*\n(\S+)\n\\\.$", told, re.MULTILINE)
    return contents, found[1] if found else None


def _fill(engine: Engine, file: Path, contents: str) -> None:
    """Everything but the revision, all or nothing."""
    with tempfile.NamedTemporaryFile("w", suffix=".list") as chosen:
        chosen.write(_REVISION_TABLE.sub("", contents))
        chosen.flush()
        _run(
            engine, "pg_restore", "--single-transaction", "--exit-on-error", *_PLAIN,
            f"--use-list={chosen.name}", f"--dbname={_address(engine)}", str(file),
        )  # fmt: skip


def _others(connection: Connection) -> int:
    """Other sessions at this database: senders, pages, commands."""
    return (
        connection.scalar(
            sa.text(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
        )
        or 0
    )


def _not_empty(engine: Engine) -> Refused:
    return Refused(
        f"The database {engine.url.database} is not empty.",
        remedy="Name an empty one in database.url, or use --force: it is backed up and emptied first.",
        key="database_not_empty", database=engine.url.database,
    )  # fmt: skip


def _emptied(engine: Engine, aside: Path, error: Exception) -> Refused:
    """What stood there is gone from the database, and not from the disk."""
    detail = str(error.facts.get("detail", error)) if isinstance(error, Refused) else str(error)
    return Refused(
        f"The backup could not be filled in, and the database {engine.url.database} has lost what stood in it: {detail}",
        remedy=f"All of that is in {aside}: mend the cause and run this again, or put the old one back"
        f" with “mailer restore {aside} --force”.",
        key="database_emptied", database=engine.url.database, path=str(aside), detail=detail,
    )  # fmt: skip


# ── the programs ────────────────────────────────────────────────────────────────────────────────


def _run(engine: Engine, program: str, *arguments: str) -> str:
    """Its output. Raises Refused with its last words; the password goes by the environment, where no list shows it."""
    with engine.connect() as connection:
        version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    path = _find(program, version)
    password = {"PGPASSWORD": engine.url.password} if engine.url.password else {}
    done = subprocess.run(  # noqa: S603
        [path, *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C", **password},
        check=False,
    )
    if done.returncode:
        detail = (done.stderr.strip().splitlines() or ["?"])[-1]
        raise Refused(
            f"{program} failed: {detail}",
            remedy="Nothing that stood in the database was lost; mend what it names, then run it again.",
            key="database_program_failed", program=program, detail=detail,
        )  # fmt: skip
    return done.stdout


def _find(program: str, version: int) -> str:
    """The program of the server's major version: an older one refuses, a newer one writes what it cannot read."""
    found = ""
    for folder in (None, f"/usr/lib/postgresql/{version}/bin"):
        path = shutil.which(program, path=folder)
        if path is None:
            continue
        told = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
        number = re.search(r"\) (\d+)", told)
        if number and int(number[1]) == version:
            return path
        found = number[1] if number else found
    package = f"postgresql-client-{version}"
    raise Refused(
        f"{program} of PostgreSQL {version} was not found" + (f", only that of {found}." if found else "."),
        remedy=f"Install the Debian package {package}.",
        key="database_program_missing", program=program, version=version, package=package,
    )  # fmt: skip


def _address(engine: Engine) -> str:
    """For libpq, without the password."""
    url = engine.url.set(drivername="postgresql", password=None)
    return url.render_as_string(hide_password=False)
