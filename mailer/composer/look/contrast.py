"""How well a text colour stands off its ground: the ratio of WCAG 2.2.

Owns the arithmetic and nothing else. Called by `theme_settings` and by whoever judges colours.
"""

from __future__ import annotations

from typing import Final, NamedTuple

WEIGHTS: Final = (0.2126, 0.7152, 0.0722)  # of red, green and blue


class Contrast(NamedTuple):
    """One text colour on one ground in one scheme, by the names of theme.toml."""

    text: str
    ground: str
    scheme: str  # "light" | "dark"
    ratio: float  # 1 … 21; 4.5 is what reading text needs


def ratio(one: str, other: str) -> float:
    """Of two colours as #RRGGBB, in either order: 1 … 21. WCAG 2.2, "contrast ratio"."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of #RRGGBB, 0 (black) … 1 (white). WCAG 2.2, "relative luminance"."""
    parts = (linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))
    return sum(weight * part for weight, part in zip(WEIGHTS, parts, strict=True))


def linear(part: float) -> float:
    """The light of one channel of sRGB, both 0 … 1."""
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
