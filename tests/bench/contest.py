"""Contestants that take turns within one run: A B C A B C …; only ratios of the same round count.

A shared machine swings by a fifth within minutes; whoever runs next to the other has the same weather.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.bench.tables import Spread


@dataclass(frozen=True)
class Lap:
    """One turn of one contestant."""

    rate: float  # messages a second
    messages: int = 0
    cpu_ms: float = 0.0  # of the sending processes for each message; 0: not measured
    memory_mb: float = 0.0
    sink_ms: float = 0.0  # CPU of the server for each message


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


FIGURES = (
    "contestant",
    "messages a second",
    "CPU ms a message",
    "the server's CPU ms",
    "cores busy",
    "ceiling here",
)


def figures(laps: Laps) -> list[tuple[str, ...]]:
    """A row for each contestant. The ceiling: all cores, nothing but these two at work, never waiting."""
    return [_figures(name, each) for name, each in laps.items()]


def _figures(name: str, laps: Sequence[Lap]) -> tuple[str, ...]:
    rate, ours, theirs = (
        Spread.of([getattr(lap, what) for lap in laps]) for what in ("rate", "cpu_ms", "sink_ms")
    )
    both = ours.median + theirs.median
    if not both:
        return (name, rate.said(), "–", "–", "–", "–")
    ceiling = 1000 * (os.cpu_count() or 1) / both
    busy = rate.median * both / 1000
    return (
        name,
        rate.said(),
        ours.said("{:.2f}"),
        f"{theirs.median:.2f}",
        f"{busy:.1f}",
        f"{ceiling:,.0f}/s",
    )
