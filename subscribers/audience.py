"""Who gets a campaign: one row per person, and why the others get none.

Owns the questions, writes nothing. All set-based: no Python runs per person (1,000,000 people).
Called by campaigns (groups, excluded), delivery (`people` inside one INSERT … SELECT, `recipients`
at each claim).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import language, reference, tables
from .database import among
from .model import SubscriptionState

_CONFIRMED = str(SubscriptionState.CONFIRMED)
_PENDING = str(SubscriptionState.PENDING)

# Why someone on the lists gets no row. The first two: confirmed on none of the lists, though asked or
# once there. The others are confirmed, so confirmed people = rows + these; of several the first counts.
EXCLUDED = ("pending", "unsubscribed", "suppressed", "excluded_list", "paused")


@dataclass(frozen=True, slots=True)
class Audience:
    """The lists of a campaign in their order: the first that a person is on names their delivery."""

    list_ids: tuple[int, ...]
    excluded_list_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.list_ids:
            raise ValueError("an audience has at least one list")
        object.__setattr__(self, "list_ids", tuple(dict.fromkeys(self.list_ids)))


@dataclass(frozen=True, slots=True)
class Group:
    """People who are alike for the choice of the edition."""

    languages: str  # as stored: "zh-Hant,en", best first; "" = unset
    list_language: str | None
    people: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """What a delivery needs of its person, read at the last moment. `refusal`: why not to send."""

    subscriber_id: int
    list_id: int | None
    email: str = ""
    wire: str = ""
    name: str = ""
    reference: str = ""  # as shown: K7Q-492
    languages: tuple[str, ...] = ()
    needs_smtputf8: bool = False
    text_only: bool = False
    subscribed_on: date | None = None  # confirmed on this list since, in the zone that was asked for
    refusal: str | None = None  # suppressed | unsubscribed | paused | erased


def people(audience: Audience, now: datetime) -> sa.Select[Any]:
    """Columns subscriber_id, list_id, languages, list_language, domain; each person once.

    A branch per list, each leaving out whoever is on an earlier one: no sort, no window, so the
    rows stream. Confirmed, not suppressed, not paused, not confirmed on an excluded list.
    """
    branches = [
        _people_of(list_id, audience.list_ids[:position], audience.excluded_list_ids, now)
        for position, list_id in enumerate(audience.list_ids)
    ]
    if len(branches) == 1:
        return branches[0]
    rows = sa.union_all(*branches).subquery("people")
    return sa.select(rows)


def groups(connection: Connection, audience: Audience, now: datetime) -> list[Group]:
    """People counted by what decides their edition; largest group first."""
    rows = people(audience, now).subquery()
    counted = sa.func.count().label("people")
    grouped = (
        sa.select(rows.c.languages, rows.c.list_language, counted)
        .group_by(rows.c.languages, rows.c.list_language)
        .order_by(counted.desc(), rows.c.languages, rows.c.list_language)
    )
    return [Group(row.languages, row.list_language, row.people) for row in connection.execute(grouped)]


def edition_map(
    groups: Iterable[Group], available: Sequence[str], site_default: str | None, first: str | None
) -> dict[tuple[str, str | None], str | None]:
    """(languages, list_language) → the language of the edition they get, or None."""
    return {
        (group.languages, group.list_language): language.match(
            group.languages.split(",") if group.languages else (),
            available,
            (group.list_language, site_default, first),
        )
        for group in groups
    }


def excluded(connection: Connection, audience: Audience, now: datetime) -> dict[str, int]:
    """People on the lists who get no row, by reason of EXCLUDED. Each once; a reason with nobody is left out."""
    unconfirmed, kept_out = _unconfirmed(audience), _kept_out(audience, now)
    found: dict[str, int] = {}
    for counted in (unconfirmed, kept_out):
        found |= {EXCLUDED[row.reason]: row.people for row in connection.execute(counted)}
    return {reason: found[reason] for reason in EXCLUDED if reason in found}


def recipients(
    connection: Connection,
    pairs: Sequence[tuple[int, int | None]],
    now: datetime,
    zone: tzinfo = UTC,
) -> dict[int, Recipient]:
    """subscriber_id → Recipient, for (subscriber_id, list_id) of a claimed batch: one query for 500.

    Asks consent and suppression again (F10); whoever is gone is there with refusal "erased". A pair
    without a list asks no consent.
    """
    list_of = dict(pairs)
    subscriber, subscription, suppression = tables.subscriber, tables.subscription, tables.suppression
    lists = sorted({list_id for list_id in list_of.values() if list_id is not None})
    rows = connection.execute(
        sa.select(
            subscriber.c.id, subscriber.c.email, subscriber.c.wire, subscriber.c.name, subscriber.c.reference,
            subscriber.c.languages, subscriber.c.text_only, subscriber.c.paused_until,
            suppression.c.address_key.is_not(None),
            subscription.c.list_id, subscription.c.state, subscription.c.since,
        )
        .select_from(subscriber)
        .outerjoin(
            subscription,
            sa.and_(subscription.c.subscriber_id == subscriber.c.id, subscription.c.list_id.in_(lists)),
        )
        .outerjoin(suppression, suppression.c.address_key == subscriber.c.address_key)
        .where(among(connection.dialect.name, subscriber.c.id, list_of))
    )  # fmt: skip
    found: dict[int, Recipient] = {}
    # Unpacked by position: by name it is 10 µs more per person, of some 500 that a message may cost.
    for (
        one,
        email,
        wire,
        name,
        short,
        languages,
        text_only,
        paused_until,
        suppressed,
        on,
        state,
        since,
    ) in rows:
        list_id = list_of[one]
        if on != list_id and one in found:
            continue  # on several of the lists: the row of the delivery's own list counts
        confirmed = list_id is not None and on == list_id and state == _CONFIRMED
        found[one] = Recipient(
            one, list_id, email, wire, name, reference.show(short),
            tuple(languages.split(",")) if languages else (), not wire.isascii(), text_only,
            _day(since, zone) if confirmed else None,
            _refusal(suppressed, list_id is None or confirmed, paused_until is not None and paused_until > now),
        )  # fmt: skip
    for one, list_id in list_of.items():
        if one not in found:
            found[one] = Recipient(one, list_id, refusal="erased")
    return found


@lru_cache(maxsize=1024)  # who was imported together is confirmed since the same moment
def _day(since: datetime, zone: tzinfo) -> date:
    return since.astimezone(zone).date()


def is_plainly_well(
    subscriber_id: sa.ColumnElement[int],
    list_id: sa.ColumnElement[int | None],
    now: sa.ColumnElement[datetime],
) -> sa.ColumnElement[bool]:
    """Of a row with these columns: confirmed on that list, not paused, not suppressed. False proves nothing:
    ask `recipients` then, who know the rule."""
    subscriber, subscription, suppression = tables.subscriber, tables.subscription, tables.suppression
    return sa.exists(
        sa.select(subscriber.c.id)
        .join_from(subscription, subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(
            subscription.c.list_id == list_id,
            subscription.c.subscriber_id == subscriber_id,
            subscription.c.state == _CONFIRMED,
            sa.or_(subscriber.c.paused_until.is_(None), subscriber.c.paused_until <= now),
            ~sa.exists().where(suppression.c.address_key == subscriber.c.address_key),
        )
    )


def _refusal(suppressed: bool, consents: bool, paused: bool) -> str | None:
    if suppressed:
        return "suppressed"
    if not consents:
        return "unsubscribed"
    return "paused" if paused else None


def _people_of(
    list_id: int, earlier: Sequence[int], excluded_ids: Sequence[int], now: datetime
) -> sa.Select[Any]:
    subscriber, subscription, suppression, list_ = (
        tables.subscriber, tables.subscription, tables.suppression, tables.list_,
    )  # fmt: skip
    own = sa.select(list_.c.language).where(list_.c.id == list_id).scalar_subquery()
    rows = (
        sa.select(
            subscriber.c.id.label("subscriber_id"),
            subscription.c.list_id,
            subscriber.c.languages,
            own.label("list_language"),
            subscriber.c.domain,
        )
        .join_from(subscription, subscriber, subscription.c.subscriber_id == subscriber.c.id)
        .where(
            subscription.c.list_id == list_id,
            subscription.c.state == _CONFIRMED,
            sa.or_(subscriber.c.paused_until.is_(None), subscriber.c.paused_until <= now),
            ~sa.exists().where(suppression.c.address_key == subscriber.c.address_key),
        )
    )
    for others in (earlier, excluded_ids):
        if others:
            rows = rows.where(~_on_any(subscription.c.subscriber_id, others))
    return rows


def _unconfirmed(audience: Audience) -> sa.Select[Any]:
    """(position in EXCLUDED, people) of those who are confirmed on none of the lists."""
    subscription = tables.subscription
    state = sa.case((subscription.c.state == _CONFIRMED, -1), (subscription.c.state == _PENDING, 0), else_=1)
    nearest = (
        sa.select(sa.func.min(state).label("reason"))
        .where(subscription.c.list_id.in_(audience.list_ids))
        .group_by(subscription.c.subscriber_id)
        .subquery()
    )
    return _count(nearest).where(nearest.c.reason >= 0)


def _kept_out(audience: Audience, now: datetime) -> sa.Select[Any]:
    """The same of confirmed people who are kept out. Starts from the few reasons, not from the many people."""
    subscriber, subscription, suppression = tables.subscriber, tables.subscription, tables.suppression
    suppressed = sa.select(subscriber.c.id, sa.literal(2).label("reason")).join_from(
        suppression, subscriber, suppression.c.address_key == subscriber.c.address_key
    )
    on_excluded = sa.select(subscription.c.subscriber_id, sa.literal(3)).where(
        subscription.c.list_id.in_(audience.excluded_list_ids), subscription.c.state == _CONFIRMED
    )
    paused = sa.select(subscriber.c.id, sa.literal(4)).where(subscriber.c.paused_until > now)
    reasons = sa.union_all(suppressed, on_excluded, paused).subquery()
    first = (
        sa.select(sa.func.min(reasons.c.reason).label("reason"))
        .where(_on_any(reasons.c.id, audience.list_ids))
        .group_by(reasons.c.id)
        .subquery()
    )
    return _count(first)


def _count(reasons: sa.Subquery) -> sa.Select[Any]:
    return sa.select(reasons.c.reason, sa.func.count().label("people")).group_by(reasons.c.reason)


def _on_any(subscriber_id: sa.ColumnElement[int], list_ids: Sequence[int]) -> sa.ColumnElement[bool]:
    other = tables.subscription.alias()
    return sa.exists().where(
        other.c.subscriber_id == subscriber_id, other.c.list_id.in_(list_ids), other.c.state == _CONFIRMED
    )
