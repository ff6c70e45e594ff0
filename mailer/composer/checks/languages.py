"""Is every promised language there, written anew and translated? (F14)

Compares texts with those of the other languages and of earlier issues. What differs inside a translation is
`across`'s affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from mailer.composer import store, translation
from mailer.composer.model import Finding, Issue, IssueState

from .case import Case, Check
from .codes import finding
from .reading import Kind, Run, base, each_part, shortened, told, where

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
_LATIN: Final = re.compile(r"[A-Za-zÀ-ɏ]")
_ENGLISH_WORDS: Final = re.compile(r"\b[a-z]{2,}\b")
_ADDRESS: Final = re.compile(r"https?://\S+|[\w.+-]+@[\w.-]+|\]\([^)]*\)|\{[^}]*\}")
_WITHOUT_KANA: Final = ("en", "fr", "de", "es", "it", "pt", "nl", "ar", "ko", "vi", "id", "ru", "zh")


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
    issue, first = case.issue, case.issue.default_language
    for language in issue.languages[1:]:
        if language not in issue.texts or first not in issue.texts:
            continue
        one, other = issue.texts[first], issue.texts[language]
        both = [s for s in issue.sections if {first, language} <= s.texts.keys()]
        same = [s for s in both if _same(s.texts[first].body, s.texts[language].body)]
        if one.lead == other.lead and len(same) == len(both) and (same or _same(one.lead, other.lead)):
            yield finding("untranslated", language, where=f"{language}.md", other=first)
        else:
            for section in same:
                place = where(language, section.key)
                yield finding("section_untranslated", language, section.key, place, other=first)


def _same(one: str, other: str) -> bool:
    return one == other and len(one) >= _SAME_TEXT_SIGNS


def other_script(case: Case) -> Iterator[Finding]:
    """F14: Japanese in the English text, English in the Japanese one, without being the same words."""
    issue = case.issue
    for language, text in issue.texts.items():
        whole = _ADDRESS.sub("", "\n".join([text.lead, *_bodies(issue, language)]))
        if whole != _ADDRESS.sub("", _whole_of_first(issue, language)) and _is_foreign(whole, language):
            yield finding("untranslated", language, where=f"{language}.md", reason="script")


def _whole_of_first(issue: Issue, language: str) -> str:
    """So that a copy is told once; "" for the default language."""
    first = issue.default_language
    if language == first or first not in issue.texts:
        return ""
    return "\n".join([issue.texts[first].lead, *_bodies(issue, first)])


def _is_foreign(text: str, language: str) -> bool:
    kana, latin = len(_KANA.findall(text)), len(_LATIN.findall(text))
    if base(language) == "ja":
        return latin >= 2 * _SCRIPT_SIGNS and not kana and not _JAPANESE.search(text)
    japanese = len(_JAPANESE.findall(text))
    return base(language) in _WITHOUT_KANA and kana >= _SCRIPT_SIGNS / 2 and japanese > latin


def paragraphs(case: Case) -> Iterator[Finding]:
    """A paragraph that was left in the other language."""
    first = case.issue.default_language
    copied = {
        section.key
        for section in case.issue.sections
        for language, text in section.texts.items()
        if language != first and first in section.texts and text.body == section.texts[first].body
    }
    others = {
        language: {run.text for tongue, part in each_part(case) if tongue != language for run in part.runs}
        for language in case.proofs
    }
    whole = {one.language for one in (*untranslated(case), *other_script(case)) if one.code == "untranslated"}
    for language, part in each_part(case):
        if language in whole or part.key in copied:
            continue
        left = [run.text for run in part.runs if _is_left(run, language, others[language], language == first)]
        yield from told(
            "section_untranslated", language, part.key, map(shortened, left), reason="paragraph", other=""
        )


def _is_left(run: Run, language: str, others: set[str], is_default: bool) -> bool:
    text, japanese = run.text, len(_JAPANESE.findall(run.text))
    enough = _STRAY_SIGNS if run.kind is not Kind.HEADING else _STRAY_HEADING_SIGNS
    if base(language) == "en" and japanese >= enough and _KANA.search(text):
        return japanese > len(_LATIN.findall(text))
    if base(language) == "ja" and japanese == 0 and text in others and len(text) >= _SAME_PARAGRAPH_SIGNS:
        return len(_ENGLISH_WORDS.findall(text)) >= 8
    return (
        not is_default and text in others and len(text) >= _SAME_PARAGRAPH_SIGNS and japanese > len(text) / 2
    )


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
