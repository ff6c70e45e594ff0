"""A real office for benchmarks and kills: configuration, tables, an approved issue, people, a launched campaign.

Real editions (the sample issue), a real configuration file; what differs from run to run goes through the
environment, as an operator would set it. Nothing here is a double.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from mailer import migrations
from mailer.bootstrap import House, approved, clock_rules, open_database, open_house, senders
from mailer.campaigns import orders
from mailer.campaigns.model import Order
from mailer.composer import store
from mailer.composer.text import folder
from mailer.config import load
from mailer.delivery import ledger
from mailer.delivery.model import Counts
from mailer.delivery.press import Unsendable
from mailer.demo import world
from mailer.message import dkim
from mailer.smtp.model import Envelope
from mailer.smtp.wire import Checked
from mailer.tables.campaigns import campaign
from subscribers import store as subscribers
from subscribers.database import reading
from subscribers.model import Actor
from tests.subscribers_world import fill

BENCH = Actor("system", "bench")
SAMPLE = Path(__file__).parents[2] / "mailer" / "samples" / "2034-12"


@dataclass(frozen=True)
class Office:
    """`settings`: what the environment says above config.toml, such as MAILER_RELAY__PORT."""

    config: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environ(self) -> dict[str, str]:
        return {**os.environ, **self.settings}

    def also(self, **keys: object) -> Office:
        """`also(delivery__processes=2)`: the same office, set otherwise."""
        more = {f"MAILER_{key.upper()}": str(value) for key, value in keys.items()}
        return replace(self, settings={**self.settings, **more})

    def signing(self) -> Office:
        """The same with a DKIM key of RSA-2048."""
        key = self.config.parent / "dkim.pem"
        if not key.exists():
            key.write_bytes(dkim.new_key())
        return self.also(dkim__domain="example.org", dkim__selector="s1", dkim__key_file=key)

    def copy(self, to: Path) -> Office:
        """Another office of the same content (SQLite), with a ledger of its own."""
        shutil.copytree(self.config.parent, to)
        return replace(self, config=to / self.config.name)

    @contextmanager
    def house(self) -> Iterator[House]:
        opened = open_house(self.config, self.environ)
        try:
            yield opened
        finally:
            opened.engine.dispose()


def make(home: Path, port: int, people: int, *, issue: Path = SAMPLE, **keys: object) -> Office:
    """Tables, a list with so many confirmed people, an issue (2034-12) approved. Nothing is launched yet."""
    office = Office(world.make(home, port)).also(site__base_url="https://news.example.org", **keys)
    engine = open_database(load(office.config, office.environ))
    migrations.upgrade(engine)
    engine.dispose()
    now = datetime.now(UTC)
    with office.house() as house:
        read = folder.read(issue, house.config.site.time_zone)
        with house.engine.begin() as connection:
            made = subscribers.add_list(connection, world.LIST, "E-News", language="ja", by=BENCH, now=now)
            fill(connection, people, [made.id], now)
            store.save(connection, read.issue, read.files, by=BENCH, now=now)
        approved(house, world.ISSUE, passed={}, by=BENCH, now=now)
        _fold_the_log(house)
    return office


def launch(office: Office) -> int:
    """The campaign that now sends the issue to everybody."""
    now = datetime.now(UTC)
    with office.house() as house, house.engine.begin() as connection:
        order = Order(world.ISSUE, (world.LIST,))
        return orders.send(connection, order, clock_rules(house), by=BENCH, now=now).id


def state(house: House, campaign_id: int) -> str:
    with reading(house.engine) as connection:
        return str(connection.scalar(sa.select(campaign.c.state).where(campaign.c.id == campaign_id)))


def counts(office: Office, campaign_id: int) -> Counts:
    with office.house() as house, reading(house.engine) as connection:
        return ledger.counts(connection, campaign_id)


def prepared(office: Office, messages: int) -> list[tuple[Envelope, bytes]]:
    """The first so many mails of a launched campaign, as its press prints them; the rows stay claimed."""
    now = datetime.now(UTC)
    with office.house() as house:
        with house.engine.begin() as connection:
            claimed = ledger.claim(connection, "bench:1:1@bench", messages, now, timedelta(minutes=5))
        made = senders(house)[0].press.prepare(claimed, now)
    pairs = [one for one in made if not isinstance(one, Unsendable)]
    return [(to, mail.content if isinstance(mail, Checked) else mail) for to, mail in pairs]


def mean_size(office: Office, scratch: Path) -> int:
    """Bytes of a mail on the average: `fill` repeats languages and domains every 32 people."""
    tried = office.copy(scratch)
    launch(tried)
    sizes = [len(mail) for _, mail in prepared(tried, 96)]
    shutil.rmtree(scratch)
    return round(sum(sizes) / len(sizes))


def _fold_the_log(house: House) -> None:
    """SQLite's write-ahead log goes into the file, so that a copy is whole and every run begins alike."""
    if house.engine.dialect.name == "sqlite":
        with house.engine.connect() as connection:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
