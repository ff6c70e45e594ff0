"""The words of the ledger: a delivery's states and moves, what a claim hands out, what a try settles.

Plain values, no SQL, no socket. Read by every module of this room, by campaigns, reports and the
pages. docs/architecture draws its picture of the states from TRANSITIONS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailer.errors import Refused
from subscribers.audience import Recipient


class DeliveryState(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"  # a sender has it in hand; nothing has left
    ATTEMPTING = "attempting"  # durable before the envelope leaves
    ACCEPTED = "accepted"
    DEFERRED = "deferred"  # will be tried again at due_at
    REFUSED = "refused"
    UNCERTAIN = "uncertain"  # the end mark may have left us and no reply is recorded
    SKIPPED = "skipped"  # this person may no longer get it
    CANCELLED = "cancelled"  # the campaign was
    BOUNCED = "bounced"
    COMPLAINED = "complained"


_S = DeliveryState
TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    _S.QUEUED: frozenset({_S.CLAIMED, _S.SKIPPED, _S.CANCELLED}),
    _S.CLAIMED: frozenset({_S.ATTEMPTING, _S.QUEUED, _S.REFUSED, _S.SKIPPED, _S.CANCELLED}),
    _S.ATTEMPTING: frozenset(  # cancelled: nothing arrived, and the campaign was cancelled meanwhile
        {_S.ACCEPTED, _S.DEFERRED, _S.REFUSED, _S.UNCERTAIN, _S.QUEUED, _S.CANCELLED}
    ),
    _S.DEFERRED: frozenset({_S.CLAIMED, _S.QUEUED, _S.SKIPPED, _S.CANCELLED}),
    _S.UNCERTAIN: frozenset({_S.QUEUED, _S.ACCEPTED, _S.CANCELLED, _S.BOUNCED, _S.COMPLAINED}),
    _S.ACCEPTED: frozenset({_S.BOUNCED, _S.COMPLAINED}),
    _S.REFUSED: frozenset({_S.QUEUED, _S.SKIPPED}),  # `campaigns retry`; skipped: has it from another by now
    _S.BOUNCED: frozenset({_S.COMPLAINED}),
    _S.SKIPPED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.COMPLAINED: frozenset(),
}

OPEN_STATES = (_S.QUEUED, _S.CLAIMED, _S.ATTEMPTING, _S.DEFERRED)  # a campaign with one is not finished

TAKEN = (_S.ACCEPTED, _S.BOUNCED, _S.COMPLAINED)  # the relay took it, whatever came back later

# Who has the issue or awaits it; refused, skipped and cancelled people do not, and may be built again.
HAS_OR_AWAITS = (
    _S.QUEUED, _S.CLAIMED, _S.ATTEMPTING, _S.DEFERRED, _S.UNCERTAIN, _S.ACCEPTED, _S.BOUNCED, _S.COMPLAINED,
)  # fmt: skip


def may_move(before: DeliveryState, after: DeliveryState) -> None:
    """Raises Refused when TRANSITIONS has no such move."""
    if after not in TRANSITIONS[before]:
        raise Refused(
            f"A delivery cannot go from {before} to {after}.",
            key="delivery_move",
            before=str(before),
            after=str(after),
        )


@dataclass(frozen=True, slots=True)
class Claimed:
    """A row in the hand of one sender until its lease ends. `fence` proves that it still is."""

    id: int
    fence: int
    campaign_id: int | None  # None: a notice
    issue_id: int | None
    subscriber_id: int | None
    notice: str | None  # purpose: confirm, goodbye, …
    address: str | None  # of a notice, wire form
    slots: Mapping[str, str] | None = field(hash=False)  # of a notice
    edition_id: int
    list_id: int | None
    language: str
    domain: str
    attempts: int  # before this one
    first_attempt_at: datetime | None
    recipient: Recipient | None  # of a campaign: read when it was claimed


@dataclass(frozen=True, slots=True)
class Settlement:
    """What became of one claimed row, with the server's own words."""

    id: int
    fence: int
    state: DeliveryState
    at: datetime  # of the reply, not of the commit
    number: int  # which attempt this was, from 1
    stage: str  # connect | mail | rcpt | data | message
    reason: str | None = None
    reply_code: int | None = None
    reply_enhanced: str | None = None
    reply_text: str | None = None  # at most 500 characters
    due_at: datetime | None = None  # of deferred and queued: not before
    counted: bool = True  # False: a quota is our affair and uses up nobody's patience (F53)


@dataclass(frozen=True, slots=True)
class Notice:
    """A transactional mail to be sent once. `key` is its purpose, for all time: "confirm:enews:123"."""

    purpose: str
    key: str
    address: str  # wire form
    domain: str
    edition_id: int
    language: str
    slots: Mapping[str, str]
    subscriber_id: int | None = None
    list_id: int | None = None


@dataclass(frozen=True, slots=True)
class Built:
    total: int  # rows of the campaign, skipped ones included
    by_language: Mapping[str, int]  # rows that are not skipped
    already: int  # people left out because they have this issue or await it


@dataclass(frozen=True, slots=True)
class Counts:
    total: int
    by_state: Mapping[str, int]
    by_language: Mapping[str, int]  # rows that are not skipped
    excluded: Mapping[str, int]  # people without a row, by reason
    skipped: Mapping[str, int]  # by reason
    first_at: datetime | None  # first MAIL
    last_at: datetime | None  # last reply
    seconds: float  # between them
    messages_per_second: float  # accepted by the relay ÷ seconds; 0.0 before the first
    lately: int = 0  # accepted since the moment that was asked for
