"""How a campaign stands, in the words of the command line's and the pages' contract.

Owns nothing: the campaign's row, the ledger's counts, the windows' and servers' words side by side. Addresses
in replies are masked here, before anybody shows or logs them. Called by CLI and pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.campaigns import store
from mailer.campaigns.model import Campaign, CampaignState
from mailer.delivery import first_copy, ledger
from mailer.delivery.ledger.watching import DomainCount, LastReply
from mailer.delivery.model import OPEN_STATES, Counts
from mailer.delivery.pace import Pace
from mailer.tables.delivery import domain_pace

LATELY = timedelta(minutes=1)  # what "now" means of a rate
MOST_DOMAINS = 10
_SERVERS_WORDS = ("reply", "error")  # among the facts of a reason; the others are the office's own


@dataclass(frozen=True, slots=True)
class SlowedDomain:
    """A recipient domain that asked us to slow down."""

    domain: str
    per_minute: int  # at this moment
    since: datetime  # the last time it asked
    reply: str  # masked


@dataclass(frozen=True, slots=True)
class Status:
    campaign: Campaign  # its replies masked
    counts: Counts
    domains: tuple[DomainCount, ...]
    replies: tuple[LastReply, ...]
    slowed: tuple[SlowedDomain, ...]
    rate_now: float  # accepted in the last minute, a second
    finish: datetime | None = None  # predicted; None: nothing is open or sending, or nobody reckoned
    first_copy_to: str | None = None  # the office's address, if there is a safety window

    @property
    def is_sending(self) -> bool:
        return self.campaign.state == CampaignState.SENDING

    @property
    def open(self) -> int:
        return sum(self.counts.by_state.get(state, 0) for state in OPEN_STATES)

    def as_json(self) -> dict[str, object]:
        """`campaigns status --json`: names that stay."""
        campaign, counts = self.campaign, self.counts
        return {
            "campaign": campaign.id,
            "issue": campaign.issue,
            "kind": str(campaign.kind),
            "lists": list(campaign.lists),
            "state": str(campaign.state),
            "reason": campaign.reason,
            "reason_facts": dict(campaign.reason_facts),
            "at": campaign.at.isoformat(),
            "launched_at": _iso(campaign.launched_at),
            "finished_at": _iso(campaign.finished_at),
            "safety": _safety(campaign, self.first_copy_to),
            "waits_until": _iso(campaign.waits_until),
            "waits_reason": campaign.waits_reason,
            "waits_reply": campaign.waits_reply,
            "total": counts.total,
            "excluded": dict(counts.excluded),
            "skipped": dict(counts.skipped),
            "by_language": dict(counts.by_language),
            "by_state": dict(counts.by_state),
            "by_domain": [asdict(domain) for domain in self.domains],
            "seconds": round(counts.seconds, 3),
            "messages_per_second": round(counts.messages_per_second, 1),
            "rate_now": round(self.rate_now, 2),
            "finish": _iso(self.finish),
            "last_replies": [asdict(reply) | {"at": reply.at.isoformat()} for reply in self.replies],
            "slowed_domains": [asdict(slow) | {"since": slow.since.isoformat()} for slow in self.slowed],
        }


def status(connection: Connection, campaign_id: int, now: datetime) -> Status:
    """Everything, from the rows: 4 s for a campaign of a million on SQLite. Raises NotFound."""
    counts = ledger.counts(connection, campaign_id, since=now - LATELY)
    return Status(
        masked(store.get(connection, campaign_id)),
        counts,
        tuple(ledger.by_domain(connection, campaign_id, MOST_DOMAINS)),
        tuple(ledger.last_replies(connection, campaign_id)),
        tuple(_slowed(connection, now)),
        _rate(counts, now),
        first_copy_to=first_copy.sent_to(connection, campaign_id),
    )


def masked(campaign: Campaign) -> Campaign:
    """The same, with the servers' words as they may be shown."""
    facts: Mapping[str, object] = {
        name: ledger.reply_shown(value) if name in _SERVERS_WORDS and isinstance(value, str) else value
        for name, value in campaign.reason_facts.items()
    }
    reply = campaign.waits_reply
    return replace(
        campaign, reason_facts=facts, waits_reply=reply if reply is None else ledger.reply_shown(reply)
    )


def _safety(campaign: Campaign, to: str | None) -> dict[str, object] | None:
    """`opens_at` null: the first copies have not all been accepted yet."""
    if campaign.safety_minutes == 0:
        return None
    return {"minutes": campaign.safety_minutes, "opens_at": _iso(campaign.opens_at), "to": to}


def _rate(counts: Counts, now: datetime) -> float:
    """A campaign that began a moment ago has no minute to look back on."""
    if counts.first_at is None or not counts.lately:
        return 0.0
    return counts.lately / min(max((now - counts.first_at).total_seconds(), 1.0), LATELY.total_seconds())


def _slowed(connection: Connection, now: datetime) -> list[SlowedDomain]:
    """The slowest first. Few domains ever ask, and what asked long ago is free again."""
    found = connection.execute(sa.select(domain_pace)).all()
    paces = [(row, Pace(row.per_minute, row.since, row.reply).at(now)) for row in found]
    slowed = [
        SlowedDomain(row.domain, allowed, row.since, ledger.reply_shown(row.reply))
        for row, allowed in paces
        if allowed is not None
    ]
    return sorted(slowed, key=lambda slow: (slow.per_minute, slow.domain))[:MOST_DOMAINS]


def listing(connection: Connection) -> list[dict[str, object]]:
    """`campaigns list --json`, the newest first."""
    totals = ledger.totals(connection)
    return [
        {
            "id": campaign.id,
            "issue": campaign.issue,
            "kind": str(campaign.kind),
            "lists": list(campaign.lists),
            "state": str(campaign.state),
            "reason": campaign.reason,
            "at": campaign.at.isoformat(),
            "total": totals.get(campaign.id, 0),
        }
        for campaign in store.campaigns(connection)
    ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
