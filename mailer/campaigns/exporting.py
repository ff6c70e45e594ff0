"""A campaign's deliveries written to a file: who got it, who did not, and what the servers said.

Owns the columns and the audit record that people were exported. Streams: a million rows need no memory. Cells
are guarded against formulas as in an export of subscribers (F34). Called by the CLI and pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mailer.campaigns import store
from mailer.delivery.model import DeliveryState
from mailer.masking import masked
from mailer.tables.delivery import attempt, delivery
from subscribers import audit, reference, tables
from subscribers.address import readable_domain
from subscribers.database import among, reading
from subscribers.model import Actor
from subscribers.transfer import guard, write_csv, write_json

COLUMNS = (
    "reference", "address", "language", "domain", "state", "reason", "attempts", "first_attempt_at",
    "settled_at", "relay", "code", "enhanced", "reply",
)  # fmt: skip
ATTEMPT_COLUMNS = (
    "reference", "address", "language", "domain", "number", "at", "stage", "state", "relay", "code", "enhanced",
    "reply",
)  # fmt: skip
_BATCH = 1_000  # rows held at once

Line = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is written of a campaign."""

    campaign_id: int
    states: tuple[DeliveryState, ...] = ()  # empty: all
    attempts: bool = False  # a line for each try instead of one for each person

    @property
    def columns(self) -> tuple[str, ...]:
        return ATTEMPT_COLUMNS if self.attempts else COLUMNS


@dataclass(frozen=True, slots=True)
class Spoken:
    """How a file for people speaks."""

    heading: Callable[[str], str]  # of a column
    code: Callable[[str, str], str]  # of a column "state" or "reason", and what stands for no relay
    zone: tzinfo


def record_export(engine: Engine, wanted: Wanted, *, by: Actor, now: datetime) -> None:
    """Before the first row leaves: also an export that breaks off was one. Raises NotFound."""
    with engine.begin() as connection:
        store.get(connection, wanted.campaign_id)
        audit.record(
            connection, by, "campaign.export", f"campaign:{wanted.campaign_id}", now,
            after={"states": [str(state) for state in wanted.states], "attempts": wanted.attempts},
        )  # fmt: skip


def export_csv(
    engine: Engine, wanted: Wanted, out: BinaryIO, spoken: Spoken, *, by: Actor, now: datetime
) -> int:
    """UTF-8 with its mark, times in the site's zone; how many lines. Raises NotFound."""
    record_export(engine, wanted, by=by, now=now)
    with reading(engine) as connection:
        rows = (
            [guard(_cell(column, line[column], spoken)) for column in wanted.columns]
            for line in _lines(connection, wanted)
        )
        return write_csv([[spoken.heading(column) for column in wanted.columns]], rows, out)


def export_json(
    engine: Engine, wanted: Wanted, out: BinaryIO, zone: tzinfo, *, by: Actor, now: datetime
) -> int:
    """One array, an object a line, with the codes of states; how many. Raises NotFound."""
    record_export(engine, wanted, by=by, now=now)
    with reading(engine) as connection:
        documents = (
            {column: _plain(line[column], zone) for column in wanted.columns}
            for line in _lines(connection, wanted)
        )
        return write_json(documents, out)


def _cell(column: str, value: object, spoken: Spoken) -> str:
    if column in ("state", "reason") and value:
        return spoken.code(column, str(value))
    if isinstance(value, datetime):  # Excel reads no offset, and no T between day and time
        return value.astimezone(spoken.zone).strftime("%Y-%m-%d %H:%M:%S")
    if column == "domain" and value:
        return readable_domain(str(value))
    if column == "relay" and value:
        return _host(str(value)) or spoken.code("relay", str(value))
    return "" if value is None else str(value)


def _host(scope: str) -> str:
    """Of `relay:smtp.example.org:me`; empty for what is no relay, a rehearsal."""
    kind, _, account = scope.partition(":")
    return account.rpartition(":")[0] if kind == "relay" else ""


def _plain(value: object, zone: tzinfo) -> object:
    return value.astimezone(zone).isoformat(timespec="seconds") if isinstance(value, datetime) else value


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def _lines(connection: Connection, wanted: Wanted) -> Iterator[Line]:
    """In the order of the people, which is the order of an index."""
    query = (
        sa.select(delivery, tables.subscriber.c.reference, tables.subscriber.c.email)
        .join_from(
            delivery, tables.subscriber, tables.subscriber.c.id == delivery.c.subscriber_id, isouter=True
        )
        .where(delivery.c.campaign_id == wanted.campaign_id)
        .order_by(delivery.c.subscriber_id)
    )
    if wanted.states:
        query = query.where(delivery.c.state.in_([str(state) for state in wanted.states]))
    result = connection.execute(query, execution_options={"yield_per": _BATCH})
    for rows in result.partitions():
        if not wanted.attempts:
            yield from (_line(row) for row in rows)
            continue
        tries = _tries(connection, [row.id for row in rows])
        for row in rows:
            yield from _of_attempts(row, tries.get(row.id, []))


def _tries(connection: Connection, ids: Sequence[int]) -> dict[int, list[sa.Row[Any]]]:
    found: dict[int, list[sa.Row[Any]]] = {}
    theirs = among(connection.dialect.name, attempt.c.delivery_id, ids)
    query = sa.select(attempt).where(theirs).order_by(attempt.c.id)
    for row in connection.execute(query):
        found.setdefault(row.delivery_id, []).append(row)
    return found


def _line(row: sa.Row[Any]) -> Line:
    return {
        **_who(row),
        "state": row.state,
        "reason": row.reason,
        "attempts": row.attempts,
        "first_attempt_at": row.first_attempt_at,
        "settled_at": row.settled_at,
        **_said(row, row.reference),
    }


def _of_attempts(row: sa.Row[Any], tries: Sequence[sa.Row[Any]]) -> Iterator[Line]:
    """Accepted at the first try is told by the delivery alone; who was never tried has no line."""
    if not tries and row.attempts:
        tried = {"number": row.attempts, "at": row.settled_at, "stage": "message", "state": row.state}
        yield {**_who(row), **tried, **_said(row, row.reference)}
    for one in tries:
        tried = {"number": one.number, "at": one.at, "stage": one.stage, "state": one.outcome}
        yield {**_who(row), **tried, **_said(one, row.reference)}


def _who(row: sa.Row[Any]) -> Line:
    """Nothing stands for an erased person but the domain."""
    return {
        "reference": reference.show(row.reference) if row.reference else "",
        "address": row.email or "",
        "language": row.language,
        "domain": row.domain,
    }


def _said(row: sa.Row[Any], known: str | None) -> Line:
    """A reply may quote the address: of an erased person it must not tell it."""
    text = row.reply_text
    return {
        "relay": row.relay,
        "code": row.reply_code,
        "enhanced": row.reply_enhanced,
        "reply": text if known or text is None else masked(text),
    }
