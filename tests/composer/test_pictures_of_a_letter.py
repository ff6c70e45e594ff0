"""Pictures: what comes in from cameras, and what of it goes out."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from io import BytesIO
from typing import Any

import pillow_heif
import pytest
import sqlalchemy as sa
from PIL import Image, ImageCms, ImageDraw
from sqlalchemy.engine import Engine

from mailer.composer import images, pictures, store
from mailer.composer.model import Issue
from mailer.composer.text import markdown
from mailer.errors import BadPicture
from mailer.tables.media import rendition

RED, BLUE = (200, 30, 30), (30, 30, 200)


def halves(width: int, height: int) -> Image.Image:
    """Left red, right blue: shows which way is up."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def photograph(width: int, height: int, seed: int = 1) -> Image.Image:
    """Something that compresses like a photograph: smooth, with noise."""
    rough = Image.effect_noise((width, height), 40)
    smooth = Image.linear_gradient("L").resize((width, height))
    return Image.merge("RGB", (rough, smooth, Image.effect_noise((width, height), 20 + seed)))


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def decoded(picture: images.Picture) -> Image.Image:
    return Image.open(BytesIO(picture.content))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "HEIF"])
def test_every_usual_format_becomes_jpeg_or_png(form: str) -> None:
    if form == "HEIF":
        pillow_heif.register_heif_opener()
    content = encoded(halves(800, 600), form)
    assert images.inspect(content) == (800, 600)
    made = images.fit(content, 260, 195)
    assert made.media_type in ("image/jpeg", "image/png")
    assert (made.width, made.height, made.shown) == (520, 390, (260, 195))
    left = decoded(made).convert("RGB").getpixel((20, 20))
    assert isinstance(left, tuple)
    assert left[0] > 150 > left[2]


def test_a_photograph_is_turned_as_the_camera_was_held() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter, clockwise
    content = encoded(halves(800, 600), "JPEG", exif=exif, quality=95)
    assert images.inspect(content) == (600, 800)
    made = images.fit(content, 536)
    assert made.height > made.width
    top = decoded(made).convert("RGB").getpixel((made.width // 2, 10))
    assert isinstance(top, tuple)
    assert top[0] > 150 > top[2]  # what was left is up now


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_place_and_maker_of_a_photograph_stay_behind(form: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretCameraMaker"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (35.0, 27.0, 1.0)
    made = images.fit(encoded(photograph(700, 500), form, exif=exif), 536)
    assert not decoded(made).getexif()
    assert b"SecretCameraMaker" not in made.content
    assert b"Exif" not in made.content


def test_a_colour_profile_is_applied_and_left_behind() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    made = images.fit(encoded(photograph(700, 500), "JPEG", icc_profile=profile), 536)
    assert "icc_profile" not in decoded(made).info
    broken = images.fit(encoded(photograph(700, 500), "JPEG", icc_profile=b"no profile"), 536)
    assert "icc_profile" not in decoded(broken).info


def test_a_transparent_drawing_stays_transparent() -> None:
    image = Image.new("RGBA", (400, 400), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((50, 50, 350, 350), fill=(165, 69, 47, 255))
    made = images.fit(encoded(image, "PNG"), 200)
    corner = decoded(made).convert("RGBA").getpixel((1, 1))
    assert isinstance(corner, tuple)
    assert (made.media_type, corner[3]) == ("image/png", 0)


def test_a_drawing_stays_a_drawing_and_a_photograph_a_photograph() -> None:
    assert images.fit(encoded(halves(1072, 600), "PNG"), 536).media_type == "image/png"
    assert images.fit(encoded(halves(1072, 600), "JPEG"), 536).media_type == "image/jpeg"
    assert images.fit(encoded(photograph(1072, 600), "PNG"), 536).media_type == "image/jpeg"


@pytest.mark.parametrize(
    ("size", "shown", "pixels"),
    [
        ((1600, 1200), (536, 402), (1072, 804)),  # 4:3 keeps its shape: nobody loses their head
        ((1200, 1600), (502, 670), (1005, 1340)),  # upright: narrower, not cropped
        ((4000, 1000), (536, 134), (1072, 268)),
        ((800, 600), (536, 402), (800, 600)),  # fewer pixels than twice: not enlarged
        ((300, 200), (300, 200), (300, 200)),  # small: shown at its own size
    ],
)
def test_a_figure_keeps_its_shape(
    size: tuple[int, int], shown: tuple[int, int], pixels: tuple[int, int]
) -> None:
    made = images.fit(encoded(photograph(*size), "JPEG"), 536)
    assert made.shown == shown
    assert abs(made.width - pixels[0]) <= 1
    assert abs(made.height - pixels[1]) <= 1


def test_a_gallery_and_the_top_are_cropped_to_their_shape() -> None:
    content = encoded(photograph(1500, 1500), "JPEG")
    assert images.fit(content, 260, 195).shown == (260, 195)
    assert (images.fit(content, 600, 260).width, images.fit(content, 600, 260).height) == (1200, 520)


def test_a_moving_picture_stands_still() -> None:
    frames = [halves(400, 300), Image.new("RGB", (400, 300), "white")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    made = decoded(images.fit(content, 200, 150))
    assert getattr(made, "n_frames", 1) == 1


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_the_same_picture_gives_the_same_bytes(form: str) -> None:
    content = encoded(photograph(900, 600), form)
    assert images.fit(content, 536) == images.fit(content, 536)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "I;16"])
def test_unusual_kinds_of_pixels_are_taken(mode: str) -> None:
    image = halves(400, 300).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        image = image.convert("I").point(lambda value: value * 256).convert("I;16")
    content = encoded(image, "TIFF" if mode == "never" else "JPEG" if mode == "CMYK" else "PNG")
    assert images.fit(content, 200, 150).shown == (200, 150)


def test_bytes_torn_anywhere_are_a_bad_picture_and_nothing_else() -> None:  # F37
    chance = random.Random(7)
    for form in ("JPEG", "PNG", "WEBP", "GIF"):
        whole = encoded(photograph(120, 90), form)
        for _ in range(25):
            torn = bytearray(whole[: chance.randrange(len(whole))])
            for _ in range(4):
                if torn:
                    torn[chance.randrange(len(torn))] = chance.randrange(256)
            try:
                images.fit(bytes(torn), 60)
            except BadPicture as error:
                assert error.remedy


def test_svg_and_html_are_no_pictures() -> None:  # F33
    for content in (b"<svg xmlns='http://www.w3.org/2000/svg'><script>x</script></svg>", b"<html><script>x"):
        with pytest.raises(BadPicture, match="no JPEG"):
            images.inspect(content)


# ── the budget ──────────────────────────────────────────────────────────────────────────────────


def test_the_heaviest_picture_gives_way_first() -> None:
    def at(size: int) -> Callable[[int], int]:
        return lambda step: size >> step

    assert pictures.meet_budget([at(150_000), at(40_000)], 200_000) == [0, 0]
    assert pictures.meet_budget([at(150_000), at(40_000)], 120_000) == [1, 0]
    assert pictures.meet_budget([at(300_000)], 10_000_000) == [1]  # 200 KB each, whatever the budget
    last = len(pictures.STEPS) - 1
    assert pictures.meet_budget([lambda _step: 50_000], 10_000) == [last]


def test_a_letter_gets_its_pictures_within_the_budget(
    sqlite: Engine, folder: Any, stored: Callable[[], Issue], now: datetime
) -> None:
    for name in ("forum.jpg", "other.jpg", "third.jpg"):
        folder.write(f"images/{name}", encoded(photograph(1600, 1200, len(name)), "JPEG", quality=95))
    folder.change(
        "ja.md",
        "## 三つの約束",
        "::: gallery\n![a](images/other.jpg)\n![b](images/third.jpg)\n:::\n\n## 三つの約束",
    )
    issue = stored()
    letter = markdown.letter(issue, "ja", "Asia/Tokyo")
    with sqlite.begin() as connection:
        generous = pictures.make(connection, issue, letter, 10_000_000, now=now)
        tight = pictures.make(connection, issue, letter, 150_000, now=now)
        impossible = pictures.make(connection, issue, letter, 1_000, now=now)
    assert set(generous.made) == {
        "images/hero.png@top",
        "images/forum.jpg",
        "images/other.jpg@2",
        "images/third.jpg@2",
    }
    assert all(made.size_bytes <= images.PICTURE_BYTES for made in generous.made.values())
    assert generous.size_bytes > 150_000 >= tight.size_bytes
    assert (generous.met_budget, tight.met_budget, impossible.met_budget) == (True, True, False)
    assert tight.made["images/other.jpg@2"].shown == (260, 195)


def test_a_picture_is_made_once_for_all_editions(
    sqlite: Engine, stored: Callable[[], Issue], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:  # F42
    issue = stored()
    letter = markdown.letter(issue, "ja", "Asia/Tokyo")
    with sqlite.begin() as connection:
        first = pictures.make(connection, issue, letter, 350_000, now=now)
        count = connection.execute(sa.select(sa.func.count()).select_from(rendition)).scalar_one()

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("decoded again")

    monkeypatch.setattr(images, "fit", never)
    english = markdown.letter(issue, "en", "Asia/Tokyo")
    with sqlite.begin() as connection:
        again = pictures.make(connection, issue, english, 350_000, now=now)
    assert again == first
    assert count == 2


def test_the_same_file_may_stand_on_top_and_in_the_text(
    sqlite: Engine, stored: Callable[[], Issue], now: datetime
) -> None:
    issue = stored()
    issue = replace(issue, picture="images/forum.jpg")
    letter = markdown.letter(issue, "ja", "Asia/Tokyo")
    with sqlite.begin() as connection:
        album = pictures.make(connection, issue, letter, 350_000, now=now)
    assert album.made["images/forum.jpg@top"].shown == (600, 260)
    assert album.made["images/forum.jpg"].shown == (536, 300)
    assert pictures.with_top(letter).picture is not None
    assert store.content_hash(issue)
