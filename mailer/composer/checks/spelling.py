"""Check of spelling, with hunspell and the dictionaries of this machine; without them it is silent.

Owns which words are judged at all and which suggestion is near enough to be believed. Precision before
completeness: names, terms and words from other languages are left alone. Called by the gate.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import langcodes

from mailer.composer.model import Event, Finding, Inline, Letter
from mailer.composer.text import walk

from .case import Case, Check
from .codes import finding
from .reading import where
from .sentences import within

_FOLDERS: Final = (
    "/usr/share/hunspell",
    "/usr/share/myspell/dicts",
    "/usr/local/share/hunspell",
    "/Library/Spelling",
)
_SCRIPTS: Final = ("Latn", "Cyrl", "Grek")  # with spaces between words, and capitals for names
_SECONDS: Final = 10  # a letter takes 0.3
_OFTEN: Final = 3  # who writes a word so often means it
_SHORTEST: Final = 4
_LONGEST: Final = 40  # letters; beyond, it is no word
_TOLD: Final = 8  # words in one finding
# Set apart by the author, or in another language.
_APART: Final = re.compile(r"<(code|em|span)\b[^>]*>.*?</\1>", re.S)
_TAG: Final = re.compile(r"<[^>]+>")
_SPACED: Final = re.compile(r"\S+")
_NO_WORD: Final = re.compile(r"://|www\.|@|\.(?:org|com|net|jp)\b|\d")
_ENTITY: Final = re.compile(r"&\w{1,10};")
_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Japanese in Latin letters: onigiri, machiya, shotengai. Few slips of an English pen look like it.
_ROMAJI: Final = re.compile(
    r"(?:(?:[kgsztdnhbpmrwj]|[kgnhbpmrs]y|sh|ch|ts|f|y)?[aiueo]|n(?![aiueo])|([kstpc])(?=\1|ch))+", re.I
)


def spelling(case: Case) -> Iterator[Finding]:
    """One finding for each section, with what was probably meant."""
    for language, proof in case.proofs.items():
        if not (dictionaries := installed(language)):
            continue
        by_section = {key: list(_words(texts)) for key, texts in _texts(proof.letter)}
        counts = Counter(word.lower() for words in by_section.values() for word in words)
        candidates = {
            word
            for words in by_section.values()
            for word in words
            if word.islower() and counts[word.lower()] < _OFTEN and _is_judged(word)
        }
        meant = suggestions(sorted(candidates), dictionaries)
        for key, words in by_section.items():
            slips = tuple(f"{word} → {meant[word]}" for word in dict.fromkeys(words) if word in meant)
            if slips:
                yield finding(
                    "misspelt", language, key, where(language, key), words=slips[:_TOLD], count=len(slips)
                )


def installed(language: str) -> tuple[str, ...]:
    """Paths of dictionaries without their ending. Of a language without a region all of its regions: all are right."""
    full = langcodes.Language.get(language).maximize()
    if not shutil.which("hunspell") or full.script not in _SCRIPTS:
        return ()
    folders = [*filter(None, os.environ.get("DICPATH", "").split(os.pathsep)), *_FOLDERS]
    region = langcodes.Language.get(language).territory
    pattern = f"{full.language}_{region}" if region else f"{full.language}*"
    found: dict[str, str] = {}
    for folder in map(Path, folders):
        for path in sorted(folder.glob(f"{pattern}.dic")):
            if (
                re.fullmatch(rf"{full.language}(_[A-Z]{{2}})?", path.stem)
                and path.with_suffix(".aff").is_file()
            ):
                found.setdefault(path.stem, str(path.with_suffix("")))
    return tuple(found.values())


def suggestions(words: list[str], dictionaries: Iterable[str]) -> Mapping[str, str]:
    """Of words that no dictionary knows: what is so near that it was probably meant. Silent where hunspell fails."""
    command = ["hunspell", "-a", "-i", "UTF-8", "-d", ",".join(dictionaries)]
    typed = "!\n" + "".join(
        f"^{word}\n" for word in words
    )  # "!": only of words that are not known; "^": no command
    try:
        done = subprocess.run(  # noqa: S603 - words stand in its input, never in the command
            command, input=typed, capture_output=True, timeout=_SECONDS, check=False, encoding="utf-8"
        )
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired):
        return {}
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("& ") and ": " in line:  # "& recieve 3 1: receive, relieve, reverie"
            word, others = line[2:].split(" ", 1)[0], line.split(": ", 1)[1].split(", ")
            near = [other for other in others if _is_near(word, other)]
            if near and not any(_is_joined(word, other) for other in others):
                found[word] = " / ".join(near[:2])
    return found


def _texts(letter: Letter) -> Iterator[tuple[str | None, list[Inline]]]:
    titles = {section.key: section.title for section in letter.sections}
    for key, top in walk.parts(letter):
        texts = [*walk.inlines(top), *([titles[key]] if key in titles else [])]
        texts += [Inline(block.title, block.title) for block in walk.blocks(top) if isinstance(block, Event)]
        yield key, texts


def _words(texts: Iterable[Inline]) -> Iterator[str]:
    for text in texts:
        bare = _SPACED.findall(_TAG.sub(" ", _APART.sub(" ", text.html)))
        plain = _ENTITY.sub(" ", " ".join(one for one in bare if not _NO_WORD.search(one)))
        yield from (match[0].replace("’", "'").removesuffix("'s") for match in _WORD.finditer(plain))


def _is_judged(word: str) -> bool:
    return _SHORTEST <= len(word) <= _LONGEST and not _ROMAJI.fullmatch(word)


def _is_near(one: str, other: str) -> bool:
    """At most one slip of the pen, in a long word two."""
    if " " in other or "-" in other or not other.islower():
        return False
    return within(one, other, 2 if len(one) >= 8 else 1)


def _is_joined(word: str, other: str) -> bool:
    """Placemaking: two words that have become a term."""
    parts = re.split("[ -]", other)
    return len(parts) > 1 and "".join(parts) == word and all(len(part) > 2 for part in parts)


CHECKS: Final[tuple[Check, ...]] = (spelling,)
