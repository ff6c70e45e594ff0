"""May this person still get it? Asked when a row is claimed and again before it leaves.

Campaign rows ask the subscriber store; notices go by their purpose (DESIGN.md, decision 2).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import Claimed
from subscribers import audience, tables
from subscribers.audience import Recipient
from subscribers.model import SubscriptionState

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
    """Why these rows must not leave after all, by delivery id."""
    refused = notice_refusals(connection, [row for row in claimed if row.campaign_id is None])
    of_campaigns = [row for row in claimed if row.campaign_id is not None]
    recipients = read_recipients(connection, of_campaigns, now, UTC)
    for row in of_campaigns:
        recipient = recipients.get(row.id)
        why = recipient.refusal if recipient is not None else "erased"
        if why is not None:
            refused[row.id] = why
    return refused


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
