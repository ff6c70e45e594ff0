"""What the ledger knows of a person who asks to be erased: that a row was theirs stays, who they were does not.

Servers quote the recipient in their replies, whole or by the local part alone. What is written down for all to
read (why a campaign is held or waits) is masked when it is written; the rows of the person are masked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import DeliveryState
from mailer.masking import masked_of
from mailer.tables.delivery import attempt, delivery
from subscribers.database import among
from subscribers.tables import subscriber

from .change import skip_for
from .rows import open_in

_S = DeliveryState


def forget(connection: Connection, subscriber_id: int, now: datetime) -> int:
    """Take the person's address out of their rows and stop what waits for them; how many. Before they are deleted.

    Their rows are locked first: what a sender settles at the same moment is either masked here or finds the
    person gone (`unname`).
    """
    stopped = skip_for(connection, subscriber_id, "erased", now) + _skip_notices(
        connection, subscriber_id, now
    )
    theirs = delivery.c.subscriber_id == subscriber_id
    wire = connection.scalar(sa.select(subscriber.c.wire).where(subscriber.c.id == subscriber_id))
    rows = connection.execute(
        sa.select(delivery.c.id, delivery.c.reply_text, delivery.c.address).where(theirs).with_for_update()
    ).all()
    told = {row.id: masked_of(row.reply_text, wire or row.address) for row in rows if row.reply_text}
    _say(connection, delivery, told)
    tried = connection.execute(
        sa.select(attempt.c.id, attempt.c.reply_text)
        .where(among(connection.dialect.name, attempt.c.delivery_id, [row.id for row in rows]))
        .where(attempt.c.reply_text.is_not(None))
    ).all()
    _say(connection, attempt, {row.id: masked_of(row.reply_text, wire) for row in tried})
    connection.execute(
        delivery.update()
        .where(theirs, delivery.c.campaign_id.is_(None))
        .values(address=sa.null(), slots=sa.null())
    )
    return stopped


def unname(connection: Connection, told: Mapping[int, str]) -> None:
    """Replies to mail that was on its way while the person was erased. `told`: by delivery, masked."""
    gone = connection.scalars(
        sa.select(delivery.c.id).where(
            among(connection.dialect.name, delivery.c.id, list(told)),
            delivery.c.subscriber_id.is_not(None),
            ~sa.exists().where(subscriber.c.id == delivery.c.subscriber_id),
        )
    ).all()
    for delivery_id in gone:
        values = {"reply_text": told[delivery_id]}
        connection.execute(delivery.update().where(delivery.c.id == delivery_id).values(values))
        newest = sa.select(sa.func.max(attempt.c.id)).where(attempt.c.delivery_id == delivery_id)
        connection.execute(attempt.update().where(attempt.c.id == newest.scalar_subquery()).values(values))


def _skip_notices(connection: Connection, subscriber_id: int, now: datetime) -> int:
    return connection.execute(
        delivery.update()
        .where(delivery.c.subscriber_id == subscriber_id, delivery.c.campaign_id.is_(None))
        .where(open_in(_S.QUEUED, _S.DEFERRED, _S.CLAIMED))
        .values(state=_S.SKIPPED, reason="erased", settled_at=now, lease_until=sa.null())
    ).rowcount


def _say(connection: Connection, table: sa.Table, told: Mapping[int, str]) -> None:
    """One statement a row: a person has few."""
    for id_, text in told.items():
        connection.execute(table.update().where(table.c.id == id_).values(reply_text=text))
