"""The sink's values: what it caught, what it offers, and how a script answers in its place."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from mailer.smtp.model import Envelope


@dataclass(frozen=True, slots=True)
class Caught:
    """One message as it would be delivered: dots unstuffed, CRLF line ends."""

    envelope: Envelope
    content: bytes


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a script is asked: before the reply to `stage` leaves. `message` counts from 1 in the whole sink, in
    the order of MAIL, `session` too; `command` is the line as it came (body and message: empty)."""

    stage: str  # connect ehlo helo starttls auth mail rcpt data body message rset quit
    session: int
    message: int
    in_session: int  # messages of this session so far, this one included
    command: str
    secure: bool


@dataclass(frozen=True, slots=True)
class Action:
    """What a script does instead: say these bytes (None: the usual, b"": nothing), then perhaps hang up or fall
    silent for good."""

    say: bytes | None = None
    then: Literal["go_on", "drop", "stall"] = "go_on"
    keep: bool = True  # at stage message, unless a refusal is said: whether the message counts as caught


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
