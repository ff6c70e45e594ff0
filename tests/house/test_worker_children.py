"""Sender processes: one that dies is started again, one that is told to stop drains."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import structlog

from mailer import worker
from tests.journeys.conftest import Office, office, sink  # noqa: F401  (fixtures)

LIMIT = 60.0


def test_the_pause_doubles_to_a_minute_and_a_long_life_forgives() -> None:
    pauses = [worker.next_pause(0.0, 0.1)]
    for _ in range(8):
        pauses.append(worker.next_pause(pauses[-1], 2.0))
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert worker.next_pause(60.0, 301.0) == 1.0


def test_a_sender_process_that_is_killed_is_started_again(office: Office, monkeypatch) -> None:  # type: ignore[no-untyped-def]  # noqa: F811  # F1
    for key, value in office.environ.items():
        monkeypatch.setenv(key, value)

    begun: list[asyncio.subprocess.Process] = []
    really = asyncio.create_subprocess_exec

    async def start(*command: str, **more: object) -> asyncio.subprocess.Process:
        begun.append(await really(*command, **more))  # type: ignore[arg-type]
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)

    async def journey() -> None:
        stop = asyncio.Event()
        with structlog.testing.capture_logs() as log:
            running = asyncio.create_task(worker.child(office.folder / "config.toml", stop))
            async with asyncio.timeout(LIMIT):
                await _until(lambda: len(begun) == 1)
                os.kill(begun[0].pid, signal.SIGKILL)
                await _until(lambda: len(begun) == 2)
                stop.set()
                await running
        ended = [entry for entry in log if entry["event"] == "sender_process_ended"]
        assert [(entry["pid"], entry["code"]) for entry in ended] == [(begun[0].pid, -signal.SIGKILL)]
        assert begun[1].returncode is not None

    asyncio.run(journey())


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  (another process acts)
        await asyncio.sleep(0.01)
