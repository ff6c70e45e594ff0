"""The main road, driven once for real: import, compose, check, approve, preview, send, compare.

Owns the order and the comparison with what the catcher saw. Every step is the room's own function;
nothing here is made for show. Called by `mailer demo`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from random import Random

import sqlalchemy as sa

from mailer import migrations
from mailer.bootstrap import (
    House,
    approved,
    clock_rules,
    issue_press,
    open_database,
    open_house,
    reading_style,
    senders,
)
from mailer.campaigns import orders
from mailer.campaigns import store as campaigns
from mailer.campaigns.model import CampaignState, Order
from mailer.campaigns.status import Status, status
from mailer.composer import store
from mailer.composer.text import folder
from mailer.config import load
from mailer.delivery.preview import Order as PreviewOrder
from mailer.delivery.preview import finish, lay_out
from mailer.demo import overview, people, world
from mailer.errors import Refused
from mailer.i18n import Words
from mailer.smtp.sink import Caught, Sink, into_folder, running_sink
from mailer.tables.delivery import delivery
from subscribers import store as subscribers
from subscribers import suppression, tables
from subscribers.address import parse
from subscribers.database import reading
from subscribers.model import Actor
from subscribers.transfer import Declaration, ImportResult, Options, RefusedFile, Source, import_people

DEMO = Actor("system", "demo")
Tell = Callable[[str, Mapping[str, object]], None]


@dataclass(frozen=True, slots=True)
class Row:
    """People of one preference who got one edition."""

    prefers: str  # "" = none given
    edition: str
    people: int


@dataclass(frozen=True, slots=True)
class Report:
    folder: str
    campaign: Mapping[str, object]  # as `campaigns status --json`
    accepted: int
    caught: int  # messages in the catcher
    twice: int  # addresses that the catcher saw more than once
    wrong_edition: int  # messages whose Content-Language is not what the ledger says
    again: int  # people whom a second send reached
    agrees: bool
    languages: tuple[Row, ...]
    excluded: Mapping[str, int]
    imported: Mapping[str, int]
    editions: tuple[str, ...]
    seconds: float
    rate: float
    overview: str

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def drive(home: Path, words: Words, tell: Tell) -> Report:
    """All of it in the folder `home`. Raises Refused if the sample issue does not pass the gate."""
    caught: list[Caught] = []
    with running_sink(Sink(caught.append, keep=False)) as sink:
        config = world.make(home, sink.port)
        migrations.upgrade(open_database(load(config, {})))
        house = open_house(config, {})
        imported = _people_in(house, home, tell)
        _issue_in(house, home, words, tell)
        first = _send(house, caught)
        second = _send(house, caught)
    write = into_folder(home / "mails")
    for message in caught:
        write(message)
    report = _report(house, home, imported, (first, second), caught)
    facts = {"total": report.accepted, "seconds": report.seconds, "rate": report.rate}
    tell("demo.step_send", facts)
    (home / "report.html").write_text(overview.page(report, words), "utf-8")
    house.engine.dispose()
    return report


def _people_in(house: House, home: Path, tell: Tell) -> ImportResult:
    now = datetime.now(UTC)
    with house.engine.begin() as connection:
        names = {"ja": "みなと便り", "en": "Harbour Letter"}
        subscribers.add_list(connection, world.LIST, names, language="ja", by=DEMO, now=now)
    source = home / "subscribers.csv"
    people.write_csv(source)
    refused = home / "subscribers.refused.csv"
    with source.open("rb") as file:
        result = import_people(
            house.engine,
            Source(file, source.name),
            Declaration(world.LIST, world.CONSENT, "ja"),
            Options(refused=RefusedFile(refused)),
            by=DEMO, now=now, random=Random(84), permanent_key=house.permanent_key,
        )  # fmt: skip
    with house.engine.begin() as connection:
        for email in people.suppressed():
            key = parse(email).key
            suppression.add(connection, key, suppression.Reason.STAFF, note="見本", by=DEMO, now=now)
    facts = {
        "rows": result.rows,
        "added": result.added,
        "refused": result.refused_count,
        "path": str(refused),
    }
    tell("demo.step_import", facts)
    return result


def _issue_in(house: House, home: Path, words: Words, tell: Tell) -> None:
    now = datetime.now(UTC)
    with resources.as_file(resources.files("mailer") / "samples" / world.ISSUE) as path:
        read = folder.read(path, house.config.site.time_zone)
    with house.engine.begin() as connection:
        store.save(connection, read.issue, read.files, by=DEMO, now=now)
    verdict = approved(house, world.ISSUE, passed={}, by=DEMO, now=now)
    counts = Counter(str(one.severity) for one in verdict.findings)
    facts = {"slug": world.ISSUE, "errors": counts["error"], "warnings": counts["warning"]}
    tell("demo.step_check", facts)
    if not verdict.approved:
        raise Refused("The sample issue does not pass the gate.", key="issue_not_approved", slug=world.ISSUE)
    tell("demo.step_approve", {"languages": [words.autonym(one) for one in verdict.editions]})
    order = PreviewOrder(home / "preview", words, reading_style())
    with house.engine.begin() as connection:
        issue = store.load(connection, world.ISSUE)
        laid = lay_out(connection, issue, issue_press(house, now), house.letterhead, order)
    finish(laid)


def _send(house: House, caught: list[Caught]) -> tuple[Status, int]:
    """One send through the real engine until the campaign is finished; the messages that it brought."""
    before = len(caught)
    with house.engine.begin() as connection:
        order = Order(world.ISSUE, (world.LIST,))
        campaign = orders.send(connection, order, clock_rules(house), by=DEMO, now=datetime.now(UTC))
    asyncio.run(_until_finished(house, campaign.id))
    with reading(house.engine) as connection:
        return status(connection, campaign.id, datetime.now(UTC)), len(caught) - before


async def _until_finished(house: House, campaign_id: int) -> None:
    (running,) = senders(house)
    while True:
        await running.send_batch()
        with reading(house.engine) as connection:
            if campaigns.get(connection, campaign_id).state is CampaignState.FINISHED:
                return


# ── the report ──────────────────────────────────────────────────────────────────────────────────


def _report(
    house: House,
    home: Path,
    imported: ImportResult,
    sends: tuple[tuple[Status, int], tuple[Status, int]],
    caught: list[Caught],
) -> Report:
    (first, _), (_, again) = sends
    with reading(house.engine) as connection:
        ledger = connection.execute(
            sa.select(tables.subscriber.c.wire, tables.subscriber.c.languages, delivery.c.language)
            .join_from(delivery, tables.subscriber, tables.subscriber.c.id == delivery.c.subscriber_id)
            .where(delivery.c.campaign_id == first.campaign.id, delivery.c.state == "accepted")
        ).all()
        issue = store.load(connection, world.ISSUE)
    promised = {row.wire: row.language for row in ledger}
    seen = Counter(message.envelope.rcpt_to for message in caught)
    wrong = sum(_language(message) != promised.get(message.envelope.rcpt_to) for message in caught)
    rows = Counter((row.languages, row.language) for row in ledger)
    twice = sum(times > 1 for times in seen.values())
    counts = first.counts
    return Report(
        folder=str(home),
        campaign=first.as_json(),
        accepted=counts.by_state.get("accepted", 0),
        caught=len(caught),
        twice=twice,
        wrong_edition=wrong,
        again=again,
        agrees=set(seen) == set(promised) and not (twice or wrong or again) and len(promised) == counts.total,
        languages=tuple(Row(*key, people) for key, people in sorted(rows.items(), key=lambda row: -row[1])),
        excluded=dict(counts.excluded),
        imported={
            "rows": imported.rows,
            "added": imported.added,
            "kept_out": sum(imported.kept_out.values()),
            "refused": imported.refused_count,
        },
        editions=issue.languages,
        seconds=round(counts.seconds, 2),
        rate=round(counts.messages_per_second),
        overview=str(home / "report.html"),
    )


def _language(message: Caught) -> str:
    for line in message.content.split(b"\r\n\r\n", 1)[0].split(b"\r\n"):
        if line.lower().startswith(b"content-language:"):
            return line.partition(b":")[2].strip().decode("ascii")
    return ""
