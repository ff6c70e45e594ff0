"""Every code that a finding can have, how grave it is, and which words tell it.

Owns the table. Called by the checks, by `config` (which codes there are) and by *approve*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from mailer.composer.model import Finding, Severity
from mailer.composer.text.faults import SENTENCES

E, W, N = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Code:
    """`fixed`: neither a level of the configuration nor a reason given by a person moves it."""

    severity: Severity
    key: str  # of the catalogue
    fixed: bool = False


_OWN: Final[Mapping[str, tuple[Severity, bool]]] = {
    # the languages
    "language_missing": (E, True),
    "language_empty": (E, True),
    "untranslated": (E, False),
    "section_untranslated": (W, False),
    "unchanged": (E, False),
    "section_unchanged": (W, False),
    "subject_unchanged": (W, False),
    "translation_stale": (W, False),
    # differences between them
    "section_missing": (W, False),
    "section_empty": (W, False),
    "counts_differ": (W, False),
    "event_differs": (W, False),
    "date_differs": (W, False),
    "number_differs": (W, False),
    # the subject
    "subject_long": (W, False),
    "subject_too_long": (E, False),
    "preheader_missing": (N, False),
    # links
    "dead_link": (E, False),
    "placeholder_link": (W, False),
    "link_text_empty_words": (W, False),
    "same_words_two_links": (W, False),
    # days
    "link_ended": (E, False),
    "until_differs": (E, False),
    "until_missing": (W, False),
    "date_disagrees": (E, False),
    "event_past": (W, False),
    "weekday_wrong": (W, False),
    "date_styles": (W, False),
    # marks, signs and words
    "full_width_marks": (E, False),
    "markdown_left": (E, False),
    "heading_jump": (W, False),
    "heading_empty": (W, False),
    "dummy_text": (E, False),
    "placeholder_text": (W, False),
    "pasted_chrome": (W, False),
    "latin_in_katakana": (W, False),
    "half_width_katakana": (W, False),
    "invisible_character": (W, False),
    "replacement_character": (E, False),
    "mojibake": (W, False),
    "word_doubled": (W, False),
    "name_spelt_twice": (W, False),
    # pictures
    "missing_alt": (E, False),
    "alt_repeats_caption": (W, False),
    "alt_says_nothing": (W, False),
    "picture_small": (W, False),
    "file_left_out": (W, False),
    "calendar_left_out": (N, False),
    # the mail
    "legal_missing": (E, True),
    "legal_hidden": (E, True),
    "legal_in_other_language": (W, False),
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
    "picture_heavy": (W, False),
    "picture_without_credit": (W, False),
    "picture_without_consent": (W, False),
    "picture_ended": (E, False),
    "pdf_untagged": (W, False),
    "pdf_unreadable": (W, False),
    "misspelt": (W, False),
    "link_broken": (W, False),
    "link_unsure": (N, False),
    "link_moved": (N, False),
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
