"""The connections to one relay: `send` may be awaited by many tasks at once, the pool keeps the wire busy.

Owns how many connections there are and which message goes on which. Waits for no rate and retries no
recipient (that is `delivery`); it sends again only what certainly never left, once, on a fresh connection.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from mailer.smtp import connection as smtp_connection
from mailer.smtp import wire
from mailer.smtp.connection import Connection
from mailer.smtp.errors import RelayUnusable
from mailer.smtp.model import Capabilities, Envelope, Outcome, Relay
from mailer.smtp.problems import problem

# A connection that served us and then closed says nothing about the message that met the end of it.
MOST_TRIES = 3
# After a server refused one more connection: how long we make do with those we have.
CONTENT_SECONDS = 60.0


@dataclass(slots=True, eq=False)
class _Waiting:
    envelope: Envelope
    message: wire.Checked
    outcome: asyncio.Future[Outcome]
    tries: int = 0


class Pool:
    """Up to `relay.connections` connections, opened when there is something to send.

    With a user name the first message goes in lock-step, and pipelining begins once it was accepted
    (a rented account is treated gently until it has worked).
    """

    def __init__(self, relay: Relay, tls_context: ssl.SSLContext | None = None) -> None:
        self.relay = relay
        self._tls_context = tls_context
        self._waiting: deque[_Waiting] = deque()
        self._connections: list[Connection] = []
        self._opening: set[asyncio.Task[None]] = set()
        self._capabilities: Capabilities | None = None
        self._proven = not relay.username
        self._ceiling = relay.connections
        self._ceiling_until = 0.0
        self._is_closed = False

    @property
    def capabilities(self) -> Capabilities | None:
        """What the relay offered at the last connection; None before the first."""
        return self._capabilities

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._connections)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def send(self, envelope: Envelope, message: bytes | wire.Checked) -> asyncio.Future[Outcome]:
        """Send one message; the future says how far it came.

        Raises ValueError before anything is sent if the message is not fit for the wire (bare CR or LF, a line
        above 998 octets), and RelayUnusable if the relay cannot be used at all; then this message has not left.
        If the future is cancelled, the message may be under way: treat it as uncertain.
        A future and no task: a task a message cost as much as its bytes.
        """
        checked = message if isinstance(message, wire.Checked) else wire.check(message)
        item = _Waiting(envelope, checked, asyncio.get_running_loop().create_future())
        if self._is_closed:
            item.outcome.set_result(Outcome("connect", None, end_mark_left=False, error="closed"))
            return item.outcome
        self._waiting.append(item)
        # Where others wait already, no connection has room: asking all of them again cost 30 µs a message.
        if len(self._waiting) == 1 or len(self._connections) + len(self._opening) < self.relay.connections:
            self._distribute()
        return item.outcome

    async def close(self) -> None:
        """Take nothing more, finish what is under way, QUIT. Messages not begun come back as error "closed"."""
        self._take_nothing_more()
        await asyncio.gather(*(c.finish() for c in tuple(self._connections)))
        await asyncio.gather(*self._opening, return_exceptions=True)

    def abort(self) -> None:
        """Cut all connections now, when `close` takes too long; every message gets the outcome that is true,
        those too that wait for their turn: "closed", nothing of them left."""
        self._take_nothing_more()
        for connection in tuple(self._connections):
            connection.abort()

    # ── what a connection asks (connection.Supply) ───────────────────────────────────────────────────────

    def next_item(self) -> _Waiting | None:
        while self._waiting:
            item = self._waiting.popleft()
            if not item.outcome.done():  # else its task was cancelled
                return item
        return None

    def settled(self, connection: Connection, item: smtp_connection.Item, outcome: Outcome) -> None:
        assert isinstance(item, _Waiting)  # noqa: S101
        if outcome.accepted and not self._proven:
            self._proven = True
            for each in self._connections:
                each.allow_pipelining(True)
        if item.outcome.done():
            return
        if self._may_go_again(connection, item, outcome):
            item.tries += 1
            self._waiting.appendleft(item)
            return
        item.outcome.set_result(outcome)

    def closed(self, connection: Connection) -> None:
        if connection not in self._connections:
            return  # it was never ready: `_opened` decides, else a refusing relay would be tried without end
        self._connections.remove(connection)
        if not self._is_closed:
            self._distribute()

    # ── inside ───────────────────────────────────────────────────────────────────────────────────────────

    def _take_nothing_more(self) -> None:
        self._is_closed = True
        for task in tuple(self._opening):
            task.cancel()
        while self._waiting:
            item = self._waiting.popleft()
            if not item.outcome.done():
                item.outcome.set_result(Outcome("connect", None, end_mark_left=False, error="closed"))

    def _may_go_again(self, connection: Connection, item: _Waiting, outcome: Outcome) -> bool:
        """A server that closes after N messages, or an idle one that hung up as we spoke: nothing left, and the
        connection had served us, so the fault is not the message's. Where 421 was said instead of an answer to
        MAIL, a whole BDAT behind it may have left: it was not taken (RFC 5321 §3.8); Exim does so at its limit."""
        if self._is_closed or not connection.accepted:
            return False
        cut = outcome.error in {"connection_lost", "closing", "closed"}
        if outcome.reply is None:
            unheard = not outcome.end_mark_left
        else:
            unheard = outcome.reply.is_closing and outcome.stage == "mail"
        return cut and unheard and item.tries + 1 < MOST_TRIES

    def _distribute(self) -> None:
        for connection in tuple(self._connections):
            if not self._waiting:
                return
            if connection.is_idle:
                connection.pump()
        self._open_more()
        for connection in tuple(self._connections):
            if not self._waiting:
                return
            if connection.has_room:
                connection.pump()

    def _open_more(self) -> None:
        if self._ceiling < self.relay.connections:
            loop = asyncio.get_running_loop()
            if loop.time() >= self._ceiling_until:
                self._ceiling = self.relay.connections
        wanted = min(len(self._waiting), self._ceiling - len(self._connections)) - len(self._opening)
        for _ in range(wanted):
            task = asyncio.get_running_loop().create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    async def _open(self) -> None:
        connection = await smtp_connection.connect(
            self.relay, self, self._tls_context, pipelining=self._proven
        )
        self._capabilities = connection.capabilities
        connection.allow_pipelining(self._proven)
        if self._is_closed:
            await connection.finish()
        elif connection.is_open:
            self._connections.append(connection)
            connection.pump()
        else:  # greeted, signed in, gone: told as a problem, else it would be tried without end
            raise problem("relay_lost", self.relay)

    def _opened(self, task: asyncio.Task[None]) -> None:
        self._opening.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            if not self._is_closed:
                self._distribute()
            return
        if self._connections:
            # Refused beside others that work: a limit on connections, not a broken relay.
            self._ceiling = len(self._connections)
            self._ceiling_until = asyncio.get_running_loop().time() + CONTENT_SECONDS
            return
        if not self._opening:
            self._fail_all(error)

    def _fail_all(self, error: BaseException) -> None:
        waiting, self._waiting = self._waiting, deque()
        for item in waiting:
            if not item.outcome.done():
                item.outcome.set_exception(_copy(error))


def _copy(error: BaseException) -> BaseException:
    """One error for each awaiting task: a shared one would collect all their tracebacks."""
    if not isinstance(error, RelayUnusable):
        return error
    facts = {key: value for key, value in error.facts.items() if key not in {"stage", "reply"}}
    return RelayUnusable(
        error.sentence,
        remedy=error.remedy,
        key=error.key,
        stage=error.stage,
        reply=error.reply,
        facts=facts,
    )
