"""What a full issue weighs: twelve sections and twenty-four pictures, written as an office writes."""

from __future__ import annotations

import hashlib
import random
import re
from dataclasses import replace
from datetime import date
from io import BytesIO

import pytest
from PIL import Image, ImageFilter

from mailer import i18n
from mailer.composer import images, slots
from mailer.composer.look.theme import Theme
from mailer.composer.look.view import PICTURE_WIDTHS
from mailer.composer.model import Issue, IssueText, Letter, Section, SectionText, Shown, Surroundings
from mailer.composer.text.markdown import letter as read_letter
from tests.theme import samples

LIMIT = 90_000  # bytes; Gmail clips at 102 KB, and its own wrapping of links takes some of them
SECTIONS = 12
SENTENCES = {
    "ja": (
        "会員都市の担当者がオンラインで集まり、来年度の共同調査の進め方を話し合いました。",
        "調査では、水辺の使われ方を朝と夕方に分けて記録し、結果を秋の会議で発表します。",
        "参加を希望される自治体は、別紙の申込書に必要事項を記入のうえ事務所までお送りください。",
        "これまでの報告書は事務所のウェブサイトで公開しており、どなたでもご覧いただけます。",
        "当日は地元の高校生も議論に加わり、通学路から見た護岸の危険な箇所を地図に示しました。",
        "ご不明な点がございましたら、平日の9時から17時までにお電話でお問い合わせください。",
    ),
    "en": (
        "Officers of the member cities met online and agreed how next year’s joint survey will be carried out. ",
        "The survey records how people use the water’s edge in the morning and in the evening, and reports in autumn. ",
        "Cities that would like to take part are asked to send the form on the next page to our office. ",
        "All earlier reports are on our website and can be read by anybody, free of charge. ",
        "Pupils of the local high school joined the discussion and marked unsafe places on their way to school. ",
        "If anything is unclear, please telephone our office on weekdays between nine and five. ",
    ),
}
TITLES = {
    "ja": "会員都市による水辺の共同調査がはじまります",
    "en": "The member cities begin their joint survey of waterfronts",
}


def full_issue(language: str) -> Letter:
    """Paragraphs, a list, two pictures beside or below each other, a button or two; a material in every third section."""
    chance = random.Random(84)
    sections = {
        f"part-{n}": SectionText(f"{TITLES[language]} {n + 1}", body(language, n, chance))
        for n in range(SECTIONS)
    }
    lead = "\n\n".join(paragraph(language, chance, 4) for _ in range(2))
    issue = Issue(
        slug="2034-12",
        number="84",
        date=date(2034, 12, 20),
        languages=(language,),
        texts={language: IssueText(TITLES[language], paragraph(language, chance, 1).strip(), lead=lead)},
        sections=tuple(Section(key, {language: text}) for key, text in sections.items()),
        orders={language: tuple(sections)},
        files={f"images/photo-{n}.jpg": "0" for n in range(2 * SECTIONS)}
        | {"files/rain-garden-guide.pdf": "0"},
    )
    return read_letter(issue, language, samples.ZONE)


def paragraph(language: str, chance: random.Random, sentences: int) -> str:
    return "".join(chance.sample(SENTENCES[language], sentences)).strip()


def body(language: str, n: int, chance: random.Random) -> str:
    def one() -> str:
        return SENTENCES[language][chance.randrange(6)].strip().rstrip("。.")

    shown = [f'![{one()}](images/photo-{2 * n + k}.jpg "{one()[:46]}")' for k in range(2)]
    address = f"https://www.harbour-cities.example/{language}/news/2034/12/joint-survey-of-waterfronts-{n}/"
    parts = [
        paragraph(language, chance, 2),
        *(["::: gallery\n" + "\n".join(shown) + "\n:::"] if n % 2 else [shown[0]]),
        f"## {one()[:24]}",
        paragraph(language, chance, 2) + f" [{one()[:20]}]({address})",
        *([] if n % 2 else [shown[1]]),
        "\n".join(f"{k}. {one()}" for k in (1, 2, 3)),
        paragraph(language, chance, 1),
        *(["[PDF](files/rain-garden-guide.pdf){until=2035-01-31}"] if n % 3 == 0 else []),
        f"[{one()[:12]}]({address}report/){{.button}}"
        + ("" if n % 2 else f"\n[{one()[:12]}]({address}apply/?from=enews){{.button}}"),
    ]
    return "\n\n".join(parts)


def about(language: str) -> Surroundings:
    """With addresses of pictures as long as they are: a hash of 64 signs."""

    def address(n: int) -> str:
        return f"{samples.BASE}/media/{hashlib.sha256(bytes([n])).hexdigest()}.jpg"

    shown = {}
    for n in range(2 * SECTIONS):
        shown[f"images/photo-{n}.jpg"] = Shown(address(n), 536, 402)
        shown[f"images/photo-{n}.jpg@2"] = Shown(address(n), 260, 195)
    return replace(samples.surroundings(language), pictures=shown)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_twelve_sections_and_twenty_four_pictures_stay_below_the_clip_limit(language: str) -> None:
    # F43: measured on the whole page with every slot at its longest; the words are a fifth of it
    letter = full_issue(language)
    html = Theme(None).render_issue(letter, about(language), i18n.words(language))
    assert len(re.findall(r'<img [^>]*/media/[0-9a-f]{64}\.jpg"', html)) == 24
    text = len(re.sub(r"<style>.*?</style>|<[^>]*>", "", html, flags=re.S).encode())
    longest = slots.longest_bytes(html)
    print(f"\n{language}: {longest:,} bytes, of which {text:,} are words")
    assert text > 12_000  # it is a long issue indeed
    assert longest < LIMIT


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_names_of_fonts_weigh_little(language: str) -> None:
    # the look repeated them on every run: 30 KB at twelve sections
    html = Theme(None).render_issue(full_issue(language), about(language), i18n.words(language))
    stacks = re.findall(r"font-family:[^;\"]*", html)
    assert sum(map(len, stacks)) < 8_000


# ── photographs ─────────────────────────────────────────────────────────────────────────────────


def photograph(width: int, height: int) -> bytes:
    """A scene as a camera sees it: smooth light, coarse shapes, the noise of a sensor; a red square in the upper middle."""
    light = Image.linear_gradient("L").resize((width, height))
    shapes = Image.effect_noise((width // 40, height // 40), 90).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    leaves = Image.effect_noise((width // 4, height // 4), 60).resize(
        (width, height), Image.Resampling.BICUBIC
    )
    noise = Image.effect_noise((width, height), 12)
    grey = Image.blend(Image.blend(light, shapes, 0.5), Image.blend(leaves, noise, 0.4), 0.35)
    scene = Image.merge("RGB", (grey, grey.filter(ImageFilter.GaussianBlur(2)), shapes))
    side = width // 8
    scene.paste(
        (220, 20, 20), (width // 2 - side // 2, height // 4, width // 2 + side // 2, height // 4 + side)
    )
    out = BytesIO()
    scene.save(out, "JPEG", quality=92)
    return out.getvalue()


def red_box(content: bytes) -> tuple[float, float, float, float]:
    """Where the red square is, as shares of width and height."""
    image = Image.open(BytesIO(content)).convert("RGB")
    red, green, _ = image.split()
    mask = Image.eval(red, lambda v: 255 if v > 190 else 0)
    mask.paste(0, mask=Image.eval(green, lambda v: 255 if v > 60 else 0))
    left, top, right, bottom = mask.filter(ImageFilter.MedianFilter(5)).getbbox() or (0, 0, 0, 0)
    return left / image.width, top / image.height, right / image.width, bottom / image.height


@pytest.mark.parametrize("size", [(2400, 1800), (1800, 2400), (2400, 1350)])
def test_a_photograph_is_light_sharp_and_keeps_what_stands_in_its_upper_middle(size: tuple[int, int]) -> None:
    source = photograph(*size)
    alone = images.fit(source, PICTURE_WIDTHS[1], quality=66)
    beside = images.fit(source, PICTURE_WIDTHS[2], PICTURE_WIDTHS[2] * 3 // 4)
    for made in (alone, beside):
        assert made.media_type == "image/jpeg"
        assert made.width == 2 * made.shown[0]
        assert len(made.content) < images.PICTURE_BYTES
        left, top, right, bottom = red_box(made.content)
        assert right > left and bottom > top
        assert 0.3 < (left + right) / 2 < 0.7
        assert top > 0.02 and bottom < 0.9  # whole: a face is not cut off at the top
    shown = alone.shown[1] / alone.shown[0]
    assert shown == pytest.approx(size[1] / size[0], abs=0.01)  # a figure is never cropped
    assert beside.shown == (260, 195)
