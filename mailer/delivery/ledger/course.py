"""What the press tells a campaign: wait, go on, held, finished. Launch, pause and cancel are not here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.model import OPEN_STATES
from mailer.delivery.routes import WHOLE, Routes, Share
from mailer.tables.campaigns import campaign
from mailer.tables.composer import issue
from mailer.tables.delivery import delivery
from subscribers import audit, tables
from subscribers.model import Actor

from .rows import campaigns_of, open_in

PRESS = Actor("system", "sender")
# Waits of one relay, which end where another carries the campaign. Others (quiet hours) are for all.
RELAYS_WAITS = ("quota", "rate", "relay_busy", "relay_down", "relay_refuses")


# What the audit record calls these moves, whoever makes them: `last_let_go` reads what campaigns.store writes.
HOLD, LET_GO = "campaign.hold", "campaign.send"


def wait(
    connection: Connection,
    until: datetime,
    reason: str,
    reply: str | None,
    *,
    share: Share = WHOLE,
) -> int:
    """Nothing of the campaigns of this share (rehearsals use no relay) leaves before `until`; how many wait.

    `reason`: one of RELAYS_WAITS. `reply`: the server's last words, without addresses. Quiet time that ends
    later stays.
    """
    quiet_longer = sa.and_(campaign.c.waits_reason == "quiet", campaign.c.waits_until >= until)
    return connection.execute(
        campaign.update()
        .where(campaign.c.state == "sending", campaigns_of(share))
        .where(sa.or_(campaign.c.waits_reason.is_(None), ~quiet_longer))
        .values(waits_until=until, waits_reason=reason, waits_reply=reply)
    ).rowcount


def keep_quiet(connection: Connection, until: datetime | None) -> int:
    """It is quiet time: what is sending waits, but for tests and rehearsals and what waits longer; how many.

    None: it is not, or no longer; whoever waited for its end goes on, also if the hours were changed.
    """
    these = campaign.update().where(campaign.c.state == "sending")
    if until is None:
        ended = these.where(campaign.c.waits_reason == "quiet")
        return connection.execute(
            ended.values(waits_until=None, waits_reason=None, waits_reply=None)
        ).rowcount
    waits_less = sa.or_(campaign.c.waits_until.is_(None), campaign.c.waits_until < until)
    return connection.execute(
        these.where(campaign.c.kind.not_in(["test", "rehearsal"]), waits_less).values(
            waits_until=until, waits_reason="quiet", waits_reply=None
        )
    ).rowcount


def go_on(connection: Connection, now: datetime) -> int:
    """Clear the waits that are over; how many campaigns go on."""
    return connection.execute(
        campaign.update()
        .where(campaign.c.state == "sending", campaign.c.waits_until <= now)
        .values(waits_until=None, waits_reason=None, waits_reply=None)
    ).rowcount


def lift(connection: Connection, share: Share) -> int:
    """Clear the waits that a relay brought about: another one carries this share now. How many go on."""
    return connection.execute(
        campaign.update()
        .where(campaign.c.state == "sending", campaign.c.waits_reason.in_(RELAYS_WAITS), campaigns_of(share))
        .values(waits_until=None, waits_reason=None, waits_reply=None)
    ).rowcount


def hold(
    connection: Connection,
    campaign_id: int,
    reason: str,
    facts: Mapping[str, object],
    now: datetime,
    *,
    by: Actor = PRESS,
    out_of: Collection[str] = ("sending",),
) -> bool:
    """A rule stops the campaign until a person resumes it; False if it was in none of the states `out_of`.

    The one way into *held*, for senders, the clock and a restore. `reason` is a code, `facts` fill its sentence
    and hold no reader's address: they stay in the audit record when the person is erased.
    """
    mine = campaign.c.id == campaign_id, campaign.c.state.in_(list(out_of))
    asked = sa.select(campaign.c.state, campaign.c.reason).where(*mine).with_for_update()
    before = connection.execute(asked).one_or_none()
    if before is None:
        return False
    connection.execute(
        campaign.update().where(*mine).values(state="held", reason=reason, reason_facts=dict(facts))
    )
    audit.record(
        connection, by, HOLD, f"campaign:{campaign_id}", now,
        before={"state": before.state, "reason": before.reason},
        after={"state": "held", "reason": reason, "facts": dict(facts)},
    )  # fmt: skip
    return True


def last_let_go(connection: Connection, campaign_id: int) -> datetime | None:
    """When it was launched or a person last resumed it."""
    return audit.last(connection, LET_GO, f"campaign:{campaign_id}")


def times_held(connection: Connection, campaign_id: int, reason: str) -> int:
    """How often it was held for this, over all processes and restarts."""
    said = tables.audit_record
    found = connection.scalars(
        sa.select(said.c.after).where(said.c.subject == f"campaign:{campaign_id}", said.c.action == HOLD)
    )
    return sum(bool(after) and after.get("reason") == reason for after in found)


def close(connection: Connection, campaign_id: int, minutes: int) -> None:
    """Nothing of it leaves until `open_at` says when: `minutes` after the office has its first copies."""
    connection.execute(
        campaign.update().where(campaign.c.id == campaign_id).values(safety_minutes=minutes, opens_at=None)
    )


def closed(connection: Connection) -> Sequence[sa.Row[int, int]]:
    """id and safety_minutes of the campaigns that are sending and for which no opening is set yet."""
    return connection.execute(
        sa.select(campaign.c.id, campaign.c.safety_minutes)
        .where(campaign.c.state == "sending", campaign.c.safety_minutes > 0, campaign.c.opens_at.is_(None))
        .order_by(campaign.c.id)
    ).all()


def open_at(connection: Connection, campaign_id: int, at: datetime) -> None:
    """The rest may leave from `at` on. What has an opening keeps it."""
    connection.execute(
        campaign.update()
        .where(campaign.c.id == campaign_id, campaign.c.state == "sending", campaign.c.opens_at.is_(None))
        .values(opens_at=at)
    )


def hold_unserved(connection: Connection, routes: Routes, now: datetime) -> int:
    """Hold what is sending although no relay takes its sender any more; how many."""
    found = connection.execute(
        sa.select(campaign.c.id, issue.c.newsletter)
        .join(issue, issue.c.id == campaign.c.issue_id)
        .where(campaign.c.state == "sending", campaigns_of(Share(newsletters=routes.unserved)))
    ).all()
    return sum(
        hold(
            connection, row.id, "no_relay_for_sender",
            {"newsletter": row.newsletter, "email": routes.of(row.newsletter).sender}, now,
        )
        for row in found
    )  # fmt: skip


def finish_if_done(connection: Connection, campaign_id: int, now: datetime, *, by: Actor = PRESS) -> bool:
    """Finish a sending campaign without a row queued, claimed, attempting or deferred."""
    return bool(_finish(connection, now, by, campaign.c.id == campaign_id))


def finish_done(connection: Connection, now: datetime, *, by: Actor = PRESS) -> list[int]:
    """The same for all campaigns that are sending: the ids of those that are finished now."""
    return _finish(connection, now, by, sa.true())


def reopen(connection: Connection, campaign_id: int, now: datetime, *, by: Actor) -> bool:
    """A finished campaign goes on sending because rows of it were queued again."""
    reopened = connection.execute(
        campaign.update()
        .where(campaign.c.id == campaign_id, campaign.c.state == "finished")
        .values(state="sending", finished_at=None)
    ).rowcount
    if reopened:
        audit.record(connection, by, "campaign.reopen", f"campaign:{campaign_id}", now)
    return bool(reopened)


def _finish(connection: Connection, now: datetime, by: Actor, which: sa.ColumnElement[bool]) -> list[int]:
    # One look per open state: each is one probe of the partial index.
    is_open = [
        sa.exists().where(delivery.c.campaign_id == campaign.c.id, open_in(state)) for state in OPEN_STATES
    ]
    # First the lock, then the look: a retry that queues rows at this moment holds the campaign, and PostgreSQL
    # would go on looking with what it saw before it had to wait.
    sending = sa.select(campaign.c.id).where(campaign.c.state == "sending", which).with_for_update()
    locked = connection.scalars(sending.order_by(campaign.c.id)).all()
    if not locked:
        return []
    finished = list(
        connection.scalars(
            campaign.update()
            .where(campaign.c.id.in_(locked), ~sa.or_(*is_open))
            .values(state="finished", finished_at=now, waits_until=None, waits_reason=None, waits_reply=None)
            .returning(campaign.c.id)
        )
    )
    for campaign_id in finished:
        audit.record(connection, by, "campaign.finish", f"campaign:{campaign_id}", now)
    return finished
