"""Row 8: building the ledger of a million people against a bare INSERT … SELECT of as many rows.

`python -m tests.bench.building --people 1000000`. The same table with the same indexes, empty before each turn;
the bare one knows no language, no edition, no exclusion and no second campaign. Commit included in both.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mailer.bootstrap import House
from mailer.campaigns import store
from mailer.composer import frozen
from mailer.composer import store as issues
from mailer.delivery import ledger
from mailer.demo import world
from mailer.tables.delivery import delivery
from subscribers import audience, tables
from subscribers.audience import Audience
from subscribers.store import list_by_slug
from tests.bench import office as offices
from tests.bench.contest import Lap, interleaved
from tests.bench.office import Office
from tests.bench.servers import postgresql
from tests.bench.tables import Goal, Section, Spread, ratio

BARE, OURS = "bare INSERT … SELECT", "ledger.build"


def measure(people: int, rounds: int, *, with_postgresql: bool) -> Section:
    goals: list[Goal] = []
    rows: list[tuple[str, str, str]] = []

    def judge(database: str, contestants: Mapping[str, Callable[[], Lap]]) -> None:
        laps = interleaved(contestants, rounds)
        seconds = {name: [people / lap.rate for lap in each] for name, each in laps.items()}
        what = f"{database}: building v a bare INSERT … SELECT"
        goals.append(Goal("8", what, ratio(seconds[OURS], seconds[BARE]), 1.5, 1.2, lower_is_better=True))
        rows.extend((database, name, Spread.of(each).said("{:.1f}")) for name, each in seconds.items())

    with tempfile.TemporaryDirectory(prefix="bench") as scratch:
        office = offices.make(Path(scratch, "office"), 25, people)
        judge("SQLite", {name: lambda fill=fill: _in_a_copy(office, Path(scratch, "copy"), fill) for name, fill in _FILLS.items()})  # type: ignore[misc]  # fmt: skip
    if with_postgresql:
        with postgresql() as server, tempfile.TemporaryDirectory(prefix="bench") as scratch:
            office = offices.make(Path(scratch, "office"), 25, people, database__url=server.new("building"))
            with office.house() as house:
                judge("PostgreSQL", {name: lambda fill=fill: _emptied(house, fill) for name, fill in _FILLS.items()})  # type: ignore[misc]  # fmt: skip
    return Section(
        "Row 8: building the ledger",
        f"python -m tests.bench.building --people {people} --rounds {rounds}",
        f"{people:,} people on one list, {len(delivery.indexes)} indexes beside the constraints, the table empty before each turn; `ledger.build` counts by "
        "language and, on PostgreSQL, ends with ANALYZE.",
        goals,
        ("database", "contestant", "seconds"),
        rows,
    )


Fill = Callable[[House], float]


def _in_a_copy(office: Office, to: Path, fill: Fill) -> Lap:
    copied = office.copy(to)
    try:
        with copied.house() as house:
            return _timed(house, fill)
    finally:
        shutil.rmtree(to)


def _emptied(house: House, fill: Fill) -> Lap:
    with house.engine.begin() as connection:
        connection.exec_driver_sql("TRUNCATE delivery, campaign RESTART IDENTITY CASCADE")
    with house.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")
    return _timed(house, fill)


def _timed(house: House, fill: Fill) -> Lap:
    os.sync()  # what the turn before has written, and the copy, is on the disk: nobody pays for another
    seconds = fill(house)
    with house.engine.connect() as connection:
        rows = connection.scalar(sa.select(sa.func.count()).select_from(delivery)) or 0
    return Lap(rows / seconds)


def _ours(house: House) -> float:
    now = datetime.now(UTC)
    with house.engine.begin() as connection:
        issue_id = issues.id_of(connection, world.ISSUE)
        whom = Audience((list_by_slug(connection, world.LIST).id,))
        campaign = store.create(connection, issue_id, whom.list_ids, at=now, by=offices.BENCH, now=now)
        editions = frozen.frozen(connection, issue_id)
        groups = audience.groups(connection, whom, now)
        chosen = audience.edition_map(groups, list(editions), None, next(iter(editions)))
        edition_of = {who: (editions[found], found) if found else None for who, found in chosen.items()}
    started = time.perf_counter()
    with house.engine.begin() as connection:
        people = audience.people(whom, now)
        ledger.build(
            connection,
            campaign,
            issue_id=issue_id,
            people=people,
            edition_of=edition_of,
            again=False,
            now=now,
        )
    return time.perf_counter() - started


def _bare(house: House) -> float:
    started = time.perf_counter()
    with house.engine.begin() as connection:
        _insert(connection, house.engine)
    return time.perf_counter() - started


def _insert(connection: Connection, engine: Engine) -> None:
    given = {
        "campaign_id": 1,
        "issue_id": 1,
        "edition_id": 1,
        "list_id": 1,
        "language": "ja",
        "state": "queued",
    }
    due = sa.literal(datetime.now(UTC), delivery.c.due_at.type)
    due = sa.cast(due, delivery.c.due_at.type) if engine.dialect.name == "postgresql" else due
    person, on_list = tables.subscriber, tables.subscription
    wanted = sa.select(
        *(sa.literal(value, delivery.c[name].type) for name, value in given.items()), person.c.id, person.c.domain, due
    ).join_from(on_list, person).where(on_list.c.list_id == 1, on_list.c.state == "confirmed")  # fmt: skip
    connection.execute(
        delivery.insert().from_select(
            [*given, "subscriber_id", "domain", "due_at"], wanted, include_defaults=False
        )
    )


_FILLS: Mapping[str, Fill] = {BARE: _bare, OURS: _ours}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    people, rounds = (100_000, 1) if given.quick else (given.people, given.rounds)
    measure(people, rounds, with_postgresql=True).tell()


if __name__ == "__main__":
    main()
