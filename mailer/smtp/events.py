"""What the dialogue tells its driver, and the step of a transaction that each awaited reply belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from mailer.smtp import wire
from mailer.smtp.errors import RelayUnusable
from mailer.smtp.model import Envelope, Outcome, Stage


@dataclass(frozen=True, slots=True)
class StartTls:
    """Make the TLS handshake now, then call `secured`."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Transactions may begin."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """The handshake failed; close."""

    problem: RelayUnusable


@dataclass(frozen=True, slots=True)
class Settled:
    """A message has its outcome; `tag` is what `begin` was given."""

    tag: object
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Closed:
    """Close the connection; nothing more can come of it. `error`: None after QUIT or 421, else bad_reply."""

    error: str | None
    detail: str = ""


Event = StartTls | Ready | Unusable | Settled | Closed


class Step(Enum):
    """What a reply is awaited for."""

    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    MARK = "message"  # the end mark: final dot or BDAT LAST
    QUIT = "quit"


@dataclass(slots=True, eq=False)
class Transaction:
    envelope: Envelope
    message: wire.Checked | None  # None: only ask whether the envelope would be taken (`check`)
    tag: object
    stage: Stage = "mail"  # whose reply is awaited next
    mark_at: int | None = None  # place of the end mark's first byte in all that we wrote
    settled: bool = False
    mail_accepted: bool = False
    rcpt_accepted: bool = False
