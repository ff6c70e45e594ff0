"""`make bench`: every benchmark, one after the other; prints the tables and writes docs/benchmarks.md.

`--quick` takes four minutes instead of twenty and writes nothing unless told to (`--write`). Load stays on
loopback. Each subject also runs alone: `python -m tests.bench.transport --rounds 5`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.bench import building, costs, distance, importing, killing, machine, pace, scale, throughput
from tests.bench.tables import Section, summary, table

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- make bench: begin -->", "<!-- make bench: end -->"

Subjects = Mapping[str, Callable[[], Section]]
WHOLE: Subjects = {
    "throughput": lambda: throughput.measure(3, 2_500),
    "costs": lambda: costs.measure(3_000),
    "distance": lambda: distance.measure(3, 5.0),
    "scale": lambda: scale.measure((10_000, 100_000, 1_000_000), 2_000, 2),
    "building": lambda: building.measure(1_000_000, 2, with_postgresql=True),
    "importing": lambda: importing.section(1_000_000),
    "pace": lambda: pace.measure(60),
    "killing": lambda: killing.measure(50, 3_000),
}
QUICK: Subjects = {
    "throughput": lambda: throughput.measure(1, 600),
    "costs": lambda: costs.measure(900),
    "distance": lambda: distance.measure(1, 2.0),
    "scale": lambda: scale.measure((2_000, 10_000, 50_000), 600, 1),
    "building": lambda: building.measure(50_000, 1, with_postgresql=True),
    "importing": lambda: importing.section(50_000),
    "pace": lambda: pace.measure(20),
    "killing": lambda: killing.measure(6, 800),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md after --quick, too")
    parser.add_argument("--only", nargs="+", choices=list(WHOLE), default=list(WHOLE))
    given = parser.parse_args()
    subjects, about = QUICK if given.quick else WHOLE, machine.told()
    found: list[Section] = []
    started = time.monotonic()
    for name in given.only:
        print(f"── {name}", file=sys.stderr, flush=True)
        found.append(subjects[name]())
        found[-1].tell()
    minutes = (time.monotonic() - started) / 60
    print(summary(found))
    if given.write or not given.quick:
        _write([_page(about, found, minutes, quick=given.quick)])


def _page(about: list[tuple[str, str]], found: list[Section], minutes: float, *, quick: bool) -> str:
    command = "python -m tests.bench --quick" if quick else "make bench"
    return "\n\n".join(
        [
            f"`{command}`, {minutes:.0f} minutes.",
            table(("", ""), about),
            "## All targets",
            summary(found),
            "## Each subject",
            *(section.markdown() for section in found),
        ]
    )


def _write(parts: list[str]) -> None:
    """Between the markers; what people wrote around them stays."""
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text("\n\n".join([before + BEGIN, *parts, END]) + after, "utf-8")


if __name__ == "__main__":
    main()
