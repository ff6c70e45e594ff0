"""The checks of what authors wrote, in the order in which a person mends them.

Each subject has a module of its own; those of pictures and of what is left out stand here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mailer import media
from mailer.composer import pictures
from mailer.composer.model import Finding
from mailer.composer.text import walk

from . import across, availability, dates, languages, links, marks, names, remains, subjects, wording
from .case import Case, Check
from .codes import finding
from .reading import told, told_of_field, where

# That it is a picture, a reader knows; the name of a file says less.
_SAYS_NOTHING: Final = re.compile(
    r"^\W{0,5}(?:(?:(?:the|a|an|this) )?(?:photo|photograph|image|picture|pic|img|graphic|figure|写真|画像|イメージ|イメージ画像|イメージ写真|イラスト|図)"
    r"[\s_-]?\d{0,5}|(?:img|dsc|dscn|dscf|pxl)[_-]?\d{2,12}(?:[_-]\d{1,12})?|[^\s/]{1,80}\.(?:jpe?g|png|gif|webp|heic|tiff?|bmp|svg)|)\W{0,5}$",
    re.I,
)


def described(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        top_picture = proof.letter.picture
        if top_picture and not top_picture.alt.strip():
            place = f"issue.toml: edition.{language}.picture_alt"
            yield finding("missing_alt", language, where=place, path=top_picture.path)
        elif top_picture and _SAYS_NOTHING.match(top_picture.alt):
            said = [top_picture.alt.strip()]
            yield from told_of_field("alt_says_nothing", language, "picture_alt", said)
        for key, top in walk.parts(proof.letter):
            place, twice, nothing = where(language, key), [], []
            for figure in walk.figures(top):
                if not figure.alt.strip() and not figure.caption_says_it:
                    yield finding("missing_alt", language, key, place, path=figure.path)
                elif not figure.caption_says_it and _SAYS_NOTHING.match(figure.alt):
                    nothing.append(figure.alt.strip())
                elif figure.alt.strip() and figure.alt.strip() == figure.caption.plain:
                    twice.append(figure.path)
            yield from told("alt_says_nothing", language, key, nothing)
            if twice:
                yield finding("alt_repeats_caption", language, key, place, paths=tuple(twice))


def sharp(case: Case) -> Iterator[Finding]:
    """A picture with fewer pixels than its column: it is never enlarged, so it leaves a gap, and looks soft."""
    sizes = media.facts(case.connection, case.issue.files.values())
    small: dict[str, tuple[int, int]] = {}
    for proof in case.proofs.values():
        for place in pictures.wanted(proof.letter):
            facts = sizes.get(case.issue.files.get(place.path, ""))
            if facts and facts.width and facts.width < place.width:
                small[place.path] = (facts.width, place.width)
    for path, (width, needed) in small.items():
        yield finding("picture_small", where=path, path=path, width=width, needed=needed)


def left_out(case: Case) -> Iterable[Finding]:
    """What an office without a web server cannot offer; said, so that nobody waits for it."""
    if case.press.base_url:
        return
    for language, proof in case.proofs.items():
        for target, resource in proof.managed.resources.items():
            if target.startswith("files/"):
                yield finding("file_left_out", language, where=target, path=target, label=resource.label)
        for key in proof.managed.calendars:
            yield finding("calendar_left_out", language, key, where(language, key))


CHECKS: Final[tuple[Check, ...]] = (
    *languages.CHECKS,
    *subjects.CHECKS,
    *links.CHECKS,
    *dates.CHECKS,
    *availability.CHECKS,
    *marks.CHECKS,
    *across.CHECKS,
    described,
    sharp,
    *remains.CHECKS,
    *wording.CHECKS,
    *names.CHECKS,
    left_out,
)
