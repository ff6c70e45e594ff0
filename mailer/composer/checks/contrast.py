"""Check of contrast: can words be told from their ground, by light and in the dark?

Two sources: the colours of theme.toml that belong together, and every run of words of the composed page, because
an operator's template may set a colour of its own. Called by the gate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailer.composer.look.contrast import ratio
from mailer.composer.model import Finding

from .case import Case, Check
from .codes import finding
from .shown import TINY, Run, page_of, short

LEAST: Final = 4.5  # WCAG 2.2, 1.4.3
LEAST_LARGE: Final = 3.0  # of words from 24 px, or 18.66 px in bold
_MOST_NAMED: Final = 5
_SHOWN_WORDS: Final = 20


def settings(case: Case) -> Iterator[Finding]:
    """One finding for all pairs of theme.toml."""
    low = [one for one in case.press.theme.contrasts() if one.ratio < LEAST]
    if low:
        low.sort(key=lambda one: one.ratio)
        pairs = [f"{one.text} / {one.ground} ({one.scheme}, {one.ratio:.1f})" for one in low]
        yield finding("contrast_low", where="theme.toml", pairs=_named(pairs), least=LEAST, count=len(low))


def words(case: Case) -> Iterator[Finding]:
    """One finding for all words of the page that are too faint, unless theme.toml is to blame for all of it."""
    if any(one.ratio < LEAST for one in case.press.theme.contrasts()):
        return
    found: dict[tuple[str, str], tuple[float, Run]] = {}
    for proof in case.proofs.values():
        page = page_of(proof.edition.html)
        for query in page.queries:
            for run in page.runs(query):
                colour, ground = run.look.colour, run.look.ground
                if ground and (colour, ground) not in found and is_faint(run):
                    found[colour, ground] = (ratio(colour, ground), run)
    if found:
        pairs = [
            f"{colour} / {ground} ({value:.1f}) “{short(run.text, _SHOWN_WORDS)}”"
            for (colour, ground), (value, run) in sorted(found.items(), key=lambda item: item[1][0])
        ]
        yield finding("contrast_low", where="mail.html", pairs=_named(pairs), least=LEAST, count=len(found))


def is_faint(run: Run) -> bool:
    """Words that somebody is meant to read. Ornaments, and what is hidden on purpose, are none."""
    look = run.look
    if (
        look.ground is None
        or look.unspoken
        or look.hidden
        or look.size <= TINY
        or not any(sign.isalnum() for sign in run.text)
    ):
        return False
    large = look.size >= 24 or (look.bold and look.size >= 18.66)
    return ratio(look.colour, look.ground) < (LEAST_LARGE if large else LEAST)


def _named(pairs: list[str]) -> tuple[str, ...]:
    return tuple(pairs[:_MOST_NAMED])


CHECKS: Final[tuple[Check, ...]] = (settings, words)
