"""Our own SMTP server: catches mail instead of delivering it. For the demo, rehearsals and tests.

Fast (one callback a packet), binds 127.0.0.1 unless told otherwise, speaks PIPELINING, and if wanted
CHUNKING, STARTTLS and AUTH. A `script` may answer in its place: that is how tests/doubles makes faults.
Not for the internet: it takes mail from anybody for everybody.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import ClassVar, Literal, Self

from mailer.smtp.model import Envelope

LONGEST_COMMAND_BYTES = 16_384  # RFC 4954 §4.3 lets an AUTH line have 12,288
END_OF_DATA = b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Caught:
    """One message as it would be delivered: dots unstuffed, CRLF line ends."""

    envelope: Envelope
    content: bytes


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a script is asked: before the reply to `stage` leaves. `message` counts from 1 in the whole sink,
    `session` too; `command` is the line as it came (body and message: empty)."""

    stage: str  # connect ehlo helo starttls auth mail rcpt data body message rset quit
    session: int
    message: int
    in_session: int  # messages of this session so far, this one included
    command: str
    secure: bool


@dataclass(frozen=True, slots=True)
class Action:
    """What a script does instead: say these bytes (None: the usual), then perhaps hang up or fall silent."""

    say: bytes | None = None
    then: Literal["go_on", "drop", "stall"] = "go_on"
    keep: bool = True  # of stage message: whether the message counts as caught


Script = Callable[[Moment], Action | None]


@dataclass(slots=True)
class Options:
    """What the sink offers. `users`: name → password; empty means no AUTH."""

    pipelining: bool = True
    chunking: bool = False
    starttls: bool = False
    implicit_tls: bool = False
    tls_context: ssl.SSLContext | None = None
    users: dict[str, str] = field(default_factory=dict)
    mechanisms: str = "PLAIN LOGIN"
    size_bytes: int = 50_000_000
    smtputf8: bool = True
    ehlo: bool = True  # False: knows only HELO
    after_tls: Callable[[list[str]], list[str]] = list  # what to make of the offers once TLS stands


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

    def caught(self, message: Caught) -> None:
        self.accepted += 1
        if self._keep:
            self.messages.append(message)
        if self._on_message is not None:
            self._on_message(message)


class Session(asyncio.Protocol):
    """One client."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._options = sink.options
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._out: list[bytes] = []
        self._secure = sink.options.implicit_tls
        self._greeted = False
        self._user = ""
        self._auth_lines: Callable[[bytes], None] | None = None
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
        self._messages = 0

    # ── asyncio.Protocol ─────────────────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self._transport = transport
        self._sink.sessions += 1
        self._number = self._sink.sessions
        self._sink.open_sessions.add(self)
        self._sink.most_sessions = max(self._sink.most_sessions, len(self._sink.open_sessions))
        self._answer("connect", b"220 sink.example ESMTP\r\n", "")
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._sink.open_sessions.discard(self)

    def data_received(self, data: bytes) -> None:
        if self._stalled:
            return
        self._buffer += data
        while self._buffer and not self._stalled and self._step():
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
        if self._auth_lines is not None:
            self._auth_lines(line)
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
        positive = action is None or action.say is None or action.say.startswith(b"2")
        if positive and (action is None or action.keep):
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
            self._secure, self._greeted, self._user = True, False, ""
            if secured is not None:
                self._transport = secured

    def _auth(self, text: str) -> None:
        parts = text.split(" ")
        mechanism = parts[1].upper() if len(parts) > 1 else ""
        if not self._options.users or mechanism not in self._options.mechanisms.split():
            self._answer("auth", b"504 5.5.4 no such mechanism\r\n", text)
        elif mechanism == "PLAIN" and len(parts) > 2:
            self._check_login(_decoded(parts[2].encode()).split(b"\0")[1:])
        elif mechanism == "PLAIN":
            self._ask(b"334 \r\n", lambda line: self._check_login(_decoded(line).split(b"\0")[1:]))
        else:
            self._ask(b"334 VXNlcm5hbWU6\r\n", self._login_name)

    def _login_name(self, line: bytes) -> None:
        name = _decoded(line)
        self._ask(b"334 UGFzc3dvcmQ6\r\n", lambda word: self._check_login([name, _decoded(word)]))

    def _ask(self, challenge: bytes, then: Callable[[bytes], None]) -> None:
        self._auth_lines = then
        self._say(challenge)

    def _check_login(self, login: list[bytes]) -> None:
        self._auth_lines = None
        name, word = (part.decode("utf-8", "replace") for part in [*login, b"", b""][:2])
        if self._options.users.get(name) != word:
            self._answer("auth", b"535 5.7.8 wrong user name or password\r\n", "AUTH")
            return
        self._user = name
        self._answer("auth", b"235 2.7.0 welcome\r\n", "AUTH")

    def _mail(self, text: str) -> None:
        if not self._greeted or self._mail_from is not None:
            self._say(b"503 5.5.1 not now\r\n")
            return
        if self._options.users and not self._user:
            self._answer("mail", b"530 5.7.0 sign in first\r\n", text)
            return
        self._sink.begun += 1
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
        moment = Moment(stage, self._number, self._sink.begun, self._messages, command, self._secure)
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


def _decoded(line: bytes) -> bytes:
    try:
        return base64.b64decode(line, validate=True)
    except ValueError:
        return b""
