"""Editions as they are kept: frozen, never edited, found by id.

Owns the tables `edition` and `issue_edition`. Composes nothing, so that a sender that only loads
editions needs no Pillow and no lxml (memory). Called by `editions`, `delivery` and `campaigns`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, RowMapping

from mailer.errors import NotFound
from mailer.tables import composer as t

from .model import Edition, EmbeddedPicture


def save(connection: Connection, edition: Edition, now: datetime, *, issue_id: int | None = None) -> Edition:
    """Keep an edition of an issue or a notice; the one that is there if it is the same. Returns it with its id."""
    same = (t.edition.c.language == edition.language) & (t.edition.c.content_hash == edition.content_hash)
    owner = t.edition.c.issue_id == issue_id if issue_id is not None else t.edition.c.notice == edition.notice
    query = sa.select(t.edition.c.id).where(same & owner)
    found = connection.execute(query).scalar()
    if found is None:
        row = {
            "issue_id": issue_id,
            "notice": edition.notice,
            "language": edition.language,
            "content_hash": edition.content_hash,
            "subject": edition.subject,
            "html": edition.html,
            "text": edition.text,
            "web": edition.web,
            "pictures": [asdict(picture) for picture in edition.pictures],
            "facts": dict(edition.facts),
            "created_at": now,
        }
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        connection.execute(dialect.insert(t.edition).values(row).on_conflict_do_nothing())
        found = connection.execute(query).scalar_one()
    return replace(edition, id=int(found))


def load(connection: Connection, edition_id: int) -> Edition:
    """Raises NotFound."""
    found = load_many(connection, [edition_id])
    if edition_id not in found:
        raise NotFound(f"There is no edition {edition_id}.", key="no_such_edition", edition=edition_id)
    return found[edition_id]


def load_many(connection: Connection, edition_ids: Iterable[int]) -> dict[int, Edition]:
    """By id; an id that is not there is left out."""
    query = (
        sa.select(t.edition, t.issue.c.slug)
        .select_from(t.edition.outerjoin(t.issue))
        .where(t.edition.c.id.in_(set(edition_ids)))
    )
    return {row["id"]: _edition(row) for row in connection.execute(query).mappings()}


def _edition(row: RowMapping) -> Edition:
    return Edition(
        row["id"],
        row["slug"],
        row["notice"],
        row["language"],
        row["content_hash"],
        row["subject"],
        row["html"],
        row["text"],
        row["web"],
        tuple(EmbeddedPicture(**picture) for picture in row["pictures"]),
        row["facts"],
    )


def frozen(connection: Connection, issue_id: int) -> dict[str, int]:
    """language → id of the edition that was frozen last, the issue's first language first.

    The newest row would not do: a text that returns to an earlier wording gets its old edition back.
    """
    row = t.issue_edition.c
    query = sa.select(row.language, row.edition_id).where(row.issue_id == issue_id).order_by(row.position)
    return {row.language: row.edition_id for row in connection.execute(query)}


def composed_for(connection: Connection, issue_id: int) -> set[str | None]:
    """Each base_url for which one of the issue's frozen editions was composed; None where it was not noted."""
    asked = (
        sa.select(t.edition.c.facts)
        .join_from(t.issue_edition, t.edition, t.issue_edition.c.edition_id == t.edition.c.id)
        .where(t.issue_edition.c.issue_id == issue_id)
    )
    return {facts.get("base_url") for facts in connection.scalars(asked)}


def remember(connection: Connection, issue_id: int, frozen: Mapping[str, Edition]) -> None:
    """These are the issue's editions now, in this order."""
    connection.execute(t.issue_edition.delete().where(t.issue_edition.c.issue_id == issue_id))
    connection.execute(
        t.issue_edition.insert(),
        [
            {"issue_id": issue_id, "language": language, "position": position, "edition_id": edition.id}
            for position, (language, edition) in enumerate(frozen.items())
        ],
    )
