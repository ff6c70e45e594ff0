"""Our own SMTP server: catches mail instead of delivering it. For the demo, rehearsals and tests.

Fast (one callback a packet), binds 127.0.0.1 unless told otherwise, speaks PIPELINING, and if wanted
CHUNKING, STARTTLS and AUTH. A `script` may answer in its place: that is how tests/doubles makes faults.
Not for the internet: it takes mail from anybody for everybody. `python -m mailer.smtp.sink` runs one.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from mailer.smtp.sink_model import Action, Caught, Moment, Options, Script
from mailer.smtp.sink_session import Session

__all__ = ["Action", "Caught", "Moment", "Options", "Script", "Sink", "into_folder", "running_sink"]


class Sink:
    """`async with Sink(…) as sink: … sink.port … sink.messages`. Keeps messages in memory unless `keep` is
    False; `on_message` is called with each one."""

    def __init__(
        self,
        on_message: Callable[[Caught], None] | None = None,
        *,
        keep: bool = True,
        options: Options | None = None,
        script: Script | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.options = options or Options()
        self.messages: list[Caught] = []
        self.accepted = 0  # messages answered by 250
        self.begun = 0  # MAIL commands
        self.sessions = 0
        self.open_sessions: set[Session] = set()
        self.most_sessions = 0  # open at once
        self.commands: list[str] = []  # the lines as they came, if `script` is set
        self.host = host
        self.port = port
        self.script = script
        self._on_message = on_message
        self._keep = keep
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; `port` then holds the port that the system chose."""
        context = self.options.tls_context if self.options.implicit_tls else None
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Session(self), self.host, self.port, ssl=context, backlog=256
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut all sessions."""
        if self._server is not None:
            self._server.close()
        for session in tuple(self.open_sessions):
            session.drop()
        if self._server is not None:
            await self._server.wait_closed()

    # ── what a session asks (sink_session.Catcher) ───────────────────────────────────────────────────────

    def opened(self, session: Session) -> int:
        self.sessions += 1
        self.open_sessions.add(session)
        self.most_sessions = max(self.most_sessions, len(self.open_sessions))
        return self.sessions

    def closed(self, session: Session) -> None:
        self.open_sessions.discard(session)

    def caught(self, message: Caught) -> None:
        self.accepted += 1
        if self._keep:
            self.messages.append(message)
        if self._on_message is not None:
            self._on_message(message)


def into_folder(folder: Path) -> Callable[[Caught], None]:
    """For `on_message`: writes each message to `folder` as 000001.eml, with Return-Path and Delivered-To on top
    as a final server would (RFC 5321 §4.4), so that the envelope can be read back."""
    folder.mkdir(parents=True, exist_ok=True)
    written = sum(1 for _ in folder.glob("*.eml"))

    def write(message: Caught) -> None:
        nonlocal written
        written += 1
        envelope = message.envelope
        top = f"Return-Path: <{envelope.mail_from}>\r\nDelivered-To: {envelope.rcpt_to}\r\n"
        (folder / f"{written:06}.eml").write_bytes(top.encode() + message.content)

    return write


@contextlib.contextmanager
def running_sink(sink: Sink) -> Iterator[Sink]:
    """The sink on a thread and loop of its own, for callers without a loop (demo, rehearsal)."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sink", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sink.start(), loop).result()
        try:
            yield sink
        finally:
            asyncio.run_coroutine_threadsafe(sink.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(sink: Sink) -> None:
    async with sink:
        sys.stdout.write(f"listening on {sink.host}:{sink.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


def main() -> None:
    """A sink of its own process: a benchmark's other end."""
    parser = argparse.ArgumentParser(
        prog="python -m mailer.smtp.sink", description="Catch mail, deliver none."
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="write each message there; else they are only counted")
    parser.add_argument("--chunking", action="store_true")
    given = parser.parse_args()
    on_message = into_folder(given.folder) if given.folder else None
    sink = Sink(on_message, keep=False, options=Options(chunking=given.chunking), port=given.port)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sink))


if __name__ == "__main__":
    main()
