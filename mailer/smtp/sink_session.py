"""One client of the sink: commands and message bytes in, replies out, whatever the packets' borders.

Belongs to `sink`, which owns the listening socket and what was caught.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import ClassVar, Protocol

from mailer.smtp.model import Envelope
from mailer.smtp.sink_auth import SignIn, sign_in
from mailer.smtp.sink_model import Action, Caught, Moment, Options, Script

LONGEST_COMMAND_BYTES = 16_384  # RFC 4954 §4.3 lets an AUTH line have 12,288
END_OF_DATA = b"\r\n.\r\n"


class Catcher(Protocol):
    """What a session asks of its sink."""

    options: Options
    script: Script | None
    commands: list[str]
    begun: int

    def opened(self, session: Session) -> int: ...
    def closed(self, session: Session) -> None: ...
    def caught(self, message: Caught) -> None: ...


class Session(asyncio.Protocol):
    """One client."""

    def __init__(self, sink: Catcher) -> None:
        self._sink = sink
        self._options = sink.options
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._secure = sink.options.implicit_tls
        self._securing = False
        self._greeted = False
        self._user = ""
        self._sign_in: SignIn | None = None
        self._mail_from: str | None = None
        self._rcpt_to: list[str] = []
        self._utf8 = False
        self._in_data = False
        self._seen = 0  # how far the buffer was searched for the end of data
        self._chunk_left = 0
        self._chunk_last = False
        self._chunks = bytearray()
        self._chunk_error = False
        self._stalled = False
        self._body_told = False
        self._number = 0
        self._message = 0  # number in the whole sink
        self._messages = 0  # in this session

    # ── asyncio.Protocol ─────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        self._number = self._sink.opened(self)
        self._answer("connect", b"220 sink.example ESMTP\r\n", "")
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._sink.closed(self)

    def data_received(self, data: bytes) -> None:
        if self._stalled:
            return
        self._buffer += data
        if not self._securing:
            self._read()

    def _read(self) -> None:
        while self._buffer and not (self._stalled or self._securing) and self._step():
            pass
        self._flush()

    def drop(self) -> None:
        """Cut the connection as a crash would."""
        self._stalled = True
        self._flush()
        if self._transport is not None:
            self._transport.close()

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────

    def _step(self) -> bool:
        """Consume one command or one piece of a message; False if more bytes are needed."""
        if self._in_data:
            return self._read_data()
        if self._chunk_left:
            return self._read_chunk()
        end = self._buffer.find(b"\n")
        if end < 0:
            if len(self._buffer) > LONGEST_COMMAND_BYTES:
                self.drop()
            return False
        line = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        if self._sign_in is not None:
            self._sign_in_step(line)
        else:
            self._command(line)
        return True

    def _command(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace")
        if self._sink.script is not None:
            self._sink.commands.append(text)
        verb = text.partition(" ")[0].upper()
        known = self._COMMANDS.get(verb)
        if known is None:
            self._say(b"500 5.5.2 no such command\r\n")
        else:
            known(self, text)

    def _read_data(self) -> bool:
        buffer = self._buffer
        if not self._body_told:
            self._body_told = True
            if self._tell_body():
                return False
        # The mark may straddle two reads; a body may also begin with it.
        end = 0 if buffer.startswith(b".\r\n") else buffer.find(END_OF_DATA, max(0, self._seen - 4))
        if end < 0 or (end == 0 and not buffer.startswith(b".\r\n")):
            self._seen = len(buffer)
            return False
        size = 0 if buffer.startswith(b".\r\n") else end + 2
        content = bytes(memoryview(buffer)[:size])
        del buffer[: size + 3]
        self._in_data = False
        if b"\r\n.." in content or content.startswith(b".."):
            content = content.replace(b"\r\n..", b"\r\n.").removeprefix(b".")
        self._finish(content)
        return True

    def _read_chunk(self) -> bool:
        taken = min(self._chunk_left, len(self._buffer))
        self._chunks += memoryview(self._buffer)[:taken]
        del self._buffer[:taken]
        self._chunk_left -= taken
        if not self._body_told:
            self._body_told = True
            if self._tell_body():
                return False
        if self._chunk_left == 0:
            self._end_chunk()
        return True

    def _tell_body(self) -> bool:
        """True if the script ended things in the middle of a message."""
        if self._sink.script is None:
            return False
        self._answer("body", b"", "")
        return self._stalled

    def _end_chunk(self) -> None:
        if self._chunk_error:
            self._chunks.clear()
            self._say(b"503 5.5.1 BDAT without recipient\r\n")
        elif self._chunk_last:
            content = bytes(self._chunks)
            self._chunks.clear()
            self._finish(content)
        else:
            self._say(b"250 2.0.0 go on\r\n")

    def _finish(self, content: bytes) -> None:
        envelope_from, recipients, utf8 = self._mail_from or "", self._rcpt_to, self._utf8
        self._reset()
        if not recipients:
            self._say(b"554 5.5.1 no valid recipients\r\n")
            return
        if len(content) > self._options.size_bytes > 0:
            self._say(b"552 5.3.4 message too big\r\n")
            return
        action = self._answer("message", b"250 2.0.0 caught\r\n", "")
        if action is None or (action.keep and (not action.say or action.say.startswith(b"2"))):
            for recipient in recipients:
                self._sink.caught(Caught(Envelope(envelope_from, recipient, utf8), content))

    # ── commands ─────────────────────────────────────────────────────────────────────────────────────────

    def _ehlo(self, text: str) -> None:
        if not self._options.ehlo:
            self._answer("ehlo", b"502 5.5.1 only HELO is known\r\n", text)
            return
        self._reset()
        self._greeted = True
        lines = ["sink.example", *self._offers()]
        reply = "".join(f"250{'-' if i < len(lines) - 1 else ' '}{line}\r\n" for i, line in enumerate(lines))
        self._answer("ehlo", reply.encode(), text)

    def _offers(self) -> list[str]:
        options = self._options
        offers = ["8BITMIME", "ENHANCEDSTATUSCODES", "DSN", f"SIZE {options.size_bytes}"]
        offers += ["PIPELINING"] * options.pipelining + ["CHUNKING"] * options.chunking
        offers += ["SMTPUTF8"] * options.smtputf8
        if options.starttls and not self._secure:
            offers.append("STARTTLS")
        if options.users:
            offers.append(f"AUTH {options.mechanisms}")
        return options.after_tls(offers) if self._secure else offers

    def _helo(self, text: str) -> None:
        self._reset()
        self._greeted = True
        self._answer("helo", b"250 sink.example\r\n", text)

    def _starttls(self, text: str) -> None:
        if not self._options.starttls or self._secure:
            self._say(b"503 5.5.1 no TLS now\r\n")
            return
        action = self._answer("starttls", b"220 2.0.0 go ahead\r\n", text)
        if self._stalled or (action is not None and action.say and not action.say.startswith(b"220")):
            return
        self._buffer.clear()  # what was pipelined behind STARTTLS is not to be believed
        self._flush()
        assert self._transport is not None and self._options.tls_context is not None  # noqa: S101
        # The client's next words may come with the end of its handshake, before we are told of it.
        self._securing = True
        self._transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._secure_up(self._transport))
        _TASKS.add(task)
        task.add_done_callback(_TASKS.discard)

    async def _secure_up(self, transport: asyncio.Transport) -> None:
        assert self._options.tls_context is not None  # noqa: S101
        with contextlib.suppress(OSError):
            secured = await asyncio.get_running_loop().start_tls(
                transport, self, self._options.tls_context, server_side=True, ssl_handshake_timeout=10.0
            )
            if secured is None:  # lost meanwhile
                return
            self._transport = secured
            self._secure, self._greeted, self._user = True, False, ""
            self._securing = False
            self._read()

    def _auth(self, text: str) -> None:
        self._sign_in = sign_in(text, self._options)
        self._sign_in_step(None)

    def _sign_in_step(self, line: bytes | None) -> None:
        assert self._sign_in is not None  # noqa: S101
        try:
            self._say(self._sign_in.send(line))
        except StopIteration as end:
            self._sign_in = None
            self._user, reply = end.value
            self._answer("auth", reply, "AUTH")

    def _mail(self, text: str) -> None:
        if not self._greeted or self._mail_from is not None:
            self._say(b"503 5.5.1 not now\r\n")
            return
        if self._options.users and not self._user:
            self._answer("mail", b"530 5.7.0 sign in first\r\n", text)
            return
        self._sink.begun += 1
        self._message = self._sink.begun
        self._messages += 1
        action = self._answer("mail", b"250 2.1.0 ok\r\n", text)
        if _agrees(action):
            self._mail_from = _path(text)
            self._utf8 = " SMTPUTF8" in text.upper()

    def _rcpt(self, text: str) -> None:
        if self._mail_from is None:
            self._say(b"503 5.5.1 MAIL first\r\n")
            return
        action = self._answer("rcpt", b"250 2.1.5 ok\r\n", text)
        if _agrees(action):
            self._rcpt_to.append(_path(text))

    def _data(self, text: str) -> None:
        if not self._rcpt_to:
            self._answer("data", b"554 5.5.1 no valid recipients\r\n", text)
            return
        action = self._answer("data", b"354 go ahead\r\n", text)
        if action is None or action.say is None or action.say.startswith(b"354"):
            self._in_data, self._seen, self._body_told = True, 0, False

    def _bdat(self, text: str) -> None:
        parts = text.split()
        if not self._options.chunking or len(parts) < 2 or not parts[1].isdigit():
            self._say(b"501 5.5.4 BDAT size [LAST]\r\n")
            self.drop()  # the octets that follow can no longer be told from commands
            return
        self._chunk_left = int(parts[1])
        self._chunk_last = len(parts) > 2 and parts[2].upper() == "LAST"
        self._chunk_error = not self._rcpt_to
        self._body_told = self._chunk_error
        if self._chunk_left == 0:
            self._end_chunk()

    def _rset(self, text: str) -> None:
        self._reset()
        self._answer("rset", b"250 2.0.0 ok\r\n", text)

    def _noop(self, text: str) -> None:
        self._say(b"250 2.0.0 ok\r\n")

    def _quit(self, text: str) -> None:
        self._answer("quit", b"221 2.0.0 bye\r\n", text)
        self.drop()

    def _reset(self) -> None:
        self._mail_from, self._rcpt_to, self._utf8 = None, [], False

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, stage: str, usual: bytes, command: str) -> Action | None:
        script = self._sink.script
        if script is None:
            self._say(usual)
            return None
        moment = Moment(stage, self._number, self._message, self._messages, command, self._secure)
        action = script(moment)
        self._say(usual if action is None or action.say is None else action.say)
        if action is not None and action.then == "drop":
            self.drop()
        elif action is not None and action.then == "stall":
            self._flush()
            self._stalled = True
            if self._transport is not None:
                self._transport.pause_reading()
        return action

    def _say(self, data: bytes) -> None:
        if data and not self._stalled:
            self._out.append(data)

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    _COMMANDS: ClassVar[dict[str, Callable[[Session, str], None]]] = {
        "EHLO": _ehlo,
        "HELO": _helo,
        "STARTTLS": _starttls,
        "AUTH": _auth,
        "MAIL": _mail,
        "RCPT": _rcpt,
        "DATA": _data,
        "BDAT": _bdat,
        "RSET": _rset,
        "NOOP": _noop,
        "QUIT": _quit,
    }


_TASKS: set[asyncio.Task[None]] = set()  # the loop holds tasks weakly


def _agrees(action: Action | None) -> bool:
    return action is None or action.say is None or action.say.startswith(b"2")


def _path(command: str) -> str:
    """What stands between < and > of MAIL or RCPT; a quoted local part may hold anything but those."""
    return command.partition("<")[2].partition(">")[0]
