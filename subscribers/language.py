"""Languages: what a person or a file calls them, as BCP 47 tags, and which edition someone gets.

Owns normalising and matching (RFC 5646, RFC 4647 §3.4, CLDR likely scripts). Knows no person, no
issue. Called by the import, by forms, by the audience and by campaigns.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

import langcodes
from langcodes.tag_parser import LanguageTagError

from .errors import BadLanguage

# Each language's own name by CLDR. Written down: loading 70 locales for them takes 1 s and 20 MB.
_NATIVE = (
    "af Afrikaans|am አማርኛ|ar العربية|az azərbaycan|be беларуская|bg български|bn বাংলা|bs bosanski|"
    "ca català|cs čeština|cy Cymraeg|da dansk|de Deutsch|el Ελληνικά|en English|es español|et eesti|"
    "eu euskara|fa فارسی|fi suomi|fil Filipino|fr français|ga Gaeilge|gl galego|gu ગુજરાતી|he עברית|"
    "hi हिन्दी|hr hrvatski|hu magyar|hy հայերեն|id Indonesia|is íslenska|it italiano|ja 日本語|"
    "ka ქართული|kk қазақ тілі|km ខ្មែរ|kn ಕನ್ನಡ|ko 한국어|ky кыргызча|lo ລາວ|lt lietuvių|lv latviešu|"
    "mk македонски|ml മലയാളം|mn монгол|mr मराठी|ms Melayu|my မြန်မာ|nb norsk bokmål|ne नेपाली|"
    "nl Nederlands|nn norsk nynorsk|no norsk|pa ਪੰਜਾਬੀ|pl polski|ps پښتو|pt português|ro română|"
    "ru русский|si සිංහල|sk slovenčina|sl slovenščina|sq shqip|sr српски|sv svenska|sw Kiswahili|"
    "ta தமிழ்|te తెలుగు|th ไทย|tr Türkçe|uk українська|ur اردو|uz o‘zbek|vi Tiếng Việt|yue 粵語|zh 中文|"
    "zh-Hans 简体中文|zh-Hant 繁體中文|zu isiZulu"
)
# What CLDR does not say and people write. "jp" is no language; it is written for one every day.
_ALSO = {
    "jp": "ja", "日語": "ja", "日语": "ja", "日文": "ja", "和文": "ja", "にほんご": "ja", "nihongo": "ja",
    "英文": "en", "英语": "en", "えいご": "en", "eigo": "en",
    "中文(繁體)": "zh-Hant", "中文(繁体)": "zh-Hant", "繁体中文": "zh-Hant", "繁體中文": "zh-Hant",
    "繁体字": "zh-Hant", "繁體字": "zh-Hant", "中国語(繁体字)": "zh-Hant", "中国語(繁体)": "zh-Hant",
    "繁体字中国語": "zh-Hant", "繁体中国語": "zh-Hant", "台湾華語": "zh-TW",
    "chinese(traditional)": "zh-Hant", "traditionalchinese": "zh-Hant",
    "中文(简体)": "zh-Hans", "中文(簡體)": "zh-Hans", "简体中文": "zh-Hans", "簡體中文": "zh-Hans",
    "簡体字": "zh-Hans", "简体字": "zh-Hans", "中国語(簡体字)": "zh-Hans", "中国語(簡体)": "zh-Hans",
    "簡体字中国語": "zh-Hans", "簡体中国語": "zh-Hans", "汉语": "zh", "漢語": "zh", "普通话": "zh",
    "chinese(simplified)": "zh-Hans", "simplifiedchinese": "zh-Hans", "mandarin": "zh",
    "韓国・朝鮮語": "ko", "朝鮮語": "ko", "korean": "ko", "조선말": "ko", "仏語": "fr", "独語": "de",
    "伊語": "it", "西語": "es", "葡語": "pt", "露語": "ru", "タガログ語": "fil", "tagalog": "fil",
    "bahasaindonesia": "id", "bahasamelayu": "ms", "farsi": "fa", "castellano": "es",
    "brazilianportuguese": "pt-BR", "portuguese(brazil)": "pt-BR", "ブラジルポルトガル語": "pt-BR",
    "ポルトガル語(ブラジル)": "pt-BR", "portuguêsdobrasil": "pt-BR", "portuguêsbrasileiro": "pt-BR",
}  # fmt: skip
_SEPARATORS = re.compile(r"[,;、，；/|\n]+")


@lru_cache(maxsize=4_096)
def normalise(text: str) -> str:
    """The BCP 47 tag in canonical case for a tag or a name in Japanese, English or the language itself.

    `JA_jp` → `ja-JP`, `日本語` → `ja`, `繁體中文` → `zh-Hant`. Raises BadLanguage.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if 0 < len(plain) <= 100:  # the longest name is 40; RFC 5646 §4.4.1 asks for 35
        key = _name_key(plain)
        found = _written_down().get(key) or _tag(plain) or _translated().get(key)
        if found:
            return found
    raise BadLanguage(f"{text[:100]!r} names no language.", language=text[:100])


@lru_cache(maxsize=4_096)
def read_list(text: str) -> tuple[str, ...]:
    """The languages of one cell, best first, each once: `ja,en`, `日本語、英語`. Raises BadLanguage."""
    names = [name for name in _SEPARATORS.split(text) if name.strip()]
    return tuple(dict.fromkeys(normalise(name) for name in names))


def match(
    preferences: Sequence[str], available: Sequence[str], fallbacks: Iterable[str | None] = ()
) -> str | None:
    """The one of `available` for this person, else the first fallback that is there, else None.

    Lookup by RFC 4647 §3.4 for each preference in turn, then a sister of the same language and
    script (`en` reads `en-GB`). Never across scripts: who reads zh-Hant is not sent zh-Hans.
    """
    for wanted in (*preferences, *fallbacks):
        if wanted and (found := _lookup(wanted, tuple(available))):
            return found
    return None


@lru_cache(maxsize=4_096)
def _lookup(wanted: str, available: tuple[str, ...]) -> str | None:
    language, script = _language_and_script(wanted)
    readable = {tag.lower(): tag for tag in available if _language_and_script(tag) == (language, script)}
    if not readable:
        return None
    parts = wanted.replace("_", "-").lower().split("-")
    while parts:
        if found := readable.get("-".join(parts)):
            return found
        parts.pop()
        if parts and len(parts[-1]) == 1:  # RFC 4647 §3.4: a single letter goes with what follows it
            parts.pop()
    return next(iter(readable.values()))


@lru_cache(maxsize=4_096)
def _language_and_script(tag: str) -> tuple[str, str]:
    """zh-TW → (zh, Hant), sr → (sr, Cyrl). A tag that cannot be read is alike only to itself."""
    try:
        full = langcodes.Language.get(tag).maximize()
    except LanguageTagError:
        return tag.lower(), ""
    return full.language or "", full.script or ""


def _tag(text: str) -> str | None:
    if not text.isascii() or " " in text.replace("_", "-"):
        return None
    try:
        language = langcodes.Language.get(langcodes.standardize_tag(text))
    except LanguageTagError:
        return None
    # "und", "mul" and private tags are well-formed and say nothing about what to send.
    if not (language.language or "").isalpha() or language.language in {"und", "mul", "mis", "zxx"}:
        return None
    return language.to_tag() if language.is_valid() else None


def _name_key(text: str) -> str:
    """Names are alike without case, spaces and accents of Latin letters (Espanol, Español)."""
    bare = re.sub(r"[\u0300-\u036f\s_’'ʼ-]+", "", unicodedata.normalize("NFKD", text).casefold())
    return unicodedata.normalize("NFKC", bare)


@lru_cache(maxsize=1)
def _written_down() -> dict[str, str]:
    native = (pair.partition(" ") for pair in _NATIVE.split("|"))
    return {_name_key(name): tag for tag, _, name in native} | {
        _name_key(name): tag for name, tag in _ALSO.items()
    }


@lru_cache(maxsize=1)
def _translated() -> dict[str, str]:
    """The names of all languages in Japanese and English by CLDR: 50 ms on first need."""
    from babel import Locale

    names: dict[str, str] = {}
    for locale in ("en", "ja"):
        for tag, name in Locale.parse(locale).languages.items():
            if standard := _tag(tag):
                names.setdefault(_name_key(name), standard)
    return names
