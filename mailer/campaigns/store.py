"""Campaigns in the database: made, found, moved from state to state by people and rules.

Owns `campaign` and `campaign_list`; every move is checked against TRANSITIONS in the statement
that makes it, so that two people or processes cannot both win. Called by launch, CLI and pages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.campaigns.model import TRANSITIONS, UNFINISHED, Campaign, CampaignKind, CampaignState, Why
from mailer.composer import begun
from mailer.composer import store as issues
from mailer.delivery import failover, ledger
from mailer.delivery.model import DeliveryState
from mailer.errors import NotFound, Refused
from mailer.tables.campaigns import campaign, campaign_list
from mailer.tables.composer import issue
from subscribers import audit, tables
from subscribers.model import Actor


def create(
    connection: Connection,
    issue_id: int | None,
    list_ids: Sequence[int],
    *,
    at: datetime,
    by: Actor,
    now: datetime,
    kind: CampaignKind = CampaignKind.REGULAR,
    again: bool = False,
) -> int:
    """A campaign that starts at `at`. `issue_id` None: an occurrence that found no issue yet."""
    made = connection.execute(
        campaign.insert()
        .values(
            issue_id=issue_id, kind=str(kind), state=str(CampaignState.SCHEDULED), again=again,
            at=at, by=str(by), created_at=now,
        )
        .returning(campaign.c.id)
    ).scalar_one()  # fmt: skip
    connection.execute(
        campaign_list.insert(),
        [{"campaign_id": made, "position": n, "list_id": list_id} for n, list_id in enumerate(list_ids)],
    )
    audit.record(
        connection, by, "campaign.create", f"campaign:{made}", now,
        after={"issue": issue_id, "lists": list(list_ids), "at": at.isoformat(), "kind": str(kind), "again": again},
    )  # fmt: skip
    return int(made)


def get(connection: Connection, campaign_id: int) -> Campaign:
    """Raises NotFound."""
    found = _read(connection, campaign.c.id == campaign_id)
    if not found:
        raise NotFound(f"There is no campaign {campaign_id}.", key="no_campaign", campaign=campaign_id)
    return found[0]


def campaigns(connection: Connection, *states: CampaignState) -> list[Campaign]:
    """All, or those in these states; the newest first."""
    return _read(connection, campaign.c.state.in_([str(s) for s in states]) if states else sa.true())


def due(connection: Connection, now: datetime) -> list[int]:
    """Scheduled campaigns whose time has come, the oldest first."""
    return list(
        connection.scalars(
            sa.select(campaign.c.id)
            .where(campaign.c.state == str(CampaignState.SCHEDULED), campaign.c.at <= now)
            .order_by(campaign.c.at, campaign.c.id)
        )
    )


def unfinished(
    connection: Connection, issue_id: int, list_ids: Sequence[int], kind: CampaignKind
) -> Campaign | None:
    """The campaign of the same issue to the same lists that has not come to its end, if there is one."""
    same = sa.and_(
        campaign.c.issue_id == issue_id,
        campaign.c.kind == str(kind),
        campaign.c.state.in_([str(state) for state in UNFINISHED]),
    )
    return next((c for c in _read(connection, same) if set(c.list_ids) == set(list_ids)), None)


def set_time(connection: Connection, campaign_id: int, at: datetime, *, by: Actor, now: datetime) -> None:
    """Another time for a scheduled campaign; nothing if it has it already."""
    before = get(connection, campaign_id).at
    if before == at:
        return
    connection.execute(
        campaign.update()
        .where(campaign.c.id == campaign_id, campaign.c.state == str(CampaignState.SCHEDULED))
        .values(at=at)
    )
    audit.record(
        connection, by, "campaign.reschedule", f"campaign:{campaign_id}", now,
        before={"at": before.isoformat()}, after={"at": at.isoformat()},
    )  # fmt: skip


def set_again(connection: Connection, campaign_id: int, *, by: Actor, now: datetime) -> None:
    """Also to those who have the issue; only before the launch, which asks for it once. Raises Refused."""
    changed = connection.execute(
        campaign.update()
        .where(campaign.c.id == campaign_id, campaign.c.launched_at.is_(None))
        .values(again=True)
    ).rowcount
    if not changed:
        raise Refused(
            f"Campaign {campaign_id} has begun without those who have the issue already.",
            remedy=f"Order it again with --again when campaign {campaign_id} has finished.",
            key="again_too_late", campaign=campaign_id,
        )  # fmt: skip
    audit.record(
        connection, by, "campaign.again", f"campaign:{campaign_id}", now,
        before={"again": False}, after={"again": True},
    )  # fmt: skip


# ── moves ───────────────────────────────────────────────────────────────────────────────────────


def pause(connection: Connection, campaign_id: int, *, by: Actor, now: datetime) -> None:
    """Nothing more is claimed. What a sender has begun, it finishes: nobody is cut off in mid-mail."""
    move(connection, campaign_id, CampaignState.PAUSED, by=by, now=now)


def resume(
    connection: Connection, campaign_id: int, *, by: Actor, now: datetime, sure: bool = False
) -> CampaignState:
    """Go on where it stopped, or try at once what waits for a relay; the new state. A person has decided, so no
    rule asks the same again.

    With a ledger: sending, and what is left of a safety window is over. Before its launch: scheduled again,
    at `now` if its time is past (F8). A campaign that a backup knows as begun goes on only if the person is
    `sure`: up to all of its open rows may have left since (F9). Raises NotFound, Refused.
    """
    found = get(connection, campaign_id)
    _no_rehearsal(found)
    if found.state not in (CampaignState.HELD, CampaignState.PAUSED, CampaignState.SENDING):
        raise impossible(found, CampaignState.SENDING)
    if found.launched_at is None:
        decided = {"reason_facts": {"decided": found.reason}} if found.reason else {}
        move(
            connection, campaign_id, CampaignState.SCHEDULED, by=by, now=now, at=max(found.at, now), **decided
        )
        return CampaignState.SCHEDULED
    if found.reason == Why.RESTORED and not sure:
        raise _asks_again(found)
    if found.state is not CampaignState.SENDING:
        opens = {"opens_at": now} if found.is_closed(now) else {}
        move(connection, campaign_id, CampaignState.SENDING, by=by, now=now, **opens)
    failover.knock(connection, now)
    return CampaignState.SENDING


def stopped_in_window(connection: Connection, found: Campaign) -> bool:
    """Is it paused or held, and was its safety window open when it was stopped last, whatever the time is now?"""
    if found.launched_at is None or found.state not in (CampaignState.PAUSED, CampaignState.HELD):
        return False
    stops = (_ACTIONS[CampaignState.PAUSED], _ACTIONS[CampaignState.HELD])
    at = [audit.last(connection, stop, f"campaign:{found.id}") for stop in stops]
    return found.is_closed(max((one for one in at if one is not None), default=found.launched_at))


def _asks_again(found: Campaign) -> Refused:
    people = found.reason_facts.get("people", 0)
    return Refused(
        f"Up to {people} people of campaign {found.id} may have got it since the backup was made.",
        remedy=f"To send to all of them all the same: mailer campaigns resume {found.id} --yes. "
        f"To send to nobody more: mailer campaigns cancel {found.id}.",
        key="restored_asks", campaign=found.id, people=people,
        since=datetime.fromisoformat(str(found.reason_facts["since"])),
    )  # fmt: skip


def cancel(connection: Connection, campaign_id: int, *, by: Actor, now: datetime) -> int:
    """Stop for good. Returns how many deliveries will now never leave.

    If nobody has got anything yet, the issue's text may be changed and sent anew.
    """
    found = get(connection, campaign_id)
    if found.launched_at is not None and found.issue is not None:
        issues.lock(connection, found.issue)  # before the campaign's row, as `orders` does
    move(connection, campaign_id, CampaignState.CANCELLED, by=by, now=now, finished_at=now)
    stopped = ledger.cancel(connection, campaign_id, now)
    reaches_readers = found.kind in (CampaignKind.REGULAR, CampaignKind.CORRECTION)
    if found.issue_id is not None and reaches_readers and begun.nobody_got(connection, campaign_id):
        why = {"reason": str(Why.NOBODY_GOT_IT), "reason_facts": {"issue": found.issue}}
        connection.execute(campaign.update().where(campaign.c.id == campaign_id).values(**why))
        issues.take_back(connection, found.issue_id, by=by, now=now)
    return stopped


def retry(connection: Connection, campaign_id: int, *, uncertain: bool, by: Actor, now: datetime) -> int:
    """Queue again who was refused, or who is uncertain; how many. A finished campaign sends again.

    Raises NotFound, Refused (it was cancelled or has no ledger yet).
    """
    lock(connection, campaign_id)  # else a sender could finish it between the rows and the campaign
    found = get(connection, campaign_id)
    _no_rehearsal(found)
    if found.state not in (
        CampaignState.SENDING,
        CampaignState.PAUSED,
        CampaignState.HELD,
        CampaignState.FINISHED,
    ):
        raise impossible(found, CampaignState.SENDING)
    which = DeliveryState.UNCERTAIN if uncertain else DeliveryState.REFUSED
    queued = ledger.requeue(connection, campaign_id, [which], now)
    if queued:
        ledger.reopen(connection, campaign_id, now, by=by)
        audit.record(
            connection, by, "campaign.retry", f"campaign:{campaign_id}", now,
            after={"state": str(which), "deliveries": queued},
        )  # fmt: skip
    return queued


def lock(connection: Connection, campaign_id: int) -> None:
    """Until the transaction ends nobody else moves it (SQLite has one writer anyway)."""
    connection.execute(sa.select(campaign.c.id).where(campaign.c.id == campaign_id).with_for_update())


def _no_rehearsal(found: Campaign) -> None:
    if found.kind is CampaignKind.REHEARSAL:
        raise Refused(
            f"Campaign {found.id} is a rehearsal: it ran once and is over.",
            remedy=f"Rehearse again: mailer campaigns rehearse {found.issue}",
            key="rehearsal_is_over", campaign=found.id, slug=found.issue,
        )  # fmt: skip


def hold(
    connection: Connection,
    campaign_id: int,
    reason: str,
    *,
    by: Actor,
    now: datetime,
    facts: Mapping[str, object] | None = None,
) -> None:
    """`ledger.hold` out of any state that TRANSITIONS allows; one that is held takes the newer reason.

    Raises NotFound, Refused.
    """
    allowed = [*_into(CampaignState.HELD), str(CampaignState.HELD)]
    if not ledger.hold(connection, campaign_id, str(reason), facts or {}, now, by=by, out_of=allowed):
        raise impossible(get(connection, campaign_id), CampaignState.HELD)


def move(
    connection: Connection, campaign_id: int, to: CampaignState, *, by: Actor, now: datetime, **values: Any
) -> None:
    """One step of TRANSITIONS, decided by the database. Raises NotFound, Refused."""
    before = get(connection, campaign_id)
    fresh: dict[str, Any] = {"reason": None, "reason_facts": None}
    moved = connection.execute(
        campaign.update()
        .where(campaign.c.id == campaign_id, campaign.c.state.in_(_into(to)))
        .values(state=str(to), **{**fresh, **values})
    ).rowcount
    if not moved:
        raise impossible(get(connection, campaign_id), to)
    audit.record(
        connection, by, _ACTIONS[to], f"campaign:{campaign_id}", now,
        before={"state": str(before.state)}, after={"state": str(to), "reason": values.get("reason")},
    )  # fmt: skip


def impossible(found: Campaign, to: CampaignState) -> Refused:
    """The refusal of a move that TRANSITIONS has not."""
    return Refused(
        f"Campaign {found.id} is {found.state}; it cannot become {to}.",
        remedy=f"`mailer campaigns status {found.id}` says where it stands.",
        key="campaign_state", campaign=found.id, state=str(found.state), to=str(to),
    )  # fmt: skip


def _into(to: CampaignState) -> list[str]:
    return [str(state) for state, targets in TRANSITIONS.items() if to in targets]


# In the audit record. A send is what the breaker counts from (`ledger.last_let_go`).
_ACTIONS: Mapping[CampaignState, str] = {
    CampaignState.SCHEDULED: "campaign.schedule",
    CampaignState.HELD: ledger.HOLD,
    CampaignState.SENDING: ledger.LET_GO,
    CampaignState.PAUSED: "campaign.pause",
    CampaignState.FINISHED: "campaign.finish",
    CampaignState.CANCELLED: "campaign.cancel",
}


def _read(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Campaign]:
    rows = connection.execute(
        sa.select(campaign, issue.c.slug.label("issue"))
        .join_from(campaign, issue, campaign.c.issue_id == issue.c.id, isouter=True)
        .where(condition)
        .order_by(campaign.c.id.desc())
    ).all()
    lists: dict[int, list[tuple[str, int]]] = {row.id: [] for row in rows}
    asked = (
        sa.select(campaign_list.c.campaign_id, tables.list_.c.slug, tables.list_.c.id)
        .join_from(campaign_list, tables.list_)
        .join(campaign, campaign.c.id == campaign_list.c.campaign_id)
        .where(condition)
        .order_by(campaign_list.c.position)
    )
    for campaign_id, slug, list_id in connection.execute(asked):
        lists[campaign_id].append((slug, list_id))
    return [_campaign(row, lists[row.id]) for row in rows]


def _campaign(row: sa.Row[Any], lists: Sequence[tuple[str, int]]) -> Campaign:
    known = {name: getattr(row, name) for name in _PLAIN}
    return Campaign(
        **known,
        kind=CampaignKind(row.kind),
        state=CampaignState(row.state),
        reason_facts=row.reason_facts or {},
        lists=tuple(slug for slug, _ in lists),
        list_ids=tuple(list_id for _, list_id in lists),
    )


_PLAIN = (
    "id", "issue_id", "issue", "reason", "again", "at", "launched_at", "finished_at",
    "waits_until", "waits_reason", "waits_reply", "excluded", "by", "created_at",
    "safety_minutes", "opens_at",
)  # fmt: skip
