"""A relay that is far away: TCP passed on after half a round trip each way, without any other limit.

Order is kept, nothing is dropped, bytes under way are not counted against anybody. For benchmarks (as a
process: `python -m tests.doubles.distance PORT MILLISECONDS`) and for kills that shall hit open replies.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections import deque
from typing import Self

BUFFER_BYTES = 4_194_304  # a window that holds more than any sender here has under way


class Distance:
    """`async with Distance(behind, each_way_seconds) as far: … far.port`."""

    def __init__(self, behind: int, each_way: float) -> None:
        self.port = 0
        self.behind = behind  # the port of the server there
        self.each_way = each_way
        self.is_open = True
        self._server: asyncio.Server | None = None
        self._halves: set[_Half] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._server = await asyncio.get_running_loop().create_server(lambda: _Half(self), sock=listening)
        self.port = listening.getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        for half in tuple(self._halves):
            half.cut()
        await self._server.wait_closed()

    def hold(self) -> None:
        """Connections are made, but nothing that is said gets through until `let_go`."""
        self.is_open = False

    def let_go(self) -> None:
        self.is_open = True
        for half in tuple(self._halves):
            half.say_what_is_due()

    def opened(self, half: _Half) -> None:
        self._halves.add(half)
        if half.other is None:
            task = asyncio.get_running_loop().create_task(self._reach(half))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def closed(self, half: _Half) -> None:
        self._halves.discard(half)

    async def _reach(self, near: _Half) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(2 * self.each_way)  # the handshake of TCP
        with contextlib.suppress(OSError):
            await loop.create_connection(lambda: _Half(self, near), "127.0.0.1", self.behind)
            return
        near.cut()


class _Half(asyncio.Protocol):
    """One end; what it hears is said at the other end later."""

    def __init__(self, distance: Distance, other: _Half | None = None) -> None:
        self.other = other
        self._distance = distance
        self._transport: asyncio.Transport | None = None
        self._later: deque[tuple[float, bytes]] = deque()  # heard here, to be said there; b"": the end
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._distance.opened(self)
        if self.other is not None:
            self.other.other = self
            self.other.say_what_is_due()

    def data_received(self, data: bytes) -> None:
        self._later.append((asyncio.get_running_loop().time() + self._distance.each_way, data))
        if self._timer is None:
            self.say_what_is_due()

    def connection_lost(self, exc: Exception | None) -> None:
        self._distance.closed(self)
        self._later.append((asyncio.get_running_loop().time() + self._distance.each_way, b""))
        if self._timer is None:
            self.say_what_is_due()

    def cut(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def say_what_is_due(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        there = self.other._transport if self.other is not None else None
        if there is None or not self._distance.is_open:
            return  # not reached yet, or held: called again when it is
        loop = asyncio.get_running_loop()
        while self._later and self._later[0][0] <= loop.time():
            _, data = self._later.popleft()
            if data:
                there.write(data)
            else:
                there.close()
        if self._later:
            self._timer = loop.call_at(self._later[0][0], self.say_what_is_due)


async def _serve(port: int, each_way: float) -> None:
    async with Distance(port, each_way) as far:
        print(f"listening on 127.0.0.1:{far.port}", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
