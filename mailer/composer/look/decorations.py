"""The theme's own pictures: the mark, a logo, the strip of water. How large they show, and on what ground.

Owns their limits and the plate under a transparent picture that would be lost on a dark (or a white) sheet.
Called by `theme`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageFilter

from .contrast import WEIGHTS, linear, luminance
from .theme_settings import BadTheme, Settings

ENDINGS: Final = (".png", ".jpg", ".jpeg")  # what every mail program draws
MARK: Final = (132, 44)  # px, the most: beside the office's name
LOGO_WIDTH: Final = 240  # px, the most; its height is a setting
STRIP: Final = (600, 120)
_DENSITY: Final = 4  # pixels per CSS pixel above which a file is made smaller (to 2)
_PLATE_MARGIN: Final = 0.1  # of the height of its room, on each side
_MOST_PIXELS: Final = 20_000_000  # an unpacked picture of that size takes 80 MB
_SEEN: Final = 3.0  # contrast that a sign needs (WCAG 2.2, 1.4.11)


@dataclass(frozen=True, slots=True)
class Decoration:
    content: bytes
    media_type: str
    pixels: tuple[int, int]
    shown: tuple[int, int]  # CSS pixels


def decorations(folders: Sequence[Path], settings: Settings) -> dict[str, Decoration]:
    """By name, those that the settings show: "mark" or "logo", "tide". Raises BadTheme for one that cannot be used."""
    found = {}
    emblem = "logo" if settings.header == "logo" else "mark"
    box = (LOGO_WIDTH, settings.logo_height) if emblem == "logo" else MARK
    if path := find(folders, emblem):
        found[emblem] = _emblem(path, box, settings)
    if settings.tide and (path := find(folders, "tide")):
        found["tide"] = _strip(path)
    return found


def find(folders: Sequence[Path], name: str) -> Path | None:
    """The picture of that name in the first folder that has one."""
    paths = (folder / "images" / f"{name}{ending}" for folder in folders for ending in ENDINGS)
    return next((path for path in paths if path.is_file()), None)


def _emblem(path: Path, box: tuple[int, int], settings: Settings) -> Decoration:
    image = _open(path)
    ground = _plate(image, settings)
    if ground == "none":
        return _fitted(path, image, box)
    margin = round(box[1] * _PLATE_MARGIN)
    inner = (box[0] - 2 * margin, box[1] - 2 * margin)
    image = _smaller(image, inner, 2)
    margin = round(margin * image.width / _shown(image.size, inner)[0])
    plate = Image.new("RGB", (image.width + 2 * margin, image.height + 2 * margin), ground)
    plate.paste(image, (margin, margin), image)
    return _encoded(plate, box)


def _strip(path: Path) -> Decoration:
    image = _open(path)
    width, height = STRIP
    if image.width < width or image.height * width > height * image.width:
        raise BadTheme(
            "strip",
            f"images/{path.name} must be at least {width} pixels wide and at most a fifth as high as it is wide.",
            path=f"images/{path.name}",
            width=width,
        )
    return _fitted(path, image, STRIP)


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise ValueError("too many pixels")
            return image.convert("RGBA")
    except Exception as problem:  # Pillow raises what it likes for a damaged file
        raise BadTheme(
            "picture",
            f"images/{path.name} cannot be read as a picture (PNG or JPEG).",
            path=f"images/{path.name}",
        ) from problem


def _shown(size: tuple[int, int], box: tuple[int, int]) -> tuple[int, int]:
    """Within the box, never enlarged."""
    scale = min(1.0, box[0] / size[0], box[1] / size[1])
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _smaller(image: Image.Image, box: tuple[int, int], density: int) -> Image.Image:
    shown = _shown(image.size, box)
    if image.width <= shown[0] * density:
        return image
    return image.resize((shown[0] * density, shown[1] * density), Image.Resampling.LANCZOS)


def _fitted(path: Path, image: Image.Image, box: tuple[int, int]) -> Decoration:
    """The file as it is, unless it has far more pixels than anybody sees."""
    shown = _shown(image.size, box)
    if image.width > shown[0] * _DENSITY:
        return _encoded(_smaller(image, box, 2), box)
    media_type = "image/png" if path.suffix == ".png" else "image/jpeg"
    return Decoration(path.read_bytes(), media_type, image.size, shown)


def _encoded(image: Image.Image, box: tuple[int, int]) -> Decoration:
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return Decoration(out.getvalue(), "image/png", image.size, _shown(image.size, box))


# ── can it be seen? ─────────────────────────────────────────────────────────────────────────────


def _plate(image: Image.Image, settings: Settings) -> str:
    """The colour to set it on, or "none", which an opaque picture never needs.

    The plate is part of the picture: a colour of the cell behind it would be inverted with the sheet where a program
    forces the dark (Gmail, Outlook), the picture would not.
    """
    if min(image.getchannel("A").tobytes()) > 127:
        return "none"
    if settings.logo_ground != "auto":
        return settings.logo_ground
    light, dark = settings.light["paper"], settings.dark["paper"]
    if not _stands_off(image, dark) and _stands_off(image, light):
        return light
    return "none" if _stands_off(image, light) else settings.light["fill"]


def _stands_off(image: Image.Image, ground: str) -> bool:
    """Has most of its outline something near that can be told from the ground?

    The outline counts, because a pale ring around a dark disc is enough on both; so is a disc with words in it.
    """
    small = image.resize(_shown(image.size, (256, 96)), Image.Resampling.LANCZOS)
    # a frame, or a picture that fills its file would have no outline
    framed = Image.new("RGBA", (small.width + 8, small.height + 8), (0, 0, 0, 0))
    framed.paste(small, (4, 4))
    solid = framed.getchannel("A").point(lambda a: 255 if a > 127 else 0)
    outline = ImageChops.subtract(solid, solid.filter(ImageFilter.MinFilter(3)))
    near = ImageChops.multiply(_told_from(framed, ground), solid).filter(ImageFilter.MaxFilter(9))
    counted = outline.histogram()[255]
    return counted == 0 or ImageChops.multiply(near, outline).histogram()[255] >= 0.7 * counted


def _told_from(image: Image.Image, ground: str) -> Image.Image:
    """White where a pixel has enough contrast with the ground, else black."""
    light = Image.new("L", image.size, 0)
    for channel, weight in zip("RGB", WEIGHTS, strict=True):
        part = image.getchannel(channel).point([round(255 * weight * linear(n / 255)) for n in range(256)])
        light = ImageChops.add(light, part)
    above = (luminance(ground) + 0.05) * _SEEN - 0.05
    below = (luminance(ground) + 0.05) / _SEEN - 0.05
    told = [255 if n / 255 >= above or n / 255 <= below else 0 for n in range(256)]
    return light.point(told)
