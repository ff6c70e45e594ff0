"""Approving an issue: the gate, the record, the frozen editions, in one transaction.

Owns the order of these steps and who may pass what. Called by the command line, the pages and the demo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.composer import checks, editions, store
from mailer.composer.checks import SenderFacts
from mailer.composer.editions import Press
from mailer.composer.model import Edition, Finding, Severity
from mailer.errors import Refused
from subscribers.model import Actor


@dataclass(frozen=True, slots=True)
class Gate:
    """What the gate is told beside the issue."""

    press: Press
    sender: SenderFacts
    levels: Mapping[str, str]  # CODE → hold | warn | off


@dataclass(frozen=True, slots=True)
class Verdict:
    """`editions` is empty while an error stands."""

    findings: tuple[Finding, ...]
    editions: Mapping[str, Edition]

    @property
    def approved(self) -> bool:
        return bool(self.editions)


def judge(connection: Connection, slug: str, gate: Gate) -> list[Finding]:
    """Everything that is to be said about an issue, errors first. Raises NotFound."""
    issue = store.load(connection, slug)
    return checks.check(connection, issue, gate.press, gate.sender.of(issue.newsletter), levels=gate.levels)


def approve(
    connection: Connection, slug: str, gate: Gate, *, passed: Mapping[str, str], by: Actor, now: datetime
) -> Verdict:
    """Approve and freeze, unless an error stands that nobody passed. `passed`: code → the reason, for the record.

    Raises NotFound, Refused for a code that may not be passed.
    """
    for code in passed:
        if not checks.may_be_passed(code):
            raise Refused(
                f"The finding {code} cannot be passed.",
                remedy="Mend what it says: the law or the reader's safety asks for it.",
                key="finding_fixed", finding=code,
            )  # fmt: skip
    issue = store.load(connection, slug)
    findings = checks.check(
        connection, issue, gate.press, gate.sender.of(issue.newsletter), levels=gate.levels
    )
    if any(one.severity is Severity.ERROR and one.code not in passed for one in findings):
        return Verdict(tuple(findings), {})
    reasons = [{"code": code, "reason": reason} for code, reason in passed.items()]
    store.approve(connection, issue, passed=reasons, by=by, now=now)
    return Verdict(tuple(findings), editions.freeze(connection, issue, gate.press, by=by, now=now))
