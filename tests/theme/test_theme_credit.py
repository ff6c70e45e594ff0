"""Who made a picture, and a picture whose caption says it all: in the mail, its text and the web version."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from mailer import i18n
from mailer.composer.look import plain_text, webpage
from mailer.composer.look.theme import Theme
from mailer.composer.model import Figure, Gallery, Inline, Letter, LetterSection
from tests.theme import samples

LANGUAGES = ("ja", "en", "ar", "zh-Hant", "zh-Hans")
MOORING = Theme(None)
RENDERERS = (MOORING.render_issue, plain_text.render, webpage.render)
LABELS = {"ja": "写真：", "en": "Photo: ", "ar": "تصوير: ", "zh-Hant": "攝影：", "zh-Hans": "摄影："}


def figure(path: str = "images/forum.png", alt: str = "A hall", credit: str = "Mori Keiko") -> Figure:
    return Figure(path, alt, Inline("The plenary", "The plenary"), credit, caption_says_it=not alt)


def with_blocks(language: str, *blocks: Figure | Gallery) -> Letter:
    section = LetterSection("one", Inline("T", "T"), blocks)
    return replace(samples.letter(language), lead=(), sections=(section,), picture=None)


def plain(text: str) -> str:
    return re.sub(r"<[^>]*>", "", text)


@pytest.mark.parametrize("render", RENDERERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_credit_stands_behind_its_caption_in_every_language(
    language: str, render: Callable[..., str]
) -> None:
    made = render(with_blocks(language, figure()), samples.surroundings(language), i18n.words(language))
    assert re.search(rf"The plenary\s+{re.escape(LABELS[language])}Mori Keiko", plain(made))


@pytest.mark.parametrize("render", RENDERERS)
def test_each_picture_of_a_gallery_and_the_one_on_top_have_their_own(render: Callable[..., str]) -> None:
    pair = Gallery((figure(credit="Aoki"), figure("images/ferry.png", credit="Baba")))
    letter = replace(with_blocks("en", pair), picture=figure("images/hero.png", credit="Chiba"))
    made = plain(render(letter, samples.surroundings("en"), i18n.words("en")))
    assert [made.count(f"Photo: {name}") for name in ("Aoki", "Baba", "Chiba")] == [1, 1, 1]


@pytest.mark.parametrize("render", RENDERERS)
def test_without_a_credit_there_is_no_word_for_it(render: Callable[..., str]) -> None:
    made = render(with_blocks("en", figure(credit="")), samples.surroundings("en"), i18n.words("en"))
    assert "Photo:" not in made


@pytest.mark.parametrize(
    ("credit", "shown"),
    [("写真提供：横浜市", "写真提供：横浜市"), ("© 2034 Aoki", "© 2034 Aoki"), ("横浜市", "写真：横浜市")],
)
def test_a_credit_that_says_photograph_already_says_it_once(credit: str, shown: str) -> None:
    made = plain_text.render(
        with_blocks("ja", figure(credit=credit)), samples.surroundings("ja"), i18n.words("ja")
    )
    assert f"\n{shown}\n" in made and "写真：写真" not in made


def test_a_credit_cannot_leave_its_place() -> None:
    letter = with_blocks("en", figure(credit='<script>"@@EMAIL'))
    for render in (MOORING.render_issue, webpage.render):
        made = render(letter, samples.surroundings("en"), i18n.words("en"))
        assert "<script>" not in made


def test_a_picture_whose_caption_says_it_all_is_silent_for_a_screen_reader_and_not_said_twice() -> None:
    letter, about, words = with_blocks("en", figure(alt="")), samples.surroundings("en"), i18n.words("en")
    for render in (MOORING.render_issue, webpage.render):
        image = re.search(r"<img [^>]*forum\.png[^>]*>", render(letter, about, words))
        assert image and ' alt=""' in image[0]
    text = plain_text.render(letter, about, words)
    assert "[Picture" not in text and "The plenary" in text
