"""The sink's side of AUTH PLAIN and LOGIN (RFC 4954), as a generator of challenges."""

from __future__ import annotations

import base64
from collections.abc import Generator

from mailer.smtp.sink_model import Options

# Yields challenges, is sent the client's lines, returns (user or "", reply).
SignIn = Generator[bytes, bytes | None, tuple[str, bytes]]


def sign_in(command: str, options: Options) -> SignIn:
    words = command.split(" ")
    mechanism = words[1].upper() if len(words) > 1 else ""
    if not options.users or mechanism not in options.mechanisms.split():
        return "", b"504 5.5.4 no such mechanism\r\n"
    if mechanism == "PLAIN":
        line = words[2].encode() if len(words) > 2 else (yield b"334 \r\n")
        parts = _decoded(line).split(b"\0")[1:]
    else:
        name = yield b"334 VXNlcm5hbWU6\r\n"  # Username:
        word = yield b"334 UGFzc3dvcmQ6\r\n"  # Password:
        parts = [_decoded(name), _decoded(word)]
    user, password = (part.decode("utf-8", "replace") for part in [*parts, b"", b""][:2])
    if not user or options.users.get(user) != password:
        return "", b"535 5.7.8 wrong user name or password\r\n"
    return user, b"235 2.7.0 welcome\r\n"


def _decoded(line: bytes | None) -> bytes:
    try:
        return base64.b64decode(line or b"", validate=True)
    except ValueError:
        return b""
