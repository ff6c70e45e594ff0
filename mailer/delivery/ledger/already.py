"""Who has an issue, or awaits it, from another regular campaign: nobody is mailed twice (F54).

Conditions only, no writing. Asked when a campaign is built and when a person has it tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import HAS_OR_AWAITS
from mailer.tables.campaigns import campaign
from mailer.tables.composer import issue
from mailer.tables.delivery import MAY_HAVE_ARRIVED, delivery


@dataclass(frozen=True, slots=True)
class Others:
    """Ids of the other regular campaigns of the issue that have rows."""

    live: Sequence[int]
    cancelled: Sequence[int]

    def have(self, subscriber_id: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
        """Any of these is true of a person who has the issue or awaits it; empty if nobody can have it.

        Apart, not joined by OR: so each can be an anti-join.
        """
        asked = ((self.live, HAS_OR_AWAITS), (self.cancelled, MAY_HAVE_ARRIVED))
        return [_has(subscriber_id, campaigns, states) for campaigns, states in asked if campaigns]


def others(connection: Connection, issue_id: int, campaign_id: int) -> Others:
    """Takes the lock of the issue: two campaigns at the same moment would not see each other's rows on
    PostgreSQL."""
    connection.execute(sa.select(issue.c.id).where(issue.c.id == issue_id).with_for_update())
    found = connection.execute(
        sa.select(campaign.c.id, campaign.c.state)
        .where(campaign.c.issue_id == issue_id, campaign.c.kind == "regular")
        .where(campaign.c.id != campaign_id)
        .where(sa.exists().where(delivery.c.campaign_id == campaign.c.id))
    ).all()
    return Others(
        [row.id for row in found if row.state != "cancelled"],
        [row.id for row in found if row.state == "cancelled"],
    )


def _has(
    subscriber_id: sa.ColumnElement[int], campaigns: Sequence[int], states: Sequence[str]
) -> sa.ColumnElement[bool]:
    other = delivery.alias("other")
    return sa.exists().where(
        other.c.campaign_id.in_(campaigns),
        other.c.subscriber_id == subscriber_id,
        other.c.state.in_([str(state) for state in states]),
    )
