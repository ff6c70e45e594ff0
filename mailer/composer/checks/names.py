"""One name spelt in two ways within one language: Yokohama and Yokohoma, サーバー and サーバ.

Speaks only where the two can hardly be two words; Minato and Minami are two places.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from typing import Final

from mailer.composer.model import Finding

from .case import Case, Check
from .codes import finding
from .reading import ADDRESS, Kind
from .sentences import within

_LATIN: Final = re.compile(r"[A-Za-zÀ-ɏ][A-Za-zÀ-ɏ’']+")
_INSIDE: Final = re.compile(r"[a-z,;] $")
_KATAKANA: Final = re.compile(r"[ァ-ヴー]{3,}(?![ァ-ヴー])")
_PHRASE: Final = re.compile(
    r"(?<![\w’'-])[A-Z][\w’'-]{1,40}(?: (?:of|the|for|and|de|du|la) (?=[A-Z])| (?=[A-Z]))(?:[A-Z][\w’'-]{1,40}[ ]?){1,5}"
)
_ENDINGS: Final = (
    "s",
    "es",
    "'s",
    "’s",
    "d",
    "ed",
    "ing",
    "ly",
    "er",
    "r",
    "n",
    "an",
    "ian",
    "ese",
    "al",
    "y",
    "ers",
    "ist",
    "ism",
)
_LONE_LETTERS: Final = 6  # of a single word that stands at least twice in its other spelling
_ONCE_LETTERS: Final = 8  # where each spelling stands once
_KATAKANA_SIGNS: Final = 7  # for a wrong sign; a long mark is judged in shorter words, too
_MOST_NAMES: Final = 300  # each is compared with each; the issues of a year have up to 120
_SMALL_KANA: Final = str.maketrans("ァィゥェォッャュョヮ", "アイウエオツヤユヨワ")


def spelt_twice(case: Case) -> Iterator[Finding]:
    for language in case.proofs:
        runs = [run for part in case.parts(language) for run in part.runs if run.kind is not Kind.ALT]
        flowing = [ADDRESS.sub(" ", run.text) for run in runs if run.kind is not Kind.HEADING]
        every = [ADDRESS.sub(" ", run.text) for run in runs]
        pairs = [*_latin(flowing, every), *_phrases(every), *_katakana(every)]
        shown = tuple(dict.fromkeys(f"{one} / {other}" for one, other in pairs))
        if shown:
            yield finding("name_spelt_twice", language, where=f"{language}.md", fragments=shown)


def _latin(flowing: list[str], every: list[str]) -> Iterator[tuple[str, str]]:
    """Words with a capital inside a sentence, and never without one: in headings English writes any word so."""
    names: Counter[str] = Counter()
    lower = {word for text in every for word in _LATIN.findall(text) if word[0].islower()}
    for text in flowing:
        for match in _LATIN.finditer(text):
            inside = _INSIDE.search(text[max(0, match.start() - 3) : match.start()]) is not None
            if inside and match[0][0].isupper() and match[0].lower() not in lower and not match[0].isupper():
                names[re.sub(r"[’']s$", "", match[0])] += 1
    headed = Counter(
        word for text in every for word in _LATIN.findall(text) if word[0].isupper() and not word.isupper()
    )
    others = Counter({w: n for w, n in headed.items() if len(w) >= _ONCE_LETTERS and w.lower() not in lower})
    for one, other in combinations(sorted({*_often(names), *_often(others)}), 2):
        if not {one, other} & names.keys():
            continue  # two words of headings may be any words
        short = min(len(one), len(other))
        counts = sorted((names[one], names[other]))
        clear = short >= _ONCE_LETTERS or (short >= _LONE_LETTERS and counts[0] == 1 and counts[1] >= 2)
        if clear and one[0] == other[0] and within(one, other, 1) and not _inflected(one, other):
            yield one, other


def _phrases(texts: list[str]) -> Iterator[tuple[str, str]]:
    """Harbour Cities Network and Harbor Cities Network: all but one word are the same."""
    found = Counter(" ".join(m[0].split()) for text in texts for m in _PHRASE.finditer(text))
    for one, other in combinations(_often(found), 2):
        left, right = one.split(), other.split()
        if len(left) != len(right) or len(left) < 2:
            continue
        unlike = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
        if len(unlike) == 1 and _is_slip(*unlike[0]):
            yield one, other


def _is_slip(one: str, other: str) -> bool:
    short = min(len(one), len(other))
    if (
        short < 5
        or one[0].lower() != other[0].lower()
        or _inflected(one, other)
        or any(map(str.isdigit, one + other))
    ):
        return False
    return one.lower() != other.lower() and within(one.lower(), other.lower(), 1)


def _inflected(one: str, other: str) -> bool:
    short, long = sorted((one.lower(), other.lower()), key=len)
    return any(long == short + ending for ending in _ENDINGS) or (
        short[:-1] == long[:-1] and {short[-1], long[-1]} <= set("aoiesdnry")
    )


def _katakana(texts: list[str]) -> Iterator[tuple[str, str]]:
    plain = (unicodedata.normalize("NFKC", text) for text in texts)
    words = Counter(m[0] for text in plain for m in _KATAKANA.finditer(text))
    for one, other in combinations(_often(words), 2):
        short, long = sorted((one, other), key=len)
        if _long_mark_only(short, long) or _wrong_sign(short, long):
            yield short, long


def _long_mark_only(short: str, long: str) -> bool:
    """サーバ and サーバー, コミュニティ and コミュニティーセンター, マネジャー and マネージャー."""
    inside = len(short) >= 4 and long.startswith(f"{short}ー") and short.endswith(("ティ", "バ", "タ", "ザ"))
    return long == f"{short}ー" or inside or (len(short) >= 5 and _plain(short) == _plain(long))


def _wrong_sign(short: str, long: str) -> bool:
    """Not at the end: プログラム and プログラマ are two words."""
    if len(short) < _KATAKANA_SIGNS or short[0] != long[0] or not within(short, long, 1):
        return False
    return short[:-1] != long[:-1] and short != long[:-1]


def _plain(word: str) -> str:
    """Without what katakana spellings differ in: long marks and small signs."""
    return word.replace("ヴ", "ブ").translate(_SMALL_KANA).replace("ー", "")


def _often(found: Counter[str]) -> list[str]:
    return sorted(word for word, _ in found.most_common(_MOST_NAMES))


CHECKS: Final[tuple[Check, ...]] = (spelt_twice,)
