"""Bytes of commands and messages as they go on the wire. Pure; called by the dialogue and the pool."""

from __future__ import annotations

from dataclasses import dataclass

from mailer.smtp.model import Capabilities, Envelope

LONGEST_LINE_BYTES = 998  # RFC 5322 §2.1.1; a server may break a longer one, and DKIM with it (F48)
# Dots looked at one by one before the whole text is searched: find(b".") costs 0.2 µs a dot, the search of
# b"\r\n." in 58 KB 60 µs, and a base64 message holds some thirty dots, all in its header.
_FEW_DOTS = 64


@dataclass(frozen=True, slots=True)
class Checked:
    """A message that may go on the wire: CRLF line ends only, no line above 998 octets, CRLF at the end.

    Whoever builds messages from parts that are known to be so may make it directly and save the reading.
    `dotted`: a line begins with a dot. `eight_bit`: an octet above 127.
    """

    content: bytes
    dotted: bool
    eight_bit: bool


def check(message: bytes) -> Checked:
    """Read the message once. Raises ValueError for a bare CR or LF (SMTP smuggling: CVE-2023-51764 and kin),
    a line longer than 998 octets, or no content. A missing last CRLF is added."""
    if not message:
        raise ValueError("an empty message")
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    # Split at CR, LF and CRLF alike: only if every end had two octets do the lengths add up. 130 µs for 58 KB;
    # three counts and a search for long lines 200, a regular expression 500.
    lengths = list(map(len, message.splitlines()))
    if sum(lengths) + 2 * len(lengths) != len(message):
        raise ValueError("a bare CR or LF in the message")
    if max(lengths) > LONGEST_LINE_BYTES:
        raise ValueError(f"a line of more than {LONGEST_LINE_BYTES} octets in the message")
    return Checked(message, _is_dotted(message), not message.isascii())


def _is_dotted(message: bytes) -> bool:
    at = -1
    for _ in range(_FEW_DOTS):
        at = message.find(b".", at + 1)
        if at < 0:
            return False
        if at == 0 or message[at - 1] == 10:
            return True
    return b"\r\n." in message


def stuffed(message: Checked) -> bytes:
    """The content with a dot before each leading dot. RFC 5321 §4.5.2."""
    if not message.dotted:
        return message.content
    content = message.content.replace(b"\r\n.", b"\r\n..")
    return b"." + content if content.startswith(b".") else content


def obstacle(envelope: Envelope, message: Checked | None, offered: Capabilities) -> str | None:
    """Why a server with these offers cannot take it, as the error of an Outcome; None if it can."""
    if envelope.needs_smtputf8 and "SMTPUTF8" not in offered:
        return "smtputf8_not_offered"
    if message is None:
        return None
    if message.eight_bit and "8BITMIME" not in offered:
        return "8bitmime_not_offered"
    if 0 < offered.size_limit < len(message.content):
        return "too_large"
    return None


def mail_command(
    envelope: Envelope, capabilities: Capabilities, *, size_bytes: int, eight_bit: bool
) -> bytes:
    parts = [f"MAIL FROM:<{envelope.mail_from}>"]
    if "SIZE" in capabilities and size_bytes:
        parts.append(f"SIZE={size_bytes}")
    if eight_bit and "8BITMIME" in capabilities:
        parts.append("BODY=8BITMIME")
    if envelope.needs_smtputf8:
        parts.append("SMTPUTF8")
    if envelope.envid and "DSN" in capabilities:
        parts.append(f"RET=HDRS ENVID={_xtext(envelope.envid)}")
    return " ".join(parts).encode() + b"\r\n"


def rcpt_command(envelope: Envelope, capabilities: Capabilities) -> bytes:
    command = f"RCPT TO:<{envelope.rcpt_to}>"
    if envelope.envid and "DSN" in capabilities:
        kind = "rfc822" if envelope.rcpt_to.isascii() else "utf-8"
        command += f" NOTIFY=FAILURE ORCPT={kind};{_xtext(envelope.rcpt_to)}"
    return command.encode() + b"\r\n"


def _xtext(value: str) -> str:
    """RFC 3461 §4: '+', '=' and what is not printable ASCII as +XX; non-ASCII stays (RFC 6533 utf-8 form)."""
    return "".join(c if (c > " " and c not in "+=") else f"+{ord(c):02X}" for c in value)
