"""The values that cross the room's door: a relay, an envelope, an outcome; and what a server offers."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from mailer.smtp.reply import Reply

Tls = Literal["none", "starttls", "implicit"]
Stage = Literal["connect", "mail", "rcpt", "data", "message"]

# What must not stand in an address on the wire: it would end the command or the path (header and command injection).
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029<>]")


@dataclass(frozen=True, slots=True)
class Relay:
    """The server we hand mail to.

    `timeout` is the patience for one reply; the reply to a whole message may take ten times that up to ten
    minutes, because a premature end there makes people uncertain or doubles mail (RFC 5321 §4.5.3.2.6).
    """

    name: str
    host: str
    port: int
    tls: Tls = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)  # F39
    connections: int = 1
    pipeline: bool = True
    timeout: timedelta = timedelta(minutes=5)
    local_name: str = ""  # for EHLO; "": the address of our end, as RFC 5321 §4.1.3 writes it
    chunking: bool = True  # BDAT where it is offered together with PIPELINING
    depth: int = 4  # messages under way on one connection by BDAT: what a crash can leave uncertain
    messages_per_connection: int = 0  # 0: no limit
    idle: timedelta = timedelta(seconds=30)  # then QUIT: a rented account counts open connections

    @property
    def is_loopback(self) -> bool:
        """True if nothing leaves this machine, so that a password may go without TLS."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who sends and who receives, in wire form without <>; `mail_from` may be empty (a notice's null sender).

    `envid` not empty asks for delivery status notices of failure where the server offers DSN (RFC 3461).
    Raises ValueError for characters that would end a command.
    """

    mail_from: str
    rcpt_to: str
    smtputf8: bool = False
    envid: str = ""

    def __post_init__(self) -> None:
        for value in (self.mail_from, self.rcpt_to, self.envid):
            if _FORBIDDEN.search(value):
                raise ValueError(f"a control character, space, < or > in the envelope: {value!r}")
        if not self.rcpt_to:
            raise ValueError("an envelope without recipient")

    @property
    def needs_smtputf8(self) -> bool:
        return self.smtputf8 or not (self.mail_from.isascii() and self.rcpt_to.isascii())


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far one message came: the stage whose reply ended it, or was awaited when the connection ended.

    `end_mark_left`: a byte of the end mark (the final dot, or the last byte of a BDAT LAST chunk) may have been
    given to the socket. `error` without a reply: connection_lost, timeout, bad_reply, smtputf8_not_offered,
    8bitmime_not_offered, too_large, closed.
    """

    stage: Stage
    reply: Reply | None
    end_mark_left: bool
    error: str | None = None

    @property
    def accepted(self) -> bool:
        return self.stage == "message" and self.reply is not None and self.reply.is_positive

    @property
    def uncertain(self) -> bool:
        """The server may have it and may not: must not be sent again without being asked."""
        return self.end_mark_left and self.reply is None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What EHLO answered: keyword in capitals → its parameters. Empty after HELO."""

    extensions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, reply: Reply) -> Capabilities:
        """From the lines after the first. `AUTH=LOGIN` is an old spelling of `AUTH LOGIN`."""
        extensions: dict[str, str] = {}
        for line in reply.lines[1:]:
            keyword, _, parameters = line.replace("AUTH=", "AUTH ", 1).partition(" ")
            if keyword:
                known = extensions.get(keyword.upper())
                extensions[keyword.upper()] = f"{known} {parameters}".strip() if known else parameters.strip()
        return cls(extensions)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.extensions

    @property
    def size_limit(self) -> int:
        """Bytes of the largest message, 0 if there is no limit or none is told. RFC 1870."""
        told = self.extensions.get("SIZE", "").split(" ")[0]
        return int(told) if told.isascii() and told.isdigit() else 0

    @property
    def auth_mechanisms(self) -> frozenset[str]:
        return frozenset(self.extensions.get("AUTH", "").upper().split())
