"""One turn at the ledger: settle what came back, ask the windows, mark what leaves next. One transaction.

Owns what an outcome means for others: a quota closes the relay, a policy against us holds the campaign, a
row of broken connections is a relay that is down. Called by the sender in a thread, many times a second.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery import failover, first_copy, ledger, retry, throttle
from mailer.delivery.model import Claimed, DeliveryState, Settlement
from mailer.delivery.press import Settings
from mailer.delivery.retry import About, Decision
from mailer.delivery.routes import NONE, Newsletters
from mailer.delivery.throttle import Closed
from mailer.smtp.model import Outcome
from mailer.tables.delivery import delivery

LONGEST_REPLY = (
    500  # characters kept of a reply: texts with links reach 1,500, and a million rows keep theirs
)
# Policy replies to different people without one acceptance between: then it is no longer their affair.
ENOUGH_POLICY = 3
# Connections lost, or end marks without reply, in a row: then it is the relay, and we only knock.
ENOUGH_LOST = 10
# A wait for a rate that is shorter than this is not worth a line on a page.
WORTH_TELLING = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Tried:
    """A row that was handed over, and what came of it at that moment."""

    row: Claimed
    at: datetime
    outcome: Outcome
    told: str = ""  # the sentence of a problem that concerns the whole relay


@dataclass(frozen=True, slots=True)
class Turned:
    offered: int  # so many candidates, from the first on, were asked for; the others may stay in hand
    marked: frozenset[int]  # those that leave now; offered ones that are not here must not leave
    again_at: datetime | None  # when more may leave; None: at once
    settled: Counter[str]
    stale: int  # results of rows that were no longer ours: nothing was written
    over: bool = False  # another relay carries some of this now: what is in hand goes back


@dataclass(slots=True)
class Watch:
    """What this process has seen in a row, without an acceptance in between."""

    policy: defaultdict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    lost: int = 0
    waiting: bool = False  # we told campaigns to wait, and have not told them to go on
    carrying: Newsletters = NONE  # what the rows in hand may belong to

    def saw(self, row: Claimed, decision: Decision) -> None:
        if decision.state is DeliveryState.ACCEPTED:
            self.lost = 0
            self.policy.pop(row.campaign_id or 0, None)
        elif decision.about is About.PERHAPS_US:
            self.policy[row.campaign_id or 0].add(row.id)
        elif decision.about is About.LINK:
            self.lost += 1


@dataclass(frozen=True, slots=True)
class Turn:
    """What stays the same from turn to turn."""

    settings: Settings
    watch: Watch
    random: Callable[[], float]

    def __call__(
        self,
        connection: Connection,
        tried: Sequence[Tried],
        candidates: Sequence[Claimed],
        in_flight: int,
        now: datetime,
    ) -> Turned:
        """Locks are taken in the same order by all: own rows, relay, campaigns, windows, own rows."""
        judged = [(each, self._decide(each)) for each in tried]
        ours = ledger.settle(connection, [_settlement(*pair) for pair in judged], self.settings.relay)
        if any(each.row.notice == first_copy.PURPOSE for each in tried):
            first_copy.conclude(connection, now)
        gate = self._draw_conclusions(connection, judged, now)
        over = bool(candidates) and not self._still_carries(connection, now)
        offered, again_at = self._allowed(connection, gate, () if over else candidates, in_flight, now)
        marked: set[int] = set()
        if offered:
            if self.watch.waiting:
                self.watch.waiting = False
                ledger.go_on(connection, now)
            first = candidates[:offered]
            lease, relay = self.settings.lease, self.settings.relay
            marked = ledger.attempting(connection, first, now, lease=lease, relay=relay)
            unused = len(first) - len(marked)
            throttle.give_back(connection, relay, self.settings.rates, unused, now)
        settled = Counter(str(decision.state) for each, decision in judged if each.row.id in ours)
        return Turned(offered, frozenset(marked), again_at, settled, len(judged) - len(ours), over)

    # ── what came back ───────────────────────────────────────────────────────────────────────────

    def _decide(self, tried: Tried) -> Decision:
        tries = retry.Tries(tried.row.attempts + 1, tried.row.first_attempt_at or tried.at)
        decision = retry.decide(tried.outcome, tries, tried.at, self.settings.policy, self.random)
        self.watch.saw(tried.row, decision)
        return decision

    def _draw_conclusions(
        self, connection: Connection, judged: Sequence[tuple[Tried, Decision]], now: datetime
    ) -> Closed | None:
        """What the outcomes mean for others; what the relay says of us after them."""
        for tried, decision in judged:
            if decision.about is About.US:
                self._hold(connection, tried, decision.reason or "policy", now)
            elif decision.about is About.PERHAPS_US and self._is_about_us(connection, tried.row):
                self._hold(connection, tried, "policy", now)
        shut = [pair for pair in judged if pair[1].about in (About.QUOTA, About.RELAY)]
        if shut:
            tried, decision = shut[-1]
            return self._close(connection, decision.reason or "quota", _words(tried), now)
        if self.watch.lost >= ENOUGH_LOST:
            self.watch.lost = 0
            return self._close(connection, "relay_down", None, now)
        gate = throttle.closed(connection, self.settings.relay)
        accepted = any(decision.state is DeliveryState.ACCEPTED for _, decision in judged)
        if gate is not None and gate.until <= now and accepted:  # we knocked, and it opened
            throttle.reopen(connection, self.settings.relay, now)
            self._tell(connection, now)
            return None
        return gate

    def _close(self, connection: Connection, reason: str, reply: str | None, now: datetime) -> Closed:
        gate = throttle.close(connection, self.settings.relay, reason, reply, self.settings.rates, now)
        self._tell(connection, now)
        return gate

    def _tell(self, connection: Connection, now: datetime) -> None:
        self.watch.waiting = True
        failover.tell(connection, self.settings, now)

    def _hold(self, connection: Connection, tried: Tried, reason: str, now: datetime) -> None:
        if tried.row.campaign_id is not None:
            self.watch.policy.pop(tried.row.campaign_id, None)
            facts = {"reply": _words(tried) or "", "stage": tried.outcome.stage}
            ledger.hold(connection, tried.row.campaign_id, reason, facts, now)

    def _is_about_us(self, connection: Connection, row: Claimed) -> bool:
        seen = len(self.watch.policy.get(row.campaign_id or 0, ()))
        if seen >= ENOUGH_POLICY or row.campaign_id is None:
            return seen >= ENOUGH_POLICY
        others = connection.scalar(  # in a letter to two people there is no third to ask
            sa.select(delivery.c.id)
            .where(delivery.c.campaign_id == row.campaign_id, delivery.c.id != row.id)
            .where(delivery.c.state.in_(["queued", "claimed", "attempting", "accepted"]))
            .limit(1)
        )
        return seen > 0 and others is None

    def _still_carries(self, connection: Connection, now: datetime) -> bool:
        """May all that is in hand still go over this relay?"""
        if self.settings.routes.is_single:
            return True
        return failover.share(connection, self.settings, now).newsletters.covers(self.watch.carrying)

    # ── what may leave ───────────────────────────────────────────────────────────────────────────

    def _allowed(
        self,
        connection: Connection,
        gate: Closed | None,
        candidates: Sequence[Claimed],
        in_flight: int,
        now: datetime,
    ) -> tuple[int, datetime | None]:
        """How many of the candidates, notices first, and when there will be more."""
        if gate is not None and gate.until > now:
            self._tell(connection, now)
            return 0, gate.until
        wanted = len(candidates)
        if gate is not None:  # after a refusal one goes ahead, the others wait for its reply
            wanted = min(wanted, 1 if in_flight == 0 else 0)
        if not self.settings.rates or wanted == 0:
            return wanted, None
        notices = sum(row.campaign_id is None for row in candidates[:wanted])
        scope, rates = self.settings.relay, self.settings.rates
        grant = throttle.take(connection, scope, rates, notices, now, notice=True)
        granted = grant.granted
        if granted == notices:
            grant = throttle.take(connection, scope, rates, wanted - notices, now)
            granted += grant.granted
        if grant.next_at is not None and granted == 0 and grant.next_at - now >= WORTH_TELLING:
            self.watch.waiting = True
            failover.wait_for_rate(connection, self.settings, grant.next_at, now)
        return granted, grant.next_at


def _settlement(tried: Tried, decision: Decision) -> Settlement:
    reply = tried.outcome.reply
    due_at = decision.due_at
    if decision.about is About.US and tried.row.campaign_id is None:
        due_at = tried.at + timedelta(minutes=10)  # a notice has no campaign that could be held
    return Settlement(
        id=tried.row.id,
        fence=tried.row.fence,
        state=decision.state,
        at=tried.at,
        number=tried.row.attempts + 1,
        stage=tried.outcome.stage,
        reason=decision.reason,
        reply_code=reply.code if reply else None,
        reply_enhanced=reply.enhanced if reply else None,
        reply_text=(reply.text if reply else tried.told)[:LONGEST_REPLY] or None,
        due_at=due_at,
        counted=decision.counted,
    )


def _words(tried: Tried) -> str | None:
    return (str(tried.outcome.reply) if tried.outcome.reply else tried.told)[:LONGEST_REPLY] or None
