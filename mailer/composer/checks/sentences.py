"""Sentences, clauses, the words that two texts share, and how near two words are.

Owns how Japanese and English are cut. Judges nothing. Called by the checks that ask what a sentence speaks of,
and by those of spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_END: Final = re.compile(
    r"[。！？\n]+|"
    r"(?<!\b[A-Z])(?<!\ba\.m)(?<!\bp\.m)(?<!\bNo)(?<!\bMr)(?<!\bDr)(?<!\bMs)(?<!\bSt)(?<!\bMrs)"
    r"(?<!\b(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Oct|Nov|Dec))(?<!\bSept)(?<![.!?])[.!?]+[”\"’')]*\s+(?=[A-Z“\"‘(0-9])"
)
_CLAUSE: Final = re.compile(r"[、，；;]|,\s|\s[–—]\s|\band\b|\bbut\b")
_COMMON: Final = frozenset(
    ["with", "from", "this", "that", "your", "their", "have", "will", "been", "more", "about", "into", "they", "there", "which", "until", "january", "february", "march", "april", "june", "july", "august", "september", "october", "november", "december", "first", "free", "read", "open", "here", "link", "page"]
)  # fmt: skip
_LABEL_SIGNS: Final = 80
_WEIGHTY: Final = re.compile(r"[一-龠々ァ-ヴー]")
_DATE_WORDS: Final = re.compile(r"[年月日曜火水木金土]|公開|期間|期限|掲載|配信")


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """(where it begins, the sentence)."""
    start = 0
    for match in _END.finditer(text):
        yield start, text[start : match.start()]
        start = match.end()
    yield start, text[start:]


def clause_at(sentence: str, place: int) -> str:
    """The clause that holds this place, brackets included."""
    start, end = 0, len(sentence)
    for match in _CLAUSE.finditer(sentence):
        if match.end() <= place:
            start = match.end()
        elif match.start() >= place:
            end = match.start()
            break
    return sentence[start:end]


def shared(label: str, text: str) -> int:
    """How much two texts speak of the same: shared English words, or the signs of the longest Japanese piece.

    Hiragana and dates alone do not count.
    """
    english = len(_weighty_words(label) & _weighty_words(text))
    return max(english, _longest_piece(label, text))


def _weighty_words(text: str) -> set[str]:
    words = re.findall(r"[a-z]{4,}", text.lower())
    return {word.removesuffix("s") for word in words if word not in _COMMON}


def _longest_piece(label: str, text: str) -> int:
    best, label = 0, label[:_LABEL_SIGNS]
    for start in range(len(label)):
        end = start + best + 1
        while end <= len(label) and label[start:end] in text:
            piece = _DATE_WORDS.sub("", label[start:end])
            if len(_WEIGHTY.findall(piece)) >= 2:
                best = max(best, len(piece))
            end += 1
    return best


def within(one: str, other: str, slips: int) -> bool:
    """Are two words at most so many slips of the pen apart? Damerau–Levenshtein: neighbours exchanged count once."""
    if abs(len(one) - len(other)) > slips:
        return False
    pairs = enumerate(zip(one, other, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
    left, right = one[start:], other[start:]
    if left == right or slips == 0:
        return left == right
    return (
        within(left[1:], right[1:], slips - 1)
        or within(left[1:], right, slips - 1)
        or within(left, right[1:], slips - 1)
        or (left[:2] == right[:2][::-1] and within(left[2:], right[2:], slips - 1))
    )
