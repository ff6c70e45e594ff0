"""One connection: the dialogue on an asyncio transport, with patience and back-pressure.

Owns the socket, TLS, time-outs and the knowledge of what has left. Takes its messages from a `Supply`
(the pool) whenever there is room, without a task of its own: one callback a packet, none a message.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Protocol, cast

from mailer.smtp import wire
from mailer.smtp.dialogue import Dialogue
from mailer.smtp.errors import RelayUnusable
from mailer.smtp.events import Closed, Event, Ready, Settled, StartTls, Step, Unusable
from mailer.smtp.model import Capabilities, Envelope, Outcome, Relay
from mailer.smtp.problems import connect_problem, problem, tls_problem
from mailer.smtp.reply import Reply
from mailer.smtp.states import State

# A message of 60 KB in one write: the default send buffer of 16 KB would split it and wait for the server's window.
SEND_BUFFER_BYTES = 262_144
MESSAGE_SECONDS = 600.0
HANDSHAKE_SECONDS = 60.0  # longest patience before READY: tarpits greet within 30 s, a wrong port never does
GOODBYE_SECONDS = 5.0  # a server that does not answer QUIT is left without regret


class Item(Protocol):
    """One message on its way; made by the pool or by `check`."""

    @property
    def envelope(self) -> Envelope: ...
    @property
    def message(self) -> wire.Checked | None: ...


class Supply(Protocol):
    """What a connection asks of its owner."""

    def next_item(self) -> Item | None: ...
    def settled(self, connection: Connection, item: Item, outcome: Outcome) -> None: ...
    def closed(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """Made by `connect`, which returns it ready for transactions."""

    def __init__(
        self,
        relay: Relay,
        supply: Supply,
        tls_context: ssl.SSLContext | None = None,
        *,
        pipelining: bool = True,
    ) -> None:
        self.relay = relay
        self._pipelining = pipelining
        self.accepted = 0
        self._supply = supply
        self._tls_context = tls_context
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._dialogue = self._new_dialogue()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._written = 0
        self._tail = 1
        self._paused = False
        self._finishing = False
        self._since = self._loop.time()  # of the last progress
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # ── for the owner ────────────────────────────────────────────────────────────────────────────────────

    @property
    def capabilities(self) -> Capabilities:
        return self._dialogue.capabilities

    @property
    def answers(self) -> list[tuple[str, Reply]]:
        return self._dialogue.answers

    @property
    def is_idle(self) -> bool:
        return self._dialogue.is_idle and not self._gone.done()

    @property
    def is_open(self) -> bool:
        return not self._gone.done()

    @property
    def has_room(self) -> bool:
        return not self._paused and self._dialogue.has_room and not self._is_spent

    def allow_pipelining(self, allowed: bool) -> None:
        self._dialogue.allow_pipelining(allowed and self.relay.pipeline)

    def pump(self) -> None:
        """Take messages while there is room for them, and write."""
        while self.has_room:
            item = self._supply.next_item()
            if item is None:
                break
            refusal = self._dialogue.begin(item.envelope, item.message, item)
            if refusal is not None:
                self._supply.settled(self, item, refusal)
        if self._is_spent and self._dialogue.is_idle:
            self._goodbye()
        self._flush()

    async def ready(self) -> None:
        """Wait for the end of the handshake. Raises RelayUnusable."""
        try:
            await self._ready
        except asyncio.CancelledError:
            self.abort()
            raise

    async def finish(self) -> None:
        """Take nothing more, wait for what is under way, say QUIT, wait until the connection is gone."""
        self._finishing = True
        if self.is_open:
            self.pump()
        await asyncio.wait({self._gone})  # unlike a bare await, leaves the future whole if we are cancelled

    def abort(self) -> None:
        """Cut the connection now; open messages get their outcome."""
        self._lose("closed")

    # ── asyncio.Protocol ─────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        name = transport.get_extra_info("sockname")
        if name and self._dialogue.state is State.GREETING:
            self._dialogue = self._new_dialogue(_literal(name[0]))
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._since = self._loop.time()
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._since = self._loop.time()
        self._follow(self._dialogue.receive(data))
        if not self._gone.done():
            self.pump()

    def pause_writing(self) -> None:
        self._paused = True
        self._dialogue.handed = self._written - self._tail

    def resume_writing(self) -> None:
        self._paused = False
        self._dialogue.handed = self._written
        self._since = self._loop.time()
        # Not from inside the transport's write: it may be in the middle of its buffer.
        self._loop.call_soon(self._resume)

    def eof_received(self) -> None:
        # A server that has closed its side can answer nothing more: what is still unwritten must not leave.
        self._lose("connection_lost")

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose("connection_lost")

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────

    def _new_dialogue(self, local_name: str = "[127.0.0.1]") -> Dialogue:
        dialogue = Dialogue(self.relay, secure=self.relay.tls == "implicit", local_name=local_name)
        dialogue.allow_pipelining(self._pipelining and self.relay.pipeline)
        return dialogue

    @property
    def _is_spent(self) -> bool:
        if self._finishing:
            return True
        most = self.relay.messages_per_connection
        return bool(most) and self._dialogue.begun >= most

    def _resume(self) -> None:
        if not self._gone.done():
            self.pump()

    def _goodbye(self) -> None:
        self._dialogue.quit()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(GOODBYE_SECONDS, self._lose, "closed")

    def _flush(self) -> None:
        """Give everything to the transport in one write, with the water mark set so that being paused means:
        no end mark of this write has left (the transport still holds more than what stands from it on)."""
        transport = self._transport
        if self._paused or transport is None or transport.is_closing():
            return
        data, tail = self._dialogue.take()
        if not data:
            return
        self._since = self._loop.time()
        self._tail = tail or 1
        transport.set_write_buffer_limits(self._tail, self._tail)
        self._written += len(data)
        self._dialogue.handed = self._written
        transport.write(data)  # calls pause_writing inside if it could not hand over enough

    def _follow(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Settled(tag=item, outcome=outcome):
                    self.accepted += outcome.accepted
                    self._supply.settled(self, cast(Item, item), outcome)
                case Ready():
                    self._is_ready()
                case StartTls():
                    task = self._loop.create_task(self._start_tls())
                    self._tasks.add(task)
                    task.add_done_callback(self._tasks.discard)
                case Unusable(problem=failure):
                    self._fail(failure)
                case Closed(error=error):
                    self._lose(error or "closed")

    def _is_ready(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    async def _start_tls(self) -> None:
        assert self._transport is not None  # noqa: S101
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                _context(self._tls_context),
                server_hostname=self.relay.host,
                ssl_handshake_timeout=max(1.0, min(HANDSHAKE_SECONDS, self.relay.timeout.total_seconds())),
            )
        except (OSError, TimeoutError) as error:
            self._fail(tls_problem(self.relay, error))
            return
        if transport is None:  # lost meanwhile
            self._lose("connection_lost")
            return
        self._transport = transport
        self._dialogue.secured()
        self._flush()

    def _fail(self, failure: RelayUnusable) -> None:
        if not self._ready.done():
            self._ready.set_exception(failure)
        self._lose("closed")

    def _lose(self, error: str) -> None:
        if self._gone.done():
            return
        self._gone.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            # abort, not close: close would go on writing what the transport still holds, an end mark perhaps.
            self._transport.abort()
        if not self._ready.done():
            state = self._dialogue.state
            unheard = "relay_silent" if state is State.GREETING else "relay_timeout"
            key = unheard if error == "timeout" else "relay_lost"
            self._ready.set_exception(problem(key, self.relay, stage=state.value))
        events = self._dialogue.lost(error)
        for event in events:
            if isinstance(event, Settled):
                self._supply.settled(self, cast(Item, event.tag), event.outcome)
        self._supply.closed(self)

    # One timer a connection, looked at when it fires: re-arming it for each message would cost more than sending it.
    def _watch(self) -> None:
        if self._gone.done():
            return
        now = self._loop.time()
        remaining = self._since + self._allowance() - now
        if remaining > 0:
            step = min(remaining, self.relay.timeout.total_seconds(), self.relay.idle.total_seconds())
            self._timer = self._loop.call_later(max(step, 0.001), self._watch)
        elif self._dialogue.is_idle:
            self._goodbye()
            self._flush()
        else:
            self._lose("timeout")

    def _allowance(self) -> float:
        patience = self.relay.timeout.total_seconds()
        if self._dialogue.is_idle:
            return self.relay.idle.total_seconds()
        if not self._ready.done():
            return min(patience, HANDSHAKE_SECONDS)
        if self._dialogue.awaited is not Step.MARK or self._paused:
            return patience
        # The whole message: 10 minutes (RFC 5321 §4.5.3.2.6), or what fits an unusual patience. Giving up early
        # here is what makes people uncertain who have their mail.
        return max(patience * 2, min(patience * 10, MESSAGE_SECONDS))


async def connect(
    relay: Relay, supply: Supply, tls_context: ssl.SSLContext | None = None, *, pipelining: bool = True
) -> Connection:
    """A connection that is greeted, encrypted and signed in, and may have begun to serve. Without `pipelining`
    it goes in lock-step until it is allowed. Raises RelayUnusable."""
    if relay.username and relay.tls == "none" and not relay.is_loopback:
        raise problem("relay_auth_plaintext", relay, stage="auth")
    loop = asyncio.get_running_loop()
    connection = Connection(relay, supply, tls_context, pipelining=pipelining)
    implicit = relay.tls == "implicit"
    try:
        async with asyncio.timeout(min(HANDSHAKE_SECONDS, relay.timeout.total_seconds())):
            await loop.create_connection(
                lambda: connection,
                relay.host,
                relay.port,
                ssl=_context(tls_context) if implicit else None,
                server_hostname=relay.host if implicit else None,
            )
    except (OSError, TimeoutError) as error:
        raise connect_problem(relay, error) from error
    await connection.ready()
    return connection


def _context(given: ssl.SSLContext | None) -> ssl.SSLContext:
    return given or ssl.create_default_context()


def _literal(address: str) -> str:
    """Our end as RFC 5321 §4.1.3 writes an address; never the machine's name, which may tell too much."""
    return f"[IPv6:{address.partition('%')[0]}]" if ":" in address else f"[{address}]"
