"""The pictures of one letter: which are needed, made once, within a budget.

Owns the sizes of the places a picture can stand in and how quality is stepped down. Decodes nothing
(`images`) and keeps nothing itself (`media`). Called by `editions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy.engine import Connection

from mailer import media
from mailer.errors import BadIssue, BadPicture

from . import images
from .look.view import HERO_SIZE, PICTURE_WIDTHS, gallery
from .model import Figure, Gallery, Issue, Letter
from .text import walk
from .text.faults import fault

# (pixels per CSS pixel, JPEG quality). First the eye loses nothing, then a telephone loses sharpness.
STEPS: Final = ((2.0, 82), (2.0, 74), (2.0, 66), (1.5, 74), (1.5, 62), (1.25, 60), (1.0, 62), (1.0, 50))
# Stacked on a telephone a picture of a gallery is as wide as the screen: all are made for two in a row.
_GALLERY: Final = (PICTURE_WIDTHS[2], PICTURE_WIDTHS[2] * 3 // 4)
TOP: Final = "@top"  # key of the picture on top: the same file may stand as a figure too


@dataclass(frozen=True, slots=True)
class Wanted:
    """One place of one picture: `key` as renderers ask for it, the CSS box; without height, its own shape."""

    key: str
    path: str
    width: int
    height: int | None
    shown: tuple[int, int] | None = None  # if not the box itself


@dataclass(frozen=True, slots=True)
class Made:
    blob: str
    media_type: str
    size_bytes: int
    shown: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Album:
    """What was made, by key. `size_bytes` counts each blob once."""

    made: Mapping[str, Made]
    size_bytes: int
    met_budget: bool


def wanted(letter: Letter) -> Iterator[Wanted]:
    if letter.picture:
        yield Wanted(letter.picture.path + TOP, letter.picture.path, *HERO_SIZE)
    for _, top in walk.parts(letter):
        for block in walk.blocks(top):
            if isinstance(block, Figure):
                yield Wanted(block.path, block.path, PICTURE_WIDTHS[1], None)
            elif isinstance(block, Gallery):
                yield from _in_gallery(block)


def with_top(letter: Letter) -> Letter:
    """The letter as renderers take it: the picture on top is asked for by a key of its own."""
    if letter.picture is None:
        return letter
    return replace(letter, picture=replace(letter.picture, path=letter.picture.path + TOP))


def _in_gallery(block: Gallery) -> Iterator[Wanted]:
    for row in gallery(block.figures):
        width = PICTURE_WIDTHS[len(row)]
        for figure in row:
            if len(row) == 1:
                yield Wanted(figure.path, figure.path, width, None)
            else:
                yield Wanted(f"{figure.path}@{len(row)}", figure.path, *_GALLERY, (width, width * 3 // 4))


def make(connection: Connection, issue: Issue, letter: Letter, budget_bytes: int, *, now: datetime) -> Album:
    """Every picture of the letter, each at most 200 KB, all within the budget if any quality allows it.

    Raises BadIssue for a picture that cannot be decoded.
    """
    places = list({place.key: place for place in wanted(letter) if place.path in issue.files}.values())
    sources = media.facts(connection, issue.files.values())
    darkroom = _Darkroom(connection, {issue.files[place.path]: place.path for place in places}, now)
    boxes = list(dict.fromkeys((issue.files[p.path], p.width, p.height) for p in places))
    sizes = [_size_of(darkroom, box) for box in boxes]
    steps = meet_budget(sizes, budget_bytes)
    chosen = {box: darkroom.develop(*box, step) for box, step in zip(boxes, steps, strict=True)}
    made = {}
    for place in places:
        source = issue.files[place.path]
        result = chosen[source, place.width, place.height]
        pixels = (sources[source].width or place.width, sources[source].height or place.width)
        shown = place.shown or (
            (place.width, place.height) if place.height else images.shown_size(pixels, place.width)
        )
        made[place.key] = Made(result.hash, result.media_type, result.size_bytes, shown)
    total = sum({one.blob: one.size_bytes for one in made.values()}.values())
    return Album(made, total, total <= budget_bytes)


def _size_of(darkroom: _Darkroom, box: tuple[str, int, int | None]) -> Callable[[int], int]:
    return lambda step: darkroom.develop(*box, step).size_bytes


def meet_budget(pictures: Sequence[Callable[[int], int]], budget_bytes: int) -> list[int]:
    """A step of STEPS for each picture, given its size in bytes at a step.

    The heaviest goes down first, so that small ones stay sharp. At the last step it is what it is.
    """
    steps = [0] * len(pictures)
    sizes = [size_at(0) for size_at in pictures]
    while True:
        lowerable = [i for i, step in enumerate(steps) if step < len(STEPS) - 1]
        heavy = [i for i in lowerable if sizes[i] > images.PICTURE_BYTES or sum(sizes) > budget_bytes]
        if not heavy:
            return steps
        index = max(heavy, key=lambda i: sizes[i])
        steps[index] += 1
        sizes[index] = pictures[index](steps[index])


class _Darkroom:
    """Makes a picture once for each recipe; what was made in an earlier run is found in `media`."""

    def __init__(self, connection: Connection, paths: Mapping[str, str], now: datetime) -> None:
        self.connection, self.paths, self.now = connection, paths, now
        self._sources: dict[str, bytes] = {}
        self._made: dict[tuple[str, str], media.BlobFacts] = {}

    def develop(self, source: str, width: int, height: int | None, step: int) -> media.BlobFacts:
        density, quality = STEPS[step]
        recipe = f"{width}x{height or ''} d{density} q{quality} v{images.VERSION}"
        found = self._made.get((source, recipe)) or media.find_rendition(self.connection, source, recipe)
        if found is None:
            found = self._new(source, recipe, width, height, step)
        self._made[source, recipe] = found
        return found

    def _new(self, source: str, recipe: str, width: int, height: int | None, step: int) -> media.BlobFacts:
        density, quality = STEPS[step]
        if source not in self._sources:
            self._sources = {source: media.open(self.connection, source).content}  # one at a time in memory
        try:
            made = images.fit(self._sources[source], width, height, quality, density=density)
        except BadPicture as error:
            path = self.paths[source]
            raise BadIssue([fault("bad_picture", path, path=path, **images.why(error))]) from error
        size = (made.width, made.height)
        media.remember_rendition(
            self.connection, source, recipe, made.content, made.media_type, size, now=self.now
        )
        return media.BlobFacts(media.hash_of(made.content), made.media_type, len(made.content), *size)
