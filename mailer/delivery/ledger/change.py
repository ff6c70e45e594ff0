"""Changes from outside the press: a person leaves, a campaign is cancelled or tried again, a notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import DeliveryState, Notice, may_move
from mailer.tables.campaigns import campaign
from mailer.tables.delivery import NOTICE, delivery
from subscribers.database import insert

from . import already
from .rows import open_in

_S = DeliveryState
_WAITING = (_S.QUEUED, _S.DEFERRED, _S.CLAIMED)  # nothing has left; what is attempting is on the wire
NOTICE_PRIORITY = 10


def skip_for(
    connection: Connection,
    subscriber_id: int,
    why: str,
    now: datetime,
    *,
    list_ids: Sequence[int] | None = None,
) -> int:
    """Stop every copy of a campaign that waits for this person; how many (F10).

    `why`: unsubscribed, suppressed, paused, erased. `list_ids`: only copies that name these lists.
    Claimed rows too: their sender meets the change at the mark before the try. Notices go on.
    """
    statement = delivery.update().where(
        delivery.c.subscriber_id == subscriber_id, delivery.c.campaign_id.is_not(None), open_in(*_WAITING)
    )
    if list_ids is not None:
        statement = statement.where(delivery.c.list_id.in_(list_ids))
    return connection.execute(
        statement.values(state=_S.SKIPPED, reason=why, settled_at=now, lease_until=None)
    ).rowcount


def cancel(connection: Connection, campaign_id: int, now: datetime) -> int:
    """Cancel what has not left; how many. The campaign's own state is the caller's."""
    return connection.execute(
        delivery.update()
        .where(delivery.c.campaign_id == campaign_id, open_in(*_WAITING))
        .values(state=_S.CANCELLED, settled_at=now, lease_until=None)
    ).rowcount


def requeue(connection: Connection, campaign_id: int, states: Sequence[DeliveryState], now: datetime) -> int:
    """Queue again what is uncertain or was refused, because a person said so; how many.

    The row keeps its id, and with it its Message-ID and return path (F50). Its patience starts anew.
    Whoever has the issue from another regular campaign by now, or awaits it, is left out unless the
    campaign sends `again` (F54): refused becomes skipped/already_has_it, uncertain stays.
    The caller reopens the campaign (`reopen`).
    """
    for state in states:
        may_move(state, _S.QUEUED)
    these = delivery.c.campaign_id == campaign_id
    have = _have_it_elsewhere(connection, campaign_id)
    if have and _S.REFUSED in states:
        connection.execute(
            delivery.update()
            .where(these, delivery.c.state == _S.REFUSED, sa.or_(*have))
            .values(state=_S.SKIPPED, reason="already_has_it", settled_at=now)
        )
    return connection.execute(
        delivery.update()
        .where(these, delivery.c.state.in_([str(s) for s in states]), *(~has for has in have))
        .values(state=_S.QUEUED, reason=None, due_at=now, settled_at=None, first_attempt_at=None)
    ).rowcount


def _have_it_elsewhere(connection: Connection, campaign_id: int) -> list[sa.ColumnElement[bool]]:
    asked = sa.select(campaign.c.issue_id, campaign.c.kind, campaign.c.again)
    found = connection.execute(asked.where(campaign.c.id == campaign_id)).one_or_none()
    if found is None or found.kind != "regular" or found.again or found.issue_id is None:
        return []
    return already.others(connection, found.issue_id, campaign_id).have(delivery.c.subscriber_id)


def enqueue_notice(connection: Connection, notice: Notice, now: datetime) -> int | None:
    """The delivery's id, or None if this key has been enqueued before (then nothing is sent twice)."""
    statement = insert(connection, delivery).values(
        notice=notice.purpose,
        notice_key=notice.key,
        address=notice.address,
        domain=notice.domain,
        edition_id=notice.edition_id,
        language=notice.language,
        slots=dict(notice.slots),
        subscriber_id=notice.subscriber_id,
        list_id=notice.list_id,
        priority=NOTICE_PRIORITY,
        state=_S.QUEUED,
        due_at=now,
    )
    made = connection.execute(
        statement.on_conflict_do_nothing(
            index_elements=[delivery.c.notice_key], index_where=sa.text(NOTICE)
        ).returning(delivery.c.id)
    )
    return made.scalar_one_or_none()
