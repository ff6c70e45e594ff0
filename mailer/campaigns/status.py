"""How a campaign stands, in the words of the command line's and the pages' contract.

Owns nothing: the campaign's row and the ledger's counts side by side. Called by CLI and pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.campaigns import store
from mailer.campaigns.model import Campaign
from mailer.delivery import ledger
from mailer.delivery.model import Counts


@dataclass(frozen=True, slots=True)
class Status:
    campaign: Campaign
    counts: Counts

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
            "waits_until": _iso(campaign.waits_until),
            "waits_reason": campaign.waits_reason,
            "waits_reply": campaign.waits_reply,
            "total": counts.total,
            "excluded": dict(counts.excluded),
            "skipped": dict(counts.skipped),
            "by_language": dict(counts.by_language),
            "by_state": dict(counts.by_state),
            "seconds": round(counts.seconds, 3),
            "messages_per_second": round(counts.messages_per_second, 1),
        }


def status(connection: Connection, campaign_id: int) -> Status:
    """Raises NotFound."""
    return Status(store.get(connection, campaign_id), ledger.counts(connection, campaign_id))


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
