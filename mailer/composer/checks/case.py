"""What a check looks at. Plain values, composed once for all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.engine import Connection

from mailer.composer.editions import Press, Proof
from mailer.composer.model import Finding, Issue


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """Who the mail says it is from, and the relay that will carry it."""

    email: str
    relay_host: str
    signing_domain: str = ""  # d= of our signature; "" = the relay signs, with what we cannot know
    envelope_domain: str = ""  # of the return path, "" = the sender's own mailbox
    newsletters: Mapping[str, SenderFacts] = field(default_factory=dict)  # that have a sender of their own

    def of(self, newsletter: str) -> SenderFacts:
        return self.newsletters.get(newsletter, self)


@dataclass(frozen=True, slots=True)
class Case:
    connection: Connection
    issue: Issue
    press: Press
    sender: SenderFacts
    proofs: Mapping[str, Proof]  # by language; without those that could not be composed
    as_of: date


Check = Callable[[Case], Iterable[Finding]]
