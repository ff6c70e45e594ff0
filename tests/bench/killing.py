"""Row 11, the whole kill campaign: `python -m tests.bench.killing --kills 54 --people 3000`, on both databases."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.servers import postgresql
from tests.bench.tables import Goal, Section, Spread
from tests.delivery import kills
from tests.delivery.kills import Aftermath


def measure(count: int, people: int) -> Section:
    found: dict[str, tuple[Aftermath, float]] = {}
    for database in ("SQLite", "PostgreSQL"):
        with (
            _database(database) as (folder, url),
            kills.campaign(folder / "office", people, url=url) as campaign,
        ):
            started = time.monotonic()
            found[database] = campaign.run(count), time.monotonic() - started
    return Section(
        "Row 11: kill -9",
        f"python -m tests.bench.killing --kills {count} --people {people}",
        f"{count} kills a database, {people:,} people, {kills.CONNECTIONS} connections, DATA and BDAT (depth 4) by turns, at random moments "
        "and while the server is about to answer MAIL, RCPT, the message or its beginning; one sender, one of two, both, or `mailer work`. "
        "Who arrived is compared by identity at the server; then the uncertain ones are sent again.",
        [goal for name, (after, _) in found.items() for goal in _goals(name, after)],
        ("database", "kills", "of them while rows were attempting", "whom", "uncertain", "of them had arrived", "broken promises", "seconds"),
        [_row(name, *each) for name, each in found.items()],
    )  # fmt: skip


def _goals(database: str, after: Aftermath) -> list[Goal]:
    share = Spread.of([kill.left_behind / kill.bound for kill in after.kills])
    worst = Spread(share.high, share.low, share.high)
    return [
        Goal("11", f"{database}: lost", Spread.of([after.lost]), 0, 0, "{:.0f}", lower_is_better=True),
        Goal("11", f"{database}: twice", Spread.of([after.twice]), 0, 0, "{:.0f}", lower_is_better=True),
        Goal("11", f"{database}: uncertain of the worst kill ÷ (2 × connections × depth)", worst, 1, 0.5, "{:.2f}", lower_is_better=True),
    ]  # fmt: skip


def _row(database: str, after: Aftermath, seconds: float) -> tuple[str, ...]:
    whom = Counter(kill.whom for kill in after.kills)
    arrived = len(after.uncertain & set(after.arrived))
    return (
        database, str(len(after.kills)), str(after.while_attempting), ", ".join(f"{n} × {who}" for who, n in whom.items()),
        str(len(after.uncertain)), str(arrived), "; ".join(after.faults()) or "none", f"{seconds:.0f}",
    )  # fmt: skip


@contextmanager
def _database(name: str) -> Iterator[tuple[Path, str]]:
    folder = Path(tempfile.mkdtemp(prefix="bench"))
    try:
        if name == "SQLite":
            yield folder, ""
        else:
            with postgresql() as server:
                yield folder, server.new("kills")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=54)
    parser.add_argument("--people", type=int, default=3_000)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    measure(*((6, 800) if given.quick else (given.kills, given.people))).tell()


if __name__ == "__main__":
    main()
