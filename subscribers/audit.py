"""The audit record: written in the transaction of the change that it tells of.

Owns `audit_record`. It stands on the lowest floor because both packages write to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import tables
from .model import Actor


def record(
    connection: Connection,
    by: Actor,
    action: str,
    subject: str,
    at: datetime,
    *,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> None:
    """Append one line. `before` and `after` are small JSON objects without secrets."""
    connection.execute(
        tables.audit_record.insert().values(
            at=at, by=str(by), action=action, subject=subject, before=before, after=after
        )
    )


def last(connection: Connection, action: str, subject: str) -> datetime | None:
    """When this was last done to it."""
    said = tables.audit_record
    return connection.scalar(
        sa.select(said.c.at)
        .where(said.c.subject == subject, said.c.action == action)
        .order_by(said.c.id.desc())
        .limit(1)
    )
