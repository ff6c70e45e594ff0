"""Giving back rows that may not leave yet, each with a moment of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import Update

from mailer.delivery.model import Claimed, DeliveryState
from mailer.tables.delivery import delivery
from subscribers.database import Utc

from .rows import Columns, back_to, cancelled_at, payload, table_of

_HELD: Columns = {"id": sa.BigInteger(), "fence": sa.BigInteger(), "due_at": Utc()}


def put_off(connection: Connection, claimed: Sequence[Claimed], due_at: Mapping[int, datetime]) -> int:
    """`release` with a due date for each, by delivery id. It was no try: nobody's patience is used."""
    if not claimed:
        return 0
    dialect = connection.dialect.name
    rows = [(row.id, row.fence, due_at[row.id]) for row in claimed]
    return connection.execute(_put_off(dialect), {"held": payload(dialect, _HELD, rows)}).rowcount


@cache
def _put_off(dialect: str) -> Update:
    held = table_of(dialect, "held", _HELD)
    return (
        delivery.update()
        .where(delivery.c.id == held.c.id, delivery.c.fence == held.c.fence)
        .where(delivery.c.state == DeliveryState.CLAIMED)
        .values(
            state=back_to(DeliveryState.QUEUED),
            due_at=held.c.due_at,
            settled_at=cancelled_at(),
            lease_until=None,
        )
    )
