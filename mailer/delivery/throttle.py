"""How much may leave now: rolling windows counted in slices, shared by all processes, kept over restarts.

Owns `rate_count` and `relay_state`. A scope is one account at one relay ("relay:smtp.example.org:me")
or a recipient domain. Asked by the sender in the transaction that marks rows as attempting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.pace import Pace
from mailer.delivery.straight import Straight
from mailer.errors import BadRule
from mailer.tables.delivery import domain_pace, rate_count, relay_state
from subscribers.database import insert

# Slices of a window: what may leave is at most 1/100 below the rate, and one row per slice is kept.
SLICES = 100
# Kept back for notices in windows of an hour and more: with 450 a day, 22 people can still confirm
# while a campaign runs. In shorter windows a notice only has to wait for the next slice.
KEPT_FOR_NOTICES = 0.05
_LONG = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
QUOTA_STEP = REFUSED_STEP = timedelta(hours=1)
DOWN_FIRST, DOWN_LONGEST = timedelta(seconds=15), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `limit` in any time of this length."""

    limit: int
    window: timedelta

    @property
    def slice_ms(self) -> int:
        return max(1, round(self.window.total_seconds() * 1000 / SLICES))

    def limit_for(self, notice: bool) -> int:
        """What may leave: a campaign leaves a share of long windows to notices."""
        if notice or self.window < _LONG:
            return self.limit
        return max(1, self.limit - ceil(self.limit * KEPT_FOR_NOTICES))

    def slot(self, now: datetime) -> datetime:
        """Start of the slice that `now` lies in."""
        elapsed_ms = (now - _EPOCH) // timedelta(milliseconds=1)
        return _EPOCH + timedelta(milliseconds=elapsed_ms // self.slice_ms * self.slice_ms)


@dataclass(frozen=True, slots=True)
class Grant:
    granted: int
    next_at: datetime | None = None  # when there will be more; None: all that was wanted is granted


@dataclass(frozen=True, slots=True)
class Closed:
    """The relay told us to wait, or cannot be reached."""

    until: datetime
    reason: str  # quota | relay_refuses | relay_busy | relay_down
    reply: str | None
    times: int  # in a row, without one mail accepted in between


@dataclass(frozen=True, slots=True)
class Standing:
    """What relays and recipient domains have told us about us."""

    gates: Mapping[str, Closed]  # by relay, also when that time is over
    paces: Mapping[str, Pace]  # by domain


def parse(text: str) -> Rate:
    """ "20/minute", "450/day", "50/second", "100/hour". Raises BadRule (key bad_rate)."""
    found = re.fullmatch(r"\s*([1-9]\d{0,6})\s*/\s*(second|minute|hour|day)\s*", text)
    if found is None:
        raise BadRule(
            f"“{text}” is no rate.",
            remedy="Write a number and second, minute, hour or day, such as 20/minute or 450/day.",
            key="bad_rate",
            rate=text,
        )
    return Rate(int(found[1]), _UNITS[found[2]])


def take(
    connection: Connection,
    scope: str,
    rates: Sequence[Rate],
    wanted: int,
    now: datetime,
    *,
    notice: bool = False,
) -> Grant:
    """Up to `wanted` mails that may leave now, counted as if they had.

    A slice counts until the whole of it has left the window, so that no window of that length ever
    holds more than the limit, wherever it begins (F17, F18). Waits for other processes that take
    from the same scope.
    """
    if not rates or wanted <= 0:
        return Grant(max(wanted, 0))
    _alone(connection, scope)
    slots = {rate: _slots(connection, scope, rate, now) for rate in rates}
    rooms = {rate: rate.limit_for(notice) - sum(taken for _, taken in slots[rate]) for rate in rates}
    free = max(min(wanted, *rooms.values()), 0)
    if free:
        _count(connection, scope, rates, now, free)
    if free == wanted:
        return Grant(free)
    full = [rate for rate in rates if rooms[rate] <= free]
    return Grant(
        free,
        max(_room_at([*slots[rate], (rate.slot(now), free)], rate, rooms[rate] - free) for rate in full),
    )


def take_in_order(
    connection: Connection, scope: str, rates: Sequence[Rate], notices: int, others: int, now: datetime
) -> Grant:
    """`take` for so many notices and, if all of them may leave, for so many others."""
    grant = take(connection, scope, rates, notices, now, notice=True)
    if grant.granted < notices:
        return grant
    rest = take(connection, scope, rates, others, now)
    return Grant(notices + rest.granted, rest.next_at)


def give_back(connection: Connection, scope: str, rates: Sequence[Rate], unused: int, now: datetime) -> None:
    """Uncount what was granted at this `now` and did not leave."""
    if rates and unused > 0:
        _count(connection, scope, rates, now, -unused)


def used(
    connection: Connection, scope: str, rates: Sequence[Rate], now: datetime
) -> list[list[tuple[datetime, int]]]:
    """For each rate the (start of slice, mails) that still count, oldest first: for the forecast."""
    return [_slots(connection, scope, rate, now) for rate in rates]


_GATES = sa.select(relay_state).where(relay_state.c.closed_until.is_not(None))


def gates(connection: Connection) -> dict[str, Closed]:
    """What each relay last told us, by name, also when that time is over: until it accepts we only knock."""
    return {
        row.relay: Closed(row.closed_until, row.reason, row.reply, row.times)
        for row in connection.execute(_GATES)
    }


# One statement for both, because every turn asks; where nobody has complained it finds two empty tables.
_STANDING = sa.union_all(
    sa.select(
        sa.literal("relay").label("kind"), relay_state.c.relay.label("name"), relay_state.c.closed_until.label("at"),
        relay_state.c.times.label("number"), relay_state.c.reason, relay_state.c.reply,
    ).where(relay_state.c.closed_until.is_not(None)),
    sa.select(
        sa.literal("domain"), domain_pace.c.domain, domain_pace.c.since, domain_pace.c.per_minute,
        sa.literal(""), domain_pace.c.reply,
    ),
)  # fmt: skip


_ANYTHING = Straight(
    lambda _: sa.select(sa.literal_column("1")).where(
        sa.or_(
            sa.exists(sa.select(relay_state.c.relay).where(relay_state.c.closed_until.is_not(None))),
            sa.exists(sa.select(domain_pace.c.domain)),
        )
    )
)


def standing(connection: Connection) -> Standing:
    """Which relays are closed, or were and have accepted nothing since, and which domains asked for less."""
    gates: dict[str, Closed] = {}
    paces: dict[str, Pace] = {}
    if not _ANYTHING.rows(connection, {}):  # nearly always, and asked in every turn
        return Standing(gates, paces)
    for row in connection.execute(_STANDING):
        if row.kind == "relay":
            gates[row.name] = Closed(row.at, row.reason, row.reply, row.number)
        else:
            paces[row.name] = Pace(row.number, row.at, row.reply)
    return Standing(gates, paces)


def close(
    connection: Connection, relay: str, reason: str, reply: str | None, rates: Sequence[Rate], now: datetime
) -> Closed:
    """Nothing more goes to this relay for a while; for how long.

    A quota: until the oldest slice leaves the longest window, if that is an hour or more and known,
    else an hour at a time: one refused try an hour harms nobody. A relay that refuses us: the same
    hour. One that is busy or cannot be reached: 15 s, doubled each time, at most 10 minutes.
    """
    before = gates(connection).get(relay)
    if before is not None and before.until > now and before.reason == reason:
        return before  # another connection heard the same a moment ago
    times = 1 + (before.times if before is not None and before.reason == reason else 0)
    if reason in ("relay_down", "relay_busy"):
        until = now + min(DOWN_FIRST * 2 ** min(times - 1, 10), DOWN_LONGEST)
    else:
        until = _window_end(connection, relay, rates, now, times) if reason == "quota" else now + REFUSED_STEP
    values = {"closed_until": until, "reason": reason, "reply": reply, "times": times, "updated_at": now}
    connection.execute(
        insert(connection, relay_state)
        .values(relay=relay, **values)
        .on_conflict_do_update(index_elements=[relay_state.c.relay], set_=values)
    )
    return Closed(until, reason, reply, times)


def reopen(connection: Connection, relay: str, now: datetime) -> None:
    """The relay accepted a mail: what it said before is over."""
    connection.execute(
        relay_state.update()
        .where(relay_state.c.relay == relay)
        .values(closed_until=None, reason=None, reply=None, times=0, updated_at=now)
    )


def knock(connection: Connection, now: datetime) -> int:
    """Whatever the relays said, one message may ask again now: a person has mended something. How many ask."""
    return connection.execute(
        relay_state.update().where(relay_state.c.closed_until > now).values(closed_until=now, updated_at=now)
    ).rowcount


def _window_end(
    connection: Connection, scope: str, rates: Sequence[Rate], now: datetime, times: int
) -> datetime:
    longest = max(rates, key=lambda rate: rate.window, default=None)
    if longest is None or longest.window < _LONG or times > 1:
        return now + QUOTA_STEP
    slots = _slots(connection, scope, longest, now)
    return max(_leaves(slots[0][0], longest), now + QUOTA_STEP) if slots else now + QUOTA_STEP


def _alone(connection: Connection, scope: str) -> None:
    """Until the transaction ends nobody else reads or counts this scope (SQLite has one writer anyway)."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext("rate:" + scope))))


def _slots(connection: Connection, scope: str, rate: Rate, now: datetime) -> list[tuple[datetime, int]]:
    slot = rate_count.c.slot
    oldest = now - rate.window - timedelta(milliseconds=rate.slice_ms)
    found = connection.execute(
        sa.select(slot, rate_count.c.taken)
        .where(rate_count.c.scope == scope, rate_count.c.slice_ms == rate.slice_ms)
        # The clock may have been wrong for a while: what lies a whole window ahead does not count.
        .where(slot > oldest, slot <= now + rate.window, rate_count.c.taken > 0)
        .order_by(slot)
    )
    return [(row.slot, row.taken) for row in found]


def _leaves(slot: datetime, rate: Rate) -> datetime:
    return slot + timedelta(milliseconds=rate.slice_ms) + rate.window


def _room_at(slots: Sequence[tuple[datetime, int]], rate: Rate, room: int) -> datetime:
    """When at least one more may leave."""
    for slot, taken in slots:
        room += taken
        if room > 0:
            return _leaves(slot, rate)
    return _EPOCH


def _count(connection: Connection, scope: str, rates: Sequence[Rate], now: datetime, mails: int) -> None:
    for rate in {rate.slice_ms: rate for rate in rates}.values():  # two rates of one window share a count
        connection.execute(
            insert(connection, rate_count)
            .values(scope=scope, slice_ms=rate.slice_ms, slot=rate.slot(now), taken=mails)
            .on_conflict_do_update(
                index_elements=[rate_count.c.scope, rate_count.c.slice_ms, rate_count.c.slot],
                set_={"taken": rate_count.c.taken + mails},
            )
        )
        connection.execute(
            rate_count.delete().where(
                rate_count.c.scope == scope,
                rate_count.c.slice_ms == rate.slice_ms,
                rate_count.c.slot < now - 2 * rate.window,
            )
        )
