"""Checks of the lines that stand in a list of mails: the subject and the preheader.

What may not stand in them at all is a fault of the manuscript (`issue_toml.line`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from mailer.composer.model import Finding

from .case import Case, Check
from .codes import finding

# A telephone shows about 30 full-width or 60 half-width signs of a subject.
LONG_COLUMNS: Final = 78
# Twice a line of RFC 5322: no mail program shows it, and some filters count it as a sign of spam.
TOO_LONG_COLUMNS: Final = 160


def subjects(case: Case) -> Iterator[Finding]:
    for language, text in case.issue.texts.items():
        where = f"issue.toml: edition.{language}.subject"
        columns = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text.subject)
        if columns > LONG_COLUMNS:
            code = "subject_too_long" if columns > TOO_LONG_COLUMNS else "subject_long"
            yield finding(code, language, where=where, signs=len(text.subject))
        if not text.preheader:
            yield finding("preheader_missing", language, where=f"issue.toml: edition.{language}")


CHECKS: Final[tuple[Check, ...]] = (subjects,)
