"""Issues in the database: saved whole, loaded whole, moved through their states.

Owns issue, issue_text, section, section_text, issue_file and approval; what a text was written against is
`translation`'s. Judges no text. Called by the command line, the office's pages and `campaigns`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from mailer import media
from mailer.errors import NotFound, Refused
from mailer.tables import composer as t
from subscribers import audit
from subscribers.model import Actor

from . import begun, translation
from .model import Issue, IssueState, IssueText, PictureFacts, Section, SectionText

# Who may become what. Re-importing and editing make a draft again; what was sent is never edited.
TRANSITIONS: Final[Mapping[IssueState, frozenset[IssueState]]] = {
    IssueState.DRAFT: frozenset({IssueState.DRAFT, IssueState.REVIEW, IssueState.APPROVED}),
    IssueState.REVIEW: frozenset({IssueState.DRAFT, IssueState.APPROVED}),
    IssueState.APPROVED: frozenset(
        {IssueState.DRAFT, IssueState.REVIEW, IssueState.APPROVED, IssueState.SENT}
    ),
    # A draft again: each campaign of it was cancelled before anybody had got it (`take_back`).
    IssueState.SENT: frozenset({IssueState.SENT, IssueState.WITHDRAWN, IssueState.DRAFT}),
    IssueState.WITHDRAWN: frozenset(),
}
_EDITABLE: Final = frozenset({IssueState.DRAFT, IssueState.REVIEW, IssueState.APPROVED})


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of a list of issues; `subject` is that of the default edition."""

    id: int
    slug: str
    number: str
    date: date
    newsletter: str
    languages: tuple[str, ...]
    state: IssueState
    subject: str


@dataclass(frozen=True, slots=True)
class Approval:
    content_hash: str
    by: str
    at: datetime
    passed: tuple[Mapping[str, str], ...]  # {code, reason}: findings passed with a reason


# ── in ──────────────────────────────────────────────────────────────────────────────────────────


def save(
    connection: Connection, issue: Issue, files: Mapping[str, bytes], *, by: Actor, now: datetime
) -> int:
    """Save a new issue or replace one as a whole; it is a draft afterwards. Returns its id.

    `files`: the content of those of `issue.files` that are not in the database yet. Raises Refused
    once a campaign of the issue has begun, NotFound for a file that is nowhere.
    """
    row = _locked(connection, issue.slug)
    if row is not None:
        begun.must_not_have_begun(connection, row)
        if IssueState(row["state"]) not in _EDITABLE:
            raise begun.refusal(row["slug"])
    for path in issue.files:
        _keep_file(connection, issue, path, files.get(path), now)
    stands = translation.standing(connection, _load(connection, row), issue) if row else {}
    issue_id = _write_issue(connection, issue, row["id"] if row else None, now)
    _write_texts(connection, issue, issue_id)
    translation.remember(connection, issue_id, stands or translation.fresh(issue))
    after = {"state": IssueState.DRAFT, "content": content_hash(issue), "languages": list(issue.languages)}
    before = {"state": row["state"]} if row else None
    audit.record(connection, by, "issue.saved", f"issue:{issue.slug}", now, before=before, after=after)
    return issue_id


def _locked(connection: Connection, slug: str) -> RowMapping | None:
    query = sa.select(t.issue).where(t.issue.c.slug == slug).with_for_update()
    return connection.execute(query).mappings().first()


def take_back(connection: Connection, issue_id: int, *, by: Actor, now: datetime) -> bool:
    """A sent issue that nobody has got is a draft again; False if somebody may have it.

    Not approved: whoever stopped it saw why, and no schedule shall send the same text by itself.
    """
    row = _row(connection, t.issue.c.id == issue_id, str(issue_id))
    if row["state"] != IssueState.SENT or begun.has_begun(connection, issue_id):
        return False
    set_state(connection, row["slug"], IssueState.DRAFT, by=by, now=now)
    return True


def _keep_file(connection: Connection, issue: Issue, path: str, content: bytes | None, now: datetime) -> None:
    if content is None:
        if not media.exists(connection, issue.files[path]):
            raise NotFound(f"The content of {path} is missing.", key="no_such_blob", hash=issue.files[path])
        return
    media_type = media.media_type_of(path)
    size: tuple[int, int] | tuple[None, None] = (None, None)
    if path.startswith("images/"):
        size = _pixels(path, content)
    media.save(connection, content, media_type, *size, now=now)


def _pixels(path: str, content: bytes) -> tuple[int, int] | tuple[None, None]:
    from . import images  # Pillow: a sender, which only reads states here, does without

    return images.inspect(content) if images.is_picture(path) else (None, None)


def _write_issue(connection: Connection, issue: Issue, issue_id: int | None, now: datetime) -> int:
    values = {
        "slug": issue.slug,
        "newsletter": issue.newsletter,
        "number": issue.number,
        "date": issue.date,
        "languages": ",".join(issue.languages),
        "state": IssueState.DRAFT,
        "teaser": issue.teaser,
        "picture": issue.picture,
        "pictures": {path: _facts(facts) for path, facts in issue.pictures.items()},
        "updated_at": now,
    }
    if issue_id is None:
        insert = t.issue.insert().values(**values, created_at=now).returning(t.issue.c.id)
        return int(connection.execute(insert).scalar_one())
    connection.execute(t.issue.update().where(t.issue.c.id == issue_id).values(**values))
    for table in (t.issue_text, t.section, t.issue_file):  # section_text goes with its section
        connection.execute(table.delete().where(table.c.issue_id == issue_id))
    return issue_id


def _write_texts(connection: Connection, issue: Issue, issue_id: int) -> None:
    _insert(
        connection,
        t.issue_text,
        [{"issue_id": issue_id, "language": lang, **asdict(text)} for lang, text in issue.texts.items()],
    )
    _insert(
        connection,
        t.issue_file,
        [{"issue_id": issue_id, "path": path, "blob": blob} for path, blob in issue.files.items()],
    )
    _insert(
        connection,
        t.section,
        [
            {"issue_id": issue_id, "key": section.key, "keyed": section.keyed, "position": position}
            for position, section in enumerate(issue.sections)
        ],
    )
    keys = sa.select(t.section.c.key, t.section.c.id).where(t.section.c.issue_id == issue_id)
    ids = {row.key: row.id for row in connection.execute(keys)}
    rows = [
        {
            "section_id": ids[section.key],
            "language": language,
            "position": issue.orders[language].index(section.key),
            **asdict(text),
        }
        for section in issue.sections
        for language, text in section.texts.items()
    ]
    _insert(connection, t.section_text, rows)


def _insert(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]) -> None:
    if rows:
        connection.execute(table.insert(), rows)


# ── out ─────────────────────────────────────────────────────────────────────────────────────────


def load(connection: Connection, slug: str) -> Issue:
    """Raises NotFound."""
    return _load(connection, _row(connection, t.issue.c.slug == slug, slug))


def load_by_id(connection: Connection, issue_id: int) -> Issue:
    """Raises NotFound."""
    return _load(connection, _row(connection, t.issue.c.id == issue_id, str(issue_id)))


def id_of(connection: Connection, slug: str) -> int:
    """Raises NotFound."""
    return int(_row(connection, t.issue.c.slug == slug, slug)["id"])


def lock(connection: Connection, slug: str) -> int:
    """Its id; whoever saves, moves or orders the issue waits until the transaction ends. Raises NotFound."""
    row = _locked(connection, slug)
    return int((row or _row(connection, t.issue.c.slug == slug, slug))["id"])


def _row(connection: Connection, condition: sa.ColumnElement[bool], name: str) -> RowMapping:
    row = connection.execute(sa.select(t.issue).where(condition)).mappings().first()
    if row is None:
        raise NotFound(
            f"There is no issue {name}.",
            remedy="“mailer issues list” shows all.",
            key="no_such_issue",
            slug=name,
        )
    return row


def _load(connection: Connection, row: RowMapping) -> Issue:
    issue_id = row["id"]
    texts = connection.execute(sa.select(t.issue_text).where(t.issue_text.c.issue_id == issue_id)).mappings()
    files = connection.execute(
        sa.select(t.issue_file.c.path, t.issue_file.c.blob)
        .where(t.issue_file.c.issue_id == issue_id)
        .order_by(t.issue_file.c.path)
    )
    sections, orders = _sections(connection, issue_id)
    languages = tuple(row["languages"].split(",")) if row["languages"] else ()
    return Issue(
        row["slug"],
        row["number"],
        row["date"],
        languages,
        {text["language"]: _text(text) for text in texts},
        sections,
        {language: orders.get(language, ()) for language in languages},
        row["newsletter"],
        row["picture"],
        row["teaser"],
        {file.path: file.blob for file in files},
        IssueState(row["state"]),
        {path: _picture(facts) for path, facts in (row["pictures"] or {}).items()},
    )


def _facts(facts: PictureFacts) -> dict[str, object]:
    until = facts.usable_until and facts.usable_until.isoformat()
    return {**asdict(facts), "usable_until": until}


def _picture(row: Mapping[str, Any]) -> PictureFacts:
    until = row["usable_until"]
    return PictureFacts(
        row["credit"], row["people"], row["consent"], until and date.fromisoformat(until[:10])
    )


def _text(row: RowMapping) -> IssueText:
    return IssueText(row["subject"], row["preheader"], row["title"], row["picture_alt"], row["lead"])


def _sections(
    connection: Connection, issue_id: int
) -> tuple[tuple[Section, ...], dict[str, tuple[str, ...]]]:
    query = (
        sa.select(t.section.c.key, t.section.c.keyed, t.section.c.position.label("at"), t.section_text)
        .select_from(t.section.outerjoin(t.section_text))
        .where(t.section.c.issue_id == issue_id)
        .order_by(t.section.c.position, t.section_text.c.language)
    )
    keyed: dict[str, bool] = {}
    texts: dict[str, dict[str, SectionText]] = {}
    orders: dict[str, list[tuple[int, str]]] = {}
    for row in connection.execute(query).mappings():
        keyed[row["key"]] = row["keyed"]
        written = texts.setdefault(row["key"], {})
        if row["language"] is not None:
            written[row["language"]] = SectionText(row["title"], row["body"])
            orders.setdefault(row["language"], []).append((row["position"], row["key"]))
    sections = tuple(Section(key, texts[key], keyed[key]) for key in keyed)
    return sections, {lang: tuple(key for _, key in sorted(rows)) for lang, rows in orders.items()}


def summaries(connection: Connection) -> list[Summary]:
    """All issues, the latest first."""
    first = sa.select(t.issue_text.c.issue_id, t.issue_text.c.language, t.issue_text.c.subject)
    subjects = {(row.issue_id, row.language): row.subject for row in connection.execute(first)}
    rows = connection.execute(sa.select(t.issue).order_by(t.issue.c.date.desc(), t.issue.c.slug.desc()))
    found = []
    for row in rows.mappings():
        languages = tuple(row["languages"].split(","))
        subject = subjects.get((row["id"], languages[0]), "")
        state = IssueState(row["state"])
        found.append(
            Summary(
                row["id"],
                row["slug"],
                row["number"],
                row["date"],
                row["newsletter"],
                languages,
                state,
                subject,
            )
        )
    return found


# ── states and approval ─────────────────────────────────────────────────────────────────────────


def content_hash(issue: Issue) -> str:
    """SHA-256 of everything a reader could see; the state is not part of it."""
    value = asdict(issue)
    del value["state"]
    if not value["pictures"]:
        del value["pictures"]  # approvals of before there were any go on to hold
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def set_state(connection: Connection, slug: str, state: IssueState, *, by: Actor, now: datetime) -> None:
    """Move the issue along TRANSITIONS. Raises NotFound, and Refused for a move that is not there."""
    row = _locked(connection, slug)
    if row is None:
        _row(connection, t.issue.c.slug == slug, slug)
        return
    before = IssueState(row["state"])
    if state not in TRANSITIONS[before]:
        raise Refused(
            f"Issue {slug} is {before}; it cannot become {state}.",
            key="issue_state",
            slug=slug,
            before=before.value,
            after=state.value,
        )
    if state is IssueState.DRAFT:
        begun.must_not_have_begun(connection, row)
    connection.execute(t.issue.update().where(t.issue.c.id == row["id"]).values(state=state, updated_at=now))
    audit.record(
        connection, by, "issue.state", f"issue:{slug}", now, before={"state": before}, after={"state": state}
    )


def approve(
    connection: Connection,
    issue: Issue,
    *,
    passed: Sequence[Mapping[str, str]] = (),
    by: Actor,
    now: datetime,
) -> None:
    """Record that `issue`, exactly as it is here, was approved. The gate was asked before (`checks`).

    Again where it is approved; one that was sent stays so: its editions may have to be frozen anew.
    Raises Refused if the database holds another text by now: what was judged is what is approved.
    """
    stored = load(connection, issue.slug)
    if content_hash(stored) != content_hash(issue):
        raise Refused(
            f"Issue {issue.slug} was changed in the meantime.",
            remedy="Check it again, then approve it.",
            key="issue_changed",
            slug=issue.slug,
        )
    state = IssueState.SENT if stored.state is IssueState.SENT else IssueState.APPROVED
    set_state(connection, issue.slug, state, by=by, now=now)
    row = {
        "issue_id": id_of(connection, issue.slug),
        "content_hash": content_hash(issue),
        "by": str(by),
        "at": now,
        "passed": [dict(one) for one in passed],
    }
    connection.execute(t.approval.insert().values(**row))


def approval(connection: Connection, slug: str) -> Approval | None:
    """The approval that holds: of an issue that is approved or sent, for the text it has now."""
    issue = load(connection, slug)
    if issue.state not in (IssueState.APPROVED, IssueState.SENT):
        return None
    query = (
        sa.select(t.approval)
        .join(t.issue, t.issue.c.id == t.approval.c.issue_id)
        .where(t.issue.c.slug == slug)
        .order_by(t.approval.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().first()
    if row is None or row["content_hash"] != content_hash(issue):
        return None
    return Approval(row["content_hash"], row["by"], row["at"], tuple(row["passed"]))
