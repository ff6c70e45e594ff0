"""Approving an issue: composing it, the gate, the record with the frozen editions. One transaction each.

Owns the order of these steps and who may pass what. Called by the command line, the pages and the demo.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.composer import checks, editions, store
from mailer.composer.checks import Composed, SenderFacts
from mailer.composer.editions import Press
from mailer.composer.model import Edition, Finding, Issue, Severity
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


@dataclass(frozen=True, slots=True)
class Draft:
    """An issue as it stands, composed; what is judged is what is approved."""

    issue: Issue
    composed: Composed


def compose(connection: Connection, slug: str, gate: Gate) -> Draft:
    """Keeps the pictures that it made. Raises NotFound."""
    issue = store.load(connection, slug)
    return Draft(issue, checks.compose(connection, issue, gate.press))


def judge(connection: Connection, draft: Draft, gate: Gate) -> list[Finding]:
    """Everything that is to be said about an issue, errors first. Reads only."""
    sender = gate.sender.of(draft.issue.newsletter)
    return checks.judge(connection, draft.issue, gate.press, sender, draft.composed, levels=gate.levels)


def approve(
    connection: Connection,
    draft: Draft,
    findings: Sequence[Finding],
    gate: Gate,
    *,
    passed: Mapping[str, str],
    by: Actor,
    now: datetime,
) -> Verdict:
    """Approve and freeze, unless an error stands that nobody passed. `passed`: code → the reason, for the record.

    What nothing said is not recorded as passed. Raises NotFound, Refused for a code that may not be passed or an
    issue that was changed since it was judged.
    """
    for code in passed:
        if code not in checks.CODES:
            near = difflib.get_close_matches(code, checks.CODES, n=1)
            raise Refused(
                f"There is no check {code}.",
                remedy=f"Did you mean “{near[0]}”?" if near else "docs/checks.md lists them.",
                key="no_such_check", check=code, **({"reason": "near", "near": near[0]} if near else {}),
            )  # fmt: skip
        if not checks.may_be_passed(code):
            raise Refused(
                f"The finding {code} cannot be passed.",
                remedy="Mend what it says: the law or the reader's safety asks for it.",
                key="finding_fixed", finding=code,
            )  # fmt: skip
    if any(one.severity is Severity.ERROR and one.code not in passed for one in findings):
        return Verdict(tuple(findings), {})
    said = {one.code for one in findings}
    reasons = [{"code": code, "reason": reason} for code, reason in passed.items() if code in said]
    store.approve(connection, draft.issue, passed=reasons, by=by, now=now)
    return Verdict(tuple(findings), editions.freeze(connection, draft.issue, gate.press, by=by, now=now))
