"""What a reader sees: in every language that has a catalogue, whole, and nowhere but in a catalogue."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest
from babel import Locale

from mailer import i18n
from mailer.composer.notices import NOTICES

ROOT = Path(__file__).parents[2]
# The groups that readers meet; of the mail everything but the notices that only staff get. `zone` is a courtesy:
# a zone without words there has CLDR's name.
GROUPS = {"style", "date", "mail", "web"}
OF_STAFF = {kind.name for kind in NOTICES.values() if kind.audience == "staff"}
LANGUAGES = i18n.catalogues()
SPOKEN_BY_STAFF = {"en", "ja"}
PAGES = sorted(
    path
    for folder in ("templates", "mailer/web/pages")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".html", ".txt", ".subject")
)
MODULES = [ROOT / "mailer/composer/look" / f"{name}.py" for name in ("webpage", "plain_text", "view", "rows")]


def is_readers(key: str) -> bool:
    group, _, name = key.partition(".")
    return group in GROUPS and not (group == "mail" and name.partition(".")[0] in OF_STAFF)


def asked(language: str, key: str) -> set[str]:
    texts = (text for form, text in i18n.catalogue(language)[key].items() if form != "by")
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name}


READERS = {key for key in i18n.catalogue("en") if is_readers(key)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_lacks_a_readers_word(language: str) -> None:
    assert READERS - set(i18n.catalogue(language)) == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_has_a_word_that_nobody_asks_for(language: str) -> None:
    there = {key for key in i18n.catalogue(language) if not key.startswith("zone.")}
    assert there - set(i18n.catalogue("en")) == set()
    if language not in SPOKEN_BY_STAFF:
        assert there - READERS == set()  # nobody has to translate the command line


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - SPOKEN_BY_STAFF))
def test_a_translation_uses_the_facts_that_japanese_or_english_use(language: str) -> None:
    """One language says the zone in the label, another beside the date; what both say, all say."""
    for key in READERS:
        japanese, english = asked("ja", key), asked("en", key)
        assert asked(language, key) <= japanese | english, key
        assert asked(language, key) >= japanese & english, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_counted_has_a_form_for_each_plural_of_the_language(language: str) -> None:
    forms = {*Locale.parse(language.replace("-", "_")).plural_form.tags, "other"}
    for key, entry in i18n.catalogue(language).items():
        if "other" in entry:
            assert set(entry) - {"by", "remedy"} == forms, key
            assert entry.get("by") == i18n.catalogue("en")[key].get("by", entry.get("by")), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_readers_are_spoken_to_calmly(language: str) -> None:
    told = {
        key: " ".join(entry.values()) for key, entry in i18n.catalogue(language).items() if is_readers(key)
    }
    assert [key for key, text in told.items() if re.search("[!！]|click here|クリック", text)] == []


def test_japanese_has_full_width_signs_and_no_spaces_before_kana() -> None:
    """Addresses and references, which are put in, keep a space: it shows where they end."""
    told = {key: e["text"] for key, e in i18n.catalogue("ja").items() if is_readers(key) and "text" in e}
    kana = "[ぁ-んァ-ヶ一-龠]"
    wrong = re.compile(rf"[A-Za-z0-9] {kana}|{kana} [A-Za-z0-9]|{kana}[(:,?]|[),] ?{kana}|[｡-ﾟ]")
    assert [key for key, text in told.items() if wrong.search(text)] == []


# ── nowhere but in a catalogue ──────────────────────────────────────────────────────────────────

_CODE = re.compile(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", re.S)
_SPOKEN_ATTRIBUTE = re.compile(r'\b(?:alt|title|aria-label|aria-roledescription|placeholder)="([^"]*)"')
_BETWEEN = re.compile(r'<style.*?</style>|<!--.*?-->|<[^>]*>| [\w-]+="[^"]*"|&#?\w+;|@@[A-Z]+@@', re.S)
_WORD = re.compile(r"[^\W\d_]{2,}")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_template_holds_no_word_of_its_own(path: Path) -> None:
    text = _CODE.sub("", path.read_text("utf-8"))
    spoken = " ".join(_SPOKEN_ATTRIBUTE.findall(text))
    assert _WORD.findall(_BETWEEN.sub(" ", text) + spoken) == []


def test_the_scan_of_templates_sees_a_word() -> None:
    assert len(PAGES) > 30
    text = _CODE.sub("", '<p class="lead" title="Hello">{{ words("web.x") }} World</p>')
    assert (_SPOKEN_ATTRIBUTE.findall(text), _WORD.findall(_BETWEEN.sub(" ", text))) == (["Hello"], ["World"])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_that_draws_a_letter_holds_no_words(path: Path) -> None:
    """Words, not names of tags, keys and brands: letters beyond ASCII, or two words with a space between."""
    tree = ast.parse(path.read_text("utf-8"))
    unseen = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr | ast.Raise)  # docstrings, and what only we read
        for inner in ast.walk(node)
    }
    texts = [
        _BETWEEN.sub(" ", node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in unseen
    ]
    words = re.compile(r"[^\W\d_a-zA-Z]|[A-Za-z]{2,} +[A-Za-z]{2,}")
    assert [text for text in texts if words.search(text) and not text.startswith(("(?", "<"))] == []
