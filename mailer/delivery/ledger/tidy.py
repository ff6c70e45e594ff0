"""Numbers of claims that nobody can hold any more are forgotten; none is ever given again.

Owns what may be deleted of `claim`. Called by the sender when it tidies up.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import DeliveryState
from mailer.tables.delivery import claim, delivery

from .rows import open_in

KEPT = timedelta(days=1)  # to see in the morning who had what in the night
# A fast sender makes some 25 numbers a second, 750 between two tidyings; a step took 5 ms on SQLite.
STEP = 2_000


def forget_claims(connection: Connection, now: datetime) -> int:
    """Delete numbers older than a day and than every number in somebody's hand, never the newest.

    How many went; at most a step of them, the oldest. A number is never given twice: the database
    counts apart from the rows (AUTOINCREMENT, a sequence).
    """
    in_hand = sa.select(sa.func.min(delivery.c.fence)).where(
        open_in(DeliveryState.CLAIMED, DeliveryState.ATTEMPTING)
    )
    newest = sa.select(sa.func.max(claim.c.id)).scalar_subquery()
    old = (
        sa.select(claim.c.id)
        .where(claim.c.at < now - KEPT, claim.c.id < sa.func.coalesce(in_hand.scalar_subquery(), newest))
        .where(claim.c.id < newest)
        .order_by(claim.c.id)
        .limit(STEP)
    )
    return connection.execute(claim.delete().where(claim.c.id.in_(old))).rowcount
