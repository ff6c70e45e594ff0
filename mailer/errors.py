"""Errors of the mailer. What an operator can act on is a `MailerError`; anything else is our fault.

    MailerError              code, sentence, facts, place, remedy
    ├── BadConfig            the configuration; holds every fault, each with file and key
    ├── BadIssue             the issue folder or a text in it; holds every fault, each with its place
    ├── BadPicture           a picture that cannot or must not be decoded
    ├── BadRule              a monthly rule that cannot be read
    ├── NotFound             no such issue, campaign, schedule, edition or file
    ├── Refused              the states do not allow it (TRANSITIONS), or the gate holds
    ├── HeaderRefused        a text that must not stand in a message header; says which header
    ├── NoKey                secrets.keys or secrets.permanent_key is missing
    └── RelayProblem         the relay cannot be used: connect, TLS, AUTH, MAIL FROM

`sentence` is English and complete; `mailer.i18n` has the same by `code` in every language.
A Fault is one line of a BadConfig or BadIssue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: where it stands, what it is, what to do."""

    code: str
    where: str  # "ja.md, line 12", "config.toml: relay.port"
    sentence: str
    remedy: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


class MailerError(Exception):
    code: ClassVar[str] = "mailer_error"

    def __init__(self, sentence: str, *, remedy: str = "", key: str = "", **facts: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.remedy = remedy
        self.key = key or self.code  # the catalogue key: error.<key>
        self.facts: Mapping[str, object] = facts


class _WithFaults(MailerError):
    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(f"{f.where}: {f.sentence} {f.remedy}".rstrip() for f in faults))
        self.faults = tuple(faults)


class BadConfig(_WithFaults):
    code = "bad_config"


class BadIssue(_WithFaults):
    code = "bad_issue"


class BadPicture(MailerError):
    code = "bad_picture"


class BadRule(MailerError):
    code = "bad_rule"


class NotFound(MailerError):
    code = "not_found"


class Refused(MailerError):
    code = "refused"


class HeaderRefused(MailerError):
    code = "header_refused"


class NoKey(MailerError):
    code = "no_key"


class RelayProblem(MailerError):
    code = "relay_problem"
