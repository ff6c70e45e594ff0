"""The states of one connection as a client lives through them, and the moves that are legal. RFC 5321 §4.1.4, 3207, 4954."""

from __future__ import annotations

from enum import Enum

from mailer.smtp.errors import LocalFault


class State(Enum):
    GREETING = "greeting"  # the server speaks first
    EHLO = "ehlo"
    HELO = "helo"  # a server that does not know EHLO
    STARTTLS = "starttls"  # asked; no byte in clear is believed any more
    TLS = "tls"  # the handshake, done by the connection
    AUTH = "auth"
    READY = "ready"  # transactions
    CLOSING = "closing"  # 421 was said, or QUIT
    CLOSED = "closed"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.GREETING: frozenset({State.EHLO, State.CLOSED}),
    State.EHLO: frozenset({State.HELO, State.STARTTLS, State.AUTH, State.READY, State.CLOSED}),
    State.HELO: frozenset({State.READY, State.CLOSED}),
    State.STARTTLS: frozenset({State.TLS, State.CLOSED}),
    State.TLS: frozenset({State.EHLO, State.CLOSED}),
    State.AUTH: frozenset({State.AUTH, State.READY, State.CLOSED}),
    State.READY: frozenset({State.CLOSING, State.CLOSED}),
    State.CLOSING: frozenset({State.CLOSING, State.CLOSED}),
    State.CLOSED: frozenset(),
}


def move(state: State, to: State) -> State:
    """The new state. Raises LocalFault if there is no such way."""
    if to not in TRANSITIONS[state]:
        raise LocalFault("illegal_move", f"from {state.value} there is no way to {to.value}")
    return to
