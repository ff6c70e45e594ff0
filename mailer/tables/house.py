"""Facts about this database itself, not about anybody in it: when it was restored from a backup."""

from __future__ import annotations

import sqlalchemy as sa

from subscribers.database import Utc, metadata

house_fact = sa.Table(
    "house_fact",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),  # restored
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
)
