"""The process that runs: the clock ticks, the senders send, signals drain.

Owns threads, signals and child processes; decides nothing. `mailer work` is this, `mailer serve`
is this with the pages beside it, `campaigns send --wait` is the senders until its campaign rests.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from . import logs
from .bootstrap import House, clock_rules, open_house, senders
from .campaigns import clock as campaign_clock

if TYPE_CHECKING:
    from .delivery.sender import Sender

log = structlog.get_logger()

TICK = timedelta(seconds=10)  # how late a campaign may start; a tick on an idle database costs < 5 ms
_ORPHAN_CHECK = 2.0  # seconds between looks at the parent of a sender process
# A sender process that ends by itself is started again: at once would be a loop of crashes, never a night lost.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds
LONG_LIFE = 300.0  # seconds after which an end is a new accident


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
            for event in campaign_clock.tick(connection, now, clock_rules(house)):
                log.info("clock", **event)
        last.tell(now)
    except Exception:
        # A tick that fails must not end the clock: the next one finds the same work.
        log.exception("tick_failed")


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
    running = senders(house)
    with clock(house, last or LastTick()):
        async with stop_on_signals(stop):
            further = [child(config, stop) for _ in range(house.config.delivery.processes - 1)]
            await _all(stop, send(running, stop), *further)


async def send(running: Sequence[Sender], stop: asyncio.Event) -> None:
    """All senders of a process until `stop`. If one of them breaks, the others drain before it is told."""
    await _all(stop, *(sender.run(stop) for sender in running))


async def _all(stop: asyncio.Event, *tasks: Coroutine[None, None, None]) -> None:
    async def one(task: Coroutine[None, None, None]) -> None:
        try:
            await task
        finally:
            stop.set()

    ends = await asyncio.gather(*(one(task) for task in tasks), return_exceptions=True)
    for end in ends:
        if isinstance(end, BaseException):
            raise end


async def child(config: Path, stop: asyncio.Event) -> None:
    """One sender process more until `stop`, started again when it ends by itself. It drains when it is told to,
    or when this process is gone."""
    pause = 0.0
    while not stop.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "mailer.worker",
            str(config),
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
        )
        log.info("sender_process", pid=process.pid)
        began, stopped = time.monotonic(), asyncio.ensure_future(stop.wait())
        ended = asyncio.ensure_future(process.wait())
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if stop.is_set():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await ended
            return
        pause = next_pause(pause, time.monotonic() - began)
        log.error("sender_process_ended", pid=process.pid, code=ended.result(), again_in=pause)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause)


def next_pause(last: float, lived: float) -> float:
    """Seconds until a process that lived so long is started again; `last`: the pause before it, 0.0 for the first."""
    if last == 0.0 or lived >= LONG_LIFE:
        return FIRST_PAUSE
    return min(last * 2, LONGEST_PAUSE)


async def send_until_resting(
    house: House, campaign_id: int, stop: asyncio.Event, is_resting: Callable[[], bool], every: float = 0.2
) -> None:
    """The senders in the foreground until `is_resting()` says that the campaign rests (it also shows it)."""
    running = senders(house)

    async def watch() -> None:
        while not stop.is_set() and not await asyncio.to_thread(is_resting):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), every)
        stop.set()

    async with stop_on_signals(stop):
        await _all(stop, send(running, stop), watch())


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
        await _all(stop, send(senders(house), stop), _orphan_watch(parent, stop))


if __name__ == "__main__":
    asyncio.run(_sender_process(Path(sys.argv[1]), int(sys.argv[2])))
