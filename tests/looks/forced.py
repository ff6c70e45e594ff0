"""Contrast where a program turns the colours itself: Chromium's own inversion, measured in pixels.

Computed styles do not know of it. So each pair of text and ground that a page has is drawn once as a solid sign on
its ground and read from the picture; that the ground of the real page looks the same is read from its picture.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image

from tests.looks.clients import Desk

Colour = tuple[int, int, int]
_ROW = 20  # px
_LEAST = 4.5


class Darkroom:
    """What becomes of colours in the dark of a program; asked of the browser once for each pair."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._seen: dict[str, tuple[Colour, Colour]] = {}

    def complaints(self, pairs: Mapping[str, Mapping[str, Any]]) -> list[str]:
        self._draw([pair for pair in pairs if pair not in self._seen])
        found = []
        for pair, where in pairs.items():
            text, ground = self._seen[pair]
            if (got := contrast(text, ground)) < _LEAST:
                found.append(f"pale: {got:.2f}:1 {text} on {ground}, {pair} before: {where['what']}")
        return found

    def _draw(self, pairs: list[str]) -> None:
        if not pairs:
            return
        rows = []
        for pair in pairs:
            text, _, ground = pair.partition("/")
            style = f"height:{_ROW}px;overflow:hidden;font:60px/{_ROW}px monospace;color:rgb({text});background:rgb({ground})"
            rows.append(f'<div style="{style}">\u2588</div>')
        self._desk.lay(f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">{"".join(rows)}')
        picture = picture_of(self._desk)
        for row, pair in enumerate(pairs):
            self._seen[pair] = _pixel(picture, 10, row), _pixel(picture, 300, row)

    def surprises(self, pairs: Mapping[str, Mapping[str, Any]], page: Image.Image) -> Iterable[str]:
        """Where the ground in the picture of the page is another than the one that `complaints` measured."""
        for pair, where in pairs.items():
            x, y, width, height = where["box"]
            if x < 0 or x + width > page.width:
                continue
            part = page.crop((x, y, x + width, y + height))
            ground = max(part.getcolors(width * height) or [(0, (0, 0, 0))])[1]
            if max(abs(a - b) for a, b in zip(ground, self._seen[pair][1], strict=True)) > 2:
                yield f"ground: {ground}, not {self._seen[pair][1]}: {where['what']}"


def picture_of(desk: Desk) -> Image.Image:
    return Image.open(io.BytesIO(desk.tab.screenshot(full_page=True))).convert("RGB")


def contrast(text: Colour, ground: Colour) -> float:
    """WCAG 2.2, 1.4.3."""
    high, low = sorted((_light(text), _light(ground)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _light(colour: Colour) -> float:
    red, green, blue = (
        v / 255 / 12.92 if v / 255 <= 0.04045 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _pixel(picture: Image.Image, x: int, row: int) -> Colour:
    red, green, blue = picture.getpixel((x, row * _ROW + _ROW // 2))  # type: ignore[misc]
    return red, green, blue
