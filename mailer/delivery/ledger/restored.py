"""A ledger that comes out of a backup: what was in hand then, and what waited to be said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import DeliveryState
from mailer.tables.delivery import delivery

from .claim import release_expired
from .rows import open_in

_S = DeliveryState
_FIRST_COPY = "first_copy"  # first_copy.PURPOSE, of a module that builds on this one


@dataclass(frozen=True, slots=True)
class Frozen:
    uncertain: int  # rows that were on the wire when the backup was made
    notices: int  # to readers, that waited and are cancelled; the office's first copies are not counted


def freeze(connection: Connection, now: datetime) -> Frozen:
    """Every lease is over, and no notice waits: it may have gone since the backup, and asking again is cheap.

    Claimed rows are queued, attempting ones uncertain, whatever `on_uncertain` says. Campaigns are not touched.
    """
    connection.execute(
        delivery.update()
        .where(open_in(_S.CLAIMED, _S.ATTEMPTING))
        .values(lease_until=now - timedelta(seconds=1))
    )
    _, uncertain = release_expired(connection, now, resend=False)
    waits = (delivery.c.campaign_id.is_(None), open_in(_S.QUEUED, _S.DEFERRED))
    to_readers = sa.select(sa.func.count()).where(*waits, delivery.c.notice != _FIRST_COPY)
    notices = connection.scalar(to_readers) or 0
    connection.execute(
        delivery.update()
        .where(*waits)
        .values(state=_S.CANCELLED, reason="restored", settled_at=now, lease_until=sa.null())
    )
    return Frozen(uncertain, notices)
