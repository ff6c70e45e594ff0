"""What one sender process has seen of late: streaks without an acceptance, results by campaign, queues put off.

Owns counting; what follows from the counts is `turn`'s. Kept in memory for the life of the process: whoever
starts anew counts anew.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from mailer.delivery.breaker import Recent
from mailer.delivery.model import Claimed, DeliveryState
from mailer.delivery.pace import Tally
from mailer.delivery.retry import About, Decision
from mailer.delivery.routes import NONE, Newsletters

MOST_CAMPAIGNS = (
    16  # whose results are remembered for the breaker; a result takes 100 bytes, and 1,000 are kept
)


@dataclass(slots=True)
class Watch:
    """Changed by each outcome, in the order in which they came back."""

    # In a row, without an acceptance in between:
    policy: defaultdict[int, set[int]] = field(
        default_factory=lambda: defaultdict(set)
    )  # by campaign, deliveries
    lost: int = 0  # connections
    busy: set[int] = field(default_factory=set)  # deliveries that a server could not take just then
    asking: set[str] = field(default_factory=set)  # domains that asked for less

    took: Tally = field(default_factory=Tally)  # accepted by domain
    results: dict[int, Recent] = field(default_factory=dict)  # by campaign
    ends: dict[str, datetime] = field(default_factory=dict)  # of the queues of domains, see `domains.allot`
    waiting: bool = False  # we told campaigns to wait, and have not told them to go on
    carrying: Newsletters = NONE  # what the rows in hand may belong to

    def saw(self, row: Claimed, decision: Decision, at: datetime) -> None:
        if decision.state is DeliveryState.ACCEPTED:
            self.lost = 0
            self.policy.pop(row.campaign_id or 0, None)
            self.busy.clear()
            self.asking.clear()
            self.took.add(row.domain, at)
        elif decision.about is About.PERHAPS_US:
            self.policy[row.campaign_id or 0].add(row.id)
        elif decision.about is About.LINK:
            self.lost += 1
        elif decision.about is About.NOBODY:
            self.busy.add(row.id)
        elif decision.about is About.DOMAIN:
            self.asking.add(row.domain)
        self._count(row, decision, at)

    def _count(self, row: Claimed, decision: Decision, at: datetime) -> None:
        """For the breaker. Whoever a person sends to again was counted before: refused again is no news."""
        sent_again = row.attempts > 0 and row.first_attempt_at is None
        is_final = decision.state is DeliveryState.ACCEPTED or is_refusal(decision)
        if row.campaign_id is not None and is_final and not sent_again:
            self._recent(row.campaign_id).add(at, is_refusal(decision))

    def _recent(self, campaign_id: int) -> Recent:
        if campaign_id not in self.results:
            while len(self.results) >= MOST_CAMPAIGNS:
                del self.results[next(iter(self.results))]
            self.results[campaign_id] = Recent()
        return self.results[campaign_id]


def is_refusal(decision: Decision) -> bool:
    """Did a server refuse this person for good? Not: we gave up, or could not write the address."""
    return decision.state is DeliveryState.REFUSED and decision.reason in ("address", "refused")
