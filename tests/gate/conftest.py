"""The checks of words, over texts that a test writes in a few lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from mailer import i18n
from mailer.composer import checks, store
from mailer.composer.checks import texts
from mailer.composer.checks.case import Case
from mailer.composer.editions import Proof
from mailer.composer.model import Edition, Finding, Issue, IssueState
from mailer.composer.pictures import Album
from mailer.composer.resources import Managed
from mailer.composer.text import markdown
from subscribers.model import Actor
from tests.gate.writing import DAY, issue_of

NOT_OF_WORDS = {"sharp", "left_out"}


def unprinted(issue: Issue, language: str) -> Proof:
    """What the checks of words see of an edition; nothing is drawn."""
    letter, _ = markdown.read(issue, language, "Asia/Tokyo")
    edition = Edition(0, issue.slug, None, language, "", letter.subject, "", "", None, (), {})
    return Proof(edition, letter, Managed({}, {}), Album({}, 0, True), None)  # type: ignore[arg-type]


Told = Callable[..., list[Finding]]


@pytest.fixture
def told(sqlite: Engine) -> Told:
    """Findings of words. `ja`, `en` …: what stands in a section; or an `issue` as a whole."""

    def judged(issue: Issue | None = None, *, only: str = "", **words: Any) -> list[Finding]:
        day = words.pop("day", DAY)
        fields = {name: words.pop(name) for name in ("subjects",) if name in words}
        written = {language: f"# {language} {{#one}}\n\n{text}\n" for language, text in words.items()}
        kept = issue or issue_of(written, day=day, **fields)
        proofs = {
            language: unprinted(kept, language) for language in kept.languages if language in kept.texts
        }
        with sqlite.begin() as connection:
            case = Case(connection, kept, None, None, proofs, kept.date)  # type: ignore[arg-type]
            wanted = [check for check in texts.CHECKS if check.__name__ not in NOT_OF_WORDS]
            found = [one for check in wanted for one in check(case)]
        for one in found:
            for language in ("ja", "en"):
                assert all(checks.describe(one, i18n.words(language)))  # message and remedy, with their facts
        return [one for one in found if not only or one.code == only]

    return judged


@pytest.fixture
def sent(sqlite: Engine, keiko: Actor, now: datetime) -> Callable[[Issue], None]:
    """Keeps an issue that went out before."""

    def keep(issue: Issue) -> None:
        with sqlite.begin() as connection:
            store.save(connection, replace(issue, files={}), {}, by=keiko, now=now)
            for state in (IssueState.APPROVED, IssueState.SENT):
                store.set_state(connection, issue.slug, state, by=keiko, now=now)

    return keep
