"""What each text was written against: has the other language changed since somebody looked at this one?

Owns the columns `written_against` of issue_text and section_text. Judges no words. Called by `store` when an
issue is saved, by the gate and by the command line.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.errors import NotFound
from mailer.tables import composer as t
from subscribers import audit
from subscribers.model import Actor

from .model import Issue

Part = str | None  # a section's key; None: subject, preheader, title and lead
EVERYTHING: Final = "*"  # no key of a section
LEAD: Final = "lead"  # as places and the command line call the part None
Against = Mapping[str, str]  # other language → hash of its text at that time
_Stands = dict[tuple[Part, str], Against]


def fresh(issue: Issue) -> _Stands:
    """Every text as if it had been looked at just now."""
    return {
        (part, language): {other: said for other, said in hashes.items() if other != language}
        for part, hashes in _hashes(issue)
        for language in hashes
    }


def standing(connection: Connection, before: Issue, after: Issue) -> _Stands:
    """A text that somebody changed was written against the others as they are; one left alone keeps what it had.

    But where a text that was behind another is changed, it catches up: the other one is not behind it now.
    """
    known, old, new = _read(connection, before.slug), dict(_hashes(before)), dict(_hashes(after))
    stands = fresh(after)
    for (part, language), others in stands.items():
        earlier = old.get(part, {})
        if earlier.get(language) != new[part][language]:
            continue
        had = known.get((part, language)) or earlier
        stands[part, language] = {
            other: said
            if _was_behind(known.get((part, other)), language, earlier) and earlier.get(other) != said
            else had.get(other, said)
            for other, said in others.items()
        }
    return stands


def _was_behind(against: Against | None, language: str, hashes: Against) -> bool:
    return against is not None and against.get(language, hashes[language]) != hashes[language]


def stale(connection: Connection, issue: Issue) -> dict[tuple[Part, str], tuple[str, ...]]:
    """(part, language) → the languages that changed since that text was written or looked at."""
    known = _read(connection, issue.slug)
    found = {}
    for key, others in fresh(issue).items():
        had = known.get(key) or {}
        if changed := tuple(other for other, said in others.items() if had.get(other, said) != said):
            found[key] = changed
    return found


def looked_at(
    connection: Connection, issue: Issue, language: str, part: Part, *, by: Actor, now: datetime
) -> int:
    """Somebody read these texts again and left them as they are: `part`, or EVERYTHING of the language.

    Returns how many were stale. Raises NotFound for a section that the language does not have.
    """
    keys = [key for key in fresh(issue) if key[1] == language and part in (EVERYTHING, key[0])]
    if not keys:
        raise NotFound(
            f"Issue {issue.slug} has no such text in {language}.",
            remedy=f"“mailer issues check {issue.slug}” names the sections.",
            key="no_such_text", slug=issue.slug, language=language,
        )  # fmt: skip
    were = stale(connection, issue).keys() & set(keys)
    issue_id = connection.scalar(sa.select(t.issue.c.id).where(t.issue.c.slug == issue.slug))
    remember(connection, issue_id, {key: one for key, one in fresh(issue).items() if key in keys})
    after = {"language": language, "section": part}
    audit.record(connection, by, "issue.looked_at", f"issue:{issue.slug}", now, after=after)
    return len(were)


def remember(
    connection: Connection, issue_id: int | None, stands: Mapping[tuple[Part, str], Against]
) -> None:
    """Written beside the texts, which must be there."""
    query = sa.select(t.section.c.key, t.section.c.id).where(t.section.c.issue_id == issue_id)
    ids = {row.key: row.id for row in connection.execute(query)}
    for (part, language), against in stands.items():
        if part is None:
            where = (t.issue_text.c.issue_id == issue_id) & (t.issue_text.c.language == language)
            update = t.issue_text.update().where(where)
        else:
            where = (t.section_text.c.section_id == ids[part]) & (t.section_text.c.language == language)
            update = t.section_text.update().where(where)
        connection.execute(update.values(written_against=dict(against)))


def _read(connection: Connection, slug: str) -> _Stands:
    mine = sa.select(t.issue.c.id).where(t.issue.c.slug == slug).scalar_subquery()
    tops = sa.select(t.issue_text.c.language, t.issue_text.c.written_against).where(
        t.issue_text.c.issue_id == mine
    )
    below = (
        sa.select(t.section.c.key, t.section_text.c.language, t.section_text.c.written_against)
        .join_from(t.section_text, t.section)
        .where(t.section.c.issue_id == mine)
    )
    found: _Stands = {(None, row.language): row.written_against or {} for row in connection.execute(tops)}
    found |= {(row.key, row.language): row.written_against or {} for row in connection.execute(below)}
    return found


def _hashes(issue: Issue) -> Iterator[tuple[Part, dict[str, str]]]:
    yield None, {language: _hash(asdict(text)) for language, text in issue.texts.items()}
    for section in issue.sections:
        yield section.key, {language: _hash(asdict(text)) for language, text in section.texts.items()}


def _hash(text: Mapping[str, object]) -> str:
    """Short: it is compared with its like, nothing is found by it."""
    return hashlib.sha256(json.dumps(text, ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:20]
