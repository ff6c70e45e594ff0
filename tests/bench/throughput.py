"""Rows 1 to 4 in one run: smtp-source, our pool, `mailer work` and the plain loop take turns at one smtp-sink."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.bench import office as offices
from tests.bench import plain_loop, sending, transport
from tests.bench.contest import figures, interleaved
from tests.bench.processes import smtp_sink
from tests.bench.tables import Section

SUBJECTS = ("transport", "sending", "plain_loop")


def measure(rounds: int, people: int, subjects: tuple[str, ...] = SUBJECTS) -> Section:
    """`people`: mails of one campaign; the quicker contestants send more, the slower fewer."""
    with smtp_sink() as port, tempfile.TemporaryDirectory(prefix="bench") as scratch:
        office = offices.make(Path(scratch, "office"), port, people).signing()
        size = offices.mean_size(office, Path(scratch, "tried"))
        unsigned = offices.Office(
            office.config, {k: v for k, v in office.settings.items() if "DKIM" not in k}
        )
        field = transport.contestants(port, size, 3 * people)
        if "transport" not in subjects:
            field.pop(transport.POOL)
        if set(subjects) & {"sending", "plain_loop"}:
            field |= sending.contestants(unsigned)
        if "plain_loop" in subjects:
            field |= plain_loop.contestants(office, port, max(100, people // 20))
        laps = interleaved(field, rounds)
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
        ("contestant", "messages a second", "CPU ms a message"),
        figures(laps),
        sending.notes(laps) if "sending" in subjects else (),
    )


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
