"""A campaign's start: the ledger is built and the campaign is sending, or it is said why it cannot be.

Owns what must be true of an issue for that; writes `campaign_edition`. One transaction of the caller. Called by
`orders` when a person says so and by `clock` when the time has come.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from mailer.campaigns import dates, newsletters, store
from mailer.campaigns.business_days import Calendar
from mailer.campaigns.dates import Finish
from mailer.campaigns.model import Campaign, CampaignKind, CampaignState, Why
from mailer.composer import begun
from mailer.composer import store as issues
from mailer.composer.frozen import composed_for
from mailer.composer.frozen import frozen as frozen_editions
from mailer.composer.model import IssueState
from mailer.delivery import first_copy, ledger
from mailer.delivery.model import Built
from mailer.delivery.routes import Routes
from mailer.errors import Refused
from mailer.tables.campaigns import campaign, campaign_edition
from subscribers import audience, audit
from subscribers.audience import Audience
from subscribers.model import Actor, Address

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
    if found.kind is CampaignKind.REGULAR and (built.total or begun.has_begun(connection, issue_id)):
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
    # These very editions went out before: the office has seen them.
    if found.again and first_copy.has_seen(connection, frozen.values()):
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
