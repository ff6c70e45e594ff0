"""The durable mark before a try: from claimed to attempting, for those who may still get it.

Owns the last question whether a row may leave. Called in every turn of a sender, for some ten rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate

from mailer.delivery.model import Claimed, DeliveryState
from mailer.delivery.straight import Straight, stored
from mailer.tables.campaigns import campaign
from mailer.tables.delivery import delivery
from subscribers import audience
from subscribers.database import among, as_listed

from .claim import held_only
from .recheck import refusals
from .rows import may_leave

_S = DeliveryState


def attempting(
    connection: Connection, claimed: Sequence[Claimed], now: datetime, *, lease: timedelta, relay: str
) -> set[int]:
    """Mark these rows as leaving now; their ids, without those that must not leave.

    Consent and suppression are asked a last time: who left since the claim becomes skipped with the
    reason, whoever wrote it down (F10). Left out too are rows whose campaign is no longer sending or has
    to wait (pause, cancel and hold take effect here), rows that were skipped meanwhile, and rows that
    another sender holds. The caller gives the others back with `release`. Marking twice is marking
    once, so that a caller who lost the answer to its commit may ask again.
    """
    times = {
        name: stored(connection.dialect.name, at) for name, at in (("now", now), ("lease_until", now + lease))
    }
    given = {**times, "relay": relay}
    marked = _mark(connection, (row for row in claimed if row.campaign_id is not None), _WELL, given)
    doubtful = [row for row in claimed if row.id not in marked]
    if not doubtful:
        return marked
    # Notices, and the few who are not plainly well: the rule itself is asked. Only who is claimed is skipped:
    # what a lost answer left attempting is marked, and may go.
    refused = refusals(connection, doubtful, now)
    for why in set(refused.values()):
        some = [row for row in doubtful if refused.get(row.id) == why]
        values = {"state": _S.SKIPPED, "reason": why, "settled_at": now, "lease_until": None}
        held_only(connection, some, _S.CLAIMED, **values)
    return marked | _mark(connection, doubtful, _ALLOWED, given)


def _mark(
    connection: Connection, claimed: Iterable[Claimed], statement: Straight, given: Mapping[str, object]
) -> set[int]:
    """By fence: the rows of a turn are of one claim or two."""
    held: defaultdict[int, list[int]] = defaultdict(list)
    for row in claimed:
        held[row.fence].append(row.id)
    marked: set[int] = set()
    for fence, ids in held.items():
        these = {"ids": as_listed(connection.dialect.name, ids), "held_fence": fence}
        found = statement.rows(connection, {**given, **these})
        marked.update(id_ for (id_,) in found)
    return marked


def _statement(dialect: str, who: sa.ColumnElement[bool]) -> ReturningUpdate[int]:
    # Said as text, not by `open_in`: SQLite would walk all open rows for each of these instead of looking them up.
    in_hand = sa.text("delivery.state IN ('claimed', 'attempting')")
    was_claimed = sa.case((delivery.c.state == sa.literal_column("'claimed'"), 1), else_=0)
    is_open = sa.exists().where(campaign.c.id == delivery.c.campaign_id, may_leave(sa.bindparam("now")))
    return (
        delivery.update()
        .where(among(dialect, delivery.c.id, "ids"), delivery.c.fence == sa.bindparam("held_fence"), in_hand)
        .where(sa.or_(delivery.c.campaign_id.is_(None), is_open), who)
        .values(
            state=str(_S.ATTEMPTING),
            attempts=delivery.c.attempts + was_claimed,
            first_attempt_at=sa.func.coalesce(delivery.c.first_attempt_at, sa.bindparam("now")),
            lease_until=sa.bindparam("lease_until"),
            relay=sa.bindparam("relay"),
        )
        .returning(delivery.c.id)
    )


def _well(dialect: str) -> ReturningUpdate[int]:
    plainly = audience.is_plainly_well(delivery.c.subscriber_id, delivery.c.list_id, sa.bindparam("now"))
    return _statement(dialect, plainly)


# For people of whom one look says that they may get it, and for those who were asked one by one.
_WELL = Straight(_well)
_ALLOWED = Straight(lambda dialect: _statement(dialect, sa.true()))
