"""How a campaign stands, counted from the rows: there is no counter that could drift (F19)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import OPEN_STATES, TAKEN, Counts, DeliveryState
from mailer.tables.campaigns import campaign
from mailer.tables.delivery import delivery

from .rows import open_in

_S = DeliveryState
_REPLIED = (*TAKEN, _S.REFUSED)


def counts(connection: Connection, campaign_id: int, *, since: datetime | None = None) -> Counts:
    """One pass over the campaign's rows: total = rows = sum of by_state. `since`: what `lately` counts from.

    A million rows take 2 s on SQLite.
    """
    row = delivery.c
    answered = sa.case((row.state.in_([str(state) for state in _REPLIED]), row.settled_at))
    found = connection.execute(
        sa.select(
            row.state,
            row.language,
            sa.case((row.state == _S.SKIPPED, row.reason)).label("why"),
            sa.func.count().label("people"),
            sa.func.min(row.first_attempt_at).label("first_at"),
            sa.func.max(answered).label("last_at"),
            (sa.func.sum(sa.case((answered > since, 1), else_=0)) if since else sa.literal(0)).label(
                "lately"
            ),
        )
        .where(row.campaign_id == campaign_id)
        .group_by(row.state, row.language, sa.text("why"))
    ).all()
    by_state: Counter[str] = Counter()
    by_language: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for line in found:
        by_state[line.state] += line.people
        if line.state == _S.SKIPPED:
            skipped[line.why or ""] += line.people
        else:
            by_language[line.language] += line.people
    first_at = min((line.first_at for line in found if line.first_at), default=None)
    last_at = max((line.last_at for line in found if line.last_at), default=None)
    seconds = (last_at - first_at).total_seconds() if first_at and last_at else 0.0
    taken = sum(by_state[state] for state in TAKEN)
    return Counts(
        total=sum(by_state.values()),
        by_state=_in_order(by_state),
        by_language=dict(sorted(by_language.items())),
        excluded=_excluded(connection, campaign_id),
        skipped=dict(sorted(skipped.items())),
        first_at=first_at,
        last_at=last_at,
        seconds=max(seconds, 0.0),
        messages_per_second=taken / max(seconds, 0.001) if taken else 0.0,
        lately=sum(int(line.lately) for line in found if line.state in TAKEN),
    )


def open_rows(connection: Connection, campaign_id: int) -> int:
    """Rows that still may leave. Reads the partial index only, however large the campaign is."""
    return sum(
        connection.scalar(
            sa.select(sa.func.count()).where(delivery.c.campaign_id == campaign_id, open_in(state))
        )
        or 0
        for state in OPEN_STATES
    )


def totals(connection: Connection) -> dict[int, int]:
    """Rows by campaign, of all campaigns at once: for lists of campaigns."""
    found = connection.execute(
        sa.select(delivery.c.campaign_id, sa.func.count())
        .where(delivery.c.campaign_id.is_not(None))
        .group_by(delivery.c.campaign_id)
    )
    return {campaign_id: rows for campaign_id, rows in found if campaign_id is not None}


def _in_order(by_state: Mapping[str, int]) -> dict[str, int]:
    return {str(state): by_state[state] for state in _S if by_state.get(state)}


def _excluded(connection: Connection, campaign_id: int) -> dict[str, int]:
    found = connection.scalar(sa.select(campaign.c.excluded).where(campaign.c.id == campaign_id))
    return dict(found or {})
