"""What a check looks at. Plain values, composed once for all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy.engine import Connection

from mailer.composer.editions import Press, Proof
from mailer.composer.model import Finding, Issue

from . import reading


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
    _read: dict[str, list[reading.Part]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def parts(self, language: str) -> list[reading.Part]:
        """Lead and sections of an edition, run by run; read once for all checks."""
        if language not in self._read:
            self._read[language] = reading.parts(self.proofs[language].letter)
        return self._read[language]

    def each_part(self) -> Iterator[tuple[str, reading.Part]]:
        for language in self.proofs:
            for part in self.parts(language):
                yield language, part


Check = Callable[[Case], Iterable[Finding]]
