"""Monthly schedules and their dates: added, assigned an issue, listed.

Owns `schedule`, `schedule_list` and `occurrence`, except that `clock` marks an occurrence as
fired. Called by the CLI, pages and the clock. What a rule means is `recurrence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.campaigns import newsletters, recurrence
from mailer.campaigns.business_days import Calendar
from mailer.campaigns.model import CampaignState, Planned, Schedule
from mailer.errors import NotFound, Refused
from mailer.tables.campaigns import campaign, occurrence, schedule, schedule_list
from mailer.tables.composer import issue
from subscribers import audit, tables
from subscribers.database import insert
from subscribers.model import Actor


def add(
    connection: Connection,
    name: str,
    rule: str,
    zone: str,
    list_ids: Sequence[int],
    *,
    by: Actor,
    now: datetime,
) -> Schedule:
    """Occurrences before `now` are not owed. Raises BadRule, NotFound (zone), Refused (the name is taken)."""
    recurrence.parse(rule)
    _check_zone(zone)
    if connection.scalar(sa.select(schedule.c.id).where(schedule.c.name == name)) is not None:
        raise Refused(
            f"There is a schedule {name!r} already.",
            remedy="Choose another name.",
            key="schedule_exists",
            name=name,
        )
    made = connection.execute(
        schedule.insert()
        .values(name=name, rule=rule.strip(), zone=zone, active=True, created_at=now, looked_at=now)
        .returning(schedule.c.id)
    ).scalar_one()
    connection.execute(
        schedule_list.insert(),
        [{"schedule_id": made, "position": n, "list_id": list_id} for n, list_id in enumerate(list_ids)],
    )
    audit.record(
        connection, by, "schedule.add", f"schedule:{name}", now,
        after={"rule": rule, "zone": zone, "lists": list(list_ids)},
    )  # fmt: skip
    return get(connection, name)


def get(connection: Connection, name: str) -> Schedule:
    """Raises NotFound."""
    found = _read(connection, schedule.c.name == name)
    if not found:
        raise NotFound(f"There is no schedule {name!r}.", key="no_schedule", name=name)
    return found[0]


def schedules(connection: Connection, *, active: bool | None = None) -> list[Schedule]:
    """All, in the order in which they were made; or only the active or the resting ones."""
    return _read(connection, sa.true() if active is None else schedule.c.active == active)


def set_active(connection: Connection, name: str, active: bool, *, by: Actor, now: datetime) -> None:
    """Rest or go on. What fell into the rest is not owed: the clock looks from `now` on."""
    found = get(connection, name)
    connection.execute(
        schedule.update()
        .where(schedule.c.id == found.id)
        .values(active=active, looked_at=max(found.looked_at, now))
    )
    audit.record(connection, by, "schedule.change", f"schedule:{name}", now, after={"active": active})


def change(connection: Connection, name: str, *, rule: str, zone: str, by: Actor, now: datetime) -> Schedule:
    """Another rule from now on. A date that has fired cannot fire again, whatever the new rule says (F12)."""
    recurrence.parse(rule)
    _check_zone(zone)
    found = get(connection, name)
    connection.execute(
        schedule.update()
        .where(schedule.c.id == found.id)
        .values(rule=rule.strip(), zone=zone, looked_at=max(found.looked_at, now))
    )
    audit.record(
        connection, by, "schedule.change", f"schedule:{name}", now,
        before={"rule": found.rule, "zone": found.zone}, after={"rule": rule, "zone": zone},
    )  # fmt: skip
    return get(connection, name)


def assign(
    connection: Connection, name: str, day: date, slug: str, *, calendar: Calendar, by: Actor, now: datetime
) -> None:
    """Tie an issue to a date that the schedule will meet, or to one that is held for want of an issue.

    Raises NotFound, Refused (no such date, it has been sent, the issue is another newsletter's).
    """
    found = get(connection, name)
    issue_id = connection.scalar(sa.select(issue.c.id).where(issue.c.slug == slug))
    if issue_id is None:
        raise NotFound(f"There is no issue {slug!r}.", key="no_such_issue", slug=slug)
    newsletters.require(connection, issue_id, found.list_ids)
    row = occurrence.c
    fired = connection.scalar(sa.select(row.campaign_id).where(row.schedule_id == found.id, row.date == day))
    if fired is None:
        _refuse_other_days(found, day, calendar, now)
    else:
        _give_to_held(connection, found, day, fired, issue_id)
    connection.execute(
        insert(connection, occurrence)
        .values(schedule_id=found.id, date=day, issue_id=issue_id)
        .on_conflict_do_update(index_elements=[row.schedule_id, row.date], set_={"issue_id": issue_id})
    )
    audit.record(
        connection, by, "schedule.assign", f"schedule:{name}", now, after={"date": str(day), "issue": slug}
    )


def _give_to_held(connection: Connection, found: Schedule, day: date, fired: int, issue_id: int) -> None:
    waiting = campaign.c.state == str(CampaignState.HELD), campaign.c.launched_at.is_(None)
    given = connection.execute(
        campaign.update().where(campaign.c.id == fired, *waiting).values(issue_id=issue_id)
    ).rowcount
    if not given:
        raise Refused(
            f"The date {day} of {found.name!r} has been sent already: campaign {fired}.",
            remedy=f"`mailer campaigns status {fired}` says where it stands.",
            key="occurrence_fired", name=found.name, date=day, campaign=fired,
        )  # fmt: skip


def _refuse_other_days(found: Schedule, day: date, calendar: Calendar, now: datetime) -> None:
    rule = recurrence.parse(found.rule)
    noon = datetime.combine(day, rule.at, tzinfo=ZoneInfo(found.zone))
    around = rule.occurrences(noon - timedelta(days=2), noon + timedelta(days=2), calendar, found.zone)
    if any(o.date == day and o.at > now for o in around):
        return
    following = [str(o.date) for o in rule.next(now, 3, calendar, found.zone)]
    raise Refused(
        f"The schedule {found.name!r} does not meet {day}.",
        remedy=f"Its next dates are {', '.join(following)}.",
        key="no_such_occurrence", name=found.name, date=day, dates=following,
    )  # fmt: skip


def planned(
    connection: Connection, found: Schedule, count: int, *, calendar: Calendar, now: datetime
) -> list[Planned]:
    """The next `count` dates, each with the issue that it would take."""
    coming = recurrence.parse(found.rule).next(now, count, calendar, found.zone)
    days = [o.date for o in coming]
    assigned = {
        row.date: row
        for row in connection.execute(
            sa.select(occurrence.c.date, occurrence.c.campaign_id, issue.c.slug)
            .join_from(occurrence, issue, occurrence.c.issue_id == issue.c.id, isouter=True)
            .where(occurrence.c.schedule_id == found.id, occurrence.c.date.in_(days))
        )
    }
    dated = {
        row.date: row.slug
        for row in connection.execute(
            sa.select(issue.c.date, issue.c.slug)
            .where(issue.c.date.in_(days), issue.c.state.in_(("draft", "review", "approved")))
            .where(newsletters.fits(found.list_ids))
            .order_by(
                issue.c.state == "approved", issue.c.id
            )  # the last one stays, as the clock would choose
        )
    }
    return [
        Planned(
            o.date,
            o.at,
            (row.slug if (row := assigned.get(o.date)) else None) or dated.get(o.date),
            row.campaign_id if row else None,
        )
        for o in coming
    ]


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise NotFound(
            f"There is no time zone {zone!r}.", remedy="Write it like Asia/Tokyo.", key="no_zone", zone=zone
        ) from error


def _read(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Schedule]:
    rows = connection.execute(sa.select(schedule).where(condition).order_by(schedule.c.id)).all()
    lists: dict[int, list[tuple[str, int]]] = {row.id: [] for row in rows}
    asked = (
        sa.select(schedule_list.c.schedule_id, tables.list_.c.slug, tables.list_.c.id)
        .join_from(schedule_list, tables.list_)
        .join(schedule, schedule.c.id == schedule_list.c.schedule_id)
        .where(condition)
        .order_by(schedule_list.c.position)
    )
    for schedule_id, slug, list_id in connection.execute(asked):
        lists[schedule_id].append((slug, list_id))
    return [_schedule(row, lists[row.id]) for row in rows]


def _schedule(row: sa.Row[Any], lists: Sequence[tuple[str, int]]) -> Schedule:
    return Schedule(
        row.id, row.name, row.rule, row.zone, row.active, row.looked_at,
        tuple(slug for slug, _ in lists), tuple(list_id for _, list_id in lists),
    )  # fmt: skip
