"""Checks of what authors wrote: languages complete, links alive, pictures described, dates ahead."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from mailer import media
from mailer.composer import pictures, store, walk
from mailer.composer.links import LinkKind, kind_of
from mailer.composer.model import Event, Finding, Issue, IssueState, ResourceBox

from .case import Case, Check
from .codes import finding

# A telephone shows about 30 full-width or 60 half-width signs of a subject.
_SUBJECT_COLUMNS: Final = 78
_SAME_TEXT_SIGNS: Final = 40  # shorter sections (a name, an address) may rightly be the same in two languages
_ISSUES_BACK: Final = 6
_FULL_WIDTH: Final = re.compile(
    r"^\s*(?:＃+|：{3,}|[！!]?［|[＊*]*＊＊|－{3,})|［[^］]*］（|｛[^｝]*[＝＃．]"
)


def languages(case: Case) -> Iterator[Finding]:
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
                where = f"{language}.md, #{section.key}"
                yield finding("section_untranslated", language, section.key, where, other=first)


def _same(one: str, other: str) -> bool:
    return one == other and len(one) >= _SAME_TEXT_SIGNS


def unchanged(case: Case) -> Iterator[Finding]:
    """F14: last month's folder, copied and sent again under a new number."""
    mine = _words_of(case.issue)
    done = (IssueState.SENT, IssueState.APPROVED)
    others = [s for s in store.summaries(case.connection) if s.slug != case.issue.slug and s.state in done]
    for summary in others[:_ISSUES_BACK]:
        if any(mine.values()) and _words_of(store.load(case.connection, summary.slug)) == mine:
            yield finding("unchanged", where="issue.toml", slug=summary.slug)


def _words_of(issue: Issue) -> dict[str, list[str]]:
    return {language: [issue.texts[language].lead, *_bodies(issue, language)] for language in issue.texts}


def sections(case: Case) -> Iterator[Finding]:
    issue = case.issue
    written = [language for language in issue.languages if language in issue.texts]
    for section in issue.sections:
        there = [language for language in written if language in section.texts]
        for language in written:
            where = f"{language}.md, #{section.key}"
            if language not in section.texts:
                title = next(iter(section.texts.values())).title if section.texts else section.key
                yield finding(
                    "section_missing", language, section.key, where, title=title, languages=tuple(there)
                )
            elif not section.texts[language].body.strip():
                title = section.texts[language].title
                yield finding("section_empty", language, section.key, where, title=title)


def subjects(case: Case) -> Iterator[Finding]:
    for language, text in case.issue.texts.items():
        where = f"issue.toml: edition.{language}.subject"
        columns = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text.subject)
        if not text.subject.strip():
            yield finding("empty_subject", language, where=where)
        elif columns > _SUBJECT_COLUMNS:
            yield finding("subject_long", language, where=where, signs=len(text.subject))
        if not text.preheader:
            yield finding("preheader_missing", language, where=f"issue.toml: edition.{language}")


def links(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        keys = {f"#{section.key}" for section in proof.letter.sections}
        for key, top in walk.parts(proof.letter):
            for label, url in walk.links(top):
                kind = kind_of(url)
                if kind is LinkKind.DEAD or (kind is LinkKind.ANCHOR and url not in keys):
                    yield finding("dead_link", language, key, _where(language, key), url=url, label=label)


def described(case: Case) -> Iterator[Finding]:
    for language, proof in case.proofs.items():
        top_picture = proof.letter.picture
        if top_picture and not top_picture.alt.strip():
            where = f"issue.toml: edition.{language}.picture_alt"
            yield finding("missing_alt", language, where=where, path=top_picture.path)
        for key, top in walk.parts(proof.letter):
            for figure in walk.figures(top):
                where = _where(language, key)
                if not figure.alt.strip():
                    yield finding("missing_alt", language, key, where, path=figure.path)
                elif figure.alt.strip() == figure.caption.plain:
                    yield finding("alt_repeats_caption", language, key, where, path=figure.path)


def sharp(case: Case) -> Iterator[Finding]:
    """A picture with fewer pixels than it is shown wide looks soft everywhere."""
    sizes = media.facts(case.connection, case.issue.files.values())
    small: dict[str, tuple[int, int]] = {}
    for proof in case.proofs.values():
        for place in pictures.wanted(proof.letter):
            facts = sizes.get(case.issue.files.get(place.path, ""))
            if facts and facts.width and facts.width < place.width:
                small[place.path] = (facts.width, place.width)
    for path, (width, needed) in small.items():
        yield finding("picture_small", where=path, path=path, width=width, needed=needed)


def dates(case: Case) -> Iterator[Finding]:
    """A link that has ended when the mail is read; an event that is over."""
    for language, proof in case.proofs.items():
        for key, top in walk.parts(proof.letter):
            for block in walk.blocks(top):
                where = _where(language, key)
                if isinstance(block, ResourceBox) and block.until and block.until < case.as_of:
                    facts = {"label": block.label, "until": block.until, "date": case.as_of}
                    yield finding("link_ended", language, key, where, **facts)
                elif isinstance(block, Event) and (block.end or block.start).date() < case.as_of:
                    facts = {"title": block.title, "date": block.start.date()}
                    yield finding("event_past", language, key, where, **facts)


def full_width(case: Case) -> Iterator[Finding]:
    """Marks typed with the Japanese input method on are no marks: they would be printed."""
    for language, text in case.issue.texts.items():
        parts: list[tuple[str | None, str]] = [(None, text.lead)]
        parts += [(s.key, s.texts[language].body) for s in case.issue.sections if language in s.texts]
        for key, body in parts:
            for number, line in enumerate(body.split("\n"), 1):
                if match := _FULL_WIDTH.search(line):
                    where = f"{_where(language, key)}, line {number}"
                    yield finding("full_width_marks", language, key, where, marks=match[0].strip()[:20])


def left_out(case: Case) -> Iterable[Finding]:
    """What an office without a web server cannot offer; said, so that nobody waits for it."""
    if case.press.base_url:
        return
    for language, proof in case.proofs.items():
        for target, resource in proof.managed.resources.items():
            if target.startswith("files/"):
                yield finding("file_left_out", language, where=target, path=target, label=resource.label)
        for key in proof.managed.calendars:
            yield finding("calendar_left_out", language, key, _where(language, key))


def _where(language: str, key: str | None) -> str:
    return f"{language}.md, {'lead' if key is None else '#' + key}"


CHECKS: Final[tuple[Check, ...]] = (
    languages,
    untranslated,
    unchanged,
    sections,
    subjects,
    links,
    described,
    sharp,
    dates,
    full_width,
    left_out,
)
