"""Writing down what a server said. A stale sender changes nothing: state and fence must be its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate

from mailer.delivery.model import Claimed, DeliveryState, Settlement, may_move
from mailer.delivery.straight import Straight
from mailer.tables.delivery import attempt, delivery
from subscribers.database import Utc

from .rows import Columns, back_to, cancelled_at, payload, table_of

_S = DeliveryState
_SETTLED = (_S.ACCEPTED, _S.REFUSED, _S.UNCERTAIN)

_TOLD: Columns = {
    "id": sa.BigInteger(),
    "fence": sa.BigInteger(),
    "state": sa.Text(),
    "reason": sa.Text(),
    "due_at": Utc(),
    "settled_at": Utc(),
    "uncounted": sa.Integer(),
    "reply_code": sa.Integer(),
    "reply_enhanced": sa.Text(),
    "reply_text": sa.Text(),
}

_ACCEPTANCE: Columns = {
    "id": sa.BigInteger(),
    "fence": sa.BigInteger(),
    "at": Utc(),
    "reply_code": sa.Integer(),
    "reply_enhanced": sa.Text(),
    "reply_text": sa.Text(),
}


def settle(connection: Connection, settlements: Sequence[Settlement], relay: str) -> set[int]:
    """Record these outcomes of rows that are attempting; the ids that were still ours to settle.

    All of them leave a row in `attempt`, but for acceptance at the first try, which the ledger row
    tells alone. Raises Refused for a state that does not follow attempting.
    """
    plain: list[Settlement] = []
    others: list[Settlement] = []
    for settlement in settlements:
        may_move(_S.ATTEMPTING, settlement.state)
        (others if _worth_a_row(settlement) else plain).append(settlement)
    return _accept(connection, plain) | _settle_others(connection, others, relay)


def _accept(connection: Connection, settlements: Sequence[Settlement]) -> set[int]:
    """Accepted at the first try: nearly all, so the statement of every turn is made for them."""
    if not settlements:
        return set()
    dialect = connection.dialect.name
    told = [(s.id, s.fence, s.at, s.reply_code, s.reply_enhanced, s.reply_text) for s in settlements]
    return {id_ for (id_,) in _ACCEPTED.rows(connection, {"told": payload(dialect, _ACCEPTANCE, told)})}


def _settle_others(connection: Connection, settlements: Sequence[Settlement], relay: str) -> set[int]:
    if not settlements:
        return set()
    dialect = connection.dialect.name
    told = payload(dialect, _TOLD, [_row(settlement) for settlement in settlements])
    led_to = {row.id: row.state for row in connection.execute(_settle(dialect), {"told": told})}
    tried = [_attempt(s, led_to[s.id], relay) for s in settlements if s.id in led_to]
    if tried:
        connection.execute(attempt.insert(), tried)
    return set(led_to)


def refuse_unsent(connection: Connection, refused: Mapping[Claimed, str], now: datetime) -> int:
    """Refuse claimed rows that no message can be made for (an address that needs SMTPUTF8, …)."""
    count = 0
    for row, reason in refused.items():
        count += connection.execute(
            delivery.update()
            .where(delivery.c.id == row.id, delivery.c.fence == row.fence, delivery.c.state == _S.CLAIMED)
            .values(state=_S.REFUSED, reason=reason, settled_at=now, lease_until=None)
        ).rowcount
    return count


def _row(settlement: Settlement) -> tuple[object, ...]:
    """In the order of _TOLD."""
    return (
        settlement.id,
        settlement.fence,
        str(settlement.state),
        settlement.reason,
        settlement.due_at,
        settlement.at if settlement.state in _SETTLED else None,
        0 if settlement.counted else 1,
        settlement.reply_code,
        settlement.reply_enhanced,
        settlement.reply_text,
    )


def _accepted(dialect: str) -> ReturningUpdate[int]:
    told = table_of(dialect, "told", _ACCEPTANCE)
    return (
        delivery.update()
        .where(delivery.c.id == told.c.id, delivery.c.fence == told.c.fence)
        .where(delivery.c.state == str(_S.ATTEMPTING))
        .values(
            state=str(_S.ACCEPTED),
            reason=sa.null(),
            settled_at=told.c.at,
            lease_until=sa.null(),
            reply_code=told.c.reply_code,
            reply_enhanced=told.c.reply_enhanced,
            reply_text=told.c.reply_text,
        )
        .returning(delivery.c.id)
    )


_ACCEPTED = Straight(_accepted)


@cache
def _settle(dialect: str) -> ReturningUpdate[int, str]:
    told = table_of(dialect, "told", _TOLD)
    waits = told.c.state.in_([str(_S.DEFERRED), str(_S.QUEUED)])
    first_uncounted = sa.and_(told.c.uncounted == 1, delivery.c.attempts <= 1)
    return (
        delivery.update()
        .where(delivery.c.id == told.c.id, delivery.c.fence == told.c.fence)
        .where(delivery.c.state == _S.ATTEMPTING)
        .values(
            state=sa.case((waits, back_to(told.c.state)), else_=told.c.state),
            reason=told.c.reason,
            due_at=sa.func.coalesce(told.c.due_at, delivery.c.due_at),
            settled_at=sa.case((waits, cancelled_at()), else_=told.c.settled_at),
            lease_until=sa.null(),
            attempts=delivery.c.attempts - told.c.uncounted,
            # The age after which we give up is counted from the first try that counted.
            first_attempt_at=sa.case((first_uncounted, sa.null()), else_=delivery.c.first_attempt_at),
            reply_code=told.c.reply_code,
            reply_enhanced=told.c.reply_enhanced,
            reply_text=told.c.reply_text,
        )
        .returning(delivery.c.id, delivery.c.state)
    )


def _worth_a_row(settlement: Settlement) -> bool:
    return settlement.state != _S.ACCEPTED or settlement.number > 1


def _attempt(settlement: Settlement, led_to: str, relay: str) -> dict[str, object]:
    return {
        "delivery_id": settlement.id,
        "number": settlement.number,
        "at": settlement.at,
        "outcome": led_to,
        "stage": settlement.stage,
        "relay": relay,
        "reply_code": settlement.reply_code,
        "reply_enhanced": settlement.reply_enhanced,
        "reply_text": settlement.reply_text,
    }
