"""Taking rows in hand and giving them back: claims, leases and fences.

A claim's number (the fence) goes up with each claim; a row changes only for the one whose number it
carries, so that a sender that was frozen past its lease cannot write late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from mailer.delivery.model import Claimed, DeliveryState
from mailer.delivery.routes import ALL, WHOLE, Newsletters, Share
from mailer.tables import delivery as tables
from mailer.tables.campaigns import campaign
from mailer.tables.delivery import delivery
from subscribers.audience import Recipient

from .recheck import notice_refusals, read_recipients
from .rows import (
    Columns,
    back_to,
    campaigns_of,
    cancelled_at,
    may_leave,
    notices_of,
    open_in,
    payload,
    table_of,
)

_S = DeliveryState
_HELD: Columns = {"id": sa.BigInteger(), "fence": sa.BigInteger()}
_THESE: Columns = {"id": sa.BigInteger()}
# Fields of Claimed that are columns of the row.
_FIELDS = (
    "id", "campaign_id", "issue_id", "subscriber_id", "notice", "address", "slots", "edition_id",
    "list_id", "language", "domain", "attempts", "first_attempt_at",
)  # fmt: skip


def claim(
    connection: Connection,
    sender: str,
    limit: int,
    now: datetime,
    lease: timedelta,
    *,
    share: Share = WHOLE,
    zone: tzinfo = UTC,
) -> list[Claimed]:
    """Up to `limit` due rows, notices first, then the campaigns that are sending, the oldest first.

    Consent and suppression are asked again here, in the same transaction: whoever may no longer get
    it becomes skipped with the reason. Empty when nothing is due. `share` narrows the choice;
    `zone` is the site's, for the date since when a person subscribes.
    """
    claimed: list[Claimed] = []
    while not claimed:  # a batch of which everyone has left meanwhile is not the end
        found = _due_rows(connection, limit, _questions(connection, now, share))
        if not found:
            break
        recipients, refused = _ask_again(connection, found, now, zone)
        fence = _next_fence(connection, sender, now)
        kept = [row for row in found if row.id not in refused]
        _mark_skipped(connection, refused, now)
        _set(connection, [row.id for row in kept], state=_S.CLAIMED, fence=fence, lease_until=now + lease)
        claimed = [
            Claimed(fence=fence, recipient=recipients.get(row.id), **dict(zip(_FIELDS, row, strict=True)))
            for row in kept
        ]
    return claimed


def due(connection: Connection, now: datetime, share: Share = WHOLE) -> bool:
    """True if a claim would find something. Reads only, so that an idle sender locks nobody out."""
    return any(
        connection.execute(_due(*question).with_only_columns(delivery.c.id).limit(1)).first() is not None
        for question in _questions(connection, now, share)
    )


def release(connection: Connection, claimed: Sequence[Claimed], *, due_at: datetime | None = None) -> int:
    """Give back rows that were claimed and did not leave. Others' rows and later states stay."""
    later = {} if due_at is None else {"due_at": due_at}
    free = {"state": back_to(_S.QUEUED), "settled_at": cancelled_at(), "lease_until": None}
    return held_only(connection, claimed, _S.CLAIMED, **free, **later)


def renew(connection: Connection, claimed: Sequence[Claimed], until: datetime) -> int:
    """Hold rows longer; how many are still ours."""
    return sum(
        held_only(connection, claimed, state, lease_until=until) for state in (_S.CLAIMED, _S.ATTEMPTING)
    )


def release_dead(
    connection: Connection, is_dead: Callable[[str], bool], now: datetime, *, resend: bool = False
) -> tuple[int, int]:
    """`release_expired` at once for the rows of senders of which `is_dead(name)` knows that they are gone."""
    holding = sa.select(delivery.c.fence).where(open_in(_S.CLAIMED, _S.ATTEMPTING)).distinct()
    found = connection.execute(sa.select(tables.claim).where(tables.claim.c.id.in_(holding))).all()
    dead = [row.id for row in found if is_dead(row.sender)]
    if dead:
        connection.execute(
            delivery.update()
            .where(open_in(_S.CLAIMED, _S.ATTEMPTING), delivery.c.fence.in_(dead))
            .values(lease_until=now - timedelta(seconds=1))
        )
    return release_expired(connection, now, resend=resend)


def release_expired(connection: Connection, now: datetime, *, resend: bool = False) -> tuple[int, int]:
    """Take back the rows of senders that are gone: how many had not left, and how many may have.

    Claimed rows are queued again. Attempting rows may have reached the server: they become uncertain
    and wait for a person, or are queued at once if `resend` (the Message-ID is the same, F50). What would
    wait in a cancelled campaign becomes cancelled, also what was settled in the moment of the cancelling.
    """
    unsent = connection.execute(
        delivery.update()
        .where(open_in(_S.CLAIMED), delivery.c.lease_until < now)
        .values(state=back_to(_S.QUEUED), settled_at=cancelled_at(), lease_until=None)
    ).rowcount
    lost = connection.execute(
        delivery.update()
        .where(open_in(_S.ATTEMPTING), delivery.c.lease_until < now)
        .values(
            state=back_to(_S.QUEUED) if resend else _S.UNCERTAIN,
            reason="sender_lost",
            lease_until=None,
            due_at=now,
            settled_at=cancelled_at() if resend else now,
        )
        .returning(delivery.c.id, delivery.c.attempts, delivery.c.relay, delivery.c.state)
    ).all()
    if lost:
        tried = [
            {"delivery_id": row.id, "number": row.attempts, "at": now, "outcome": row.state,
             "stage": "message", "relay": row.relay or ""}
            for row in lost
        ]  # fmt: skip
        connection.execute(tables.attempt.insert(), tried)
    _cancel_left_behind(connection)
    return unsent, len(lost)


def _cancel_left_behind(connection: Connection) -> None:
    """On PostgreSQL a settlement and a cancelling at one moment do not see each other."""
    cancelled = sa.select(campaign.c.id).where(campaign.c.state == "cancelled")
    connection.execute(
        delivery.update()
        .where(open_in(_S.QUEUED, _S.DEFERRED), delivery.c.campaign_id.in_(cancelled))
        .values(state=_S.CANCELLED, settled_at=cancelled_at())
    )


# ── what is due ─────────────────────────────────────────────────────────────────────────────────

Question = tuple[int | None, DeliveryState, datetime, Newsletters]


def _questions(connection: Connection, now: datetime, share: Share) -> Iterator[Question]:
    """Where to look, in order: each answer is the head of one range of the partial index.

    What was deferred comes before what is queued: a greylisting server forgets us if we are late.
    """
    if share.campaigns is None:
        yield None, _S.DEFERRED, now, share.newsletters
        yield None, _S.QUEUED, now, share.newsletters
    sending = sa.select(campaign.c.id).where(may_leave(now))
    whose = campaigns_of(share)
    for campaign_id in connection.scalars(sending.where(whose).order_by(campaign.c.at, campaign.c.id)).all():
        yield campaign_id, _S.DEFERRED, now, ALL
        yield campaign_id, _S.QUEUED, now, ALL


def _due(
    campaign_id: int | None, state: DeliveryState, now: datetime, newsletters: Newsletters = ALL
) -> sa.Select[Any]:
    whose = [delivery.c.campaign_id == campaign_id]
    if campaign_id is None:
        whose = [delivery.c.campaign_id.is_(None), notices_of(newsletters)]
    return (
        sa.select(*(delivery.c[name] for name in _FIELDS))
        .where(open_in(state), *whose, delivery.c.due_at <= now)
        .order_by(delivery.c.due_at)
    )


def _due_rows(connection: Connection, limit: int, questions: Iterator[Question]) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for question in questions:
        if len(found) >= limit:
            break
        statement = _due(*question).limit(limit - len(found)).with_for_update(skip_locked=True)
        found += connection.execute(statement).all()
    return found


def _ask_again(
    connection: Connection, found: Sequence[Row[Any]], now: datetime, zone: tzinfo
) -> tuple[dict[int, Recipient], dict[int, str]]:
    """Recipients by delivery, and the reason for each delivery that may not go."""
    rows = [row for row in found if row.campaign_id is not None]
    recipients = read_recipients(connection, rows, now, zone)
    refused = notice_refusals(connection, [row for row in found if row.campaign_id is None])
    for row in rows:
        recipient = recipients.get(row.id)
        if recipient is None:
            refused[row.id] = "erased"
        elif recipient.refusal is not None:
            refused[row.id] = recipient.refusal
    return recipients, refused


def _next_fence(connection: Connection, sender: str, now: datetime) -> int:
    made = connection.execute(
        tables.claim.insert().values(sender=sender, at=now).returning(tables.claim.c.id)
    )
    return int(made.scalar_one())


def _mark_skipped(connection: Connection, refused: dict[int, str], now: datetime) -> None:
    for why in set(refused.values()):
        ids = [id_ for id_, reason in refused.items() if reason == why]
        _set(connection, ids, state=_S.SKIPPED, reason=why, settled_at=now, lease_until=None)


def _set(connection: Connection, ids: Sequence[int], **values: object) -> None:
    """Rows that this transaction has locked. One parameter for all ids: 500 would be compiled each time."""
    dialect = connection.dialect.name
    these = table_of(dialect, "these", _THESE)
    connection.execute(
        delivery.update().where(delivery.c.id == these.c.id).values(**values),
        {"these": payload(dialect, _THESE, [(id_,) for id_ in ids])},
    )


# ── what is ours ────────────────────────────────────────────────────────────────────────────────


def held_only(
    connection: Connection, claimed: Sequence[Claimed], standing: DeliveryState, **values: object
) -> int:
    """Change those of these rows that stand so and still carry our fence; how many."""
    if not claimed:
        return 0
    dialect = connection.dialect.name
    held = table_of(dialect, "held", _HELD)
    return connection.execute(
        delivery.update()
        .where(delivery.c.id == held.c.id, delivery.c.fence == held.c.fence, delivery.c.state == standing)
        .values(**values),
        {"held": payload(dialect, _HELD, [(row.id, row.fence) for row in claimed])},
    ).rowcount
