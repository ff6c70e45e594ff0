"""The gate: what must be right before anything leaves.

Owns the list of checks, their codes and their levels. Changes nothing. Called by *approve*, by
sending and launching, and by `issues check`. A check is a small function over a `Case`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy.engine import Connection

from mailer.composer import editions
from mailer.composer.editions import Press, Proof
from mailer.composer.model import Finding, Issue, Severity
from mailer.errors import BadIssue, Fault
from mailer.i18n import Words

from . import clients, contrast, files, mails, pictures, senders, spelling, text_parts, texts
from .case import Case, Check, SenderFacts
from .codes import CODES, Code, may_be_passed

__all__ = [
    "CHECKS",
    "CODES",
    "Code",
    "Composed",
    "SenderFacts",
    "check",
    "compose",
    "describe",
    "holds",
    "judge",
    "may_be_passed",
    "ordered",
]

CHECKS: tuple[Check, ...] = (
    *texts.CHECKS,
    *spelling.CHECKS,
    *pictures.CHECKS,
    *files.CHECKS,
    *mails.CHECKS,
    *text_parts.CHECKS,
    *contrast.CHECKS,
    *clients.CHECKS,
    *senders.CHECKS,
)
_LEVELS: Mapping[str, Severity | None] = {"hold": Severity.ERROR, "warn": Severity.WARNING, "off": None}
_SECTION = re.compile(r"^[^,]+\.md, #([^,]+)")
_OF_ALL = ("issue.toml: picture", "issue.toml: pictures")
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def check(
    connection: Connection,
    issue: Issue,
    press: Press,
    sender: SenderFacts,
    *,
    levels: Mapping[str, str] | None = None,
    as_of: date | None = None,
) -> list[Finding]:
    """`compose` and `judge` in one transaction."""
    composed = compose(connection, issue, press)
    return judge(connection, issue, press, sender, composed, levels=levels, as_of=as_of)


@dataclass(frozen=True, slots=True)
class Composed:
    """Every language of an issue as far as it can be printed, and what is wrong with its words."""

    proofs: Mapping[str, Proof]
    faults: tuple[Finding, ...]


def compose(connection: Connection, issue: Issue, press: Press) -> Composed:
    """Takes a moment, and keeps the pictures that it made."""
    found: list[Finding] = []
    proofs = {}
    for language in issue.languages:
        if language not in issue.texts:
            continue  # `languages` says so
        try:
            proofs[language], faults = editions.draft(connection, issue, language, press)
        except BadIssue as error:
            faults = list(error.faults)
        found += [_of_fault(fault, language) for fault in faults]
    return Composed(proofs, tuple(found))


def judge(
    connection: Connection,
    issue: Issue,
    press: Press,
    sender: SenderFacts,
    composed: Composed,
    *,
    levels: Mapping[str, str] | None = None,
    as_of: date | None = None,
) -> list[Finding]:
    """Everything that is to be said about an issue, errors first. `levels`: CODE → hold | warn | off.

    `as_of`: the day by which dated links are judged; the issue's date for *approve*, the predicted finish for
    sending. Reads only: it may take seconds (spelling, PDFs), in which nobody shall wait for a lock.
    """
    case = Case(connection, issue, press, sender, composed.proofs, as_of or issue.date)
    found = [*composed.faults]
    for one in CHECKS:
        found += one(case)
    once = {(one.code, one.language, one.section, one.where, str(one.facts)): one for one in found}
    return ordered(once.values(), levels or {})


def ordered(found: Iterable[Finding], levels: Mapping[str, str]) -> list[Finding]:
    """As grave as the office wants them, errors first."""
    levelled = [changed for one in found if (changed := _levelled(one, levels))]
    return sorted(levelled, key=lambda one: _ORDER[one.severity])


def _of_fault(fault: Fault, language: str) -> Finding:
    """`where` is "ja.md, #key, line 3", "ja.md, lead, line 1" or "issue.toml: picture": the last is no language's."""
    key = _SECTION.search(fault.where)
    tongue = None if fault.where in _OF_ALL else language
    return Finding(fault.code, CODES[fault.code].severity, tongue, key and key[1], fault.where, fault.facts)


def holds(findings: list[Finding]) -> bool:
    """Does an error stand?"""
    return any(one.severity is Severity.ERROR for one in findings)


def describe(one: Finding, words: Words) -> tuple[str, str]:
    """(message, remedy) in the language of `words`."""
    key = CODES[one.code].key
    closer = f"{key}.{one.facts.get('reason', '')}"
    key = closer if closer in words else key
    return words(key, **one.facts), words.remedy(key, **one.facts)


def _levelled(one: Finding, levels: Mapping[str, str]) -> Finding | None:
    """As the office wants it; what the law or the reader's safety asks for stays as it is."""
    level = levels.get(one.code)
    if level is None or CODES[one.code].fixed:
        return one
    severity = _LEVELS[level]
    if severity is None:
        return None
    return Finding(one.code, severity, one.language, one.section, one.where, one.facts)
