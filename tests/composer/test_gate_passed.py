"""What an approver lets pass: with a reason, which is kept and said again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from mailer.bootstrap.issues import known
from mailer.composer import approving, checks, store
from mailer.composer.approving import Gate
from mailer.composer.checks import CODES, Composed, SenderFacts
from mailer.composer.editions import Press
from mailer.composer.model import Finding, Issue, Severity
from mailer.errors import BadConfig, Refused
from mailer.i18n import words
from subscribers.model import Actor

GATE = SenderFacts("enews@harbour-cities.example", "smtp.harbour-cities.example")


def test_the_reason_is_in_the_record_of_the_approval(
    sqlite: Engine, stored: Callable[[], Issue], folder: Any, press: Press, keiko: Actor, now: Any
) -> None:
    folder.change("en.md", "https://example.org/list", "#")  # an error
    folder.change("issue.toml", 'pictures.credit = "Harbour office"', "")  # a warning
    stored()
    gate = Gate(press, GATE, {})
    reasons = {"dead_link": "The page opens on Friday.", "picture_without_credit": "All are our own."}
    more = {**reasons, "subject_long": "Nothing says so."}  # is not recorded
    with sqlite.begin() as connection:
        draft = approving.compose(connection, "2034-12", gate)
        said = approving.judge(connection, draft, gate)
        assert not approving.approve(connection, draft, said, gate, passed={}, by=keiko, now=now).approved
        assert approving.approve(connection, draft, said, gate, passed=more, by=keiko, now=now).approved
        found = store.approval(connection, "2034-12")
    assert found is not None and found.by == str(keiko)
    assert {one["code"]: one["reason"] for one in found.passed} == reasons


def test_what_was_changed_while_it_was_judged_is_not_approved(
    sqlite: Engine, stored: Callable[[], Issue], folder: Any, press: Press, keiko: Actor, now: Any
) -> None:
    stored()
    gate = Gate(press, GATE, {})
    with sqlite.begin() as connection:
        draft = approving.compose(connection, "2034-12", gate)
        said = approving.judge(connection, draft, gate)
    folder.change("en.md", "The last letter", "The very last letter")
    stored()
    with sqlite.begin() as connection, pytest.raises(Refused, match="changed in the meantime"):
        approving.approve(connection, draft, said, gate, passed={}, by=keiko, now=now)


@pytest.mark.parametrize("code", sorted(code for code, one in CODES.items() if one.fixed))
def test_what_the_law_asks_for_is_never_passed(
    code: str, sqlite: Engine, press: Press, keiko: Actor, now: Any
) -> None:
    draft = approving.Draft(Issue("x", "1", date(2034, 12, 20), ("ja",), {}, (), {}), Composed({}, ()))
    with sqlite.begin() as connection, pytest.raises(Refused):
        approving.approve(connection, draft, [], Gate(press, GATE, {}), passed={code: "x"}, by=keiko, now=now)


@pytest.mark.parametrize("code", sorted(code for code, one in CODES.items() if not one.fixed))
def test_each_other_code_is_set_to_hold_warn_or_off(code: str) -> None:
    one = Finding(code, CODES[code].severity, "en", None, "", {})
    assert [f.severity for f in checks.ordered([one], {code: "hold"})] == [Severity.ERROR]
    assert [f.severity for f in checks.ordered([one], {code: "warn"})] == [Severity.WARNING]
    assert checks.ordered([one], {code: "off"}) == []
    assert checks.ordered([one], {"another": "off"}) == [one]


def test_fixed_codes_are_moved_by_no_level() -> None:
    one = Finding("legal_missing", Severity.ERROR, "en", None, "", {})
    assert checks.ordered([one], {"legal_missing": "off"}) == [one]


def test_a_code_that_there_is_not_is_refused() -> None:
    assert known({"dead_link": "warn"}) == {"dead_link": "warn"}
    with pytest.raises(BadConfig) as refused:
        known({"dead_lnik": "off", "dead_link": "off"})
    (fault,) = refused.value.faults
    assert fault.where == "checks.dead_lnik" and "dead_link" in fault.remedy
    for language in ("ja", "en"):
        assert "checks.dead_lnik" in words(language).error(fault)[0]


def test_a_code_that_there_is_not_is_told_with_the_nearest(
    sqlite: Engine, press: Press, keiko: Actor, now: Any
) -> None:
    draft = approving.Draft(Issue("x", "1", date(2034, 12, 20), ("ja",), {}, (), {}), Composed({}, ()))
    gate = Gate(press, GATE, {})
    with sqlite.begin() as connection, pytest.raises(Refused) as caught:
        approving.approve(connection, draft, [], gate, passed={"date_style": "x"}, by=keiko, now=now)
    assert (caught.value.key, caught.value.facts["near"]) == ("no_such_check", "date_styles")
    assert "date_styles" in words("ja").error(caught.value)[1]
