"""One history: a migrated database and a fresh one are the same, on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Engine

from mailer import migrations
from mailer.tables import metadata


def _empty(database: Engine) -> None:
    with database.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        metadata.drop_all(connection)


def _shape(database: Engine) -> dict[str, object]:
    inspector = sa.inspect(database)
    return {
        table: (
            [
                (c["name"], str(c["type"]), c["nullable"], str(c["default"]))
                for c in inspector.get_columns(table)
            ],
            sorted((c["name"], c["sqltext"]) for c in inspector.get_check_constraints(table)),
            sorted((i["name"], i["column_names"], i["unique"]) for i in inspector.get_indexes(table)),
            sorted((u["name"], u["column_names"]) for u in inspector.get_unique_constraints(table)),
            sorted(
                (f["name"], f["constrained_columns"], f["referred_table"])
                for f in inspector.get_foreign_keys(table)
            ),
        )
        for table in sorted(inspector.get_table_names())
        if table != "alembic_version"
    }


def test_a_migrated_database_equals_a_fresh_one(database: Engine) -> None:
    fresh = _shape(database)
    _empty(database)
    migrations.upgrade(database)
    assert _shape(database) == fresh
    with database.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing_and_says_where_it_stands(database: Engine) -> None:
    _empty(database)
    with database.connect() as connection:
        assert migrations.standing(connection)[0] is None
    migrations.upgrade(database)
    migrations.upgrade(database)
    with database.connect() as connection:
        now, newest = migrations.standing(connection)
    assert now == newest
