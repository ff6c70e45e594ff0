"""An office with two lists, readers of several languages and an issue, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mailer.campaigns import schedules, store
from mailer.campaigns.business_days import Calendar
from mailer.campaigns.launch import Rules
from mailer.campaigns.model import Campaign, Schedule
from mailer.composer import editions
from mailer.composer import store as issues
from mailer.composer.look.theme import Theme
from mailer.composer.model import Identity, Issue, IssueText, Section, SectionText
from mailer.tables.delivery import delivery
from subscribers import address, consent
from subscribers import store as people
from subscribers.model import Actor

NOW = datetime(2034, 12, 20, 0, 0, tzinfo=UTC)
KEIKO = Actor("staff", "keiko")
BASE_URL = "https://mail.example.org"
RULES = Rules(timedelta(hours=6), Calendar("JP"), "ja", BASE_URL)
OFFICE = Identity("みなと便り", "事務所", "Office", "en", "横浜市", "045-000-0000", "enews@example.org")
THEME = Theme(None)


def issue_of(slug: str, day: date, text: str = "本文です。", newsletter: str = "main") -> Issue:
    return Issue(
        slug, slug[-2:], day, ("ja", "en"),
        {"ja": IssueText("件名", "前置き"), "en": IssueText("Subject", "Preheader")},
        (Section("news", {"ja": SectionText("お知らせ", text), "en": SectionText("News", "Text.")}),),
        {"ja": ("news",), "en": ("news",)},
        newsletter,
    )  # fmt: skip


@dataclass
class Office:
    engine: Engine
    lists: dict[str, int]
    people: dict[str, int] = field(default_factory=dict)

    def begin(self) -> sa.engine.base.Engine._trans_ctx:  # type: ignore[name-defined]
        return self.engine.begin()

    def save(
        self,
        slug: str = "2034-12",
        day: date = date(2034, 12, 20),
        text: str = "本文です。",
        newsletter: str = "main",
    ) -> None:
        with self.begin() as connection:
            issues.save(connection, issue_of(slug, day, text, newsletter), {}, by=KEIKO, now=NOW)

    def approve(self, slug: str = "2034-12", now: datetime = NOW, base_url: str = BASE_URL) -> dict[str, int]:
        press = editions.Press(
            THEME,
            base_url,
            "Asia/Tokyo",
            {"ja": OFFICE, "en": OFFICE},
            1_000_000,
            ("ja", "en"),
            now,
        )
        with self.begin() as connection:
            issue = issues.load(connection, slug)
            frozen = editions.freeze(connection, issue, press, by=KEIKO, now=now)
            issues.approve(connection, issue, by=KEIKO, now=now)
        return {language: edition.id for language, edition in frozen.items()}

    def approved(
        self, slug: str = "2034-12", day: date = date(2034, 12, 20), newsletter: str = "main"
    ) -> None:
        self.save(slug, day, newsletter=newsletter)
        self.approve(slug)

    def schedule(
        self, rule: str, *, at: datetime = NOW - timedelta(days=10), zone: str = "Asia/Tokyo"
    ) -> Schedule:
        with self.begin() as connection:
            return schedules.add(connection, "monthly", rule, zone, [self.lists["enews"]], by=KEIKO, now=at)

    def campaigns(self) -> list[Campaign]:
        with self.begin() as connection:
            return store.campaigns(connection)[::-1]

    def languages(self, campaign_id: int) -> dict[str, str]:
        """Who is to get which edition."""
        names = {number: name for name, number in self.people.items()}
        with self.begin() as connection:
            rows = connection.execute(
                sa.select(delivery.c.subscriber_id, delivery.c.language).where(
                    delivery.c.campaign_id == campaign_id
                )
            )
            return {names[row.subscriber_id]: row.language for row in rows}


def join(
    connection: Connection, office: Office, name: str, languages: list[str], *on: str, act: str = "declared"
) -> None:
    if name not in office.people:
        office.people[name] = people.add(
            connection, address.parse(f"{name}@example.org"), name=name, languages=languages, by=KEIKO, now=NOW,
            random=Random(name), permanent_key="k",
        ).id  # fmt: skip
    for slug in on:
        consent.subscribe(
            connection,
            office.people[name],
            office.lists[slug],
            act=act,
            by=KEIKO,
            now=NOW,
            source="test",
            wording="…",
        )


@pytest.fixture
def office(database: Engine) -> Iterator[Office]:
    yield _office(database)


@pytest.fixture
def small_office(sqlite: Engine) -> Iterator[Office]:
    """On SQLite only: for rules that no database decides."""
    yield _office(sqlite)


def _office(engine: Engine) -> Office:
    with engine.begin() as connection:
        lists = {
            slug: people.add_list(connection, slug, slug, language=language, by=KEIKO, now=NOW).id
            for slug, language in (("enews", None), ("overseas", "en"))
        }
        office = Office(engine, lists)
        join(connection, office, "miho", ["ja"], "enews")
        join(connection, office, "alan", ["en-GB"], "enews")
        join(connection, office, "jean", ["fr"], "enews")
        join(connection, office, "mei", [], "overseas")
        join(connection, office, "both", ["ja"], "overseas", "enews")
        join(connection, office, "waiting", ["ja"], "enews", act="asked")
    return office
