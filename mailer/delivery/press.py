"""What the sender asks of others: bytes for a row, a wire for the bytes, a clock. Given by bootstrap."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from types import TracebackType
from typing import Protocol, Self

from mailer.delivery import routes
from mailer.delivery.model import Claimed
from mailer.delivery.quiet import Quiet
from mailer.delivery.retry import Policy
from mailer.delivery.routes import Routes
from mailer.delivery.throttle import Rate
from mailer.smtp.model import Capabilities, Envelope, Outcome
from mailer.smtp.wire import Checked


@dataclass(frozen=True, slots=True)
class Unsendable:
    """No message can be made for this row, whatever the relay: it is refused with this reason."""

    reason: str  # needs_smtputf8, …


Prepared = tuple[Envelope, bytes | Checked] | Unsendable


class Press(Protocol):
    """How claimed rows become envelopes and messages. Called in a thread, some rows at a time.

    One result for each row, in order. An exception means that an edition of these rows cannot be printed
    at all: its campaign is held and nobody is refused. A database that cannot be reached (OperationalError,
    InterfaceError) is no such thing: the rows are tried again.
    """

    def prepare(self, claimed: Sequence[Claimed], now: datetime) -> Sequence[Prepared]: ...


class Wire(Protocol):
    """`smtp.pool.Pool`: the future raises RelayUnusable when nothing can be sent; then it has not left."""

    @property
    def capabilities(self) -> Capabilities | None: ...
    def send(self, envelope: Envelope, message: bytes | Checked) -> asyncio.Future[Outcome]: ...

    # Ends every `send` under way at once, each with the outcome that is true; later ones get "closed".
    def abort(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Clock(Protocol):
    """Time for rules and long waits; tests move it."""

    def now(self) -> datetime: ...
    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """Plain values of one sender at one relay."""

    relay: str  # the scope of rates and quotas: "smtp.example.org:office"
    rates: tuple[Rate, ...] = ()
    connections: int = 1
    depth: int = 1  # messages under way on one connection where the relay offers CHUNKING
    batch_size: int = 200
    lease: timedelta = timedelta(minutes=5)
    policy: Policy = field(default_factory=Policy)
    zone: tzinfo = UTC
    ways: Routes | None = None  # all relays' newsletters, by which this one knows its part; None: it is alone
    domain_rates: Mapping[str, tuple[Rate, ...]] = field(
        default_factory=dict
    )  # by recipient domain, A-labels
    quiet: Quiet | None = None  # when no campaign's mail leaves, tests and rehearsals aside
    refused_percent: int = 0  # surely more refusals than this hold a campaign; 0: off
    only: tuple[int, ...] | None = None  # these campaigns and no notices; None: all but rehearsals
    poll: timedelta = timedelta(seconds=1)  # how soon an idle sender sees new work
    drain: timedelta = timedelta(seconds=60)  # how long a stop waits for replies
    linger: timedelta = timedelta(
        milliseconds=10
    )  # how long a reply waits for company before it is committed

    @property
    def routes(self) -> Routes:
        return self.ways or routes.only(self.relay)

    def quiet_until(self, now: datetime) -> datetime | None:
        """When campaigns may go on; None: now."""
        return self.quiet.until(now) if self.quiet is not None else None


@dataclass(frozen=True, slots=True)
class Sent:
    """What one stretch of sending did."""

    by_state: Mapping[str, int]  # states that tries led to
    again_at: datetime | None  # nothing can leave before; None: nothing was left to do
