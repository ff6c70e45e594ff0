"""May this person still get it? Asked when a row is claimed and again before it leaves.

Campaign rows ask the subscriber store; notices go by their purpose (DESIGN.md, decision 2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import Claimed
from subscribers import audience, tables
from subscribers.audience import Recipient
from subscribers.database import Utc
from subscribers.model import SubscriptionState

from .rows import Columns, payload, table_of

_ASKED: Columns = {"id": sa.BigInteger(), "subscriber_id": sa.BigInteger(), "list_id": sa.BigInteger()}

# Purpose → the state that the subscription must have. Others (goodbye, password, test, approval) need none.
NEEDS: Mapping[str, SubscriptionState] = {
    "confirm": SubscriptionState.PENDING,
    "welcome": SubscriptionState.CONFIRMED,
}


def read_recipients(
    connection: Connection, rows: Sequence[Any], now: datetime, zone: tzinfo
) -> dict[int, Recipient]:
    """Recipients by delivery id; one query per campaign, in which a person stands once."""
    by_campaign: dict[int, list[Any]] = defaultdict(list)  # rows, or Claimed
    for row in rows:
        by_campaign[row.campaign_id].append(row)
    found: dict[int, Recipient] = {}
    for some in by_campaign.values():
        known = audience.recipients(connection, [(row.subscriber_id, row.list_id) for row in some], now, zone)
        found |= {row.id: known[row.subscriber_id] for row in some if row.subscriber_id in known}
    return found


def refusals(connection: Connection, claimed: Sequence[Claimed], now: datetime) -> dict[int, str]:
    """Why these rows must not leave after all, by delivery id. Asked in every turn, so one short query
    finds who is not plainly well; the rule (`subscribers.audience`) is asked for these few only."""
    refused = notice_refusals(connection, [row for row in claimed if row.campaign_id is None])
    of_campaigns = [row for row in claimed if row.campaign_id is not None]
    if not of_campaigns:
        return refused
    dialect = connection.dialect.name
    named = (
        {"id": row.id, "subscriber_id": row.subscriber_id, "list_id": row.list_id} for row in of_campaigns
    )
    doubtful = set(connection.scalars(_doubtful(dialect), {"asked": payload(dialect, named), "now": now}))
    if doubtful:
        rows = [row for row in of_campaigns if row.id in doubtful]
        recipients = read_recipients(connection, rows, now, UTC)
        for row in rows:
            recipient = recipients.get(row.id)
            why = recipient.refusal if recipient is not None else "erased"
            if why is not None:
                refused[row.id] = why
    return refused


@cache
def _doubtful(dialect: str) -> sa.Select[int]:
    subscriber, subscription, suppression = tables.subscriber, tables.subscription, tables.suppression
    asked = table_of(dialect, "asked", _ASKED)
    on_list = sa.and_(
        subscription.c.subscriber_id == asked.c.subscriber_id, subscription.c.list_id == asked.c.list_id
    )
    confirmed = sa.func.coalesce(subscription.c.state, "") == str(SubscriptionState.CONFIRMED)
    return (
        sa.select(asked.c.id)
        .select_from(asked)
        .outerjoin(subscriber, subscriber.c.id == asked.c.subscriber_id)
        .outerjoin(subscription, on_list)
        .outerjoin(suppression, suppression.c.address_key == subscriber.c.address_key)
        .where(
            sa.or_(
                subscriber.c.id.is_(None),
                suppression.c.address_key.is_not(None),
                ~confirmed,
                subscriber.c.paused_until > sa.bindparam("now", type_=Utc()),
            )
        )
    )


def notice_refusals(connection: Connection, rows: Sequence[Any]) -> dict[int, str]:
    """Why a notice must not go: what it asks for has happened, or the person has gone."""
    asked = [row for row in rows if row.notice in NEEDS]
    if not asked:
        return {}
    subscription = tables.subscription
    states = {
        (row.subscriber_id, row.list_id): row.state
        for row in connection.execute(
            sa.select(subscription.c.subscriber_id, subscription.c.list_id, subscription.c.state).where(
                subscription.c.subscriber_id.in_({row.subscriber_id for row in asked})
            )
        )
    }
    return {
        row.id: states.get((row.subscriber_id, row.list_id), "erased")
        for row in asked
        if states.get((row.subscriber_id, row.list_id)) != NEEDS[row.notice]
    }
