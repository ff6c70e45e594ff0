"""Rows 6 and 7: CPU of a message and memory of a sender, when the campaign has a million rows.

`python -m tests.bench.scale --people 10000 100000 1000000`. Each office has its whole ledger; of each the same
number of mails is sent by one sender process, in turn: first from the beginning, then, after all but the last
rows were marked accepted, the last ones. CPU is read between two counts of accepted rows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from mailer.bootstrap import House
from mailer.tables.delivery import delivery
from subscribers.database import reading
from tests.bench import office as offices
from tests.bench.contest import Lap, interleaved
from tests.bench.office import Office
from tests.bench.processes import PATIENCE, cpu_of, one_sender, peak_memory_mb, smtp_sink
from tests.bench.tables import Goal, Section, Spread, ratio
from tests.bench.transport import CONNECTIONS

WARM = 0.1  # of the sample: compiled editions and prepared statements are in nobody's figure


@dataclass
class Ledger:
    """One office with a campaign of `people` rows; each lap sends its next `sample` ones."""

    house: House
    office: Office
    people: int
    sample: int
    built_seconds: float

    def lap(self) -> Lap:
        first = self._first_open()
        with one_sender(self.office) as running:
            pid = running.process.pid
            before = self._await(first, round(WARM * self.sample), pid)
            after = self._await(first, self.sample, pid)
            memory = peak_memory_mb(pid)
        mails, cpu, seconds = (b - a for a, b in zip(before, after, strict=True))
        return Lap(mails / seconds, round(mails), 1000 * cpu / mails, memory)

    def _await(self, first: int, wanted: int, pid: int) -> tuple[int, float, float]:
        give_up = time.monotonic() + PATIENCE
        while time.monotonic() < give_up:
            found = self._accepted(first)
            if found >= wanted:
                return found, cpu_of(pid), time.perf_counter()
            time.sleep(0.05)
        raise SystemExit("the sender does not come forward")

    def _accepted(self, first: int) -> int:
        asked = sa.select(sa.func.count()).where(
            delivery.c.id.between(first, first + 2 * self.sample), delivery.c.state == "accepted"
        )
        with reading(self.house.engine) as connection:
            return connection.scalar(asked) or 0

    def _first_open(self) -> int:
        asked = sa.select(delivery.c.id).where(delivery.c.state == "queued").order_by(delivery.c.id).limit(1)
        with reading(self.house.engine) as connection:
            return connection.scalar(asked) or 0

    def nearly_over(self, laps: int) -> None:
        """All rows but those of the last `laps` are as a finished send leaves them."""
        last = self.people - laps * 2 * self.sample
        said = {"state": "accepted", "attempts": 1, "settled_at": datetime.now(UTC), "reply_code": 250, "reply_text": "2.0.0 Ok"}  # fmt: skip
        with self.house.engine.begin() as connection:
            connection.execute(
                delivery.update().where(delivery.c.id <= last, delivery.c.state == "queued").values(**said)
            )


@contextmanager
def ledger(folder: Path, port: int, people: int, sample: int) -> Iterator[Ledger]:
    office = offices.make(folder, port, people, relay__connections=CONNECTIONS)
    started = time.perf_counter()
    offices.launch(office)
    built = time.perf_counter() - started
    with office.house() as house:
        yield Ledger(house, office, people, sample, built)


def measure(people: Sequence[int], sample: int, rounds: int) -> Section:
    """`people`: small, middle, big. `rounds` at the beginning and as many at the end."""
    with ExitStack() as stack:
        port = stack.enter_context(smtp_sink()).port
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench")))
        ledgers = [stack.enter_context(ledger(scratch / str(n), port, n, sample)) for n in people]
        field = {f"{one.people:,}": one.lap for one in ledgers}
        early = interleaved(field, rounds)
        for one in ledgers:
            one.nearly_over(rounds)
        late = interleaved(field, rounds)
    small, middle, big = field
    goals = [
        Goal("6", f"CPU of a message at {big} v at {small}, {when}", ratio([lap.cpu_ms for lap in laps[big]], [lap.cpu_ms for lap in laps[small]]), 1.15, 1.05, lower_is_better=True)
        for when, laps in (("from the first row on", early), ("the last rows", late))
    ]  # fmt: skip
    memory = {name: [lap.memory_mb for lap in (*early[name], *late[name])] for name in field}
    more = [one - other for one, other in zip(memory[big], memory[middle], strict=True)]
    goals += [
        Goal("7", f"memory of a sender at {big}", Spread.of(memory[big]), 100, None, "{:.0f} MB", lower_is_better=True),
        Goal("7", f"the same, more than at {middle}", Spread.of(more), 5, None, "{:.1f} MB", lower_is_better=True),
    ]  # fmt: skip
    rows = [
        (name, when, Spread.of([lap.rate for lap in laps[name]]).said(), Spread.of([lap.cpu_ms for lap in laps[name]]).said("{:.2f}"), f"{max(memory[name]):.0f}")
        for when, laps in (("beginning", early), ("end", late))
        for name in field
    ]  # fmt: skip
    return Section(
        "Rows 6 and 7: a million rows",
        f"python -m tests.bench.scale --people {' '.join(map(str, people))} --sample {sample} --rounds {rounds}",
        f"One sender process, unsigned, SQLite, smtp-sink; {sample:,} mails a turn out of a ledger of the whole size, "
        f"{rounds} turns from the first row on and {rounds} at the end, after all rows before were marked accepted.",
        goals,
        ("people", "where", "messages a second", "CPU ms a message", "largest memory MB"),
        rows,
        [f"Launch (ledger, counts, audit): {', '.join(f'{one.people:,} in {one.built_seconds:.1f} s' for one in ledgers)}."],
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs=3, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--sample", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    if given.quick:
        measure((5_000, 20_000, 100_000), 1_000, 1).tell()
    else:
        measure(given.people, given.sample, given.rounds).tell()


if __name__ == "__main__":
    main()
