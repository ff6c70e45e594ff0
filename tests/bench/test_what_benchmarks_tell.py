"""The arithmetic of the benchmarks, not their results: a wrong ratio would be believed for years."""

from __future__ import annotations

import pytest

from tests.bench import __main__ as bench
from tests.bench.contest import Lap, interleaved
from tests.bench.tables import Goal, Section, Spread, ratio, summary


def test_a_ratio_is_made_of_turns_of_the_same_round():
    assert ratio([10, 20, 90], [10, 10, 30]) == Spread(2, 1, 3)


def test_contestants_take_turns():
    turns = []
    field = {name: lambda name=name: (turns.append(name), Lap(1.0))[1] for name in "abc"}
    assert {name: len(laps) for name, laps in interleaved(field, 2).items()} == {"a": 2, "b": 2, "c": 2}
    assert "".join(turns) == "abcabc"


@pytest.mark.parametrize(
    ("median", "lower", "verdict"),
    [(1.0, False, "**missed**"), (1.2, False, "met"), (1.5, False, "met, as hoped"),
     (1.6, True, "**missed**"), (1.2, True, "met, as hoped"), (1.3, True, "met, as hoped")],
)  # fmt: skip
def test_a_target_is_met_missed_or_as_hoped(median, lower, verdict):
    limits = (1.5, 1.3) if lower else (1.2, 1.5)
    assert Goal("1", "speed", Spread.of([median]), *limits, lower_is_better=lower).verdict == verdict


def test_what_people_wrote_around_the_figures_stays(tmp_path, monkeypatch):
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Why\n\n{bench.BEGIN}\n\nold\n\n{bench.END}\n\nAfterwards.\n", "utf-8")
    monkeypatch.setattr(bench, "PAGE", page)
    section = Section("Row 1", "command", "how", [Goal("1", "speed", Spread.of([2.0]), 1.2, 1.5)])
    bench._write([section.markdown(), summary([section])])
    text = page.read_text("utf-8")
    assert text.startswith(f"# Why\n\n{bench.BEGIN}\n\n### Row 1")
    assert text.endswith(f"{bench.END}\n\nAfterwards.\n")
    assert "old" not in text
    assert "| 1 | speed | 2.00 × |" in text


def test_the_page_has_its_markers():
    text = bench.PAGE.read_text("utf-8")
    assert text.index(bench.BEGIN) < text.index(bench.END)
