"""One linear history of the tables, for SQLite and PostgreSQL alike. Migrated = fresh is tested.

Called by `mailer init`, `migrate`, the demo, and whoever opens or copies a database. Knows the tables and
nothing else.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, Engine

from mailer.errors import Refused


def _history() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def upgrade(engine: Engine, to: str = "head") -> None:
    """Brings the database to the newest tables; does nothing where it is there already."""
    with engine.begin() as connection:
        upgrade_on(connection, to)


def upgrade_on(connection: Connection, to: str = "head", *, standing: str | None = None) -> None:
    """The same in the caller's transaction. `standing`: the revision of tables that came without the word."""
    config = _history()
    config.attributes["connection"] = connection
    if standing is not None:
        command.stamp(config, standing)
    command.upgrade(config, to)


def knows(revision: str) -> bool:
    """Is this revision part of the history? One of a newer program is not."""
    return revision in {one.revision for one in ScriptDirectory.from_config(_history()).walk_revisions()}


def standing(connection: Connection) -> tuple[str | None, str]:
    """(revision of the database, newest revision): equal when nothing is to be done."""
    newest = ScriptDirectory.from_config(_history()).get_current_head()
    return MigrationContext.configure(connection).get_current_revision(), newest or ""


def require(connection: Connection) -> None:
    """Raises Refused if the tables are not those of this program."""
    here, newest = standing(connection)
    if here is None:
        raise Refused("The database has no tables yet.", remedy="Run “mailer migrate”.", key="database_empty")
    if here != newest:
        raise Refused(
            f"The tables are those of another version of the program ({here}, not {newest}).",
            remedy="Run “mailer migrate”; if the database is the newer one, update the program.",
            key="database_other_version", here=here, newest=newest,
        )  # fmt: skip
