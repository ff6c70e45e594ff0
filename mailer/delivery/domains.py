"""What each recipient domain takes: the office's limits, the paces that domains asked for, who is put off.

Owns `domain_pace` and the scopes "domain:…" of `rate_count`. Who may not leave now stands in nobody's way:
the row goes back with a later due date, spread along the window. Called by `turn` in its transaction.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery import pace, throttle
from mailer.delivery.model import Claimed
from mailer.delivery.pace import Pace
from mailer.delivery.throttle import Rate
from mailer.tables.delivery import domain_pace, rate_count
from subscribers.database import insert

MINUTE = timedelta(minutes=1)
# Nobody is put off further: a pace recovers and limits are changed, and then nobody should wait for tomorrow. So
# a list of 30,000 at one domain looks at its turn again every quarter of an hour: 33 rows a second.
HORIZON = timedelta(minutes=15)

Limits = Mapping[str, Sequence[Rate]]  # by domain, in lower case and A-labels


@dataclass(slots=True)
class Allotted:
    """What the domains say about some rows."""

    open: Sequence[Claimed]  # no domain stands in their way; counted as if they had left
    put_off: dict[int, datetime] = field(default_factory=dict)  # by delivery: when it may come again
    counted: Counter[str] = field(default_factory=Counter)  # of limited domains


def limits(fixed: Limits, paces: Mapping[str, Pace], now: datetime) -> Limits:
    """The office's limits and those that domains asked for; a domain has to keep all of its own."""
    if not paces:
        return fixed
    slowed = {domain: found.at(now) for domain, found in paces.items()}
    asked = {domain: Rate(most, MINUTE) for domain, most in slowed.items() if most is not None}
    return {**fixed, **{domain: (*fixed.get(domain, ()), rate) for domain, rate in asked.items()}}


def allot(
    connection: Connection,
    rows: Sequence[Claimed],
    limited: Limits,
    ends: dict[str, datetime],
    now: datetime,
) -> Allotted:
    """Take from the windows of the limited domains, and put off whom they have no room for. Notices come first.

    `ends`: where the queue of a domain ends that this process has put off so far; goes on from there.
    """
    if not limited or not any(row.domain in limited for row in rows):
        return Allotted(rows)
    waiting: defaultdict[str, list[Claimed]] = defaultdict(list)
    for row in rows:
        if row.domain in limited:
            waiting[row.domain].append(row)
    allotted = Allotted([])
    for domain in sorted(waiting):  # one order for all: windows are locked
        theirs, rates = waiting[domain], limited[domain]
        notices = sum(row.campaign_id is None for row in theirs)
        grant = throttle.take_in_order(connection, scope(domain), rates, notices, len(theirs) - notices, now)
        allotted.counted[domain] = grant.granted
        late = theirs[grant.granted :]
        times = _spread(ends, domain, rates, len(late), grant.next_at or now, now)
        allotted.put_off |= {row.id: at for row, at in zip(late, times, strict=True)}
    allotted.open = [row for row in rows if row.id not in allotted.put_off]
    return allotted


def beyond(
    rows: Sequence[Claimed], limited: Limits, ends: dict[str, datetime], now: datetime
) -> dict[int, datetime]:
    """Of rows just claimed those that certainly must wait, by delivery, with their due dates.

    One claim never holds more of a domain than its tightest window takes: to print the others would be for
    nothing, and at a domain that takes one a minute for 700,000 people it would be a processor's whole work.
    """
    taken: Counter[str] = Counter()
    late: defaultdict[str, list[Claimed]] = defaultdict(list)
    for row in rows if limited else ():
        if row.domain in limited:
            taken[row.domain] += 1
            if taken[row.domain] > min(rate.limit for rate in limited[row.domain]):
                late[row.domain].append(row)
    put_off: dict[int, datetime] = {}
    for domain, theirs in late.items():
        next_at = now + min(rate.window for rate in limited[domain])
        times = _spread(ends, domain, limited[domain], len(theirs), next_at, now)
        put_off |= {row.id: at for row, at in zip(theirs, times, strict=True)}
    return put_off


def give_back(
    connection: Connection,
    limited: Limits,
    counted: Mapping[str, int],
    left: Mapping[str, int],
    now: datetime,
) -> None:
    """Uncount what was allotted at this `now` and did not leave. `left`: by domain, how many did."""
    for domain in sorted(counted):
        unused = counted[domain] - left.get(domain, 0)
        throttle.give_back(connection, scope(domain), limited[domain], unused, now)


def slow(
    connection: Connection,
    domain: str,
    standing: Pace | None,
    reply: str | None,
    accepted: int,
    now: datetime,
) -> Pace:
    """The domain asked for less: halve its pace, at most once a minute, for all processes and restarts.

    `accepted`: by this domain in the last minute, as far as this process knows; once the domain is slowed all
    processes count together.
    """
    took = _taken(connection, domain, now) if standing is not None else accepted
    found = pace.slower(standing, took, reply, now)
    if found is not standing:
        values = {"per_minute": found.per_minute, "since": found.since, "reply": found.reply}
        connection.execute(
            insert(connection, domain_pace)
            .values(domain=domain, **values)
            .on_conflict_do_update(index_elements=[domain_pace.c.domain], set_=values)
        )
    return found


def free(connection: Connection, paces: Mapping[str, Pace], now: datetime) -> list[str]:
    """Forget the paces of domains that have recovered; which. One that asked again meanwhile stays."""
    recovered = sorted(domain for domain, found in paces.items() if found.at(now) is None)
    for domain in recovered:
        connection.execute(
            domain_pace.delete().where(
                domain_pace.c.domain == domain, domain_pace.c.since == paces[domain].since
            )
        )
    return recovered


def scope(domain: str) -> str:
    return f"domain:{domain}"


def _spread(
    ends: dict[str, datetime],
    domain: str,
    rates: Sequence[Rate],
    count: int,
    next_at: datetime,
    now: datetime,
) -> list[datetime]:
    """One behind the other at the speed of the slowest window, behind those who were put off before."""
    step = max(rate.window / rate.limit for rate in rates)
    last = now + HORIZON
    first = min(max(next_at, ends.get(domain, next_at)), last)
    if count:
        ends[domain] = min(first + count * step, last)
    return [min(first + n * step, last) for n in range(count)]


def _taken(connection: Connection, domain: str, now: datetime) -> int:
    """Of all processes in the last minute; 0 if a limit in other windows has counted so far."""
    slice_ms = Rate(1, MINUTE).slice_ms
    taken = connection.scalar(
        sa.select(sa.func.sum(rate_count.c.taken))
        .where(rate_count.c.scope == scope(domain), rate_count.c.slice_ms == slice_ms)
        .where(rate_count.c.slot > now - MINUTE, rate_count.c.slot <= now)
    )
    return int(taken or 0)
