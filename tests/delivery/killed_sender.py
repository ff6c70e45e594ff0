"""A real sender process for the kill tests: `python -m tests.delivery.killed_sender URL PORT SHIFT`, SHIFT in seconds."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta

from mailer.smtp.model import Relay
from subscribers.database import open_engine
from tests.delivery.press_room import PlainPress, RealClock, sender_to


async def main(url: str, port: int, shift: float) -> None:
    relay = Relay("relay", "127.0.0.1", port, tls="none", connections=4, local_name="office.example.org")
    sender = sender_to(
        open_engine(url), relay, RealClock(timedelta(seconds=shift)), press=PlainPress(8_000), name=None,
        batch_size=100, poll=timedelta(milliseconds=50),
    )  # fmt: skip
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await asyncio.gather(sender.run(stop), _end_with(os.getppid(), stop))


async def _end_with(parent: int, stop: asyncio.Event) -> None:
    """A test that is itself killed must not leave senders behind."""
    while not stop.is_set() and os.getppid() == parent:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
    stop.set()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
