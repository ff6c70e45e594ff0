"""A database that comes out of a backup starts frozen: nothing leaves before a person has looked (F9).

Owns the facts about this database (`house_fact`): when it was backed up last, and restored. Called by
safekeeping and, to ask, by the launch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.campaigns import store
from mailer.campaigns.model import UNFINISHED, Campaign, CampaignState, Why
from mailer.delivery import ledger
from mailer.tables.composer import issue
from mailer.tables.house import house_fact
from subscribers import audit, tables
from subscribers.database import insert
from subscribers.model import Actor


@dataclass(frozen=True, slots=True)
class Held:
    campaign_id: int
    issue: str | None  # slug
    was: CampaignState
    people: int  # who wait for it in the backup, and may have got it since


@dataclass(frozen=True, slots=True)
class Frozen:
    """What a person has to know before they let anything go on."""

    since: datetime  # of the backup: what happened afterwards is not in it
    held: tuple[Held, ...]
    uncertain: int
    notices: int  # cancelled
    approved: tuple[str, ...]  # issues that are approved and not sent, as far as the backup knows


def note_backup(connection: Connection, at: datetime) -> None:
    """This database is being backed up; the copy knows how old it is."""
    _note(connection, "backup", "", at)


@dataclass(frozen=True, slots=True)
class Taken:
    at: datetime  # when the database was restored: what was due until then may have left
    since: str  # the moment of the backup, as text


def last(connection: Connection) -> Taken | None:
    """The last time that this database was taken from a backup."""
    found = connection.execute(sa.select(house_fact).where(house_fact.c.key == "restored")).first()
    return Taken(found.at, found.value) if found is not None else None


def freeze(connection: Connection, *, by: Actor, now: datetime) -> Frozen:
    """Hold every campaign that is not over, and take back what was in hand. To be committed before anybody sends.

    `now` in the office's zone: the age of the backup is told in it.
    """
    since = (_noted_at(connection, "backup") or _last_record(connection) or now).astimezone(now.tzinfo)
    rows = ledger.freeze(connection, now)
    held = tuple(
        _hold(connection, one, since, by=by, now=now)
        for one in store.campaigns(connection, *UNFINISHED)[::-1]
    )
    _note(connection, "restored", since.isoformat(), now)
    audit.record(
        connection, by, "house.restore", "house", now,
        after={"since": since.isoformat(), "held": [one.campaign_id for one in held]},
    )  # fmt: skip
    approved = connection.scalars(
        sa.select(issue.c.slug).where(issue.c.state == "approved").order_by(issue.c.date, issue.c.slug)
    )
    return Frozen(since, held, rows.uncertain, rows.notices, tuple(approved))


def _hold(connection: Connection, found: Campaign, since: datetime, *, by: Actor, now: datetime) -> Held:
    people = ledger.open_rows(connection, found.id) if found.launched_at is not None else 0
    facts = {"since": since.isoformat(), "people": people, "was": str(found.state), "issue": found.issue}
    if found.state is CampaignState.HELD:  # what it was held for may be settled since
        facts["why"] = found.reason
    store.hold(connection, found.id, Why.RESTORED, by=by, now=now, facts=facts)
    return Held(found.id, found.issue, found.state, people)


def _last_record(connection: Connection) -> datetime | None:
    """Of a plain copy of the database, which was never told that it is one."""
    at: datetime | None = connection.scalar(sa.select(sa.func.max(tables.audit_record.c.at)))
    return at


def _note(connection: Connection, key: str, value: str, at: datetime) -> None:
    statement = insert(connection, house_fact).values(key=key, value=value, at=at)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["key"], set_={"value": value, "at": at})
    )


def _noted_at(connection: Connection, key: str) -> datetime | None:
    at: datetime | None = connection.scalar(sa.select(house_fact.c.at).where(house_fact.c.key == key))
    return at
