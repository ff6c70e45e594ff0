"""From a date to a ledger: what is due is started or held, and each person gets their edition.

Owns the launch and the reasons to hold it; writes `campaign_edition` and marks occurrences as
fired. `tick` is called by the worker of every process, `launch` by `orders`; the database decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.campaigns import dates, newsletters, recurrence, restored, schedules, store
from mailer.campaigns.business_days import Calendar
from mailer.campaigns.dates import Finish
from mailer.campaigns.model import Campaign, CampaignKind, CampaignState, Schedule, Why
from mailer.composer import store as issues
from mailer.composer.frozen import composed_for
from mailer.composer.frozen import frozen as frozen_editions
from mailer.composer.model import IssueState
from mailer.delivery import first_copy, ledger
from mailer.delivery.model import Built
from mailer.delivery.routes import Routes
from mailer.errors import MailerError, Refused
from mailer.tables.campaigns import campaign, campaign_edition, occurrence, schedule
from mailer.tables.composer import issue
from subscribers import audience, audit
from subscribers.audience import Audience
from subscribers.database import insert
from subscribers.model import Actor, Address

CLOCK = Actor("clock")
_WITH_NET = (CampaignKind.REGULAR, CampaignKind.CORRECTION)
_TRIES = 3  # of a build, while people change their languages between the question and the INSERT


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration says about starting a campaign."""

    max_lateness: timedelta
    calendar: Calendar
    site_language: str | None  # for readers who prefer none of an issue's languages
    base_url: str  # the present one: frozen editions lead there, or nowhere; "" = no web server
    routes: Routes | None = None  # relays by newsletter; None: nobody asks
    safety_minutes: int = 0  # the office's first copies go first, the rest so long after them; 0 = off
    office: Address | None = None  # who gets them
    finish: Finish | None = None  # when a send will be over; None: links that end early hold nothing


# ── the clock ───────────────────────────────────────────────────────────────────────────────────


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


def ends_early(
    connection: Connection,
    found: Campaign | None,
    slug: str,
    start: datetime,
    rules: Rules,
    *,
    list_ids: Sequence[int] = (),
) -> dates.EndsEarly | None:
    """What would be over before the last reader has it, unless a person decided on that already."""
    if rules.finish is None or (found and found.reason_facts.get("decided") == Why.LINK_ENDS_EARLY):
        return None
    opens = start + timedelta(minutes=rules.safety_minutes)
    return dates.ends_early(connection, slug, found.list_ids if found else list_ids, opens, rules.finish)


# ── launching ───────────────────────────────────────────────────────────────────────────────────


def launch(connection: Connection, campaign_id: int, rules: Rules, *, by: Actor, now: datetime) -> Built:
    """Build the ledger and set the campaign sending. One transaction, all or nothing.

    Raises Refused if the issue's text is not approved as it stands, was composed for another base_url or
    is another newsletter's, if nobody is there to get the first copies, and if the campaign is not scheduled.
    """
    found = store.get(connection, campaign_id)
    if found.state is not CampaignState.SCHEDULED:
        raise store.impossible(found, CampaignState.SENDING)
    slug = require_approval(connection, found.issue)
    require_base_url(connection, slug, rules.base_url)
    issue_id = issues.id_of(connection, slug)
    newsletters.require(connection, issue_id, found.list_ids)  # it may have moved since the order
    if rules.routes is not None:
        newsletters.require_relay(connection, issue_id, rules.routes)
    frozen = frozen_editions(connection, issue_id)
    store.move(connection, campaign_id, CampaignState.SENDING, by=by, now=now, launched_at=now)
    _write_editions(connection, campaign_id, frozen)
    whom = Audience(found.list_ids)
    plan = _Plan(found, issue_id, whom, frozen, rules.site_language)
    built = _build(connection, plan, now)
    excluded = audience.excluded(connection, whom, now) | (
        {"already_has_it": built.already} if built.already else {}
    )
    connection.execute(campaign.update().where(campaign.c.id == campaign_id).values(excluded=excluded))
    # An issue that nobody got stays as it is: it may be mended and sent when there are readers.
    if found.kind is CampaignKind.REGULAR and (built.total or issues.has_begun(connection, issue_id)):
        issues.set_state(connection, slug, IssueState.SENT, by=by, now=now)
    audit.record(
        connection, by, "campaign.launch", f"campaign:{campaign_id}", now,
        after={"total": built.total, "by_language": dict(built.by_language), "excluded": excluded},
    )  # fmt: skip
    if built.by_language:
        _spread_safety_net(connection, found, frozen, rules, now)
    ledger.finish_if_done(connection, campaign_id, now, by=by)  # nobody to send to is an end, too
    return built


def _spread_safety_net(
    connection: Connection, found: Campaign, frozen: Mapping[str, int], rules: Rules, now: datetime
) -> None:
    if rules.safety_minutes == 0 or found.kind not in _WITH_NET:
        return
    if found.again and first_copy.has_seen(
        connection, frozen.values()
    ):  # these very editions went out before
        return
    if rules.office is None:
        raise Refused(
            "Nobody is named who could get the first copy.",
            remedy="Set sender.contact or sender.email, or delivery.safety_window_minutes = 0.",
            key="no_office_address",
        )
    net = first_copy.Net(rules.office, rules.safety_minutes)
    first_copy.arrange(connection, found.id, frozen, found.list_ids[0], net, now)


def require_approval(connection: Connection, slug: str | None) -> str:
    """The slug, if this very text is approved. Raises Refused."""
    if slug is None:
        raise Refused(
            "The campaign has no issue.", remedy="Assign one to its date.", key="campaign_without_issue"
        )
    if not is_ready(connection, slug):
        raise Refused(
            f"Issue {slug} is not approved.",
            remedy=f"Check and approve it: mailer issues approve {slug}",
            key="issue_not_approved", slug=slug,
        )  # fmt: skip
    return slug


def is_ready(connection: Connection, slug: str) -> bool:
    """Approved as the text stands now, and its editions are frozen."""
    if issues.approval(connection, slug) is None:
        return False
    return bool(frozen_editions(connection, issues.id_of(connection, slug)))


def require_base_url(connection: Connection, slug: str, base_url: str) -> None:
    """Raises Refused if the frozen editions lead to another site than the present one."""
    if not is_composed_for(connection, slug, base_url):
        raise Refused(
            f"Issue {slug} was composed for another site.base_url than the present one.",
            remedy=f"Approve it again: mailer issues approve {slug}",
            key="composed_otherwise", slug=slug,
        )  # fmt: skip


def is_composed_for(connection: Connection, slug: str, base_url: str) -> bool:
    """Links and pictures of a frozen edition are addresses below the base_url of its approval."""
    return composed_for(connection, issues.id_of(connection, slug)) <= {base_url}


def _write_editions(connection: Connection, campaign_id: int, frozen: Mapping[str, int]) -> None:
    connection.execute(
        campaign_edition.insert(),
        [
            {"campaign_id": campaign_id, "language": language, "edition_id": edition_id}
            for language, edition_id in frozen.items()
        ],
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything a ledger is made from."""

    campaign: Campaign
    issue_id: int
    whom: Audience
    frozen: Mapping[str, int]  # language → edition id, in the order of the issue's languages
    site_language: str | None


def _build(connection: Connection, plan: _Plan, now: datetime) -> Built:
    for _ in range(_TRIES - 1):
        try:
            with connection.begin_nested():
                return _build_once(connection, plan, now)
        except LookupError:  # somebody chose another language meanwhile: ask again
            continue
    return _build_once(connection, plan, now)


def _build_once(connection: Connection, plan: _Plan, now: datetime) -> Built:
    groups = audience.groups(connection, plan.whom, now)
    chosen = audience.edition_map(
        groups, list(plan.frozen), plan.site_language, next(iter(plan.frozen), None)
    )
    return ledger.build(
        connection,
        plan.campaign.id,
        issue_id=plan.issue_id,
        people=audience.people(plan.whom, now),
        edition_of={who: (plan.frozen[lang], lang) if lang else None for who, lang in chosen.items()},
        again=plan.campaign.again,
        now=now,
    )
