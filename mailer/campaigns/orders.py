"""Orders of people: send this issue to these lists, now or at a time.

Owns the rule that an order given twice is the same campaign. Called by CLI and pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.campaigns import dates, newsletters, store
from mailer.campaigns.dates import EndsEarly
from mailer.campaigns.launch import (
    Rules,
    ends_early,
    is_ready,
    launch,
    require_approval,
    require_base_url,
)
from mailer.campaigns.model import Campaign, CampaignState, Order, Why
from mailer.composer import store as issues
from mailer.errors import Refused
from subscribers.model import Actor
from subscribers.store import list_by_slug


@dataclass(frozen=True, slots=True)
class Scheduled:
    campaign_id: int
    missing: tuple[Why, ...]  # what would hold it at its time
    early: EndsEarly | None = None  # the link that ends before the predicted finish


def send(connection: Connection, order: Order, rules: Rules, *, by: Actor, now: datetime) -> Campaign:
    """Start now, or go on with the unfinished campaign of the same issue and lists (F54).

    What was stopped within its safety window goes on by `resume` alone: there a person decides.
    Raises Refused if the issue is not approved, composed for another base_url or of another newsletter,
    if a link in it ends before everybody has it,
    and for `again` that comes too late; NotFound, UnknownList.
    """
    issue_id, list_ids = _resolve(connection, order)
    require_approval(connection, order.issue)
    if rules.routes is not None:  # also where it goes on: a sender would only hold it again
        newsletters.require_relay(connection, issue_id, rules.routes)
    found = store.unfinished(connection, issue_id, list_ids, order.kind)
    if found is None or found.launched_at is None:
        require_base_url(connection, order.issue, rules.base_url)
        early = ends_early(connection, found, order.issue, now, rules, list_ids=list_ids)
        if early is not None:
            raise dates.refused(order.issue, early)
    if found is None:
        campaign_id = store.create(
            connection, issue_id, list_ids, at=now, by=by, now=now, kind=order.kind, again=order.again
        )
    else:
        campaign_id = found.id
        _set_again(connection, order, found, by=by, now=now)
        if found.state in (CampaignState.PAUSED, CampaignState.HELD):
            if found.reason != Why.RESTORED and store.stopped_in_window(connection, found):
                raise _needs_a_person(found)
            store.resume(connection, campaign_id, by=by, now=now)
    if store.get(connection, campaign_id).state is CampaignState.SCHEDULED:
        store.set_time(connection, campaign_id, now, by=by, now=now)
        launch(connection, campaign_id, rules, by=by, now=now)
    return store.get(connection, campaign_id)


def schedule(
    connection: Connection,
    order: Order,
    at: datetime,
    *,
    by: Actor,
    now: datetime,
    rules: Rules | None = None,
) -> Scheduled:
    """Start at a time. An issue that is not approved yet is taken, and what is missing is said.

    With `rules`, links that end before the predicted finish are named, too. The same order again moves the
    time. Raises Refused (the time is past, it is already going on, the
    lists are another newsletter's).
    """
    issue_id, list_ids = _resolve(connection, order)
    if at <= now:
        raise Refused(
            "That time is past.",
            remedy="Give a later time, or send it now: mailer campaigns send",
            key="time_is_past", at=at,
        )  # fmt: skip
    early = None
    if is_ready(connection, order.issue):
        early = ends_early(connection, None, order.issue, at, rules, list_ids=list_ids) if rules else None
        missing = () if early is None else (Why.LINK_ENDS_EARLY,)
    else:
        missing = (Why.NOT_APPROVED,)
    found = store.unfinished(connection, issue_id, list_ids, order.kind)
    if found is None:
        made = store.create(
            connection, issue_id, list_ids, at=at, by=by, now=now, kind=order.kind, again=order.again
        )
        return Scheduled(made, missing, early)
    if found.launched_at is not None:
        raise Refused(
            f"Campaign {found.id} is sending this issue to these lists already.",
            remedy=f"`mailer campaigns status {found.id}` says where it stands.",
            key="already_sending", campaign=found.id, slug=order.issue,
        )  # fmt: skip
    _set_again(connection, order, found, by=by, now=now)
    if found.state is CampaignState.SCHEDULED:
        store.set_time(connection, found.id, at, by=by, now=now)
    else:
        store.move(connection, found.id, CampaignState.SCHEDULED, by=by, now=now, at=at)
    return Scheduled(found.id, missing, early)


def _needs_a_person(found: Campaign) -> Refused:
    return Refused(
        f"Campaign {found.id} was stopped in its safety window; nobody but the office has anything of it.",
        remedy=f"To send to everybody at once: mailer campaigns resume {found.id}. "
        f"If something is wrong: mailer campaigns cancel {found.id}, then mend, approve and send it.",
        key="stopped_in_window", campaign=found.id, slug=found.issue,
    )  # fmt: skip


def _set_again(connection: Connection, order: Order, found: Campaign, *, by: Actor, now: datetime) -> None:
    """An order without `again` takes nothing back: the campaign was ordered so."""
    if order.again and not found.again:
        store.set_again(connection, found.id, by=by, now=now)


def _resolve(connection: Connection, order: Order) -> tuple[int, Sequence[int]]:
    """The issue's row stays locked: of two orders at the same moment the second sees the first's campaign."""
    lists = dict.fromkeys(order.lists)
    if not lists:
        raise Refused("No list was named.", remedy="Name at least one list.", key="no_list_named")
    issue_id = issues.lock(connection, order.issue)
    list_ids = [list_by_slug(connection, slug).id for slug in lists]
    newsletters.require(connection, issue_id, list_ids)
    return issue_id, list_ids
