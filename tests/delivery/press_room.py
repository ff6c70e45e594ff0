"""Doubles at the seams of the sender: a press that prints plain letters, a clock that tests move."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.engine import Engine

from mailer.delivery.model import Claimed
from mailer.delivery.press import Prepared, Settings
from mailer.delivery.sender import Sender
from mailer.smtp.model import Envelope, Relay
from mailer.smtp.pool import Pool
from mailer.smtp.sink import Sink

LETTER = (
    b"From: office@example.org\r\nTo: <%b>\r\nSubject: %b\r\nMessage-ID: <%d@example.org>\r\n\r\n"
    b"Edition %d, list %d.\r\n"
)


class PlainPress:
    """A letter that says which delivery, edition and language it is; `padding` makes it heavy."""

    def __init__(self, padding: int = 0) -> None:
        self._padding = (b"x" * 76 + b"\r\n") * (padding // 78)

    def prepare(self, claimed: Sequence[Claimed], now: datetime) -> list[Prepared]:
        return [self._letter(row) for row in claimed]

    def _letter(self, row: Claimed) -> Prepared:
        to = row.recipient.wire if row.recipient else row.address or ""
        subject = row.notice or row.language
        head = LETTER % (to.encode(), subject.encode(), row.id, row.edition_id, row.list_id or 0)
        return Envelope("bounce@example.org", to), head + self._padding


class MovedClock:
    """Time that stands still but for waits, which take no time at all; or, if `still`, never end."""

    def __init__(self, now: datetime, *, still: bool = False) -> None:
        self.time = now
        self._still = still
        self.waited = timedelta(0)

    def now(self) -> datetime:
        return self.time

    def move(self, by: timedelta) -> None:
        self.time += by

    async def sleep(self, seconds: float) -> None:
        if self._still:
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        self.waited += timedelta(seconds=seconds)
        self.time += timedelta(seconds=seconds)


def relay_of(sink: Sink, **more: object) -> Relay:
    values: dict[str, object] = {
        "name": "relay", "host": "127.0.0.1", "port": sink.port, "tls": "none", "connections": 2,
        "timeout": timedelta(seconds=5), "local_name": "office.example.org",
    }  # fmt: skip
    return Relay(**{**values, **more})  # type: ignore[arg-type]


def sender_to(
    engine: Engine,
    relay: Relay,
    clock: MovedClock,
    *,
    press: object = None,
    name: str = "host:1:a@test",
    randomly: Callable[[], float] | None = None,
    **settings: object,
) -> Sender:
    plain: dict[str, object] = {
        "relay": "relay", "connections": relay.connections, "depth": relay.depth, "batch_size": 50,
        "poll": timedelta(seconds=1), "drain": timedelta(seconds=10),
    }  # fmt: skip
    return Sender(
        engine,
        lambda: Pool(relay),
        press or PlainPress(),  # type: ignore[arg-type]
        Settings(**{**plain, **settings}),  # type: ignore[arg-type]
        clock,
        random=randomly or random.Random(84).random,
        name=name,
    )


def recipients(sink: Sink) -> list[str]:
    return sorted(message.envelope.rcpt_to for message in sink.messages)
