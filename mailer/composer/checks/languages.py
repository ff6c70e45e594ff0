"""Is every promised language there, written anew and translated? (F14)

Compares texts with those of the other languages and of earlier issues. What differs inside a translation is
`across`'s affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

import langcodes

from mailer.composer import store, translation
from mailer.composer.model import Finding, Issue, IssueState

from .case import Case, Check
from .codes import finding
from .reading import ADDRESS, Kind, Run, base, shortened, told, where

_SAME_TEXT_SIGNS: Final = 40  # shorter sections (a name, an address) may rightly be the same in two languages
_SAME_PARAGRAPH_SIGNS: Final = 60
_SAME_MONTH_SIGNS: Final = 80  # of a section that stands again as it was
_SCRIPT_SIGNS: Final = 100  # below, a text of quotations and names may look like another language
_STRAY_SIGNS: Final = 20  # Japanese in a row of an English text: more than a name in brackets
_STRAY_HEADING_SIGNS: Final = 5
_ISSUES_BACK: Final = 6
_DONE: Final = (IssueState.SENT, IssueState.APPROVED)
_JAPANESE: Final = re.compile(r"[ぁ-ゖァ-ヺ一-龠々]")
_KANA: Final = re.compile(r"[ぁ-ゖァ-ヺ]")
_LATIN: Final = re.compile(r"[A-Za-zÀ-ɏḀ-ỿ]")
_ENGLISH_WORDS: Final = re.compile(r"\b[a-z]{2,}\b")
_TARGET: Final = re.compile(r"\]\([^)\n]{0,300}\)|\{[^}\n]{0,300}\}")
# ISO 15924 → its letters. A language in another script is not judged by its letters.
_LETTERS: Final = {
    "Latn": _LATIN,
    "Jpan": _JAPANESE,
    "Hans": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "Hant": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "Kore": re.compile(r"[\uac00-\ud7a3]"),
    "Arab": re.compile(r"[\u0620-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]"),
    "Hebr": re.compile(r"[\u05d0-\u05f2]"),
    "Cyrl": re.compile(r"[\u0400-\u052f]"),
    "Grek": re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]"),
    "Thai": re.compile(r"[\u0e01-\u0e4e]"),
    "Deva": re.compile(r"[\u0900-\u097f]"),
}
_WORDS_OF_A_SENTENCE: Final = 8
_HARDLY: Final = 20  # letters of other scripts beside one of its own


def there(case: Case) -> Iterator[Finding]:
    """F14: an issue that is empty in a promised language never leaves."""
    for language in case.issue.languages:
        text = case.issue.texts.get(language)
        if text is None:
            yield finding("language_missing", language, where=f"{language}.md")
        elif not text.lead.strip() and not any(_bodies(case.issue, language)):
            yield finding("language_empty", language, where=f"{language}.md")


def _bodies(issue: Issue, language: str) -> Iterator[str]:
    for section in issue.sections:
        if language in section.texts:
            yield section.texts[language].body.strip()


def untranslated(case: Case) -> Iterator[Finding]:
    """F14: the same words in two languages were copied and not yet translated."""
    issue, told_whole = case.issue, set()
    pairs = list(combinations([one for one in issue.languages if one in issue.texts], 2))
    for first, second in pairs:
        both = [s for s in issue.sections if {first, second} <= s.texts.keys()]
        same = [s for s in both if _same(s.texts[first].body, s.texts[second].body)]
        one, other = issue.texts[first].lead, issue.texts[second].lead
        if one == other and len(same) == len(both) and (same or _same(one, other)):
            left, of = _copy(issue, first, second)
            if left not in told_whole:
                told_whole.add(left)
                yield finding("untranslated", left, where=f"{left}.md", other=of)
    told_parts = set()
    for first, second in pairs:
        for section in issue.sections if not {first, second} & told_whole else ():
            if {first, second} <= section.texts.keys():
                body = section.texts[second].body
                if _same(section.texts[first].body, body) and (second, section.key) not in told_parts:
                    told_parts.add((second, section.key))
                    place = where(second, section.key)
                    yield finding("section_untranslated", second, section.key, place, other=first)


def _copy(issue: Issue, first: str, second: str) -> tuple[str, str]:
    """(the language in which the words are foreign, the other); the later one where the letters do not tell."""
    is_first = _is_foreign(_whole(issue, first), first) and not _is_foreign(_whole(issue, second), second)
    return (first, second) if is_first else (second, first)


def _same(one: str, other: str) -> bool:
    return one == other and len(ADDRESS.sub("", one)) >= _SAME_TEXT_SIGNS


def other_script(case: Case) -> Iterator[Finding]:
    """F14: Japanese in the English text, English in the Arabic one, without being the same words."""
    issue = case.issue
    copies = {one.language for one in untranslated(case) if one.code == "untranslated"}
    for language in issue.texts:
        if language not in copies and _is_foreign(_whole(issue, language), language):
            yield finding("untranslated", language, where=f"{language}.md", reason="script")


def _whole(issue: Issue, language: str) -> str:
    """What is written, without what has no language."""
    return _TARGET.sub(
        "", ADDRESS.sub("", "\n".join([issue.texts[language].lead, *_bodies(issue, language)]))
    )


def _script(language: str) -> str:
    return langcodes.Language.get(language).maximize().script or ""


def _is_foreign(text: str, language: str) -> bool:
    """Hardly any letter of its own script. Kana are no other language's; kanji alone are Chinese."""
    script = _script(language)
    if script not in _LETTERS:
        return False
    own, letters = len(_LETTERS[script].findall(text)), sum(map(str.isalpha, text))
    kana, japanese = len(_KANA.findall(text)), len(_JAPANESE.findall(text))
    if letters - own >= 2 * _SCRIPT_SIGNS and own * _HARDLY < letters - own:
        return True
    if script == "Jpan":
        return own >= 3 * _SCRIPT_SIGNS and kana * _HARDLY < own
    return kana >= _SCRIPT_SIGNS / 2 and (kana > own / 3 if script in ("Hans", "Hant") else japanese > own)


def paragraphs(case: Case) -> Iterator[Finding]:
    """A paragraph that was left in the other language."""
    copied = {
        (one.section, tongue)
        for one in untranslated(case)
        if one.code == "section_untranslated"
        for tongue in (one.language, one.facts["other"])
    }
    others = {
        language: {run.text for tongue, part in case.each_part() if tongue != language for run in part.runs}
        for language in case.proofs
    }
    whole = {one.language for one in (*untranslated(case), *other_script(case)) if one.code == "untranslated"}
    for language, part in case.each_part():
        if language in whole or (part.key, language) in copied:
            continue
        left = [run.text for run in part.runs if _is_left(run, language, others[language])]
        yield from told(
            "section_untranslated", language, part.key, map(shortened, left), reason="paragraph", other=""
        )


def _is_left(run: Run, language: str, others: set[str]) -> bool:
    """Addresses have no language. Without a copy elsewhere only Japanese in English is told."""
    text, script = ADDRESS.sub("", run.text), _script(language)
    japanese, words = len(_JAPANESE.findall(text)), len(_ENGLISH_WORDS.findall(text))
    enough = _STRAY_SIGNS if run.kind is not Kind.HEADING else _STRAY_HEADING_SIGNS
    if base(language) == "en" and japanese >= enough and _KANA.search(text):
        return japanese > len(_LATIN.findall(text))
    if run.text not in others or len(text) < _SAME_PARAGRAPH_SIGNS or script not in _LETTERS:
        return False
    own = len(_LETTERS[script].findall(text))
    if script in ("Hans", "Hant"):
        return (words >= _WORDS_OF_A_SENTENCE and not own) or len(_KANA.findall(text)) > own / 3
    return own * _HARDLY < len(text) and (words >= _WORDS_OF_A_SENTENCE or japanese > len(text) / 2)


# ── against earlier issues ──────────────────────────────────────────────────────────────────────


def unchanged(case: Case) -> Iterator[Finding]:
    """F14: last month's folder, copied and sent again under a new number."""
    mine, earlier = _words_of(case.issue), _earlier(case)
    whole = [one for one in earlier if any(mine.values()) and _words_of(one) == mine]
    for one in whole:
        yield finding("unchanged", where="issue.toml", slug=one.slug)
    if whole:
        return
    for language, words in mine.items():
        for one in earlier:
            if _words_of(one).get(language) == words and sum(map(len, words)) >= _SAME_MONTH_SIGNS:
                facts = {"slug": one.slug, "reason": "language"}
                yield finding("unchanged", language, where=f"{language}.md", **facts)
    yield from _subjects_again(case.issue, earlier)
    told_already = {
        language
        for language, words in mine.items()
        if any(_words_of(one).get(language) == words for one in earlier)
    }
    yield from _sections_again(case.issue, earlier, told_already)


def _subjects_again(issue: Issue, earlier: list[Issue]) -> Iterator[Finding]:
    for language, text in issue.texts.items():
        for one in earlier:
            before = one.texts.get(language)
            if before and text.subject and before.subject == text.subject:
                place = f"issue.toml: edition.{language}.subject"
                yield finding("subject_unchanged", language, None, place, slug=one.slug, subject=text.subject)
                break


def _sections_again(issue: Issue, earlier: list[Issue], known: set[str]) -> Iterator[Finding]:
    """What also stood in the issue before the last is a standing section (about us, how to reach us): rightly the same."""
    if not earlier:
        return
    last = _by_language(earlier[0])
    standing = _by_language(earlier[1]) if len(earlier) > 1 else {}
    for section in issue.sections:
        for language, text in section.texts.items():
            words = _squeezed(text.body)
            again = words in last.get(language, ()) and words not in standing.get(language, ())
            if language not in known and len(words) >= _SAME_MONTH_SIGNS and again:
                facts = {"title": text.title, "slug": earlier[0].slug}
                place = where(language, section.key)
                yield finding("section_unchanged", language, section.key, place, **facts)


def _earlier(case: Case) -> list[Issue]:
    """The newest first, of the same newsletter."""
    mine = case.issue
    others = [
        one
        for one in store.summaries(case.connection)
        if one.slug != mine.slug
        and one.state in _DONE
        and one.newsletter == mine.newsletter
        and one.date <= mine.date
    ]
    newest = sorted(others, key=lambda one: one.date, reverse=True)[:_ISSUES_BACK]
    return [store.load(case.connection, one.slug) for one in newest]


def _words_of(issue: Issue) -> dict[str, list[str]]:
    return {
        language: [_squeezed(text) for text in (issue.texts[language].lead, *_bodies(issue, language))]
        for language in issue.texts
    }


def _by_language(issue: Issue) -> Mapping[str, frozenset[str]]:
    return {language: frozenset(words) for language, words in _words_of(issue).items()}


def _squeezed(text: str) -> str:
    return " ".join(text.split())


def stale(case: Case) -> Iterator[Finding]:
    """The other language was changed, and nobody has looked at this one since."""
    for (part, language), others in translation.stale(case.connection, case.issue).items():
        facts = {"languages": others, "title": _title(case.issue, part, language)}
        place = where(language, part) if part else f"issue.toml: edition.{language}"
        reason = {} if part else {"reason": "lead"}
        yield finding("translation_stale", language, part, place, **facts, **reason)


def _title(issue: Issue, part: str | None, language: str) -> str:
    return next(
        (s.texts[language].title for s in issue.sections if s.key == part and language in s.texts), ""
    )


CHECKS: Final[tuple[Check, ...]] = (there, untranslated, other_script, paragraphs, unchanged, stale)
