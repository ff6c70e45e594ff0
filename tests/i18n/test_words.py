"""Words: catalogues complete and alike, dates and numbers as each language writes them."""

from __future__ import annotations

import string
from datetime import UTC, date, datetime

import pytest

from mailer import i18n
from mailer.errors import BadRule, Fault
from mailer.i18n import autonym, direction, words
from subscribers.errors import BadAddress

DAY = date(2034, 12, 20)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(("one", "other"), [("ja", "en"), ("en", "ja")])
def test_every_sentence_of_one_language_exists_in_the_other(one: str, other: str) -> None:
    assert set(i18n.catalogue(one)) - set(i18n.catalogue(other)) == set()


def asked(language: str, key: str) -> set[str]:
    entry = i18n.catalogue(language)[key]
    return set().union(*(placeholders(text) for form, text in entry.items() if form != "by"))


@pytest.mark.parametrize("language", sorted(set(i18n.catalogues()) - {"en"}))
def test_a_translation_asks_for_the_same_facts_as_the_english_sentence(language: str) -> None:
    """Except in the mail, where one language says the zone in the label and another beside the date."""
    wrong = {
        key: (asked(language, key), asked("en", key))
        for key in i18n.catalogue(language)
        if not key.startswith("mail.") and asked(language, key) != asked("en", key)
    }
    assert wrong == {}


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_remedy_in_one_language_is_a_remedy_in_the_other(language: str) -> None:
    have = {key for key, entry in i18n.catalogue(language).items() if entry.get("remedy")}
    english = {key for key, entry in i18n.catalogue("en").items() if entry.get("remedy")}
    assert have == english


@pytest.mark.parametrize("language", i18n.catalogues())
def test_every_text_is_tidy_and_its_placeholders_are_bare_names(language: str) -> None:
    for key, entry in i18n.catalogue(language).items():
        assert set(entry) <= {"text", "remedy", "by", "zero", "one", "two", "few", "many", "other"}, key
        assert ("text" in entry) != ("other" in entry), key
        for text in entry.values():
            assert text == text.strip() and text, key
            assert all(name.isidentifier() for name in placeholders(text)), key


@pytest.mark.parametrize(
    ("language", "style", "said"),
    [
        ("ja", "weekday", "2034年12月20日（水）"),
        ("ja", "long", "2034年12月20日"),
        ("en", "weekday", "Wednesday, 20 December 2034"),
        ("en", "long", "20 December 2034"),
        ("en", "short", "20 Dec 2034"),
        ("ar", "weekday", "الأربعاء، ٢٠ ديسمبر ٢٠٣٤"),
        ("zh-Hant", "weekday", "2034年12月20日（三）"),
        ("zh-Hans", "weekday", "2034年12月20日（周三）"),
    ],
)
def test_a_date_is_written_as_the_language_writes_it(language: str, style: str, said: str) -> None:
    assert words(language).date(DAY, style) == said


def test_a_moment_is_said_in_its_zone_with_the_zones_name() -> None:
    at = datetime(2034, 12, 20, 0, 0, tzinfo=UTC)
    assert words("ja").moment(at, "Asia/Tokyo") == "2034年12月20日（水）9:00（日本時間）"
    assert words("en").moment(at, "Asia/Tokyo") == "Wednesday, 20 December 2034, 9:00 (JST)"
    assert words("en").moment(at, "Europe/Berlin").endswith("1:00 (CET)")


def test_numbers_sizes_and_lists_follow_the_language() -> None:
    assert words("en").number(12345) == "12,345"
    assert words("ar").number(12345.6) == "١٢٬٣٤٥٫٦"
    assert words("en").size(2_400_000) == "2.4 MB"
    assert words("ja").size(840_100) == "840 KB"
    assert words("en").join(["ja", "en", "ar"]) == "ja, en and ar"
    assert words("ja").join(["日本語", "英語"]) == "日本語、英語"


def test_sections_are_numbered_in_the_readers_own_way() -> None:
    assert [words(code).section_number(4) for code in ("ja", "en", "ar", "zh-Hant")] == ["4", "IV.", "٤", "4"]
    assert words("en").section_number(49) == "XLIX."


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("ja-JP", "ja"),
        ("zh-TW", "zh-Hant"),
        ("zh-Hans", "zh-Hans"),
        ("zh-CN", "zh-Hans"),
        ("fr", "en"),
        ("ar-EG", "ar"),
        ("!", "en"),
    ],
)
def test_a_language_without_a_catalogue_gets_the_nearest_and_never_another_script(
    asked: str, got: str
) -> None:
    assert words(asked).source == got


def test_languages_name_themselves_and_know_their_direction() -> None:
    assert [autonym(code) for code in ("ja", "en", "ar", "zh-Hant", "fr")] == [
        "日本語", "English", "العربية", "繁體中文", "Français",
    ]  # fmt: skip
    assert [direction(code) for code in ("ja", "ar", "he", "az-Arab", "no language")] == [
        "ltr", "rtl", "rtl", "rtl", "ltr",
    ]  # fmt: skip


def test_a_missing_key_or_fact_is_our_fault_and_raises() -> None:
    with pytest.raises(LookupError):
        words("en")("no.such_key")
    with pytest.raises(LookupError):
        words("en")("date.moment", date="today")


def test_a_placeholder_cannot_reach_into_a_fact() -> None:
    with pytest.raises(LookupError):
        words("en")._fill("{name.__class__}", {"name": "x"})
    with pytest.raises(LookupError):
        words("en")._fill("{0}", {})


def test_english_chooses_between_one_and_other() -> None:
    entry = {"one": "{count} person", "other": "{count:n} people"}
    english = words("en")
    said = [english._fill(english._form(entry, {"count": n}), {"count": n}) for n in (1, 2, 1200)]
    assert said == ["1 person", "2 people", "1,200 people"]


def test_an_error_without_words_is_told_in_its_own_english() -> None:
    assert words("ja").error(BadRule("What?", remedy="Write it so.", key="not_in_any_file")) == (
        "What?", "Write it so.",
    )  # fmt: skip
    fault = Fault("not_in_any_file", "ja.md, line 3", "It is wrong.", "Mend it.")
    assert words("ja").error(fault) == ("It is wrong.", "Mend it.")


def test_an_error_is_told_by_its_reason_where_the_catalogue_knows_it() -> None:
    near = Fault(
        "unknown_key", "issue.toml", "x", facts={"key": "a", "near": "b", "known": "c", "reason": "near"}
    )
    plain = Fault("unknown_key", "issue.toml", "x", facts={"key": "a", "known": "c", "reason": "other"})
    assert "“b”" in words("en").error(near)[0]
    assert "“b”" not in words("en").error(plain)[0]
    assert words("en").error(BadAddress("x", reason="no_such_reason"))[0]


def test_a_code_is_said_in_words() -> None:
    assert words("ja")._fill("{state:state.campaign}", {"state": "held"}) == "保留"
    assert words("ja")._fill("{state:state.campaign}", {"state": "other"}) == "other"
