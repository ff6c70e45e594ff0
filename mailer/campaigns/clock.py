"""The clock: dates that have come become campaigns, and what is due is started or held.

Owns the reasons to hold a campaign at its time; marks occurrences as fired. Called by the worker of every
process, as often as it likes; the database decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.campaigns import newsletters, recurrence, restored, schedules, store
from mailer.campaigns.business_days import Calendar
from mailer.campaigns.launch import Rules, ends_early, is_composed_for, is_ready, launch
from mailer.campaigns.model import Campaign, CampaignState, Schedule, Why
from mailer.errors import MailerError
from mailer.tables.campaigns import campaign, occurrence, schedule
from mailer.tables.composer import issue
from subscribers.database import insert
from subscribers.model import Actor

CLOCK = Actor("clock")


def tick(connection: Connection, now: datetime, rules: Rules) -> list[dict[str, object]]:
    """Turn dates that have come into campaigns and start or hold what is due. What it did, for the log.

    Harmless in any number of processes and at any time: an occurrence is a row that exists once,
    and a campaign leaves *scheduled* once (F4). Looking back in time finds nothing new.
    """
    did: list[dict[str, object]] = []
    for found in schedules.schedules(connection, active=True):
        did += _fire(connection, found, now, rules.calendar)
    for campaign_id in store.due(connection, now):
        if _take(connection, campaign_id):
            did.append(_start(connection, store.get(connection, campaign_id), now, rules))
    return did


def _fire(
    connection: Connection, found: Schedule, now: datetime, calendar: Calendar
) -> list[dict[str, object]]:
    """A campaign for each occurrence between the last look and now (F12)."""
    if now <= found.looked_at:
        return []
    did: list[dict[str, object]] = []
    rule = recurrence.parse(found.rule)
    for due in rule.occurrences(found.looked_at, now, calendar, found.zone):
        connection.execute(
            insert(connection, occurrence)
            .values(schedule_id=found.id, date=due.date)
            .on_conflict_do_nothing(index_elements=[occurrence.c.schedule_id, occurrence.c.date])
        )
        # The row lock makes a second process wait here; afterwards it sees the campaign and passes.
        row = connection.execute(
            sa.select(occurrence)
            .where(occurrence.c.schedule_id == found.id, occurrence.c.date == due.date)
            .with_for_update()
        ).one()
        if row.campaign_id is not None:
            continue
        issue_id = _issue_of(connection, row, found.list_ids)
        made = store.create(connection, issue_id, found.list_ids, at=due.at, by=CLOCK, now=now)
        connection.execute(
            occurrence.update().where(occurrence.c.id == row.id).values(at=due.at, campaign_id=made)
        )
        did.append({"did": "fired", "schedule": found.name, "date": str(due.date), "campaign": made})
    connection.execute(
        schedule.update().where(schedule.c.id == found.id, schedule.c.looked_at < now).values(looked_at=now)
    )
    return did


def _issue_of(connection: Connection, row: sa.Row[Any], list_ids: Sequence[int]) -> int | None:
    """The unsent issue tied to the occurrence, else the one of its date: approved before unapproved.

    Only one of the lists' newsletter: another one may have an issue of the same day.
    """
    unsent = issue.c.state.in_(("draft", "review", "approved"))
    tied = sa.case((issue.c.id == row.issue_id, 0), else_=1) if row.issue_id is not None else sa.literal(1)
    approved = sa.case((issue.c.state == "approved", 0), else_=1)
    found: int | None = connection.scalar(
        sa.select(issue.c.id)
        .where(unsent, sa.or_(issue.c.date == row.date, issue.c.id == row.issue_id))
        .where(newsletters.fits(list_ids))
        .order_by(tied, approved, issue.c.id.desc())
        .limit(1)
    )
    return found


def _take(connection: Connection, campaign_id: int) -> bool:
    """Is it ours to start? Another process may be at it: then it is locked, or no longer scheduled.

    The issue before the campaign, as an order locks them: otherwise both could wait for each other.
    An issue that somebody is saving or sending right now is left to the next look.
    """
    issue_id = connection.scalar(sa.select(campaign.c.issue_id).where(campaign.c.id == campaign_id))
    if issue_id is not None:
        free = sa.select(issue.c.id).where(issue.c.id == issue_id).with_for_update(skip_locked=True)
        if connection.execute(free).first() is None:
            return False
    mine = (
        sa.select(campaign.c.id)
        .where(campaign.c.id == campaign_id, campaign.c.state == str(CampaignState.SCHEDULED))
        .with_for_update(skip_locked=True)
    )
    return connection.execute(mine).first() is not None


def _start(connection: Connection, due: Campaign, now: datetime, rules: Rules) -> dict[str, object]:
    due = _find_issue(connection, due)
    why, facts = _reason_to_hold(connection, due, now, rules)
    if why is None:
        try:
            with connection.begin_nested():
                built = launch(connection, due.id, rules, by=CLOCK, now=now)
            return {"did": "launched", "campaign": due.id, "issue": due.issue, "total": built.total}
        except MailerError as error:  # one that cannot start must not keep the others from starting
            plain = {name: fact for name, fact in error.facts.items() if isinstance(fact, str | int)}
            why, facts = error.key, plain | {"issue": due.issue, "sentence": error.sentence}
    store.hold(connection, due.id, why, by=CLOCK, now=now, facts=facts)
    return {"did": "held", "campaign": due.id, "issue": due.issue, "why": str(why)}


def _find_issue(connection: Connection, due: Campaign) -> Campaign:
    """A campaign that found no issue at its date looks again when a person resumes it."""
    if due.issue_id is not None:
        return due
    row = connection.execute(sa.select(occurrence).where(occurrence.c.campaign_id == due.id)).first()
    found = _issue_of(connection, row, due.list_ids) if row is not None else None
    if found is not None:
        connection.execute(campaign.update().where(campaign.c.id == due.id).values(issue_id=found))
    return store.get(connection, due.id)


def _reason_to_hold(
    connection: Connection, due: Campaign, now: datetime, rules: Rules
) -> tuple[str | None, Mapping[str, object]]:
    if due.issue is None:
        return Why.NO_ISSUE, {}
    if not is_ready(connection, due.issue):
        return Why.NOT_APPROVED, {"issue": due.issue}
    if not is_composed_for(connection, due.issue, rules.base_url):
        return Why.COMPOSED_OTHERWISE, {"issue": due.issue}
    taken = restored.last(connection)
    if taken is not None and due.at <= taken.at:  # F9: it may have fired after the backup was made
        return Why.RESTORED, {"issue": due.issue, "since": taken.since}
    if now - due.at > rules.max_lateness:  # F8: after three days nobody wants it unasked
        hours = round((now - due.at) / timedelta(hours=1))
        return Why.LATE, {"issue": due.issue, "at": due.at.isoformat(), "hours": hours}
    early = ends_early(connection, due, due.issue, now, rules)
    return (None, {}) if early is None else (Why.LINK_ENDS_EARLY, early.facts(due.issue))
