"""The process that runs: the clock ticks, the senders send, signals drain.

Owns threads, signals and child processes; decides nothing. `mailer work` is this, `mailer serve`
is this with the pages beside it, `campaigns send --wait` is one sender until its campaign rests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from . import logs
from .bootstrap import House, clock_rules, open_house, sender
from .campaigns import launch

if TYPE_CHECKING:
    from .delivery.sender import Sender

log = structlog.get_logger()

TICK = timedelta(seconds=10)  # how late a campaign may start; a tick on an idle database costs < 5 ms
_ORPHAN_CHECK = 2.0  # seconds between looks at the parent of a sender process


class LastTick:
    """When the clock last ticked without a fault: told by its thread, asked by the pages' threads.

    One reference, replaced whole, so that no lock is needed. Its moment is aware UTC.
    """

    def __init__(self) -> None:
        self._at: datetime | None = None

    def tell(self, at: datetime) -> None:
        self._at = at

    def at(self) -> datetime | None:
        """None: not yet."""
        return self._at


@contextmanager
def clock(house: House, last: LastTick) -> Iterator[None]:
    """Ticks in a thread of its own. The database decides, so that any number of clocks do no harm.

    `misfire_grace_time=None, coalesce=True`: APScheduler's default silently drops a job that is a
    second late, which a laptop waking up always is.
    """
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        tick, "interval", args=[house, last], seconds=TICK.total_seconds(), next_run_time=datetime.now(UTC),
        misfire_grace_time=None, coalesce=True, max_instances=1, id="tick",
    )  # fmt: skip
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=True)


def tick(house: House, last: LastTick) -> None:
    """One look at the calendar: what is due is launched or held."""
    now = datetime.now(UTC)
    try:
        with house.engine.begin() as connection:
            for event in launch.tick(connection, now, clock_rules(house)):
                log.info("clock", **event)
        last.tell(now)
    except Exception:
        # A tick that fails must not end the clock: the next one finds the same work.
        log.exception("tick failed")


@asynccontextmanager
async def stop_on_signals(stop: asyncio.Event) -> AsyncIterator[None]:
    """SIGTERM and SIGINT set `stop`: what is on the wire is finished, then the process ends with 0."""
    loop = asyncio.get_running_loop()
    names = (signal.SIGTERM, signal.SIGINT)
    try:
        for name in names:
            loop.add_signal_handler(name, stop.set)
    except NotImplementedError:  # Windows
        for name in names:
            signal.signal(name, lambda *_: loop.call_soon_threadsafe(stop.set))
    try:
        yield
    finally:
        with contextlib.suppress(NotImplementedError):
            for name in names:
                loop.remove_signal_handler(name)


async def work(house: House, config: Path, stop: asyncio.Event, last: LastTick | None = None) -> None:
    """The clock and the senders until `stop`. Further sender processes are children of this one."""
    with clock(house, last or LastTick()), children(config, house.config.delivery.processes - 1):
        async with stop_on_signals(stop):
            await sender(house).run(stop)


@contextmanager
def children(config: Path, count: int) -> Iterator[None]:
    """`count` sender processes more; they drain when they are told to, or when this process is gone."""
    command = [sys.executable, "-m", "mailer.worker", str(config), str(os.getpid())]
    processes = [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(count)]  # noqa: S603
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


async def send_until_resting(
    house: House, campaign_id: int, stop: asyncio.Event, progress: Callable[[], bool], every: float = 0.2
) -> None:
    """One sender in the foreground until `progress()` says that the campaign rests (it also shows it)."""
    running: Sender = sender(house)

    async def watch() -> None:
        while not stop.is_set() and not await asyncio.to_thread(progress):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every)
        stop.set()

    async with stop_on_signals(stop):
        await asyncio.gather(running.run(stop), watch())


async def _orphan_watch(parent: int, stop: asyncio.Event) -> None:
    """A sender whose parent is gone drains and ends: nobody would tell it to stop any more."""
    while not stop.is_set() and os.getppid() == parent:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _ORPHAN_CHECK)
    stop.set()


async def _sender_process(config: Path, parent: int) -> None:
    logs.to_stderr(logging.INFO)
    stop = asyncio.Event()
    house = open_house(config, os.environ)
    async with stop_on_signals(stop):
        await asyncio.gather(sender(house).run(stop), _orphan_watch(parent, stop))


if __name__ == "__main__":
    asyncio.run(_sender_process(Path(sys.argv[1]), int(sys.argv[2])))
