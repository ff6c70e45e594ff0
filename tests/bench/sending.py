"""Rows 2 and 3, end to end: `mailer work` with a real office against smtp-source, into the same smtp-sink.

`python -m tests.bench.sending --rounds 3`. A real edition, personalised, a ledger on SQLite with
synchronous=FULL, 10 connections in all; with an RSA-2048 signature and without, one process and two.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import office as offices
from tests.bench.contest import Lap, Laps, rates
from tests.bench.office import Office
from tests.bench.processes import PATIENCE, peak_memory_mb, work
from tests.bench.tables import Goal, ratio
from tests.bench.transport import CONNECTIONS, SOURCE

PROCESSES = (1, 2)


def name(signed: bool, processes: int) -> str:
    return f"mailer work, {'RSA-2048' if signed else 'unsigned'}, {processes} process{'es' * (processes > 1)}"


def contestants(office: Office) -> dict[str, Callable[[], Lap]]:
    return {
        name(signed, processes): lambda signed=signed, processes=processes: _send(office, signed, processes)  # type: ignore[misc]
        for signed in (True, False)
        for processes in PROCESSES
    }


def goals(laps: Laps) -> list[Goal]:
    source = rates(laps, SOURCE)
    return [
        Goal(row, f"{name(signed, processes)} v smtp-source", ratio(rates(laps, name(signed, processes)), source), *limits)
        for row, signed, limits in (("2", True, (0.70, 0.90)), ("3", False, (1.0, 1.2)))
        for processes in PROCESSES
    ]  # fmt: skip


def notes(laps: Laps) -> list[str]:
    most = max(lap.memory_mb for name, each in laps.items() if name.startswith("mailer work") for lap in each)
    return [
        f"Largest process of `mailer work` in any round (clock and command line included): {most:.0f} MB."
    ]


def _send(template: Office, signed: bool, processes: int) -> Lap:
    """One campaign in an office of its own, from the launch to the last reply."""
    with tempfile.TemporaryDirectory(prefix="bench") as scratch:
        office = template.copy(Path(scratch, "office")).also(relay__connections=CONNECTIONS)
        office = office.signing() if signed else office
        with work(office, processes) as running:
            before = running.cpu()
            campaign_id = offices.launch(office)
            with office.house() as house:
                give_up = time.monotonic() + PATIENCE
                while offices.state(house, campaign_id) != "finished":
                    if time.monotonic() > give_up:
                        raise SystemExit("the campaign does not finish")
                    time.sleep(0.05)
            used = running.cpu() - before
            memory = max(peak_memory_mb(pid) for pid in running.pids())
        told = offices.counts(office, campaign_id)
        shutil.rmtree(office.config.parent)
    accepted = told.by_state.get("accepted", 0)
    if accepted != told.total:
        raise SystemExit(f"not everybody was accepted: {dict(told.by_state)}")
    return Lap(told.messages_per_second, accepted, 1000 * used / accepted, memory)


if __name__ == "__main__":
    from tests.bench import throughput

    throughput.main("sending")
