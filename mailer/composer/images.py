"""Pictures: what may come in, and what of it goes into a letter.

Owns decoding, turning upright, cropping, resizing and encoding. Everything else that a camera wrote
(EXIF, GPS, maker notes, colour profile) stays behind. Knows no database. Called by `folder` and `pictures`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any, Final

from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat, UnidentifiedImageError

from mailer.errors import BadPicture

# Lets the 48–50 megapixels of present telephones in; 50 million pixels take 150 MB while they are resized.
MOST_PIXELS: Final = 50_000_000
LARGEST_SIDE: Final = 20_000
PICTURE_BYTES: Final = 200_000  # of one picture in a letter: a phone on a train loads it in a second
QUALITY: Final = 82
DENSITY: Final = 2.0  # pixels per CSS pixel
TALLEST: Final = 1.25  # height of a figure over its width; a taller one is shown narrower, never cropped
_FORMATS: Final = (
    "JPEG",
    "PNG",
    "WEBP",
    "GIF",
    "HEIF",
)  # a JPEG of several pictures (MPO) comes through JPEG
_LOSSLESS: Final = {"PNG", "GIF", "WEBP"}  # what drawings come in; a camera writes JPEG or HEIC
_NAMES: Final = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".heic", ".heif"}
VERSION: Final = 1  # of the encoding: a new one makes kept renditions stale
_FLAT_ERROR: Final = (
    4.0  # root mean square of 0…255 up to which few colours pass for the drawing itself (looked at)
)


@dataclass(frozen=True, slots=True)
class Picture:
    """Encoded for a letter. `width` × `height` in pixels; `shown` in CSS pixels."""

    content: bytes
    media_type: str
    width: int
    height: int
    shown: tuple[int, int]


def is_picture(name: str) -> bool:
    """By its ending: is it meant as a picture? (Sources of drawings may lie beside the pictures.)"""
    return any(name.lower().endswith(ending) for ending in _NAMES)


def inspect(content: bytes) -> tuple[int, int]:
    """(width, height) in pixels, upright, after decoding a small version to the end. Raises BadPicture."""
    image = _open(content)
    image.draft("RGB", (64, 64))  # JPEG decodes an eighth of each side: enough to know that it is whole
    _load(image)
    width, height = _open(content).size
    return (height, width) if _turned(image) else (width, height)


def fit(
    content: bytes, width: int, height: int | None = None, quality: int = QUALITY, *, density: float = DENSITY
) -> Picture:
    """A picture shown `width` CSS pixels wide; with `height`, cropped to that shape.

    Without `height` nothing is ever cut off: a program that crops a figure to 16:9 beheads people
    and cuts posters. What is taller than 5:4 of its width is shown narrower instead. Nothing is
    enlarged: a small figure is shown at its own size. Raises BadPicture.
    """
    image, drawn = _upright(content, (round(width * density), round((height or width * TALLEST) * density)))
    if height is not None:
        shown = (width, height)
        box = _no_larger(image, round(width * density), round(height * density))
        # Faces stand in the upper half of what people photograph upright.
        image = ImageOps.fit(image, box, Image.Resampling.LANCZOS, centering=(0.5, 0.4))
    else:
        shown = shown_size(image.size, width)
        box = _no_larger(image, round(shown[0] * density), round(shown[1] * density))
        image = image.resize(box, Image.Resampling.LANCZOS)
    encoded, media_type = _encode(image, quality, drawn=drawn)
    return Picture(encoded, media_type, image.width, image.height, shown)


def shown_size(size: tuple[int, int], width: int) -> tuple[int, int]:
    ratio = size[1] / size[0]
    across = min(width, size[0]) if ratio <= TALLEST else min(width * TALLEST / ratio, size[0])
    return max(1, round(across)), max(1, round(across * ratio))


def _no_larger(image: Image.Image, width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, max(image.width / width, image.height / height)) if width and height else 1.0
    return max(1, round(width * scale)), max(1, round(height * scale))


# ── in ──────────────────────────────────────────────────────────────────────────────────────────


@cache
def _register() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def _open(content: bytes) -> Image.Image:
    """The header is read, no pixel is decoded: a decompression bomb is refused before it opens (F37)."""
    _register()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            image = Image.open(BytesIO(content), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many(0) from error
    except UnidentifiedImageError as error:
        raise BadPicture(
            "It is no JPEG, PNG, WebP, GIF or HEIC.",
            remedy="Save it as JPEG or PNG.",
            key="picture_unknown_format",
        ) from error
    except Exception as error:
        raise _broken() from error
    if image.width * image.height > MOST_PIXELS or max(image.size) > LARGEST_SIDE:
        raise _too_many(image.width * image.height)
    return image


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except Exception as error:
        raise _broken() from error


def _upright(content: bytes, wanted: tuple[int, int]) -> tuple[Image.Image, bool]:
    """Decoded, turned as the camera was held, sRGB, nothing but pixels; and whether it may be a drawing."""
    image = _open(content)
    lossless = image.format in _LOSSLESS
    if image.format == "JPEG":
        side = max(wanted)
        image.draft("RGB", (side, side))  # decodes at a half or quarter where that is still large enough
    _load(image)
    try:
        profile = image.info.get("icc_profile")
        image = ImageOps.exif_transpose(image)
        image = _colours(image, profile)
    except Exception as error:
        raise _broken() from error
    image.info = {}
    return image, lossless and _is_flat(image)


def _is_flat(image: Image.Image) -> bool:
    """Is every third pixel or more like its neighbour? In drawings 0.89–0.98 are; a sensor's noise leaves 0.01."""
    middle = (
        ImageOps.fit(image, (256, 256), Image.Resampling.NEAREST) if min(image.size) < 256 else _middle(image)
    )
    first = middle.convert("RGB").crop((0, 0, 255, 256))
    second = middle.convert("RGB").crop((1, 0, 256, 256))
    same = ImageChops.difference(first, second).convert("L").histogram()[0]
    return same * 3 >= 255 * 256


def _middle(image: Image.Image) -> Image.Image:
    left, top = (image.width - 256) // 2, (image.height - 256) // 2
    return image.crop((left, top, left + 256, top + 256))


def _turned(image: Image.Image) -> bool:
    return int(image.getexif().get(0x0112, 1)) in (5, 6, 7, 8)


def _colours(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB or RGBA in sRGB: mail programs ignore profiles, so wide colours would turn dull."""
    clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    if image.mode.startswith("I") or image.mode == "F":
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        image = _to_srgb(image, profile)
    return image.convert("RGBA" if clear else "RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        made = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (
        ImageCms.PyCMSError,
        OSError,
        ValueError,
    ):  # a profile that does not fit its picture: better a shade off than refused
        return image
    return made if made is not None else image


# ── out ─────────────────────────────────────────────────────────────────────────────────────────


def _encode(image: Image.Image, quality: int, *, drawn: bool) -> tuple[bytes, str]:
    """JPEG; PNG of few colours where these show a drawing truly in fewer bytes; PNG where it is transparent."""
    if image.mode == "RGBA" and min(image.getchannel("A").tobytes()) < 255:
        return _palette(image) or _bytes(image, "PNG", optimize=True), "image/png"
    image = image.convert("RGB")
    jpeg = _bytes(image, "JPEG", quality=quality, optimize=True, progressive=True)
    drawing = _palette(image) if drawn else None
    if drawing is not None and len(drawing) <= len(jpeg):
        return drawing, "image/png"
    return jpeg, "image/jpeg"


def _palette(image: Image.Image) -> bytes | None:
    """A PNG of as few colours as show it truly, or None if 256 do not."""
    method = Image.Quantize.FASTOCTREE if image.mode == "RGBA" else Image.Quantize.MEDIANCUT
    for colours in (48, 96, 256):
        few = image.quantize(colours, method=method, dither=Image.Dither.NONE)
        error = ImageStat.Stat(ImageChops.difference(few.convert(image.mode), image)).rms
        if max(error) <= _FLAT_ERROR:
            return _bytes(few, "PNG", optimize=True)
    return None


def _bytes(image: Image.Image, form: str, **options: Any) -> bytes:
    out = BytesIO()
    image.info = {}
    image.save(out, form, **options)
    return out.getvalue()


def _too_many(pixels: int) -> BadPicture:
    megapixels = f"{pixels / 1_000_000:.0f}" if pixels else "179+"  # Pillow refuses those without a number
    return BadPicture(
        f"It has {megapixels} megapixels; at most {MOST_PIXELS // 1_000_000} are taken.",
        remedy="Make it smaller in a picture program; 1,200 pixels in width are enough for a letter.",
        key="picture_too_many_pixels",
        megapixels=megapixels,
        limit=MOST_PIXELS // 1_000_000,
    )


def _broken() -> BadPicture:
    return BadPicture(
        "It is damaged or incomplete.",
        remedy="Copy it again from the camera, or save it anew.",
        key="picture_broken",
    )


def why(error: BadPicture) -> dict[str, object]:
    """The facts of a fault `bad_picture`: its reason, and what the reason's sentence names."""
    return {**error.facts, "reason": error.key.removeprefix("picture_")}
