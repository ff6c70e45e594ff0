"""One turn at the ledger: settle what came back, ask the windows, mark what leaves next. One transaction.

Owns what an outcome means for others: a quota closes the relay, a policy against us or too many refusals hold
the campaign, a row of broken connections is a relay that is down, a domain that asks for less gets less. Called
by the sender in a thread, many times a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery import breaker, domains, failover, first_copy, ledger, retry, throttle
from mailer.delivery.model import Claimed, DeliveryState, Settlement
from mailer.delivery.press import Settings
from mailer.delivery.retry import About, Decision
from mailer.delivery.throttle import Closed, Standing
from mailer.delivery.watch import Watch, is_refusal
from mailer.masking import local_part, masked_of
from mailer.smtp.model import Outcome
from mailer.tables.delivery import delivery

LONGEST_REPLY = (
    500  # characters kept of a reply: texts with links reach 1,500, and a million rows keep theirs
)
# Policy replies to different people without one acceptance between: then it is no longer their affair.
ENOUGH_POLICY = 3
# Connections lost, or end marks without reply, in a row: then it is the relay, and we only knock.
ENOUGH_LOST = 10
# Transient replies that are about nobody, to different people in a row: then it is the relay, too. While we
# knock one is enough.
ENOUGH_BUSY = 10
# Domains that ask for less in a row, without an acceptance anywhere between: then it is no longer their affair.
ENOUGH_DOMAINS = 10
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
    """Deliveries by id. Candidates that are neither offered nor put off may stay in hand."""

    offered: frozenset[int]  # asked for: those that are not marked must not leave
    marked: frozenset[int]  # they leave now
    put_off: frozenset[int]  # given back with a later date, because their domain takes no more now
    again_at: datetime | None  # when more may leave; None: at once
    settled: Counter[str]
    stale: int  # results of rows that were no longer ours: nothing was written
    over: bool = False  # another relay carries some of this now: what is in hand goes back


@dataclass(frozen=True, slots=True)
class Allowed:
    """What rates, windows and domains say about the candidates."""

    rows: Sequence[Claimed] = ()  # they may leave, as far as these go
    again_at: datetime | None = None
    put_off: Mapping[int, datetime] = field(default_factory=dict)
    counted: Mapping[str, int] = field(default_factory=dict)  # by limited domain


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
        quoted = {each.row.id: plain for each in tried if each.row.id in ours and (plain := _unnamed(each))}
        if quoted:
            ledger.unname(connection, quoted)
        if any(each.row.notice == first_copy.PURPOSE for each in tried):
            first_copy.conclude(connection, now)
        standing = throttle.standing(connection)
        gate = self._draw_conclusions(connection, judged, standing, now)
        limits = self._limits(connection, judged, standing, now)
        over = bool(candidates) and not self._still_carries(connection, now)
        quiet_until = self.settings.quiet_until(now)
        if quiet_until is not None and any(row.campaign_id is not None for row in candidates):
            self.watch.waiting = True
            ledger.keep_quiet(connection, quiet_until)
        allowed = self._allowed(connection, gate, limits, () if over else candidates, in_flight, now)
        marked = self._mark(connection, candidates, allowed, limits, now)
        settled = Counter(str(decision.state) for each, decision in judged if each.row.id in ours)
        offered, put_off = frozenset(row.id for row in allowed.rows), frozenset(allowed.put_off)
        stale = len(judged) - len(ours)
        return Turned(offered, marked, put_off, allowed.again_at, settled, stale, over)

    # ── what came back ───────────────────────────────────────────────────────────────────────────

    def _decide(self, tried: Tried) -> Decision:
        row = tried.row
        tries = retry.Tries(row.attempts + 1, row.first_attempt_at or tried.at, row.domain)
        decision = retry.decide(tried.outcome, tries, tried.at, self.settings.policy, self.random)
        self.watch.saw(row, decision, tried.at)
        return decision

    def _draw_conclusions(
        self,
        connection: Connection,
        judged: Sequence[tuple[Tried, Decision]],
        standing: Standing,
        now: datetime,
    ) -> Closed | None:
        """What the outcomes mean for others; what the relay says of us after them."""
        for tried, decision in judged:
            if decision.about is About.US:
                self._hold(connection, tried, decision.reason or "policy", now)
            elif decision.about is About.PERHAPS_US and self._is_about_us(connection, tried.row):
                self._hold(connection, tried, "policy", now)
            elif is_refusal(decision):
                self._break(connection, tried, now)
        gate = standing.gates.get(self.settings.relay)
        shut = [pair for pair in judged if pair[1].about in (About.QUOTA, About.RELAY)]
        if shut:
            tried, decision = shut[-1]
            return self._close(connection, decision.reason or "quota", _words(tried), now)
        if self.watch.lost >= ENOUGH_LOST:
            self.watch.lost = 0
            return self._close(connection, "relay_down", None, now)
        if self._is_busy(knocking=gate is not None and gate.until <= now):
            words = next((_words(tried) for tried, decision in judged if decision.about in _STORM), None)
            self.watch.busy.clear()
            self.watch.asking.clear()
            return self._close(connection, "relay_busy", words, now)
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

    def _hold(self, connection: Connection, tried: Tried, reason: str, now: datetime, **more: object) -> None:
        if tried.row.campaign_id is not None:
            self.watch.policy.pop(tried.row.campaign_id, None)
            facts = {"reply": _words(tried) or "", "stage": tried.outcome.stage, **more}
            ledger.hold(connection, tried.row.campaign_id, reason, facts, now)

    def _is_busy(self, *, knocking: bool) -> bool:
        enough = 1 if knocking else ENOUGH_BUSY
        return len(self.watch.busy) >= enough or len(self.watch.asking) >= ENOUGH_DOMAINS

    def _break(self, connection: Connection, tried: Tried, now: datetime) -> None:
        """Hold the campaign if surely too many are refused since a person last let it go on (F7)."""
        campaign_id, percent = tried.row.campaign_id, self.settings.refused_percent
        recent = self.watch.results.get(campaign_id or 0)
        if campaign_id is None or recent is None:
            return
        if not breaker.trips(*recent.counted, percent and max(percent, recent.allowed)):
            return
        # A list that old is held again only where it is twice as bad as what a person let pass.
        holds = ledger.times_held(connection, campaign_id, breaker.TOO_MANY)
        recent.allowed = breaker.raised(percent, holds)
        resumed = ledger.last_let_go(connection, campaign_id)
        if resumed is not None:  # perhaps after another process had stopped it
            recent.forget_until(resumed)
        refused, of = recent.counted
        if breaker.trips(refused, of, recent.allowed):
            allowed = recent.allowed
            del self.watch.results[campaign_id]
            facts = {"refused": refused, "of": of, "percent": round(100 * refused / of), "allowed": allowed}
            self._hold(connection, tried, breaker.TOO_MANY, now, **facts)

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

    def _limits(
        self,
        connection: Connection,
        judged: Sequence[tuple[Tried, Decision]],
        standing: Standing,
        now: datetime,
    ) -> domains.Limits:
        """What the office and the recipients' domains allow, by domain, after these replies."""
        paces = dict(standing.paces)
        asked = {each.row.domain: each for each, decision in judged if decision.about is About.DOMAIN}
        for domain in sorted(asked):
            took = self.watch.took.last_minute(domain, now)
            paces[domain] = domains.slow(
                connection, domain, paces.get(domain), _words(asked[domain]), took, now
            )
        domains.free(connection, paces, now)
        return domains.limits(self.settings.domain_rates, paces, now)

    def _allowed(
        self,
        connection: Connection,
        gate: Closed | None,
        limits: domains.Limits,
        candidates: Sequence[Claimed],
        in_flight: int,
        now: datetime,
    ) -> Allowed:
        """Which of the candidates may leave, notices first, and when there will be more."""
        if gate is not None and gate.until > now:
            self._tell(connection, now)
            return Allowed(again_at=gate.until)
        if gate is not None:  # after a refusal one goes ahead, the others wait for its reply
            candidates = candidates[: 1 if in_flight == 0 else 0]
        allotted = domains.allot(connection, candidates, limits, self.watch.ends, now)
        rows, scope, rates = allotted.open, self.settings.relay, self.settings.rates
        if not rates or not rows:
            return Allowed(rows, None, allotted.put_off, allotted.counted)
        notices = sum(row.campaign_id is None for row in rows)
        grant = throttle.take_in_order(connection, scope, rates, notices, len(rows) - notices, now)
        if grant.next_at is not None and grant.granted == 0 and grant.next_at - now >= WORTH_TELLING:
            self.watch.waiting = True
            failover.wait_for_rate(connection, self.settings, grant.next_at, now)
        return Allowed(rows[: grant.granted], grant.next_at, allotted.put_off, allotted.counted)

    def _mark(
        self,
        connection: Connection,
        candidates: Sequence[Claimed],
        allowed: Allowed,
        limits: domains.Limits,
        now: datetime,
    ) -> frozenset[int]:
        """Make it durable who leaves now and who is put off; give back what is not used of the windows."""
        marked: set[int] = set()
        relay, lease = self.settings.relay, self.settings.lease
        if allowed.rows:
            if self.watch.waiting:
                self.watch.waiting = False
                ledger.go_on(connection, now)
            marked = ledger.attempting(connection, allowed.rows, now, lease=lease, relay=relay)
            unused = len(allowed.rows) - len(marked)
            throttle.give_back(connection, relay, self.settings.rates, unused, now)
        if allowed.put_off:
            late = [row for row in candidates if row.id in allowed.put_off]
            ledger.put_off(connection, late, allowed.put_off)
        if allowed.counted:
            left = Counter(row.domain for row in allowed.rows if row.id in marked)
            domains.give_back(connection, limits, allowed.counted, left, now)
        return frozenset(marked)


# Replies that, many in a row, are the relay's own affair.
_STORM = (About.NOBODY, About.DOMAIN)


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


def _unnamed(tried: Tried) -> str | None:
    """The reply without the recipient, if it quotes them."""
    reply, mailbox = tried.outcome.reply, _mailbox(tried.row)
    if (
        reply is None
        or mailbox is None
        or local_part(mailbox).strip('"').casefold() not in reply.text.casefold()
    ):
        return None
    plain = masked_of(reply.text, mailbox)  # a name of one letter stands in every reply, and masks nothing
    return plain[:LONGEST_REPLY] if plain != reply.text else None


def _words(tried: Tried) -> str | None:
    """What may be told of it beyond the person's own row, and outlives the person: without their address."""
    said = str(tried.outcome.reply) if tried.outcome.reply else tried.told
    return masked_of(said, _mailbox(tried.row))[:LONGEST_REPLY] or None


def _mailbox(row: Claimed) -> str | None:
    return row.recipient.wire if row.recipient is not None else row.address
