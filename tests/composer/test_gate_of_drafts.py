"""The gate says everything of a faulty draft at once, in every language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Engine

from mailer.composer import checks, editions
from mailer.composer.checks import SenderFacts
from mailer.composer.editions import Press
from mailer.composer.model import Issue, Severity

SENDER = SenderFacts("enews@harbour-cities.example", "smtp.harbour-cities.example")


def spoil(folder: Any) -> None:
    folder.change("ja.md", "images/forum.jpg", "images/forun.jpg")
    folder.change("ja.md", "https://example.org/list", "#")
    folder.change("en.md", "https://example.org/report", "javascript:alert(1)")
    folder.change("en.md", "files/garden.pdf", "files/graden.pdf")
    folder.change("en.md", "1. Show routes in words", "1. Show <b>routes\x07</b> in words")
    folder.change("issue.toml", 'subject = "Three days', 'subject = "Three\\u0085days')


def test_a_faulty_draft_is_composed_and_everything_is_said_at_once(
    sqlite: Engine, stored: Callable[[], Issue], press: Press, folder: Any
) -> None:
    spoil(folder)
    issue = stored()
    with sqlite.begin() as connection:
        found = checks.check(connection, issue, press, SENDER)
    said = {(one.code, one.language, one.section) for one in found if one.severity is Severity.ERROR}
    assert said >= {
        ("picture_not_found", "ja", "meeting"),
        ("dead_link", "ja", "meeting"),  # also seen, although the language cannot be approved
        ("forbidden_link", "en", "meeting"),
        ("file_not_found", "en", "garden"),
        ("raw_html", "en", "meeting"),
        ("control_character", "en", "meeting"),
        ("bad_subject_break", "en", None),
    }
    assert checks.holds(found)


def test_what_is_shown_of_a_faulty_draft_can_do_no_harm(
    sqlite: Engine, stored: Callable[[], Issue], press: Press, folder: Any
) -> None:
    spoil(folder)
    issue = stored()
    with sqlite.begin() as connection:
        proof, faults = editions.draft(connection, issue, "en", press)
    assert faults
    for part in (proof.edition.html, proof.edition.text, proof.edition.web or ""):
        assert "javascript" not in part and "\x07" not in part and "<b>" not in part
    assert "\u0085" not in proof.edition.subject
