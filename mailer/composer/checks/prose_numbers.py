"""Finds numbers, times and telephone numbers in Japanese and English text, so that two languages can be compared.

Owns how a quantity is written by people: 52, fifty-two, 五十二, 3万5千, 120 million, 午後2時, 2 p.m. Judges nothing.
Days are `prose_dates`' affair and must be taken out before.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from .prose_dates import ERAS, MONTHS
from .reading import ADDRESS

_UNITS: Final = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS: Final = dict(
    zip(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
        range(20, 100, 10),
        strict=True,
    )
)
_ORDINALS: Final = [
    "zeroth",
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
]
_OTHER_WORDS: Final = {
    "both": 2, "pair": 2, "couple": 2, "twice": 2, "twin": 2, "second": 2, "double": 2, "doubled": 2, "thrice": 3, "dozen": 12, "fortnight": 2,
    "decade": 10, "century": 100, "centuries": 100, "quarter": 3, "hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 10**9, "trillion": 10**12, "half": 2,
    "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90, "hundredth": 100,
    "teen": 10, "teenager": 10, "noon": 12, "midday": 12, "midnight": 0,
}  # fmt: skip
_WORD_VALUES: Final = (
    {word: value for value, word in enumerate(_UNITS)}
    | _TENS
    | {word: value for value, word in enumerate(_ORDINALS)}
    | {f"{word.removesuffix('y')}ies": value for word, value in _TENS.items()}
    | _OTHER_WORDS
)
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
# No quantity: what a machine counts, or a key held down.
_ENDLESS: Final = re.compile(r"\d{16,}|[〇零一二三四五六七八九十百千万億兆]{30,}")
_PHONE: Final = re.compile(
    r"\+\d{1,3}[ -]?(?:\(0\))?[ -]?\d{1,4}(?:[ -]\d{2,4}){1,3}|(?<![\d-])0\d{1,4}[-(（ ]\d{1,4}[-)） ]\d{3,4}(?![\d-])"
)
_HYPHENED: Final = re.compile(r"(?<![\w.])\d+(?:[-‐‑−]\d+)+(?![\w])")
_CLOCK: Final = re.compile(r"(?<![\d:.])(?P<h>[01]?\d|2[0-4])[:：](?P<m>[0-5]\d)(?![\d:])")
_CLOCK_JA: Final = re.compile(
    r"(?:(?P<half>午前|午後|朝|夜|夕方)の?)?(?P<h>\d{1,2})時(?!間|代|期|点)(?:(?P<m>\d{1,2})分|(?P<semi>半))?"
)
_CLOCK_EN: Final = re.compile(
    r"(?<![\d.:])(?P<h>\d{1,2})(?:[:.](?P<m>[0-5]\d))?\s{0,3}(?:[-–—]|to|until|till)?\s{0,3}(?:(?P<h2>\d{1,2})(?:[:.](?P<m2>[0-5]\d))?\s{0,3})?(?:a\.?m\b\.?|p\.?m\b\.?|o[’']clock)",
    re.I,
)
_NOON: Final = re.compile(r"正午|noon|midday", re.I)
_FLOOR: Final = re.compile(
    r"(?:地下|地上)?\d+\s{0,3}階(?:建て)?|\b\d+F\b|\b\d+(?:st|nd|rd|th)\s+floor|\bfloors?\s+\d+", re.I
)
_MONTH_JA: Final = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])\s{0,3}月(?!間)(?:号|中|末|上旬|中旬|下旬|頃|ごろ)?")
_MONTHS_JA: Final = re.compile(r"(?<!\d)(1[0-2]|0?[1-9])(?=[・、,〜～\-–](?:1[0-2]|0?[1-9])\s{0,3}月)")
_MONTH_EN: Final = re.compile(
    r"\b(" + "|".join(m for m in MONTHS if m not in ("May", "March")) + r")\b|"
    r"\b(?:(?:in|of|by|until|since|this|next|last|early|late|mid|from|to|through|every|each|and)[- ]|\d{1,2}(?:st|nd|rd|th)? )(May|March)\b|"
    r"\b(May|March)(?= (?:\d|issue|course|and|to|meeting)|[,’'–-])"
)
_ERA: Final = re.compile(
    r"(令和|平成|昭和|大正|明治|Reiwa|Heisei|Showa|Taisho|Meiji)\s{0,3}(元|\d{1,2})\s{0,3}年?"
)
_ERA_NAMES: Final = dict(
    zip(("Reiwa", "Heisei", "Showa", "Taisho", "Meiji"), ERAS.values(), strict=True)
) | dict(ERAS)
_NUMBER: Final = re.compile(
    r"(?P<number>\d{1,3}(?:[,，]\d{3}){1,8}(?:\.\d+)?|\d+(?:\.\d+)?)\s{0,3}(?P<scale>[百千]?[万億兆]|千|(?:hundred|thousand|million|billion|trillion)\b|k\b)?(?P<rest>(?:(?:\d{1,3}(?:,\d{3})+|\d+(?:\.\d+)?)[百千]?[万億]?){0,4})",
    re.I,
)
_KANJI_DIGITS: Final = dict(zip("〇一二三四五六七八九", range(10), strict=True)) | {"零": 0, "両": 2}
_KANJI_SCALES: Final = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "億": 10**8, "兆": 10**12}
_KANJI: Final = re.compile(r"[〇零一二三四五六七八九十百千万億兆]+")
_READ_JA: Final = {"ひとつ": 1, "ふたつ": 2, "みっつ": 3, "よっつ": 4, "いつつ": 5, "むっつ": 6, "ななつ": 7, "やっつ": 8, "ここのつ": 9,
                   "ひとり": 1, "ふたり": 2, "はつか": 20, "半年": 6, "四半期": 3, "半日": 1, "半分": 2, "ダース": 12}  # fmt: skip
_COUNTED: Final = re.compile(
    r"(?<![\d万億二三四五六七八九十百千])([二三四五六七八九十百千]+)(?:つ(?!星)|人(?!三脚|前|称|組)|名(?!称)|か国|カ国|ヶ国|か所|カ所|ヶ所|箇所|都市|団体|世帯|歳|隻|冊|枚|校(?!舎))"
)
_WORDS_EN: Final = re.compile(
    r"\b(?:"
    + "|".join(sorted([*_UNITS[2:], *_TENS], key=len, reverse=True))
    + r")(?:-(?:"
    + "|".join(_UNITS[1:10])
    + r"))?\b",
    re.I,
)
_PERCENT_OF_TEN: Final = re.compile(r"(\d+(?:\.\d+)?|[一二三四五六七八九])割")


_VULGAR: Final = re.compile(r"(\d{0,4}) ?([½¼¾⅓⅔])")
_HALF_MORE: Final = re.compile(r"(\d{1,3}|[一二三四五六七八九])(時間|年|日|週間|[かカヶケ]月|倍|分)半")


@dataclass(slots=True)
class Quantities:
    """What a text counts. `said` is written in digits and is missed elsewhere; `also` may stand for it there."""

    said: dict[Fraction, str] = field(default_factory=dict)  # value → as written
    also: set[Fraction] = field(default_factory=set)
    counted: dict[Fraction, str] = field(
        default_factory=dict
    )  # in words, beside what is counted: 九つ, nine cities
    clocks: dict[int, str] = field(default_factory=dict)  # minutes since noon or midnight
    phones: dict[str, str] = field(default_factory=dict)  # last nine digits
    months: dict[int, str] = field(default_factory=dict)

    def holds(self, value: Fraction) -> bool:
        return value in self.said or value in self.also or value in self.counted


def find(text: str, language: str) -> Quantities:
    """Numbers of a text without addresses, days, floors and postal codes. `language`: ja or en."""
    found = Quantities()
    text = _taken(ADDRESS.sub(" ", text), _VULGAR, lambda m: _fraction(m, found))
    text = _ENDLESS.sub(" ", unicodedata.normalize("NFKC", text))
    text = _taken(text, _PHONE, lambda m: found.phones.setdefault(re.sub(r"\D", "", m[0])[-9:], m[0]))
    text = _taken(text, _HYPHENED, lambda m: found.also.update(Fraction(n) for n in re.findall(r"\d+", m[0])))
    text = _clocks(text, language, found)
    text = _taken(text, _FLOOR, lambda m: found.also.update(Fraction(n) for n in re.findall(r"\d+", m[0])))
    text = _months(text, language, found)
    text = _taken(
        text,
        _ERA,
        lambda m: _add(found, Fraction(_ERA_NAMES[m[1]] + (1 if m[2] == "元" else int(m[2]))), m[0]),
    )
    text = _taken(text, _HALF_MORE, lambda m: found.also.update(_half_more(m)))
    text = _taken(text, _PERCENT_OF_TEN, lambda m: found.also.update((_tenths(m[1]) * 10, _tenths(m[1]))))
    text = re.sub(r"((?:19|20|21)\d\d)[-–/](\d\d)\b", r"\1", text)
    _digits(text, found)
    found.also |= set(_kanji(text)) if language == "ja" else set(_english(text))
    found.counted |= dict(_counted_ja(text) if language == "ja" else _counted_en(text))
    return found


def _fraction(match: re.Match[str], found: Quantities) -> None:
    """1½ is said; a half alone may be anything."""
    part = Fraction(unicodedata.numeric(match[2])).limit_denominator(9)
    found.also |= {part, Fraction(part.numerator), Fraction(part.denominator)}
    if match[1]:
        found.also.add(Fraction(match[1]))
        _add(found, Fraction(match[1]) + part, match[0])


def _half_more(match: re.Match[str]) -> set[Fraction]:
    """「1時間半」: one and a half, or ninety minutes; 「1年半」: eighteen months."""
    whole = _tenths(match[1])
    more = {"時間": whole * 60 + 30, "年": whole * 12 + 6}.get(match[2], whole)
    return {whole, whole + Fraction(1, 2), more}


def _tenths(written: str) -> Fraction:
    return Fraction(_KANJI_DIGITS[written]) if written in _KANJI_DIGITS else Fraction(written)


def _taken(text: str, pattern: re.Pattern[str], keep: Callable[[re.Match[str]], object]) -> str:
    def take(match: re.Match[str]) -> str:
        keep(match)
        return " "

    return pattern.sub(take, text)


def _add(found: Quantities, value: Fraction, written: str) -> None:
    found.said.setdefault(value, written.strip())


def _clocks(text: str, language: str, found: Quantities) -> str:
    def keep(hour: str, minute: str | None, written: str) -> None:
        found.clocks.setdefault(int(hour) % 12 * 60 + int(minute or 0), written.strip())

    for match in _NOON.finditer(text):
        found.clocks.setdefault(0, match[0])

    def take(match: re.Match[str]) -> str:
        groups = match.groupdict()
        keep(match["h"], "30" if groups.get("semi") else groups.get("m"), match[0])
        if groups.get("h2"):
            keep(groups["h2"], groups.get("m2"), match[0])
        return " "

    if language == "en":
        text = _CLOCK_EN.sub(take, text)
    text = _CLOCK.sub(take, text)
    return _CLOCK_JA.sub(take, text) if language == "ja" else text


def _months(text: str, language: str, found: Quantities) -> str:
    def take(match: re.Match[str]) -> str:
        name = next(group for group in match.groups() if group)
        number = int(name) if name.isdigit() else MONTHS.index(name) + 1
        found.months.setdefault(number, match[0].strip())
        return " " if language == "ja" else match[0]

    if language == "ja":
        return _MONTH_JA.sub(take, _MONTHS_JA.sub(take, text))
    return _MONTH_EN.sub(take, text)


def _digits(text: str, found: Quantities) -> None:
    for match in _NUMBER.finditer(text):
        before = text[max(0, match.start() - 2) : match.start()]
        if re.search(r"[A-Za-z]-?\Z", before) or before.endswith("."):  # G7, A4, COVID-19
            found.also.add(Fraction(match["number"].replace(",", "")))
            continue
        value, scale = Fraction(match["number"].replace(",", "")), match["scale"] or ""
        if scale or match["rest"]:
            found.also.add(value)
        if scale and scale[0] in _KANJI_SCALES:
            value = _mixed(match[0])
        elif match["rest"]:
            continue
        elif scale:
            value *= _SCALES.get(scale.lower(), 1000)
        found.said.setdefault(value, match[0].strip())


def _mixed(written: str) -> Fraction:
    """3億2,000万 → 320000000; 1億2千万 → 120000000."""
    total = group = digit = Fraction(0)
    for number, sign in re.findall(r"([\d.]+)|([百千万億兆])", written.replace(",", "")):
        if number:
            digit = Fraction(number)
        elif _KANJI_SCALES[sign] < 10_000:
            group, digit = group + digit * _KANJI_SCALES[sign], Fraction(0)
        else:
            total, group, digit = total + (group + digit) * _KANJI_SCALES[sign], Fraction(0), Fraction(0)
    return total + group + digit


def _kanji(text: str) -> Iterator[Fraction]:
    for match in _KANJI.finditer(text):
        yield Fraction(kanji_value(match[0]))
        yield from (Fraction(_KANJI_DIGITS[sign]) for sign in match[0] if sign in _KANJI_DIGITS)
    for word, value in _READ_JA.items():
        if word in text:
            yield Fraction(value)


def kanji_value(written: str) -> int:
    """五十二 → 52; 二〇三五 → 2035; 三万五千 → 35000."""
    if not any(sign in _KANJI_SCALES for sign in written):
        return int("".join(str(_KANJI_DIGITS[sign]) for sign in written))
    total = group = digit = 0
    for sign in written:
        if sign in _KANJI_DIGITS:
            digit = digit * 10 + _KANJI_DIGITS[sign]
        elif _KANJI_SCALES[sign] < 10_000:
            group, digit = group + (digit or 1) * _KANJI_SCALES[sign], 0
        else:
            total, group, digit = total + (group + digit or 1) * _KANJI_SCALES[sign], 0, 0
    return total + group + digit


def _english(text: str) -> Iterator[Fraction]:
    current = Fraction(0)
    for word in re.findall(r"[a-z]+", text.lower()):
        stem = word.removesuffix("s") if word.removesuffix("s") in _WORD_VALUES else word
        if stem in _WORD_VALUES:
            value = Fraction(_WORD_VALUES[stem])
            yield value
            if stem in _SCALES and current:
                current *= _SCALES[stem]
            elif (20 <= current < 100 and value < 10) or (current >= 100 and value < current):
                current += value
            else:
                current = value
            yield current
        elif word != "and":
            current = Fraction(0)


def _counted_ja(text: str) -> Iterator[tuple[Fraction, str]]:
    for match in _COUNTED.finditer(text):
        yield Fraction(kanji_value(match[1])), match[0]


def _counted_en(text: str) -> Iterator[tuple[Fraction, str]]:
    for match in _WORDS_EN.finditer(text):
        yield max(_english(match[0])), match[0]
