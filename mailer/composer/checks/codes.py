"""Every code that a finding can have, how grave it is, and which words tell it.

Owns the table. Called by the checks, by `config` (which codes there are) and by *approve*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailer.composer.faults import SENTENCES
from mailer.composer.model import Finding, Severity

E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Code:
    """`fixed`: neither a level of the configuration nor a reason given by a person moves it."""

    severity: Severity
    key: str  # of the catalogue
    fixed: bool = False


_OWN: Final[Mapping[str, tuple[Severity, bool]]] = {
    # the text
    "language_missing": (E, True),
    "language_empty": (E, True),
    "untranslated": (E, False),
    "section_untranslated": (W, False),
    "unchanged": (E, False),
    "section_missing": (W, False),
    "section_empty": (W, False),
    "subject_long": (W, False),
    "preheader_missing": (N, False),
    "dead_link": (E, False),
    "missing_alt": (E, False),
    "alt_repeats_caption": (W, False),
    "picture_small": (W, False),
    "link_ended": (E, False),
    "event_past": (W, False),
    "full_width_marks": (W, False),
    "file_left_out": (N, False),
    "calendar_left_out": (N, False),
    # the mail
    "legal_missing": (E, True),
    "legal_hidden": (E, True),
    "unsubscribe_missing": (E, True),
    "unknown_slot": (E, True),
    "control_in_mail": (E, True),
    "mail_long": (W, False),
    "mail_clipped": (E, False),
    "style_long": (W, False),
    "style_cut": (E, False),
    "mail_heavy": (E, False),
    "pictures_heavy": (W, False),
    "contrast_low": (W, False),
    "css_unsupported": (W, False),
    "text_part_lacks": (W, False),
    # the sender
    "sender_missing": (E, True),
    "free_mail_sender": (E, False),
    "sender_unaligned": (E, False),
}
# A fault of the text (`faults`) found again at the gate: nothing can be composed of it.
CODES: Final[Mapping[str, Code]] = {
    **{code: Code(E, f"error.{code}", fixed=True) for code in SENTENCES if "." not in code},
    **{code: Code(severity, f"finding.{code}", fixed) for code, (severity, fixed) in _OWN.items()},
}


def finding(
    code: str, language: str | None = None, section: str | None = None, where: str = "", **facts: object
) -> Finding:
    return Finding(code, CODES[code].severity, language, section, where, facts)


def may_be_passed(code: str) -> bool:
    """May a person with the right to do so let it through, giving a reason?"""
    return code in CODES and not CODES[code].fixed
