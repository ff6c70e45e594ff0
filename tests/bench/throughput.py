"""Rows 1 to 4 in one run: smtp-source, our pool, `mailer work` and the plain loop take turns at one smtp-sink."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.bench import office as offices
from tests.bench import plain_loop, sending, transport
from tests.bench.contest import FIGURES, Lap, figures, interleaved
from tests.bench.processes import cpu_of, smtp_sink
from tests.bench.tables import Section

SUBJECTS = ("transport", "sending", "plain_loop")


def measure(rounds: int, people: int, subjects: tuple[str, ...] = SUBJECTS) -> Section:
    """`people`: mails of one campaign; the quicker contestants send more, the slower fewer."""
    with smtp_sink() as sink, tempfile.TemporaryDirectory(prefix="bench") as scratch:
        office = offices.make(Path(scratch, "office"), sink.port, people).signing()
        size = offices.mean_size(office, Path(scratch, "tried"))
        unsigned = offices.Office(
            office.config, {k: v for k, v in office.settings.items() if "DKIM" not in k}
        )
        field = transport.contestants(sink.port, size, 3 * people)
        if "transport" not in subjects:
            field.pop(transport.POOL)
        if set(subjects) & {"sending", "plain_loop"}:
            field |= sending.contestants(unsigned)
        if "plain_loop" in subjects:
            field |= plain_loop.contestants(office, sink.port, max(100, people // 20))
        laps = interleaved({name: _watched(run, sink.pid) for name, run in field.items()}, rounds)
    goals = [
        *(transport.goals(laps) if "transport" in subjects else ()),
        *(sending.goals(laps) if "sending" in subjects else ()),
        *(plain_loop.goals(laps) if "plain_loop" in subjects else ()),
    ]
    return Section(
        "Rows 1 to 4: throughput",
        f"python -m tests.bench.throughput --rounds {rounds} --people {people}",
        f"Mails of {size:,} bytes on the average, {transport.CONNECTIONS} connections, {rounds} rounds in which all "
        f"contestants take turns. `mailer work`: rate from the first MAIL to the last reply, told by the ledger "
        f"(SQLite, synchronous=FULL); {people:,} people a round.",
        goals,
        FIGURES,
        figures(laps),
        sending.notes(laps) if "sending" in subjects else (),
    )


def _watched(run: Callable[[], Lap], server: int) -> Callable[[], Lap]:
    """The same, with what it cost the server."""

    def turn() -> Lap:
        before = cpu_of(server)
        lap = run()
        return replace(lap, sink_ms=1000 * (cpu_of(server) - before) / lap.messages)

    return turn


def main(*subjects: str) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--people", type=int, default=3_000)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    rounds, people = (1, 600) if given.quick else (given.rounds, given.people)
    measure(rounds, people, subjects or SUBJECTS).tell()


if __name__ == "__main__":
    main()
