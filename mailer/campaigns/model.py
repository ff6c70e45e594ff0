"""The words of a campaign: states, kinds, why one is held. Plain values and the table of moves.

Owns nothing in the database. Read by every room that shows or moves a campaign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from mailer.tables.campaigns import NOBODY_GOT_IT


class CampaignState(StrEnum):
    SCHEDULED = "scheduled"
    HELD = "held"  # by a rule; `reason` says which
    SENDING = "sending"
    PAUSED = "paused"  # by a person
    FINISHED = "finished"
    CANCELLED = "cancelled"


S = CampaignState

TRANSITIONS: Final[Mapping[CampaignState, frozenset[CampaignState]]] = {
    S.SCHEDULED: frozenset({S.HELD, S.SENDING, S.PAUSED, S.CANCELLED}),
    S.HELD: frozenset({S.SCHEDULED, S.SENDING, S.CANCELLED}),
    S.SENDING: frozenset({S.HELD, S.PAUSED, S.FINISHED, S.CANCELLED}),
    S.PAUSED: frozenset({S.SCHEDULED, S.SENDING, S.HELD, S.CANCELLED}),  # held: the database was restored
    S.FINISHED: frozenset({S.SENDING}),  # retry: some of its deliveries are queued again
    S.CANCELLED: frozenset(),
}

UNFINISHED: Final = (S.SCHEDULED, S.HELD, S.SENDING, S.PAUSED)


class CampaignKind(StrEnum):
    REGULAR = "regular"
    TEST = "test"
    REHEARSAL = "rehearsal"
    CORRECTION = "correction"


class Why(StrEnum):
    """Reasons of *held* that this room gives. Others (policy, too_many_refusals, …) come from the senders."""

    NO_ISSUE = "no_issue"
    NOT_APPROVED = "not_approved"
    LATE = "late"
    COMPOSED_OTHERWISE = "composed_otherwise"  # for another base_url than the present one
    LINK_ENDS_EARLY = "link_ends_early"  # before the predicted finish
    RESTORED = "restored"  # the database is a backup: this may have been sent since
    NOBODY_GOT_IT = NOBODY_GOT_IT  # not of held: cancelled in time


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody wants sent, and to whom."""

    issue: str  # slug
    lists: tuple[str, ...]  # slugs; the first that a person is on names their delivery
    again: bool = False  # also to those who have or await this issue
    kind: CampaignKind = CampaignKind.REGULAR


@dataclass(frozen=True, slots=True)
class Campaign:
    """One row of `campaign` with its lists: what status, list and the launch read."""

    id: int
    issue_id: int | None
    issue: str | None  # slug
    kind: CampaignKind
    state: CampaignState
    reason: str | None
    reason_facts: Mapping[str, object]
    again: bool
    at: datetime
    launched_at: datetime | None
    finished_at: datetime | None
    waits_until: datetime | None
    waits_reason: str | None
    waits_reply: str | None
    excluded: Mapping[str, int] | None
    by: str
    created_at: datetime
    safety_minutes: int = 0  # of the window after the office's first copies; 0 = none
    opens_at: datetime | None = (
        None  # the end of the window; None with minutes: the first copies are on their way
    )
    lists: tuple[str, ...] = ()
    list_ids: tuple[int, ...] = ()

    def is_closed(self, now: datetime) -> bool:
        """Its safety window is not over: nothing leaves but the office's first copies."""
        return self.safety_minutes > 0 and (self.opens_at is None or self.opens_at > now)


@dataclass(frozen=True, slots=True)
class Schedule:
    id: int
    name: str
    rule: str  # in words, as typed
    zone: str
    active: bool
    looked_at: datetime
    lists: tuple[str, ...] = field(default=())
    list_ids: tuple[int, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Planned:
    """One date of a schedule, to come or past: what `schedules next` prints."""

    date: date
    at: datetime
    issue: str | None  # slug of the assigned or dated one
    campaign_id: int | None
