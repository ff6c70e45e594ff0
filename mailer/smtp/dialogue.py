"""The client's side of SMTP without a socket: bytes in → events; envelopes and messages → bytes out.

Owns which reply belongs to which command and what each message's outcome is, whatever the server does.
Opens nothing, waits for nothing, knows no clock. Driven by `connection`.

Three gaits: lock-step (no PIPELINING); pipelined DATA, where the next envelope leaves in the same write as
the end mark before it (RFC 2920: one round trip a message); BDAT, where `relay.depth` whole messages are
under way (RFC 3030).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import ClassVar

from mailer.smtp import wire
from mailer.smtp.errors import LocalFault, RemoteFault
from mailer.smtp.events import Closed, Event, Ready, Settled, StartTls, Step, Transaction, Unusable
from mailer.smtp.handshake import Failed, Handshake
from mailer.smtp.model import Capabilities, Envelope, Outcome, Relay
from mailer.smtp.problems import problem
from mailer.smtp.reply import Reply, ReplyParser
from mailer.smtp.states import State, move


class Dialogue:
    """One connection's worth of SMTP. `handed` is kept by the caller: how many of our bytes may have left."""

    def __init__(self, relay: Relay, *, secure: bool, local_name: str = "[127.0.0.1]") -> None:
        self.handed = 0
        self.begun = 0  # transactions so far
        self._relay = relay
        self._handshake = Handshake(relay, secure=secure, local_name=local_name)
        self._state = State.GREETING
        self._parser = ReplyParser()
        self._awaiting: deque[tuple[Step, Transaction | None]] = deque()
        self._open: deque[Transaction] = deque()  # not yet settled, in order
        self._out: list[bytes] = []
        self._offset = 0  # of the next byte we write
        self._first_mark: int | None = None  # in what is not yet taken
        self._needs_reset = False
        self._events: list[Event] = []
        self._pipelining_allowed = relay.pipeline
        self._pipelines = False
        self._uses_bdat = False
        self._most_open = 1  # messages under way at once

    @property
    def state(self) -> State:
        return self._state

    @property
    def capabilities(self) -> Capabilities:
        return self._handshake.capabilities

    @property
    def answers(self) -> list[tuple[str, Reply]]:
        """The replies of the handshake by step, for `check`."""
        return self._handshake.answers

    @property
    def awaited(self) -> Step | None:
        return self._awaiting[0][0] if self._awaiting else None

    @property
    def is_idle(self) -> bool:
        return self._state is State.READY and not self._awaiting

    @property
    def has_room(self) -> bool:
        """True if `begin` may be called."""
        if self._state is not State.READY:
            return False
        if not self._awaiting:
            return True
        # Only behind a written end mark: DATA must be answered before anything may follow it.
        return self._awaiting[-1][0] is Step.MARK and len(self._open) < self._most_open

    def allow_pipelining(self, allowed: bool) -> None:
        """Choose the gait anew; takes effect with the next transaction, or when READY."""
        self._pipelining_allowed = allowed
        self._pipelining_allowed = allowed
        offered = self.capabilities
        self._pipelines = allowed and "PIPELINING" in offered
        self._uses_bdat = self._pipelines and self._relay.chunking and "CHUNKING" in offered
        self._most_open = (max(1, self._relay.depth) if self._uses_bdat else 2) if self._pipelines else 1

    # ── what we say ──────────────────────────────────────────────────────────────────────────────────────

    def begin(self, envelope: Envelope, message: wire.Checked | None, tag: object) -> Outcome | None:
        """Start a transaction. Returns an outcome at once if this server cannot take such a message; else its
        outcome comes as Settled. Raises LocalFault without room."""
        if not self.has_room:
            raise LocalFault("no_room", "a transaction was begun although there is no room for it")
        refusal = wire.obstacle(envelope, message, self.capabilities)
        if refusal is not None:
            return Outcome("mail", None, end_mark_left=False, error=refusal)
        transaction = Transaction(envelope, message, tag)
        self._open.append(transaction)
        self.begun += 1
        whole = self._uses_bdat and message is not None
        if self._needs_reset or (whole and self._awaiting):
            # After a failed BDAT only RSET is defined (RFC 3030 §2); without it a refused recipient's sender
            # would stay open and the next RCPT would join it under the wrong return path.
            self._needs_reset = False
            if not self._pipelines:
                # Alone: OpenSMTPD hangs up on two commands in one write, and the message that had no fault
                # would be deferred for the refused recipient before it.
                self._say(b"RSET\r\n", Step.RSET, transaction)
                return None
            self._say(b"RSET\r\n", Step.RSET, None)
        self._say(self._mail_command(transaction), Step.MAIL, transaction)
        if whole:
            self._say(self._rcpt_command(transaction), Step.RCPT, transaction)
            self._say_chunk(transaction)
        elif self._pipelines:
            self._say(self._rcpt_command(transaction), Step.RCPT, transaction)
            if message is not None:
                self._say(b"DATA\r\n", Step.DATA, transaction)
        return None

    def secured(self) -> None:
        """The TLS handshake is done."""
        self._write(self._handshake.secured())
        self._follow_handshake()

    def quit(self) -> None:
        """Say goodbye; only when idle."""
        if not self.is_idle:
            raise LocalFault("not_idle", "QUIT while replies are awaited")
        self._say(b"QUIT\r\n", Step.QUIT, None)
        self._state = move(self._state, State.CLOSING)

    def take(self) -> tuple[bytes, int]:
        """All bytes to write, and how many of them stand from the first end mark on (0: none is in it).
        As long as more than that many are not handed to the socket, no end mark has left."""
        data = b"".join(self._out) if len(self._out) != 1 else self._out[0]
        tail = 0 if self._first_mark is None else self._offset - self._first_mark
        self._out.clear()
        self._first_mark = None
        return data, tail

    def lost(self, error: str) -> list[Event]:
        """The connection is gone; every open message gets the outcome that is true of it."""
        self._state = State.CLOSED
        self._awaiting.clear()
        for transaction in tuple(self._open):
            self._settle(transaction, None, error)
        return self._drain()

    # ── what we hear ─────────────────────────────────────────────────────────────────────────────────────

    def receive(self, data: bytes) -> list[Event]:
        """Events of these bytes. After Closed or Unusable nothing more is read."""
        if self._awaits_tls():
            return self._tampered()
        try:
            for reply in self._parser.feed(data):
                if self._awaits_tls():
                    return self._tampered()
                if self._state is State.CLOSED:
                    break
                self._hear(reply)
        except RemoteFault as fault:
            self._events.append(self._not_smtp() if self._in_handshake else Closed(fault.code, str(fault)))
        except Failed as failed:
            self._state = State.CLOSED
            self._events.append(Unusable(failed.problem))
        if self._awaits_tls():
            if self._parser.pending:
                return self._tampered()
            self._events.append(StartTls())
        return self._drain()

    def _awaits_tls(self) -> bool:
        return self._state is State.TLS

    @property
    def _in_handshake(self) -> bool:
        return self._state not in (State.READY, State.CLOSING, State.CLOSED)

    def _hear(self, reply: Reply) -> None:
        if self._in_handshake:
            self._write(self._handshake.answer(reply))
            self._follow_handshake()
            if self._state is State.READY:
                self.allow_pipelining(self._pipelining_allowed)
                self._events.append(Ready())
            return
        if not self._awaiting:
            if reply.is_closing:
                self._close()
                return
            raise RemoteFault("bad_reply", f"a reply that nothing asked for: {reply}")
        step, transaction = self._awaiting.popleft()
        if reply.is_closing and step is not Step.QUIT:
            self._closing(reply)
        elif transaction is None:
            self._unbound_answered(step, reply)
        else:
            self._ANSWERS[step](self, transaction, reply)

    def _unbound_answered(self, step: Step, reply: Reply) -> None:
        if step is Step.QUIT:
            self._close()
        else:
            _require_reset(reply)

    def _reset_answered(self, transaction: Transaction, reply: Reply) -> None:
        _require_reset(reply)
        self._say(self._mail_command(transaction), Step.MAIL, transaction)

    def _mail_answered(self, transaction: Transaction, reply: Reply) -> None:
        if not self._agreed(transaction, reply):
            return
        transaction.mail_accepted = True
        transaction.stage = "rcpt"
        if self.awaited is None or self._awaiting[0] != (Step.RCPT, transaction):  # lock-step
            self._say(self._rcpt_command(transaction), Step.RCPT, transaction)

    def _rcpt_answered(self, transaction: Transaction, reply: Reply) -> None:
        transaction.rcpt_accepted = reply.is_positive
        if transaction.settled:  # MAIL was refused; this one only follows
            return
        if transaction.message is None:  # a question by `check`: answered either way
            self._needs_reset = True
            self._settle(transaction, reply, None)
            return
        if not self._agreed(transaction, reply):
            self._needs_reset = True
            return
        transaction.stage = "message" if transaction.mark_at is not None else "data"
        if self._awaiting and self._awaiting[0][1] is transaction:
            return  # DATA or the chunk is already written
        self._say(b"DATA\r\n", Step.DATA, transaction)

    def _data_answered(self, transaction: Transaction, reply: Reply) -> None:
        if reply.code == 354 and not transaction.settled:
            self._say_message(transaction)
        elif reply.code == 354:
            self._end_empty(transaction)
        elif reply.code < 400:
            raise RemoteFault("bad_reply", f"DATA was answered by {reply}")
        else:
            self._needs_reset = True
            if not transaction.settled:
                self._settle(transaction, reply, None)

    def _end_empty(self, transaction: Transaction) -> None:
        """DATA was granted although the recipient was refused: a lone dot ends it (RFC 2920 §3.1). But if a
        recipient was taken while its sender was refused, a dot might deliver an empty letter: hang up."""
        if transaction.rcpt_accepted:
            raise RemoteFault("bad_reply", "the message was asked for although MAIL was refused")
        self._say(b".\r\n", Step.MARK, transaction)
        self._needs_reset = True

    def _mark_answered(self, transaction: Transaction, reply: Reply) -> None:
        if 300 <= reply.code < 400:
            raise RemoteFault("bad_reply", f"a message was answered by {reply}")
        if transaction.settled:
            return
        if transaction.mark_at is None or transaction.mark_at >= self.handed:
            # No answer to what has not left: an early refusal stands, an early yes is no yes (a surplus reply).
            if reply.is_positive:
                raise RemoteFault("bad_reply", "a message was accepted before it was sent")
            self._settle(transaction, reply, None)
            raise RemoteFault("bad_reply", "a message was refused before it was sent")
        if not reply.is_positive:
            self._needs_reset = True
        self._settle(transaction, reply, None)

    def _agreed(self, transaction: Transaction, reply: Reply) -> bool:
        if reply.is_positive:
            return True
        if reply.code < 400:
            raise RemoteFault("bad_reply", f"{transaction.stage.upper()} was answered by {reply}")
        self._settle(transaction, reply, None)
        return False

    def _closing(self, reply: Reply) -> None:
        """421: what was not answered is not done and will not be (RFC 5321 §3.8), so it is the answer to all."""
        self._awaiting.clear()
        for transaction in tuple(self._open):
            self._settle(transaction, reply, "closing")
        self._close()

    def _settle(self, transaction: Transaction, reply: Reply | None, error: str | None) -> None:
        transaction.settled = True
        self._open.remove(transaction)
        left = transaction.mark_at is not None and transaction.mark_at < self.handed
        self._events.append(Settled(transaction.tag, Outcome(transaction.stage, reply, left, error)))

    def _close(self) -> None:
        self._state = State.CLOSED
        self._events.append(Closed(None))

    def _follow_handshake(self) -> None:
        self._state = self._handshake.state

    def _tampered(self) -> list[Event]:
        # Bytes between the 220 of STARTTLS and the handshake would be read as if encrypted
        # (CVE-2011-0411 and its kin on the client's side).
        self._state = State.CLOSED
        return [Unusable(problem("relay_tls_injection", self._relay, stage="starttls"))]

    def _not_smtp(self) -> Event:
        self._state = State.CLOSED
        return Unusable(problem("relay_not_smtp", self._relay, stage="greeting"))

    def _drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    # ── bytes ────────────────────────────────────────────────────────────────────────────────────────────

    def _write(self, data: bytes) -> None:
        if data:
            self._out.append(data)
            self._offset += len(data)

    def _say(self, data: bytes, step: Step, transaction: Transaction | None) -> None:
        self._write(data)
        self._awaiting.append((step, transaction))

    def _say_message(self, transaction: Transaction) -> None:
        assert transaction.message is not None  # noqa: S101 - DATA is said for messages only
        self._write(wire.stuffed(transaction.message))
        self._mark(transaction)
        self._say(b".\r\n", Step.MARK, transaction)
        transaction.stage = "message"

    def _say_chunk(self, transaction: Transaction) -> None:
        assert transaction.message is not None  # noqa: S101
        content = transaction.message.content
        self._write(b"BDAT %d LAST\r\n" % len(content))
        self._say(content, Step.MARK, transaction)
        self._mark(transaction, self._offset - 1)

    def _mark(self, transaction: Transaction, at: int | None = None) -> None:
        transaction.mark_at = self._offset if at is None else at
        if self._first_mark is None:
            self._first_mark = transaction.mark_at

    def _mail_command(self, transaction: Transaction) -> bytes:
        message = transaction.message
        return wire.mail_command(
            transaction.envelope,
            self.capabilities,
            size_bytes=len(message.content) if message else 0,
            eight_bit=message is not None and message.eight_bit,
        )

    def _rcpt_command(self, transaction: Transaction) -> bytes:
        return wire.rcpt_command(transaction.envelope, self.capabilities)

    _ANSWERS: ClassVar[dict[Step, Callable[[Dialogue, Transaction, Reply], None]]] = {
        Step.RSET: _reset_answered,
        Step.MAIL: _mail_answered,
        Step.RCPT: _rcpt_answered,
        Step.DATA: _data_answered,
        Step.MARK: _mark_answered,
    }


def _require_reset(reply: Reply) -> None:
    if not reply.is_positive:
        raise RemoteFault("bad_reply", f"RSET was refused: {reply}")
