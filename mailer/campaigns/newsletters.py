"""An issue goes to the lists of its own newsletter only, and over a relay that takes mail of its sender.

Owns these two rules, as a condition and as refusals. Called by `orders`, `schedules`, `clock`, `launch` and `dates`.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.delivery.routes import NO_LIST, Routes
from mailer.errors import Refused
from mailer.tables.campaigns import campaign
from mailer.tables.composer import issue
from subscribers import tables


def fits(list_ids: Sequence[int]) -> sa.ColumnElement[bool]:
    """Of a row of `issue`: is each of these lists one of its newsletter?"""
    one = tables.list_.c
    return ~sa.exists().where(one.id.in_(list_ids), one.newsletter != issue.c.newsletter)


def of_campaign(connection: Connection, campaign_id: int) -> str | None:
    """Of its issue; None while it has none."""
    found: str | None = connection.scalar(
        sa.select(issue.c.newsletter)
        .join(campaign, campaign.c.issue_id == issue.c.id)
        .where(campaign.c.id == campaign_id)
    )
    return found


def of_issue(connection: Connection, issue_id: int) -> str:
    """Its key; `main` where the issue is gone."""
    return connection.scalar(sa.select(issue.c.newsletter).where(issue.c.id == issue_id)) or NO_LIST


def require_relay(connection: Connection, issue_id: int, routes: Routes) -> None:
    """Raises Refused if no relay takes mail of the sender of this issue's newsletter."""
    routes.require(of_issue(connection, issue_id))


def require(connection: Connection, issue_id: int, list_ids: Sequence[int]) -> None:
    """Raises Refused, naming the first list that is another newsletter's."""
    one = tables.list_.c
    other = connection.execute(
        sa.select(one.slug.label("name"), one.newsletter.label("other"), issue.c.slug, issue.c.newsletter)
        .where(issue.c.id == issue_id, one.id.in_(list_ids), one.newsletter != issue.c.newsletter)
        .order_by(one.id)
        .limit(1)
    ).first()
    if other is not None:
        raise Refused(
            f"Issue {other.slug} is of the newsletter {other.newsletter}, list {other.name} of {other.other}.",
            remedy="Choose lists and an issue of the same newsletter.",
            key="other_newsletter",
            issue=other.slug, newsletter=other.newsletter, list=other.name, other=other.other,
        )  # fmt: skip
