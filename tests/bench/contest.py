"""Contestants that take turns within one run: A B C A B C …; only ratios of the same round count.

A shared machine swings by a fifth within minutes; whoever runs next to the other has the same weather.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.tables import Spread


@dataclass(frozen=True)
class Lap:
    """One turn of one contestant."""

    rate: float  # messages a second
    cpu_ms: float = 0.0  # of the sending processes for each message; 0: not measured
    memory_mb: float = 0.0


Laps = Mapping[str, Sequence[Lap]]


def interleaved(contestants: Mapping[str, Callable[[], Lap]], rounds: int) -> Laps:
    """All of them in turn, `rounds` times."""
    laps: dict[str, list[Lap]] = {name: [] for name in contestants}
    for number in range(1, rounds + 1):
        for name, run in contestants.items():
            lap = run()
            laps[name].append(lap)
            print(f"  round {number}: {name}: {lap.rate:,.0f}/s", file=sys.stderr, flush=True)
    return laps


def rates(laps: Laps, name: str) -> list[float]:
    return [lap.rate for lap in laps[name]]


def figures(laps: Laps) -> list[tuple[str, str, str]]:
    """A row for each contestant: name, messages a second, CPU of a message."""
    return [
        (
            name,
            Spread.of([lap.rate for lap in each]).said(),
            Spread.of([lap.cpu_ms for lap in each]).said("{:.2f}") if each[0].cpu_ms else "–",
        )
        for name, each in laps.items()
    ]
