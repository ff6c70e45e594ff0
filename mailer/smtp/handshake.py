"""From the greeting to READY, sans-IO: EHLO or HELO, STARTTLS, EHLO anew, AUTH. Used by the dialogue only.

Encryption that was asked for is never given up silently, and what a server said in clear is forgotten
once TLS stands (RFC 3207 §4.2).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import ClassVar

from mailer.smtp.errors import RelayUnusable
from mailer.smtp.model import Capabilities, Relay
from mailer.smtp.problems import auth_key, problem
from mailer.smtp.reply import Reply
from mailer.smtp.states import State, move


class Failed(Exception):
    """Raised inside the room only; the dialogue turns it into an event."""

    def __init__(self, problem: RelayUnusable) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


class Handshake:
    """Give it each reply until `state` is TLS, READY or CLOSED; it says what to write next."""

    def __init__(self, relay: Relay, *, secure: bool, local_name: str) -> None:
        self.state = State.GREETING
        self.capabilities = Capabilities()
        self.answers: list[tuple[str, Reply]] = []  # step → reply, for `check`
        self._relay = relay
        self._secure = secure
        self._local_name = relay.local_name or local_name
        self._secrets: list[bytes] = []  # lines of AUTH LOGIN still to be asked for
        self._mechanisms: list[str] = []

    def answer(self, reply: Reply) -> bytes:
        """What to write after this reply, b"" for nothing. Raises Failed."""
        self.answers.append((self.state.value, reply))
        return self._ANSWERS[self.state](self, reply)

    def secured(self) -> bytes:
        """TLS stands. What was offered in clear counts no more."""
        self._secure = True
        self.capabilities = Capabilities()
        return self._hello(State.EHLO)

    def _greeted(self, reply: Reply) -> bytes:
        if reply.code != 220:
            self._fail("relay_greeting", reply)
        return self._hello(State.EHLO)

    def _hello(self, state: State) -> bytes:
        self._move(state)
        return f"{state.value.upper()} {self._local_name}\r\n".encode("ascii", "replace")

    def _hello_answered(self, reply: Reply) -> bytes:
        if reply.is_positive:
            if self.state is State.EHLO:
                self.capabilities = Capabilities.read(reply)
            return self._next()
        # RFC 5321 §3.2: a server that does not know EHLO is asked again with HELO; but that can neither
        # encrypt nor sign in, so it is no way out where one of them is needed.
        if self.state is State.EHLO and reply.is_permanent and not self._needs_extensions:
            return self._hello(State.HELO)
        return self._fail("relay_hello", reply)

    @property
    def _needs_extensions(self) -> bool:
        return bool(self._relay.username) or (self._relay.tls == "starttls" and not self._secure)

    def _next(self) -> bytes:
        relay = self._relay
        if relay.tls == "starttls" and not self._secure:
            if "STARTTLS" not in self.capabilities:
                self._fail("relay_tls_not_offered", None)
            self._move(State.STARTTLS)
            return b"STARTTLS\r\n"
        if relay.username:
            if "AUTH" not in self.capabilities:
                self._fail("relay_auth_not_offered", None)
            offered = self.capabilities.auth_mechanisms
            self._mechanisms = [m for m in ("PLAIN", "LOGIN") if m in offered]
            return self._authenticate(None)
        self._move(State.READY)
        return b""

    def _starttls_answered(self, reply: Reply) -> bytes:
        if reply.code != 220:
            self._fail("relay_tls_refused", reply)
        self._move(State.TLS)
        return b""

    def _authenticate(self, refusal: Reply | None) -> bytes:
        relay = self._relay
        if not (self._secure or relay.is_loopback):
            self._fail("relay_auth_plaintext", None)
        if not self._mechanisms:
            if refusal is not None:
                self._fail(auth_key(refusal), refusal)
            offered = " ".join(sorted(self.capabilities.auth_mechanisms))
            self._fail("relay_auth_mechanism", None, offered=offered)
        self._move(State.AUTH)
        if self._mechanisms.pop(0) == "PLAIN":
            plain = f"\0{relay.username}\0{relay.password}".encode()
            return b"AUTH PLAIN " + base64.b64encode(plain) + b"\r\n"
        self._secrets = [base64.b64encode(word.encode()) for word in (relay.username, relay.password)]
        return b"AUTH LOGIN\r\n"

    def _auth_answered(self, reply: Reply) -> bytes:
        if reply.code == 334 and self._secrets:
            return self._secrets.pop(0) + b"\r\n"
        if reply.is_positive:
            self._move(State.READY)
            return b""
        # 504 and 5.5.4/5.7.4: the mechanism, not the password (RFC 4954 §6).
        if self._mechanisms and (reply.code == 504 or reply.subject in {"5.4", "7.4"}):
            return self._authenticate(reply)
        return self._fail(auth_key(reply), reply)

    def _move(self, to: State) -> None:
        self.state = move(self.state, to)

    def _fail(self, key: str, reply: Reply | None, **facts: object) -> bytes:
        stage = {State.EHLO: "hello", State.HELO: "hello"}.get(self.state, self.state.value)
        self._move(State.CLOSED)
        raise Failed(problem(key, self._relay, stage=stage, reply=reply, **facts))

    _ANSWERS: ClassVar[dict[State, Callable[[Handshake, Reply], bytes]]] = {
        State.GREETING: _greeted,
        State.EHLO: _hello_answered,
        State.HELO: _hello_answered,
        State.STARTTLS: _starttls_answered,
        State.AUTH: _auth_answered,
    }
