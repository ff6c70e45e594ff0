"""What may stand in a header at all. Every text that reaches one comes through here.

Owns the refusals, each with the name of the header; changes nothing but NFC and outer blanks.
`headers` calls it once per edition, `build` the few rules for what differs from mail to mail.
CVE-2024-6923 and its sisters: Python 3.11.7 turns an encoded newline into a header of its own.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NoReturn

from mailer.errors import HeaderRefused

# Why each is refused: a line end starts a header; C1 and NUL make readers clip or cut; U+2028/9 are
# line ends to some; bidi controls let a name show as another. Lone surrogates are no characters.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BIDI = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_ENCODED_WORD = re.compile(r"=\?.*\?=", re.DOTALL)
_LONGEST_TEXT = 1000  # characters; protects readers from absurd headers, ten times the longest title

# RFC 5321 §4.1.2: dot-atom or quoted-string, and an LDH domain. Non-ASCII only in the local part (RFC 6531).
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\u2027\u2030-\u205f\u206a-\ud7ff\ue000-\U0010ffff-]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_MAILBOX = re.compile(rf"(?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@{_DOMAIN}")
_LONGEST_MAILBOX = 254  # octets, RFC 5321 §4.5.3.1.3 less the <>
_MESSAGE_ID = re.compile(f"[A-Za-z0-9._-]{{1,64}}@{_DOMAIN}")
_URI = re.compile(r"(?:https?|mailto):[!-;=?-~]+")  # printable ASCII without space, < and >
_LONGEST_URI = 900  # so that the line stays within 998 octets unfolded: RFC 5322 §2.1.1
_LIST_ID = re.compile(r"(?:[A-Za-z0-9_-]+\.)+[A-Za-z0-9_-]+")
_FEEDBACK = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")


def text(field: str, value: str) -> str:
    """NFC, trimmed. Raises HeaderRefused for what EMAIL never lets into a header. RFC 2047, RFC 5322 §2.2."""
    if _CONTROL.search(value):
        refuse(field, "header_control", "holds a line break or a control character", "Write it on one line.")
    if _ENCODED_WORD.search(value):
        refuse(field, "header_encoded_word", "holds an encoded word (=?…?=)", "Write the text itself.")
    if _BIDI.search(value):
        refuse(
            field, "header_bidi", "holds a bidirectional control character", "Delete the invisible character."
        )
    value = unicodedata.normalize("NFC", value).strip()
    if len(value) > _LONGEST_TEXT:
        refuse(field, "header_too_long", f"is longer than {_LONGEST_TEXT} characters", "Shorten it.")
    return value


def mailbox(field: str, value: str) -> str:
    """An addr-spec in wire form (A-labels, quoted where needed), unchanged. RFC 5321 §4.1.2."""
    if (
        not _MAILBOX.fullmatch(value)
        or "=?" in value
        or not (value.isascii() or (field == "To" and not _BIDI.search(value)))
        or len(value.encode()) > _LONGEST_MAILBOX
    ):
        refuse(
            field,
            "header_address",
            "is no mail address in the form that the wire needs",
            "Correct the address.",
        )
    return value


def message_id(value: str) -> str:
    """`opaque@domain` without <>. RFC 5322 §3.6.4."""
    if not _MESSAGE_ID.fullmatch(value):
        refuse("Message-ID", "header_address", "is no message identifier", "Make it with tokens.message_id.")
    return value


def uri(field: str, value: str) -> str:
    """An http(s) or mailto URI as it stands: never encoded, never folded inside. RFC 2369 §2."""
    if not _URI.fullmatch(value) or "=?" in value:
        refuse(field, "header_uri", "is no address of the form https://… or mailto:…", "Percent-encode it.")
    if len(value) > _LONGEST_URI:
        refuse(field, "header_too_long", f"is longer than {_LONGEST_URI} characters", "Shorten the address.")
    return value


def list_id(value: str) -> str:
    """`label.domain`, at most 255 octets. RFC 2919 §2."""
    if not _LIST_ID.fullmatch(value) or len(value) > 255:
        refuse(
            "List-Id", "header_list_id", "is no list identifier (label.domain)", "Use Latin letters and dots."
        )
    return value


def language(value: str) -> str:
    """A language tag in ASCII. RFC 5646, RFC 3282."""
    if not _TAG.fullmatch(value):
        refuse("Content-Language", "header_language", "is no language tag", "Use a tag such as ja or en.")
    return value


def feedback(fields: tuple[str, ...]) -> tuple[str, ...]:
    """At most three identifiers and the sender's own of 5 to 15 characters; none twice. Gmail's rule."""
    if (
        len(fields) > 4
        or len(set(fields)) != len(fields)
        or not all(map(_FEEDBACK.fullmatch, fields))
        or not 5 <= len(fields[-1]) <= 15
    ):
        refuse(
            "Feedback-ID",
            "header_feedback",
            "is not of the form a:b:c:sender",
            "Use 5 to 15 Latin letters for the sender.",
        )
    return fields


def refuse(field: str, key: str, what: str, remedy: str) -> NoReturn:
    raise HeaderRefused(f"{field} {what}.", remedy=remedy, key=key, field=field)
