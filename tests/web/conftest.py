"""A small house for the pages: two lists, three readers, issues sent and unsent, an application."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from starlette.testclient import TestClient

from mailer import media, tokens
from mailer.composer.model import Identity
from mailer.tables.campaigns import campaign, campaign_edition, campaign_list
from mailer.tables.composer import edition, issue, resource
from mailer.web.pages import Site
from mailer.web.site import create_app
from subscribers import address, consent, store
from subscribers.model import Actor

NOW = datetime(2034, 12, 20, 0, 0, tzinfo=UTC)
KEY = "permanent-key-of-the-tests"
KEYS = ("newer-key-of-the-tests", "older-key-of-the-tests")
KEIKO = Actor("staff", "keiko")
JPEG = b"\xff\xd8\xff\xe0 a picture"
PDF = b"%PDF-1.7 " + b"0123456789" * 100

IDENTITIES = {
    "ja": Identity(
        "みなと便り", "港町都市ネットワーク 横浜事務所", "Harbour Cities Network, Yokohama Office", "en",
        "〒000-0000 神奈川県横浜市中区うみべ通1-2-3 みなとの家 4階", "045-000-0000", "enews@example.org",
    ),
    "en": Identity(
        "Harbour Letter", "Harbour Cities Network, Yokohama Office", "港町都市ネットワーク 横浜事務所", "ja",
        "Minato-no-Ie 4F, 1-2-3 Umibe-dori, Naka-ku, Yokohama 000-0000, Japan", "+81 45 000 0000",
        "enews@example.org",
    ),
}  # fmt: skip


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class World:
    """The database behind the pages, and what tests ask of it."""

    engine: Engine
    clock: Clock
    client: TestClient
    lists: dict[str, int]
    people: dict[str, int]

    def token(self, person: str, on: str = "enews") -> str:
        return tokens.unsubscribe_token(KEY, self.people[person], self.lists[on])

    def state(self, person: str, on: str) -> str | None:
        with self.engine.connect() as connection:
            found = consent.state_of(connection, self.people[person], self.lists[on])
        return str(found) if found else None

    def rows(self) -> dict[str, int]:
        """How many rows each table has, and a fingerprint of all of them: did anything change?"""
        with self.engine.connect() as connection:
            return {
                table.name: hash(tuple(map(str, connection.execute(sa.select(table)).all())))
                for table in sa.MetaData.sorted_tables.fget(edition.metadata)  # type: ignore[attr-defined]
            }


def site_of(engine: Engine, clock: Clock, base_url: str = "https://mail.example.org") -> Site:
    return Site(engine, base_url, "Asia/Tokyo", ("ja", "en"), "ja", IDENTITIES, KEY, KEYS, clock)


@pytest.fixture
def world(sqlite: Engine) -> Iterator[World]:
    yield from build(sqlite)


def build(engine: Engine) -> Iterator[World]:
    with engine.begin() as connection:
        lists = {
            slug: store.add_list(connection, slug, names, by=KEIKO, now=NOW, public=public).id
            for slug, names, public in (
                ("enews", {"ja": "みなと便り", "en": "Harbour Letter"}, True),
                ("training", {"ja": "研修と募集のお知らせ", "en": "Training and calls"}, True),
                ("staff", "Staff", False),
            )
        }
        people = {}
        for name, email, languages in (
            ("miho", "miho@city.example.jp", ["ja"]),
            ("alan", "alan@port.example.com", ["en-GB"]),
            ("nadia", "nadia@port.example.com", []),
        ):
            person = store.add(
                connection, address.parse(email), name=name, languages=languages, by=KEIKO, now=NOW,
                random=Random(name), permanent_key=KEY,
            )  # fmt: skip
            people[name] = person.id
        for name, on in (("miho", "enews"), ("miho", "training"), ("alan", "enews"), ("nadia", "enews")):
            consent.subscribe(
                connection,
                people[name],
                lists[on],
                act="declared",
                by=KEIKO,
                now=NOW,
                source="test",
                wording="…",
            )
    clock = Clock()
    app = create_app(site_of(engine, clock))
    with TestClient(app, base_url="https://mail.example.org", raise_server_exceptions=False) as client:
        yield World(engine, clock, client, lists, people)


def add_issue(
    connection: Connection,
    slug: str,
    *,
    titles: dict[str, str],
    day: date = date(2034, 12, 20),
    sent_to: list[int] | None = None,
    launched_at: datetime | None = NOW - timedelta(hours=1),
    state: str = "sent",
    web: str = '<article class="article"><h1>{title}</h1></article>',
) -> int:
    """An issue with frozen editions; with `sent_to`, a campaign that was launched (or is to be)."""
    issue_id = connection.execute(
        issue.insert()
        .values(
            slug=slug, number=slug[-2:], date=day, languages=",".join(titles), state=state,
            created_at=NOW, updated_at=NOW,
        )
        .returning(issue.c.id)
    ).scalar_one()  # fmt: skip
    edition_ids = {
        language: connection.execute(
            edition.insert()
            .values(
                issue_id=issue_id, language=language, content_hash=f"{slug}{language}", subject=title, html="", text="",
                web=web.format(title=title), pictures=[], facts={"title": title, "preheader": f"About {title}"},
                created_at=NOW,
            )
            .returning(edition.c.id)
        ).scalar_one()
        for language, title in titles.items()
    }  # fmt: skip
    if sent_to is not None:
        campaign_id = connection.execute(
            campaign.insert()
            .values(
                issue_id=issue_id, state="sending" if launched_at else "scheduled", at=NOW, by="staff:keiko",
                created_at=NOW, launched_at=launched_at,
            )
            .returning(campaign.c.id)
        ).scalar_one()  # fmt: skip
        for position, list_id in enumerate(sent_to):
            connection.execute(
                campaign_list.insert().values(campaign_id=campaign_id, position=position, list_id=list_id)
            )
        for language, edition_id in edition_ids.items():
            connection.execute(
                campaign_edition.insert().values(
                    campaign_id=campaign_id, language=language, edition_id=edition_id
                )
            )
    return int(issue_id)


def add_resource(
    connection: Connection,
    slug: str,
    name: str,
    *,
    content: bytes | None = None,
    media_type: str = "application/pdf",
    url: str | None = None,
    until: date | None = None,
    ends_at: datetime | None = None,
) -> None:
    blob = media.save(connection, content, media_type, now=NOW) if content is not None else None
    connection.execute(
        resource.insert().values(
            issue_slug=slug, language="ja", name=name, label="小さな雨の庭　はじめの手引き", blob=blob, url=url,
            until=until, ends_at=ends_at,
        )
    )  # fmt: skip
