"""What a benchmark found, as values; printed on a terminal and written to docs/benchmarks.md alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """The median of several rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values))

    def said(self, form: str = "{:,.0f}") -> str:
        if self.low == self.high:
            return form.format(self.median)
        return f"{form.format(self.median)} ({form.format(self.low)} – {form.format(self.high)})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Of each round on its own: what slows the machine slows both."""
    return Spread.of([one / other for one, other in zip(ours, theirs, strict=True)])


@dataclass(frozen=True)
class Goal:
    """One line of the targets. `form` prints its numbers ("{:.2f} ×")."""

    row: str
    what: str
    found: Spread
    at_least: float
    hope: float | None = None
    form: str = "{:.2f} ×"
    lower_is_better: bool = False

    def reaches(self, limit: float) -> bool:
        return self.found.median <= limit if self.lower_is_better else self.found.median >= limit

    @property
    def verdict(self) -> str:
        if self.hope is not None and self.reaches(self.hope):
            return "met, as hoped"
        return "met" if self.reaches(self.at_least) else "**missed**"

    def cells(self) -> tuple[str, ...]:
        sign = "≤" if self.lower_is_better else "≥"
        hope = self.form.format(self.hope) if self.hope is not None else "–"
        spread = f"{self.form.format(self.found.low)} – {self.form.format(self.found.high)}"
        target = f"{sign} {self.form.format(self.at_least)}"
        return (self.row, self.what, self.form.format(self.found.median), spread, target, hope, self.verdict)


GOALS = ("row", "what", "measured", "spread", "at least", "hope", "")


@dataclass(frozen=True)
class Section:
    """One benchmark: how it was made, what it found, the figures behind it."""

    title: str
    command: str
    how: str
    goals: Sequence[Goal] = ()
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        parts = [f"### {self.title}", f"`{self.command}`\n\n{self.how}"]
        if self.goals:
            parts.append(table(GOALS, [goal.cells() for goal in self.goals]))
        if self.rows:
            parts.append(table(self.header, self.rows))
        parts += [f"- {note}" for note in self.notes]
        return "\n\n".join(parts)

    def tell(self, say: Callable[[str], None] = print) -> None:
        say(f"\n{self.markdown()}\n")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def summary(sections: Sequence[Section]) -> str:
    """Every target in one table, in the order of its row."""
    goals = sorted((goal for section in sections for goal in section.goals), key=lambda goal: int(goal.row))
    return table(GOALS, [goal.cells() for goal in goals])
