"""Which editions the public may read, and in what order.

Owns no table: an edition is public once a regular campaign of its issue was launched (and not cancelled
before anybody had got it), listed if one of the campaign's lists is public. Called by the web's archive, media and resources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.tables.campaigns import NOBODY_GOT_IT, campaign, campaign_edition, campaign_list
from mailer.tables.composer import edition, issue
from subscribers import tables


@dataclass(frozen=True, slots=True)
class Published:
    """One edition that went out."""

    slug: str
    language: str
    number: str
    date: date
    subject: str
    facts: Mapping[str, Any]  # of the edition: title, preheader, contents, …
    edition_id: int
    launched_at: datetime  # of the first campaign that sent the issue
    listed: bool  # False: sent to private lists only; whoever has the address may read it
    withdrawn: bool

    @property
    def title(self) -> str:
        return str(self.facts.get("title") or self.subject)

    @property
    def preheader(self) -> str:
        return str(self.facts.get("preheader") or "")


def published(connection: Connection, language: str) -> list[Published]:
    """What the archive of one language lists, the newest first."""
    rows = _read(connection, campaign_edition.c.language == language)
    return [entry for entry in rows if entry.listed and not entry.withdrawn]


def languages_of(connection: Connection, slug: str) -> list[Published]:
    """The editions of one issue that are out, in the order of the issue's languages."""
    found = {entry.language: entry for entry in _read(connection, issue.c.slug == slug)}
    wanted = connection.scalar(sa.select(issue.c.languages).where(issue.c.slug == slug)) or ""
    ordered = [language for language in wanted.split(",") if language in found]
    return [found[language] for language in (*ordered, *sorted(set(found) - set(ordered)))]


def archive_languages(connection: Connection) -> set[str]:
    """Languages in which something is listed."""
    return {entry.language for entry in _read(connection, sa.true()) if entry.listed and not entry.withdrawn}


def neighbours(entries: Sequence[Published], slug: str) -> tuple[Published | None, Published | None]:
    """(older, newer) of an issue in a list that has the newest first."""
    places = [entry.slug for entry in entries]
    if slug not in places:
        return None, None
    here = places.index(slug)
    return (
        entries[here + 1] if here + 1 < len(entries) else None,
        entries[here - 1] if here > 0 else None,
    )


def web_version(connection: Connection, edition_id: int) -> str:
    """The article of an edition, as it was frozen."""
    return connection.scalar(sa.select(edition.c.web).where(edition.c.id == edition_id)) or ""


def beginnings(
    connection: Connection, entries: Sequence[Published], characters: int = 6_000
) -> dict[int, str]:
    """edition id → the beginning of its article, where the picture on top stands."""
    wanted = [entry.edition_id for entry in entries]
    rows = connection.execute(
        sa.select(edition.c.id, sa.func.substr(edition.c.web, 1, characters)).where(edition.c.id.in_(wanted))
    )
    return {edition_id: text or "" for edition_id, text in rows}


def is_out(connection: Connection, slug: str) -> bool:
    """Has any campaign of this issue been launched? From then on its files are public."""
    launched = (
        sa.select(campaign.c.id)
        .join_from(campaign, issue)
        .where(issue.c.slug == slug, campaign.c.launched_at.is_not(None), _was_not_stopped_in_time())
    )
    return connection.execute(launched.limit(1)).first() is not None


def is_withdrawn(connection: Connection, slug: str) -> bool:
    return connection.scalar(sa.select(issue.c.state).where(issue.c.slug == slug)) == "withdrawn"


def shows_picture(connection: Connection, blob_hash: str) -> bool:
    """Does a frozen edition show this picture? Its address stands in the HTML that was sent."""
    address = f"%/media/{blob_hash}.%"
    shown = sa.select(edition.c.id).where(sa.or_(edition.c.html.like(address), edition.c.web.like(address)))
    return connection.execute(shown.limit(1)).first() is not None


def _was_not_stopped_in_time() -> sa.ColumnElement[bool]:
    return sa.or_(
        campaign.c.state != "cancelled", campaign.c.reason.is_(None), campaign.c.reason != NOBODY_GOT_IT
    )


def _read(connection: Connection, condition: sa.ColumnElement[bool]) -> list[Published]:
    public = (
        sa.exists()
        .where(campaign_list.c.campaign_id == campaign.c.id)
        .where(campaign_list.c.list_id == tables.list_.c.id)
        .where(tables.list_.c.public)
    )
    rows = connection.execute(
        sa.select(
            issue.c.slug, issue.c.number, issue.c.date, issue.c.state, campaign.c.launched_at,
            campaign_edition.c.language, edition.c.id, edition.c.subject, edition.c.facts, public.label("public"),
        )
        .join_from(campaign_edition, campaign)
        .join(issue, issue.c.id == campaign.c.issue_id)
        .join(edition, edition.c.id == campaign_edition.c.edition_id)
        .where(campaign.c.launched_at.is_not(None), _was_not_stopped_in_time(), campaign.c.kind == "regular")
        .where(condition)
        .order_by(issue.c.date.desc(), issue.c.id.desc(), campaign.c.launched_at, campaign.c.id)
    ).all()  # fmt: skip
    found: dict[tuple[str, str], Published] = {}
    for row in rows:
        before = found.get((row.slug, row.language))
        found[row.slug, row.language] = Published(
            slug=row.slug,
            language=row.language,
            number=row.number,
            date=row.date,
            subject=row.subject,
            facts=row.facts,
            edition_id=row.id,  # of the newest campaign: what was sent last is what is read
            launched_at=before.launched_at if before else row.launched_at,
            listed=bool(row.public) or (before is not None and before.listed),
            withdrawn=row.state == "withdrawn",
        )
    return list(found.values())
