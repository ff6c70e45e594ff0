"""The header of a campaign message or notice: a closed list, in order, each exactly once.

Owns names, order and forms; Python's EmailMessage is never asked to write one, because
it encodes List-Unsubscribe into garbage and loses the quotes of long names. `build` calls it once
per edition and list and puts the four varying fields in.
"""

from __future__ import annotations

import email
import email.policy
import email.utils
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from mailer.errors import HeaderRefused

from . import inputs
from .encoded_words import mailbox, quoted_phrase, unstructured


@dataclass(frozen=True, slots=True)
class Stationery:
    """Facts of the newsletter and the list that stand in the header. Addresses in wire form.

    `unsubscribe`: one_click = https (and mailto) with RFC 8058; page = http(s) without it (a test
    server without TLS); mailto = the office without a web server. Notices have none.
    `feedback`: up to three identifiers (issue, language, stream) and the sender's own, see
    `feedback_sender`; empty = no Feedback-ID. Empty texts leave their header out.
    """

    sender_name: str
    sender_email: str
    zone: str  # IANA name of the site: the numeric zone of Date
    reply_to: str = ""
    stream: Literal["campaign", "notice"] = "campaign"
    unsubscribe: Literal["one_click", "page", "mailto"] = "one_click"
    list_id: str = ""  # "enews.example.org": stable for ever, whatever the language
    list_name: str = ""  # the phrase before it
    list_archive: str = ""
    archived_at: str = ""
    feedback: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One header. `wire` is the whole field with CRLF; None where it varies from mail to mail."""

    name: str
    wire: bytes | None


def fields(stationery: Stationery, subject: str, language: str, content_type: str) -> tuple[Field, ...]:
    """The intended list, in the order of the message. Raises HeaderRefused with the header's name.

    `content_type` is the whole field, with Content-Transfer-Encoding behind it for a single part.
    """
    s = stationery
    raw = content_type.encode("ascii")
    lines = [
        Field("From", _from(s)),
        Field("To", None),
        _field("Reply-To", f"<{inputs.mailbox('Reply-To', s.reply_to)}>") if s.reply_to else None,
        Field("Subject", _subject(subject)),
        Field("Date", None),
        Field("Message-ID", None),
        *(_of_campaign(s) if s.stream == "campaign" else [_field("Auto-Submitted", "auto-generated")]),
        # Exchange: no out-of-office answers. Not "All", which would suppress the bounces we need.
        _field("X-Auto-Response-Suppress", "OOF, AutoReply"),
        _field("Content-Language", inputs.language(language)),
        _field("MIME-Version", "1.0"),
        *(Field(name, raw[start:end]) for name, start, end in _spans(raw)),
    ]
    return tuple(line for line in lines if line is not None)


def _of_campaign(s: Stationery) -> list[Field | None]:
    return [
        Field("List-Id", _list_id(s)) if s.list_id else None,
        Field("List-Unsubscribe", None),
        _field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
        if s.unsubscribe == "one_click"
        else None,
        _field("List-Archive", f"<{inputs.uri('List-Archive', s.list_archive)}>") if s.list_archive else None,
        _field("Archived-At", f"<{inputs.uri('Archived-At', s.archived_at)}>") if s.archived_at else None,
        _field("Feedback-ID", ":".join(inputs.feedback(s.feedback))) if s.feedback else None,
        _field("Precedence", "bulk"),
    ]


def _from(s: Stationery) -> bytes:
    address = inputs.mailbox("From", s.sender_email)
    name = inputs.text("From", s.sender_name)
    line = mailbox("From", name, address) if name else f"From: <{address}>\r\n"
    return line.encode("ascii")


def _subject(subject: str) -> bytes:
    text = inputs.text("Subject", subject)
    if not text:
        inputs.refuse("Subject", "header_empty", "is empty", "Write a subject.")
    if "@@" in text:
        inputs.refuse("Subject", "header_slot", "holds a placeholder (@@…@@)", "Write the text itself.")
    return unstructured("Subject", text).encode("ascii")


def _list_id(s: Stationery) -> bytes:
    """The phrase only where it is ASCII: no list header may hold an encoded-word (RFC 2047 §5)."""
    identifier = f"<{inputs.list_id(s.list_id)}>"
    phrase = quoted_phrase(inputs.text("List-Id", s.list_name)) if s.list_name else None
    line = f"List-Id: {phrase} {identifier}" if phrase else f"List-Id: {identifier}"
    if len(line) > 200:  # a phrase is a courtesy; the identifier is what counts
        line = f"List-Id: {identifier}"
    return f"{line}\r\n".encode("ascii")


def _field(name: str, value: str) -> Field:
    return Field(name, f"{name}: {value}\r\n".encode("ascii"))


# ── what varies ─────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=64)  # a batch shares its second: formatting costs 6 µs, a look-up 0.3
def _date(second: int, zone: str) -> bytes:
    return email.utils.format_datetime(datetime.fromtimestamp(second, _zone(zone))).encode("ascii")


def date(at: datetime, zone: str) -> bytes:
    """`Wed, 20 Dec 2034 09:00:00 +0900`. RFC 5322 §3.3. Raises ValueError for a naive datetime."""
    if at.tzinfo is None:
        raise ValueError("a naive datetime has no place here")
    return _date(int(at.timestamp()), zone)


def list_unsubscribe(uris: Sequence[str], kind: str) -> bytes:
    """`<https://…>,␍␊ <mailto:…>`: folded between URIs only, each literal (F51). RFC 2369 §3.2.

    A `kind` of one_click needs https in the first place (RFC 8058 §3.1), none takes no URI.
    """
    schemes = {"one_click": "https://", "page": "http", "mailto": "mailto:"}
    if kind == "none" and not uris:
        return b""
    if not uris or kind == "none" or not uris[0].startswith(schemes[kind]):
        inputs.refuse("List-Unsubscribe", "header_uri", "holds no address of the kind that was promised", "")
    checked = (inputs.uri("List-Unsubscribe", uri) for uri in uris)
    return b"<" + ">,\r\n <".join(checked).encode("ascii") + b">"


def feedback_sender(domain: str) -> str:
    """A stable SenderId of 5 to 15 characters for Feedback-ID, from the sending domain."""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in domain.lower()).strip("-")
    return kept[:15].rstrip("-").ljust(5, "0")


# ── the guard ───────────────────────────────────────────────────────────────────────────────────


def _spans(header: bytes) -> list[tuple[str, int, int]]:
    """(name, start, end) of each field of a header block: our own reading, by RFC 5322 §2.2 alone."""
    out: list[tuple[str, int, int]] = []
    start = 0
    for line in header.split(b"\r\n")[:-1]:
        end = start + len(line) + 2
        if line[:1] in (b" ", b"\t") and out:
            name, first, _ = out[-1]
            out[-1] = (name, first, end)
        else:
            out.append((line.partition(b":")[0].decode("latin-1"), start, end))
        start = end
    return out


def guard(message: bytes, intended: Sequence[str]) -> None:
    """The produced bytes, read twice, hold exactly the intended headers in order, once each (F35).

    Python's compat32 parser and our own split must both say so. Raises HeaderRefused.
    """
    header = message.partition(b"\r\n\r\n")[0] + b"\r\n"
    ours = [name for name, _, _ in _spans(header)]
    theirs = email.message_from_bytes(message, policy=email.policy.compat32).keys()
    if ours != list(intended) or theirs != list(intended) or len(set(ours)) != len(ours):
        raise HeaderRefused(
            f"The message came out with other headers than intended: {', '.join(ours)}.",
            remedy="Do not send it; report the texts of this edition.",
            key="header_guard",
            field=next((name for name in ours if name not in intended), "header"),
        )
    wrong = wire_fault(message)
    if wrong:
        raise HeaderRefused(f"The message is not fit for the wire: {wrong}.", key="header_guard", field=wrong)


def wire_fault(message: bytes) -> str:
    """ "" or what is wrong: a bare CR or LF, NUL, a line beyond 998 octets or, in the body, 76."""
    rest = message.replace(b"\r\n", b"")
    if b"\r" in rest or b"\n" in rest:
        return "a bare CR or LF"
    if b"\0" in rest:
        return "a NUL"
    header, _, body = message.partition(b"\r\n\r\n")
    if max(map(len, header.split(b"\r\n"))) > 998:
        return "a header line of more than 998 octets"
    if max(map(len, body.split(b"\r\n"))) > 76:
        return "a body line of more than 76 characters"
    return "" if body.isascii() else "an octet above 127 in the body"
