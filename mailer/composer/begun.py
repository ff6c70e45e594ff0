"""Has an issue begun to reach readers? Then its text is theirs, too, and nobody changes it.

Owns the questions to campaigns and to the ledger. Writes nothing. Called by `store` and `campaigns`.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mailer.errors import Refused
from mailer.tables import campaigns as campaign_tables
from mailer.tables.delivery import MAY_HAVE_ARRIVED, delivery
from mailer.tables.house import house_fact


def must_not_have_begun(connection: Connection, row: RowMapping) -> None:
    stoppable = _stoppable(connection, row["id"])
    if stoppable is not None:
        raise Refused(
            f"Campaign {stoppable} is sending issue {row['slug']}, and nobody has received it yet.",
            remedy=f"To change the text, cancel it first: mailer campaigns cancel {stoppable}",
            key="issue_can_be_stopped",
            slug=row["slug"],
            campaign=stoppable,
        )
    if has_begun(connection, row["id"]):
        raise refusal(row["slug"])


def refusal(slug: str) -> Refused:
    return Refused(
        f"Issue {slug} has been sent or is being sent; its text cannot be changed.",
        remedy="Send a correction, or make a new issue with another slug.",
        key="issue_has_begun",
        slug=slug,
    )


def has_begun(connection: Connection, issue_id: int) -> bool:
    """Has a campaign had real readers to write to? Tests, rehearsals and empty lists do not bind the text.

    Nor does what was cancelled before anybody had got it.
    """
    return bool(_binding(connection, issue_id))


def _stoppable(connection: Connection, issue_id: int) -> int | None:
    """The first campaign that binds the text, if all that do can be cancelled and nothing of them has left."""
    binding = _binding(connection, issue_id)
    in_time = (
        row.state in ("sending", "paused", "held") and nobody_got(connection, row.id) for row in binding
    )
    return binding[0].id if binding and all(in_time) else None


def _binding(connection: Connection, issue_id: int) -> Sequence[sa.Row[int, str]]:
    c = campaign_tables.campaign.c
    begun = c.launched_at.is_not(None) | c.state.in_(("sending", "paused", "finished"))
    reached = sa.exists().where(delivery.c.campaign_id == c.id)
    stopped_in_time = (c.state == "cancelled") & (c.reason == campaign_tables.NOBODY_GOT_IT)
    return connection.execute(
        sa.select(c.id, c.state)
        .where(c.issue_id == issue_id, c.kind.in_(("regular", "correction")), begun, reached)
        .where(c.reason.is_(None) | ~stopped_in_time)
        .order_by(c.id)
    ).all()


def nobody_got(connection: Connection, campaign_id: int) -> bool:
    """Has a launched campaign rows, and none that arrived or may have? Of a backup's campaign nobody knows (F9)."""
    c = campaign_tables.campaign.c
    restored = sa.select(house_fact.c.at).where(house_fact.c.key == "restored").scalar_subquery()
    launched = connection.scalar(
        sa.select(c.id).where(
            c.id == campaign_id, c.launched_at.is_not(None), restored.is_(None) | (c.launched_at > restored)
        )
    )
    if launched is None:
        return False
    rows = sa.select(delivery.c.id).where(delivery.c.campaign_id == campaign_id).limit(1)
    left = rows.where(delivery.c.state.in_(MAY_HAVE_ARRIVED))
    return connection.scalar(rows) is not None and connection.scalar(left) is None
