"""What somebody who watches a send asks beside the counts: by recipient domain, and servers' last words.

Reads only. `by_domain` walks the campaign's rows once (1.2 s for a million on SQLite): who shows it again
and again leaves time between. Addresses in replies are masked. Called by campaigns.status.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import TAKEN, DeliveryState
from mailer.masking import masked_of
from mailer.tables.delivery import attempt, delivery
from subscribers import tables

_S = DeliveryState
_TO_LEAVE = (_S.QUEUED, _S.CLAIMED, _S.ATTEMPTING)
_LOOKED_AT = 500  # newest attempts that did not end in acceptance: enough for a view, and cheap
_LONGEST_SHOWN = 200  # characters of a reply
_OWN_MARKS = re.compile(r"[\w.-]*\d[\w.-]*")  # queue ids and times, by which equal replies differ


@dataclass(frozen=True, slots=True)
class DomainCount:
    """People of one recipient domain, or of all that are not listed (domain None)."""

    domain: str | None
    domains: int  # how many are summed up here
    people: int  # rows that are not skipped
    accepted: int
    deferred: int
    refused: int
    open: int  # queued, claimed or attempting


@dataclass(frozen=True, slots=True)
class LastReply:
    """Replies of one kind that were no acceptance, as the newest of them says it."""

    times: int  # among the newest 500
    code: int | None
    enhanced: str | None
    text: str  # masked
    domain: str  # of the newest
    domains: int  # of how many domains
    at: datetime  # of the newest


def by_domain(connection: Connection, campaign_id: int, most: int = 10) -> list[DomainCount]:
    """The domains with the most people, then the rest in one line if there is one."""
    row = delivery.c
    sums = {
        "people": sa.func.count(),
        "accepted": _how_many(TAKEN),
        "deferred": _how_many((_S.DEFERRED,)),
        "refused": _how_many((_S.REFUSED,)),
        "open": _how_many(_TO_LEAVE),
    }
    grouped = (
        sa.select(row.domain, *(counted.label(name) for name, counted in sums.items()))
        .where(row.campaign_id == campaign_id, row.state != _S.SKIPPED)
        .group_by(row.domain)
        .subquery()
    )
    place = sa.func.row_number().over(order_by=(grouped.c.people.desc(), grouped.c.domain))
    ranked = sa.select(grouped, place.label("place")).subquery()
    shown = sa.case((ranked.c.place <= most, ranked.c.place), else_=most + 1)
    found = connection.execute(
        sa.select(
            sa.func.min(ranked.c.domain).label("domain"),
            sa.func.count().label("domains"),
            *(sa.func.sum(ranked.c[name]).label(name) for name in sums),
        )
        .group_by(shown)
        .order_by(shown)
    ).all()
    return [
        DomainCount(
            line.domain if place <= most else None,
            line.domains,
            *(int(getattr(line, name)) for name in sums),
        )
        for place, line in enumerate(found, 1)
    ]


def _how_many(states: Sequence[DeliveryState]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((delivery.c.state.in_([str(one) for one in states]), 1), else_=0))


def last_replies(connection: Connection, campaign_id: int, most: int = 5) -> list[LastReply]:
    """The newest kinds of replies that were no acceptance, the newest first."""
    newest = (
        sa.select(
            attempt.c.at, attempt.c.reply_code, attempt.c.reply_enhanced, attempt.c.reply_text,
            delivery.c.domain, tables.subscriber.c.wire,
        )
        .join_from(attempt, delivery, delivery.c.id == attempt.c.delivery_id)
        .join(tables.subscriber, tables.subscriber.c.id == delivery.c.subscriber_id, isouter=True)
        # Wrapped, so that both planners walk the attempts from their end instead of all rows of the campaign.
        .where(sa.func.coalesce(delivery.c.campaign_id, 0) == campaign_id)
        .where(attempt.c.outcome != _S.ACCEPTED)
        .where(sa.or_(attempt.c.reply_code.is_not(None), attempt.c.reply_text.is_not(None)))
        .order_by(attempt.c.id.desc())
        .limit(_LOOKED_AT)
    )  # fmt: skip
    kinds: dict[tuple[object, ...], list[Any]] = {}
    shown: dict[tuple[object, ...], str] = {}
    for row in connection.execute(newest):
        text = reply_shown(row.reply_text, row.wire)
        kind = (row.reply_code, row.reply_enhanced, _OWN_MARKS.sub("#", text))
        kinds.setdefault(kind, []).append(row)
        shown.setdefault(kind, text)
    return [
        LastReply(
            len(rows), rows[0].reply_code, rows[0].reply_enhanced, shown[kind],
            rows[0].domain, len({row.domain for row in rows}), rows[0].at,
        )
        for kind, rows in list(kinds.items())[:most]
    ]  # fmt: skip


def reply_shown(text: str | None, wire: str | None = None) -> str:
    """A reply's words without addresses, nor the recipient's local part, in one line."""
    plain = masked_of(" ".join((text or "").split()), wire)
    return plain if len(plain) <= _LONGEST_SHOWN else plain[: _LONGEST_SHOWN - 1] + "…"
