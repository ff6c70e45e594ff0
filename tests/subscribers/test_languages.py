"""subscribers.language: what people call languages, and which edition they get."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.errors import BadLanguage
from subscribers.language import match, normalise, read_list


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("ja", "ja"), ("JA_jp", "ja-JP"), ("ＪＡ", "ja"), ("jpn", "ja"), ("jp", "ja"), (" en ", "en"),
        ("EN_gb", "en-GB"), ("eng", "en"), ("zh_hant_tw", "zh-Hant-TW"), ("zh-TW", "zh-TW"), ("iw", "he"),
        ("日本語", "ja"), ("英語", "en"), ("English", "en"), ("ENGLISH", "en"), ("Japanese", "ja"),
        ("中国語", "zh"), ("中国語（繁体字）", "zh-Hant"), ("繁體中文", "zh-Hant"), ("簡体字", "zh-Hans"),
        ("简体中文", "zh-Hans"), ("Traditional Chinese", "zh-Hant"), ("Chinese (Simplified)", "zh-Hans"),
        ("Français", "fr"), ("francais", "fr"), ("フランス語", "fr"), ("French", "fr"), ("Español", "es"),
        ("العربية", "ar"), ("アラビア語", "ar"), ("한국어", "ko"), ("韓国語", "ko"), ("Tiếng Việt", "vi"),
        ("ベトナム語", "vi"), ("Deutsch", "de"), ("ドイツ語", "de"), ("Bahasa Indonesia", "id"),
        ("イギリス英語", "en-GB"), ("Brazilian Portuguese", "pt-BR"),
    ],
)  # fmt: skip
def test_a_language_is_known_by_its_tag_and_by_its_names(text: str, tag: str) -> None:
    assert normalise(text) == tag


@pytest.mark.parametrize("text", ["", "  ", "und", "xx", "foo", "ja;en", "x-private", "日本", "e" * 5_000])
def test_what_names_no_language_is_refused(text: str) -> None:
    with pytest.raises(BadLanguage):
        normalise(text)


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("", ()),
        ("ja,en", ("ja", "en")),
        ("日本語、英語", ("ja", "en")),
        ("en; JA ;en", ("en", "ja")),
        ("ja", ("ja",)),
    ],
)
def test_a_cell_holds_languages_best_first(cell: str, tags: tuple[str, ...]) -> None:
    assert read_list(cell) == tags


@given(st.text(max_size=30))
def test_any_text_is_a_canonical_tag_or_a_refusal(text: str) -> None:
    try:
        tag = normalise(text)
    except BadLanguage:
        return
    assert normalise(tag) == tag


@pytest.mark.parametrize(
    ("preferences", "available", "expected"),
    [
        (["ja-JP"], ["en", "ja"], "ja"),
        (["en-GB"], ["ja", "en"], "en"),
        (["en"], ["ja", "en-GB"], "en-GB"),
        (["en-AU"], ["en-US", "en"], "en"),
        (["fr", "en"], ["ja", "en"], "en"),
        (["ja-Latn"], ["ja"], None),
        (["zh-TW"], ["zh-Hans", "zh-Hant"], "zh-Hant"),
        (["zh-HK"], ["zh-TW"], "zh-TW"),
        (["zh-Hant"], ["zh-Hans"], None),
        (["zh-Hant"], ["zh"], None),
        (["zh-TW"], ["zh-CN"], None),
        (["zh-CN"], ["zh-Hant"], None),
        (["zh"], ["zh-Hans"], "zh-Hans"),
        (["zh-Hans-CN"], ["zh"], "zh"),
        (["sr-Latn"], ["sr"], None),
        (["zh-Hant", "en"], ["zh-Hans", "en", "ja"], "en"),
        ([], ["ja"], None),
        (["not a tag"], ["ja"], None),
    ],
)
def test_lookup_goes_along_the_preferences_and_never_across_scripts(
    preferences: list[str], available: list[str], expected: str | None
) -> None:
    assert match(preferences, available) == expected


def test_without_a_match_the_first_fallback_that_is_there_is_taken() -> None:
    assert match(["fr"], ["ja", "en"], [None, "de", "en", "ja"]) == "en"
    assert match([], ["ja", "en"], ["ja-JP"]) == "ja"
    assert match(["fr"], ["ja"], [None, "zh-Hant"]) is None
    assert match(["zh-Hant"], ["zh-Hans", "ja"], [None, "ja", "zh-Hans"]) == "ja"
