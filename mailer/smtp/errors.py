"""Errors of the SMTP room, each saying whose fault it is.

    MailerError
    └── RelayProblem
        └── RelayUnusable    nothing can be sent through this relay now; key, stage, reply, a sentence to act on
    SmtpFault
    ├── RemoteFault          the server broke the protocol; the connection is dropped, outcomes stay true
    └── LocalFault           we called the dialogue in a state that does not allow it: our bug

A refused message or recipient is no error: it is an Outcome. Sentences by key: `problems.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailer.errors import RelayProblem

if TYPE_CHECKING:
    from mailer.smtp.reply import Reply


class RelayUnusable(RelayProblem):
    """What concerns all messages: connect, TLS, AUTH. No message that meets it has left us."""

    def __init__(
        self,
        sentence: str,
        *,
        remedy: str,
        key: str,
        stage: str,
        reply: Reply | None,
        facts: dict[str, object],
    ) -> None:
        super().__init__(sentence, remedy=remedy, key=key, stage=stage, reply=str(reply or ""), **facts)
        self.stage = stage
        self.reply = reply


class SmtpFault(Exception):
    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class RemoteFault(SmtpFault):
    pass


class LocalFault(SmtpFault):
    pass
