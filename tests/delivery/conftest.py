"""A small office for the ledger's tests: an issue in two editions, a list, and as many people as asked."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mailer.delivery import ledger
from mailer.delivery.model import Built, Claimed, DeliveryState
from mailer.tables import campaigns, composer
from mailer.tables.delivery import delivery
from subscribers import audience, tables

LEASE = timedelta(minutes=5)


@dataclass
class Office:
    """Writes the rows of other rooms as they would; tests of delivery need them to stand, no more."""

    engine: Engine
    now: datetime
    issue_id: int = 1
    list_ids: list[int] = field(default_factory=list)
    edition_ids: dict[str, int] = field(default_factory=dict)
    rng: random.Random = field(default_factory=lambda: random.Random(84))

    def set_up(self) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                composer.issue.insert().values(
                    id=1, slug="2034-12", number="84", date=self.now.date(), languages="ja,en",
                    state="approved", created_at=self.now, updated_at=self.now,
                )
            )  # fmt: skip
            for language in ("ja", "en"):
                self.edition_ids[language] = connection.execute(
                    composer.edition.insert()
                    .values(
                        issue_id=1, language=language, content_hash=f"hash-{language}", subject=f"第84号 {language}",
                        html="<p>@@NAME@@</p>", text="@@NAME@@", pictures=[], facts={}, created_at=self.now,
                    )
                    .returning(composer.edition.c.id)
                ).scalar_one()  # fmt: skip
        self.add_list("enews")

    def add_list(self, slug: str, language: str | None = "ja") -> int:
        with self.engine.begin() as connection:
            list_id = connection.execute(
                tables.list_.insert()
                .values(slug=slug, name={"": slug}, language=language, created_at=self.now)
                .returning(tables.list_.c.id)
            ).scalar_one()
        self.list_ids.append(list_id)
        return int(list_id)

    def add_people(
        self,
        count: int,
        *,
        languages: Sequence[str] = ("ja", "en"),
        list_id: int | None = None,
        prefix: str = "p",
    ) -> list[int]:
        """Confirmed people of example domains, languages in turn; their ids."""
        with self.engine.begin() as connection:
            first = (connection.scalar(sa.select(sa.func.max(tables.subscriber.c.id))) or 0) + 1
            ids = list(range(first, first + count))
            if not ids:
                return []
            connection.execute(
                tables.subscriber.insert(),
                [
                    {
                        "id": id_, "reference": f"{prefix[:1]}{id_:05d}", "email": f"{prefix}{id_}@example.org",
                        "wire": f"{prefix}{id_}@example.org", "address_key": f"{prefix}{id_}@example.org",
                        "domain": "example.org", "name": f"人{id_}", "languages": languages[n % len(languages)],
                        "attributes": {}, "chosen": [], "created_at": self.now, "updated_at": self.now,
                    }
                    for n, id_ in enumerate(ids)
                ],
            )  # fmt: skip
            self._confirm(connection, ids, list_id or self.list_ids[0])
        return ids

    def put_on(self, ids: Sequence[int], list_id: int) -> None:
        with self.engine.begin() as connection:
            self._confirm(connection, ids, list_id)

    def _confirm(self, connection: Connection, ids: Sequence[int], list_id: int) -> None:
        connection.execute(
            tables.subscription.insert(),
            [
                {"list_id": list_id, "subscriber_id": id_, "state": "confirmed", "since": self.now}
                for id_ in ids
            ],
        )

    def add_campaign(self, *, kind: str = "regular", state: str = "sending") -> int:
        with self.engine.begin() as connection:
            return int(
                connection.execute(
                    campaigns.campaign.insert()
                    .values(
                        issue_id=self.issue_id, kind=kind, state=state, at=self.now, by="staff:keiko",
                        created_at=self.now, launched_at=self.now,
                    )
                    .returning(campaigns.campaign.c.id)
                ).scalar_one()
            )  # fmt: skip

    def build(
        self,
        campaign_id: int,
        *,
        list_ids: Sequence[int] | None = None,
        again: bool = False,
        moment: datetime | None = None,
    ) -> Built:
        moment = moment or self.now
        whom = audience.Audience(tuple(list_ids or self.list_ids[:1]))
        with self.engine.begin() as connection:
            groups = audience.groups(connection, whom, moment)
            languages = audience.edition_map(groups, ("ja", "en"), None, None)
            editions = {
                pair: (self.edition_ids[language], language) if language else None
                for pair, language in languages.items()
            }
            return ledger.build(
                connection,
                campaign_id,
                issue_id=self.issue_id,
                people=audience.people(whom, moment),
                edition_of=editions,
                again=again,
                now=moment,
            )

    def launched(self, people: int, **more: object) -> int:
        """A campaign that is sending to so many new people."""
        self.add_people(people)
        campaign_id = self.add_campaign()
        self.build(campaign_id)
        return campaign_id

    # ── looking ──────────────────────────────────────────────────────────────────────────────────

    def claim(
        self, limit: int = 100, *, now: datetime | None = None, sender: str = "host:1:a"
    ) -> list[Claimed]:
        with self.engine.begin() as connection:
            return ledger.claim(connection, sender, limit, now or self.now, LEASE)

    def mark(self, claimed: Sequence[Claimed], *, now: datetime | None = None) -> set[int]:
        with self.engine.begin() as connection:
            return ledger.attempting(connection, claimed, now or self.now, lease=LEASE, relay="relay")

    def states(self, campaign_id: int) -> dict[str, int]:
        with self.engine.begin() as connection:
            return dict(ledger.counts(connection, campaign_id).by_state)

    def row(self, delivery_id: int) -> sa.Row[tuple[object, ...]]:
        with self.engine.begin() as connection:
            return connection.execute(sa.select(delivery).where(delivery.c.id == delivery_id)).one()

    def campaign(self, campaign_id: int) -> sa.Row[tuple[object, ...]]:
        with self.engine.begin() as connection:
            return connection.execute(
                sa.select(campaigns.campaign).where(campaigns.campaign.c.id == campaign_id)
            ).one()

    def set_campaign(self, campaign_id: int, **values: object) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                campaigns.campaign.update().where(campaigns.campaign.c.id == campaign_id).values(**values)
            )

    def set_states(self, campaign_id: int, state: DeliveryState) -> None:
        with self.engine.begin() as connection:
            connection.execute(
                delivery.update().where(delivery.c.campaign_id == campaign_id).values(state=state)
            )


@pytest.fixture
def office(database: Engine, now: datetime) -> Office:
    made = Office(database, now)
    made.set_up()
    return made


@pytest.fixture
def sqlite_office(sqlite: Engine, now: datetime) -> Office:
    """For what a server does, which is the same whatever the database."""
    made = Office(sqlite, now)
    made.set_up()
    return made
