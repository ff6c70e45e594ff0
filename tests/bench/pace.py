"""Row 10: a rate of 50 a second, set once and shared by the two processes of `mailer work`.

`python -m tests.bench.pace --seconds 45`. The rate is the ledger's, from the first MAIL to the last reply; the
most that reached the server within any second is told beside it, because the limit is a promise to a relay.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from bisect import bisect_left
from pathlib import Path

from mailer.smtp.sink import Caught, Sink, running_sink
from tests.bench import office as offices
from tests.bench.processes import PATIENCE, work
from tests.bench.tables import Goal, Section, Spread

RATE = 50
PROCESSES = 2


def measure(seconds: int) -> Section:
    arrivals: list[float] = []

    def arrived(_: Caught) -> None:
        arrivals.append(time.monotonic())

    with (
        running_sink(Sink(arrived, keep=False)) as sink,
        tempfile.TemporaryDirectory(prefix="bench") as scratch,
    ):
        office = offices.make(
            Path(scratch, "office"), sink.port, RATE * seconds, relay__rates=f'["{RATE}/second"]', relay__connections=10
        )  # fmt: skip
        with work(office, PROCESSES):
            campaign = offices.launch(office)
            with office.house() as house:
                give_up = time.monotonic() + PATIENCE
                while offices.state(house, campaign) != "finished" and time.monotonic() < give_up:
                    time.sleep(0.2)
        told = offices.counts(office, campaign)
    off = abs(told.messages_per_second / RATE - 1) * 100
    return Section(
        "Row 10: a set rate",
        f"python -m tests.bench.pace --seconds {seconds}",
        f"{RATE}/second over {PROCESSES} processes, {told.by_state.get('accepted', 0):,} people, {told.seconds:.1f} s.",
        [
            Goal("10", "distance of the real rate from the set one", Spread(off, off, off), 5, 2, "{:.1f} %", lower_is_better=True)
        ],
        ("real rate", "most within any second at the server"),
        [(f"{told.messages_per_second:.1f}/s", str(_most_within_a_second(arrivals)))],
    )  # fmt: skip


def _most_within_a_second(arrivals: list[float]) -> int:
    return max((bisect_left(arrivals, at + 1) - index for index, at in enumerate(arrivals)), default=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=45)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    measure(10 if given.quick else given.seconds).tell()


if __name__ == "__main__":
    main()
