"""The words of the store: Actor, Address, Subscriber, List, Subscription. Plain values, no SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SubscriptionState(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    UNSUBSCRIBED = "unsubscribed"


class Act(StrEnum):
    """What was done to get or to end consent. The moves are `consent.TRANSITIONS`."""

    ASKED = "asked"  # a form was sent: anybody can do that for anybody
    CONFIRMED = "confirmed"  # the person pressed the button behind their own address
    DECLARED = "declared"  # the office says that it holds the consent (import, paper, desk)
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it. Every writer takes one; the audit record says it."""

    kind: str  # staff | subscriber | import | clock | system
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


@dataclass(frozen=True, slots=True)
class Address:
    """One mailbox in the forms that are needed (RFC 5321 §4.1.2, RFC 5890)."""

    written: str  # as a person reads it, NFC, trimmed
    local: str  # case kept
    domain: str  # A-label, lower case
    key: str  # casefold + NFKC of both halves: the same person
    wire: str  # for RCPT TO and To: local part quoted where the form needs it
    needs_smtputf8: bool = False  # non-ASCII local part, RFC 6531


@dataclass(frozen=True, slots=True)
class MailingList:
    id: int
    slug: str
    name: Mapping[str, str]  # per language; "" = for all
    newsletter: str
    language: str | None
    opt_in: str  # double | single
    public: bool

    def name_in(self, language: str) -> str:
        """The name for a reader of `language`, else the one for all, else in the list's own language."""
        primary = language.split("-", maxsplit=1)[0]
        for key in (language, primary, "", self.language or ""):
            if self.name.get(key):
                return self.name[key]
        return next((self.name[key] for key in sorted(self.name)), self.slug)


@dataclass(frozen=True, slots=True)
class Subscription:
    list: str  # slug
    state: SubscriptionState
    since: datetime
    source: str


@dataclass(frozen=True, slots=True)
class Subscriber:
    id: int
    reference: str  # as shown: "K7Q-492"
    email: str
    name: str
    languages: tuple[str, ...]
    time_zone: str | None
    attributes: Mapping[str, str]
    text_only: bool
    paused_until: datetime | None
    created_at: datetime
    subscriptions: tuple[Subscription, ...] = field(default=())
