"""Every fault and finding has its words in every language of the office."""

from __future__ import annotations

from datetime import date

import pytest

from mailer import i18n
from mailer.composer import checks
from mailer.composer.model import Finding, Severity
from mailer.composer.text.faults import SENTENCES


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_code_has_a_sentence_in_every_language(language: str) -> None:
    words = i18n.words(language)
    lacking = [code.key for code in checks.CODES.values() if code.key not in i18n.catalogue(language)]
    assert lacking == []
    closer = [f"error.{name}" for name in SENTENCES]
    assert [key for key in closer if key not in words] == []


def test_the_english_of_a_fault_is_that_of_the_catalogue() -> None:
    english = i18n.catalogue("en")
    for code, (sentence, remedy) in SENTENCES.items():
        entry = english[f"error.{code}"]
        assert (entry["text"], entry.get("remedy", "")) == (sentence, remedy)


def test_a_finding_is_told_in_the_language_of_the_person() -> None:
    facts = {"label": "Guide", "until": date(2035, 1, 31), "date": date(2035, 2, 1)}
    found = Finding("link_ended", Severity.ERROR, "en", "garden", "en.md, #garden", facts)
    message, remedy = checks.describe(found, i18n.words("ja"))
    assert "2035年1月31日" in message
    assert remedy
    assert checks.describe(found, i18n.words("en"))[0].startswith("“Guide” ends on 31 January 2035")


def test_a_closer_sentence_is_chosen_by_the_reason() -> None:
    found = Finding("legal_missing", Severity.ERROR, "ja", None, "", {"field": "contact", "reason": "text"})
    assert "text part" in checks.describe(found, i18n.words("en"))[0]
