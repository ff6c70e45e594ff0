"""Checks of characters: foreign letters in katakana words, invisible signs, broken encodings, doubled words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

from mailer.composer.model import Finding

from .case import Case, Check
from .reading import base, excerpt, fields, told, told_of_field

_K: Final = "ァ-ヴー"
_JAPANESE_AROUND: Final = re.compile(r"[ぁ-ゖァ-ヺ一-龠]")
# プランAコース, タイプBの, Tシャツ, Jリーグ: a letter that has a meaning of its own stands there rightly.
_NAMED_BY_LETTER: Final = [
    "パターン",
    "クラス",
    "タイプ",
    "プラン",
    "コース",
    "グループ",
    "ケース",
    "チーム",
    "ルート",
    "ゾーン",
    "エリア",
    "ブロック",
    "セット",
    "ランク",
    "ビタミン",
    "フロア",
    "ホール",
    "ゲート",
    "ステージ",
    "セクション",
    "エックス",
    "ライン",
    "レベル",
    "サイズ",
    "カテゴリー",
    "カテゴリ",
    "モデル",
    "ページ",
    "ナンバー",
    "ウイルス",
    "ウィルス",
    "バス",
    "ポイント",
    "スペース",
    "ルーム",
    "サッカー",
    "バスケ",
]
_BEGINS_WITH_LETTER: Final = [
    "シャツ",
    "リーグ",
    "ターン",
    "ネック",
    "サイズ",
    "メール",
    "ポップ",
    "ボード",
    "ライン",
    "グループ",
    "マーク",
    "レベル",
    "ランク",
    "コース",
    "プラン",
    "タイプ",
    "クラス",
    "ブロック",
    "チーム",
    "セット",
    "ゲート",
    "ゾーン",
    "エリア",
    "ホール",
    "ルート",
    "パターン",
    "ケース",
    "ステージ",
    "ファイル",
    "ページ",
    "スポーツ",
    "ラーニング",
    "ブック",
    "コマース",
    "チケット",
    "マネー",
    "バイク",
    "キャン",
    "テレ",
    "クラシック",
]
# What looks like a katakana sign or a long mark, with what may rightly stand behind it as a word or a counter.
_LOOK_ALIKES: Final = re.compile(
    rf"(?<=[{_K}])(?:[二三八千](?!(?:チーム|グループ|カ|ヶ|ケ|コ|ページ|キロ|メートル|トン|セット|コース|クラス|ステップ|ポイント|パーセント|リットル|ラウンド|センチ))"
    rf"|一(?=[ァ-ヴ])(?!(?:チーム|グループ|カ|ヶ|ケ|コ|ページ|キロ|メートル|トン|セット|コース|クラス|ステップ|ポイント|パーセント|リットル|ラウンド))"
    rf"|口(?!コミ|ック?ガ)|[工夕卜])(?=[{_K}])"
)
_FORCE: Final = re.compile(
    rf"(?<![{_K}])[ァ-ヴ]{{1,2}}力(?=[ァ-ヴ]{{2}})(?!力(?:アップ|テスト|チェック|ップ))"
)
_DASH_AS_LONG: Final = re.compile(
    r"(?<![ァ-ヴー])[ァ-ヴ]{1,2}[-‐‑–—−－](?=[ァ-ヴ])|(?<=[ァ-ヴ]{2})[-‐‑–—−－](?=[ァ-ヴ](?![ァ-ヴー])|ター|ダー|バー)"
)
_LATIN_LOWER: Final = re.compile(rf"(?<![{_K}])(?P<word>[{_K}]+)(?P<letter>[a-zａ-ｚ]{{1,2}})(?=[{_K}])")
_LATIN_LEFT: Final = re.compile(
    rf"(?<![{_K}])(?P<word>[{_K}]+)(?P<letter>[bcdfghjkmnprstvwyzｂｃｄｆｇｈｊｋｍｎｐｒｓｔｖｗｙｚ])(?=[ぁ-ゖ、。」]|$)"
)
_LATIN_UPPER: Final = re.compile(rf"(?<![{_K}])(?P<word>[{_K}]+)(?P<letter>[A-ZＡ-Ｚ])(?P<rest>[{_K}]+)")
_OTHER_SCRIPT: Final = re.compile(
    r"(?<=[A-Za-z])[\u0370-\u03ff\u0400-\u04ff](?=[A-Za-z])|(?<![\u0400-\u04ff])[АВЕКМНОРСТХаеорсух](?=[a-z]{2})"
)
_HALF_KATAKANA: Final = re.compile(r"[ｦ-ﾟ]+")
# UTF-8 read as Shift JIS or as Latin-1; kanji that stand in no other text.
_BROKEN: Final = re.compile(
    r"(?:[縺繧繝][-\u30fb\uff00-\uffef\u4e00-\u9fff]?){2,}|[ÃÂ][\u0080-\u00bf]|â€[™œ\u009d“”¦]|ã[\u0080-\u00bf‚ƒ„][\u0080-\u00bf]?"
)
_DOUBLED_EN: Final = re.compile(
    r"\b(the|a|an|of|to|and|for|with|by|from|our|we|this|be|are|at)\s{1,9}\1\b(?![-'’])", re.I
)
_DOUBLED_JA: Final = re.compile(
    r"をを|、、|(?<!。)。。(?!。)|ですです(?!か)|しましたました|ましたした|してして|よりより(?!も)|からから(?![かっり])|、。|。、"
)
_INVISIBLE: Final = {
    "\u00a0": "NBSP", "\u00ad": "U+00AD", "\u200b": "U+200B", "\u200c": "U+200C", "\u200d": "U+200D", "\u200e": "U+200E",
    "\u200f": "U+200F", "\u202a": "U+202A", "\u202b": "U+202B", "\u202c": "U+202C", "\u202d": "U+202D", "\u202e": "U+202E",
    "\u202f": "U+202F", "\u2060": "U+2060", "\u2066": "U+2066", "\u2067": "U+2067", "\u2068": "U+2068", "\u2069": "U+2069",
    "\ufeff": "U+FEFF", "\u3164": "U+3164", "\u180e": "U+180E", "\u2007": "U+2007", "\u2003": "U+2003", "\u2002": "U+2002",
}  # fmt: skip
_JOINING: Final = ("ar", "fa", "ur", "he", "hi", "bn", "ta", "ml", "si", "my", "km", "th", "yi", "ps", "mn")
_TIED_FRENCH: Final = ("fr",)
_EMOJI: Final = re.compile(r"[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f]")

_MOST_SEEN: Final = 50  # places; a finding shows six of them

Finder = Callable[[str], Iterator[re.Match[str]]]


def foreign_letters(case: Case) -> Iterator[Finding]:
    """「ワークショッp」「アルミ二ウム」: the input method was left, or a sign that only looks right was chosen."""
    yield from _each("latin_in_katakana", case, _foreign)


def _foreign(text: str) -> Iterator[re.Match[str]]:
    for match in (*_LATIN_LOWER.finditer(text), *_LATIN_LEFT.finditer(text)):
        if not _stands_for_itself(match["word"]):
            yield match
    for match in _LATIN_UPPER.finditer(text):
        if not _stands_for_itself(match["word"]) and not match["rest"].startswith(tuple(_BEGINS_WITH_LETTER)):
            yield match
    for pattern in (_LOOK_ALIKES, _FORCE, _DASH_AS_LONG, _OTHER_SCRIPT):
        yield from pattern.finditer(text)


def _stands_for_itself(word: str) -> bool:
    return word.endswith(tuple(_NAMED_BY_LETTER))


def half_width(case: Case) -> Iterator[Finding]:
    yield from _each("half_width_katakana", case, _HALF_KATAKANA.finditer)


def broken(case: Case) -> Iterator[Finding]:
    """A file that was read in the wrong encoding. U+FFFD says itself that something was lost."""
    yield from _each("replacement_character", case, re.compile("\ufffd").finditer)
    yield from _each("mojibake", case, _BROKEN.finditer)


def doubled(case: Case) -> Iterator[Finding]:
    yield from _each("word_doubled", case, _DOUBLED_JA.finditer, only="ja")
    yield from _each("word_doubled", case, _DOUBLED_EN.finditer, only="en")


def _each(code: str, case: Case, find: Finder, *, only: str = "") -> Iterator[Finding]:
    """One finding of each part and of each line of issue.toml."""
    for language, part in case.each_part():
        if only in ("", base(language)):
            said = [excerpt(run.text, m.start(), m.end()) for run in part.runs for m in find(run.text)]
            yield from told(code, language, part.key, said)
    for language, proof in case.proofs.items():
        for name, text in fields(proof.letter) if only in ("", base(language)) else ():
            said = [excerpt(text, m.start(), m.end()) for m in find(text)]
            yield from told_of_field(code, language, name, said)


def invisible(case: Case) -> Iterator[Finding]:
    """Pasted with a text from Word or a web page; they break searching, line breaks and screen readers."""
    for language, part in case.each_part():
        yield from _hidden(language, [run.text for run in part.runs], part.key, "")
    for language, proof in case.proofs.items():
        for name, text in fields(proof.letter):
            yield from _hidden(language, [text], None, name)


def _hidden(language: str, texts: list[str], key: str | None, field: str) -> Iterator[Finding]:
    found = [
        (sign, text, place)
        for text in texts
        for place, sign in enumerate(text)
        if _is_hidden(text, place, language)
    ]
    signs = tuple(dict.fromkeys(_INVISIBLE[sign] for sign, _, _ in found))
    shown = {text: _visible(text) for _, text, _ in found}
    said = [excerpt(shown[text], place, place + 1) for _, text, place in found[:_MOST_SEEN]]
    if field:
        yield from told_of_field("invisible_character", language, field, said, signs=signs, count=len(found))
    else:
        yield from told("invisible_character", language, key, said, signs=signs, count=len(found))


def _is_hidden(text: str, place: int, language: str) -> bool:
    sign = text[place]
    if sign not in _INVISIBLE:
        return False
    before, after = text[place - 1 : place], text[place + 1 : place + 2]
    if sign in "\u00a0\u202f":
        return not _ties(before, after, language)
    if sign in "\u200c\u200d" and (_EMOJI.search(before + after) or base(language) in _JOINING):
        return False
    marks = "\u200e\u200f\u2066\u2067\u2068\u2069"
    return not (sign in marks and (base(language) in _JOINING or _right_to_left(before + after)))


def _ties(before: str, after: str, language: str) -> bool:
    """12 km, Dr. Sato, « mot »: a space that rightly does not break."""
    if base(language) in _TIED_FRENCH:
        return True
    return not _JAPANESE_AROUND.search(before + after) and (
        before.isdigit() or after.isdigit() or before == "."
    )


def _right_to_left(text: str) -> bool:
    return any(unicodedata.bidirectional(sign) in ("R", "AL") for sign in text)


def _visible(text: str) -> str:
    return "".join("␣" if sign in _INVISIBLE else sign for sign in text)


CHECKS: Final[tuple[Check, ...]] = (foreign_letters, half_width, broken, doubled, invisible)
