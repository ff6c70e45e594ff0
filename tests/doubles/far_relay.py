"""A sink behind a distance, on a thread of its own: replies are always under way when something happens.

Remembers who got what, and can act at the moment when the server is about to answer.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

from mailer.smtp.sink import Caught, Moment, Options, Sink
from tests.doubles.distance import Distance

PATIENCE = 60.0  # seconds
_MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.M | re.I)


class FarRelay:
    """`port` is the distance's; `copies`: the Message-IDs that reached each address."""

    def __init__(self, each_way: float) -> None:
        self.copies: dict[str, list[bytes]] = defaultdict(list)
        self.arrivals = 0
        self.at: Callable[[str], None] | None = None  # told each stage, before the server answers it
        self.sink = Sink(self._caught, keep=False, options=Options(), script=self._asked)
        self.far = Distance(0, each_way)

    @property
    def port(self) -> int:
        return self.far.port

    def hold(self) -> None:
        """Until `let_go` clients can connect and hear nothing."""
        self._loop.call_soon_threadsafe(self.far.hold)

    def let_go(self) -> None:
        self._loop.call_soon_threadsafe(self.far.let_go)

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self.sink.start()
        self.far.behind = self.sink.port
        await self.far.__aenter__()

    async def close(self) -> None:
        await self.far.__aexit__()
        await self.sink.stop()

    def _caught(self, message: Caught) -> None:
        found = _MESSAGE_ID.search(message.content)
        self.copies[message.envelope.rcpt_to].append(found[1] if found else b"")
        self.arrivals += 1

    def _asked(self, moment: Moment) -> None:
        if self.at is not None:
            self.at(moment.stage)


@contextmanager
def far_relay(each_way: float) -> Iterator[FarRelay]:
    """`each_way`: seconds from here to there; may be changed while it runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()

    def run(work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, loop).result(PATIENCE)

    relay = FarRelay(each_way)
    try:
        run(relay.open())
        try:
            yield relay
        finally:
            run(relay.close())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
