"""Tokens that stand in addresses: unsubscribe, preferences, confirm, and the Message-ID.

Owns their form and their keys' use; knows no table and no URL. Readers, the press and the bounce
reader call it. All are lower-case base32, because addresses get upper- or lower-cased on the way,
and opaque: numbers of the database do not show through.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b32decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Literal
from urllib.parse import quote

_MAC_BYTES = 12  # 96 bits: nobody guesses one, and the token of a common id stays at 26 characters
_BLOCK_BYTES = 64  # of SHA-256, RFC 2104 §2
_LONGEST = 32  # bytes of numbers: one block of the key stream
_CANDIDATE = re.compile(r"(?<![a-z2-7])[a-z2-7]{20,80}(?![a-z2-7])", re.IGNORECASE)


class Purpose(StrEnum):
    """What a short-lived token may do. One of one purpose is worth nothing for another (F23)."""

    PREFERENCES = "preferences"
    CONFIRM = "confirm"
    APPROVE = "approve"
    PREVIEW = "preview"


@dataclass(frozen=True, slots=True)
class Opened:
    """A token that is truly ours. `expired` is told apart from forged: the page can say so kindly."""

    numbers: tuple[int, ...]
    expired: bool


def new_key() -> str:
    """256 random bits as text for secrets.keys or secrets.permanent_key."""
    return secrets.token_urlsafe(32)


# ── unsubscribing: one permanent key, no end ────────────────────────────────────────────────────


def unsubscribe_token(permanent_key: str, subscriber_id: int, list_id: int) -> str:
    """For this person on this list. Never expires; needs no database, so it outlives an erasure."""
    return _seal(permanent_key, "unsubscribe", (subscriber_id, list_id))


def read_unsubscribe(permanent_key: str, token: str) -> tuple[int, int] | None:
    """(subscriber_id, list_id), or None if it is not ours. Any case of letters will do."""
    numbers = _unseal(permanent_key, "unsubscribe", token)
    return (numbers[0], numbers[1]) if numbers is not None and len(numbers) == 2 else None


def mailto_unsubscribe(home: str, token: str, *, kind: Literal["verp", "plus", "fixed"]) -> str:
    """The mailto: URI for List-Unsubscribe and for the office without a web server. RFC 2369 §3.2, RFC 6068.

    `home` is the bounce domain for verp, else the mailbox. The token stands in the address where
    the mail server delivers such addresses, else (fixed: a rented account) in the subject.
    """
    if kind == "verp":
        return f"mailto:unsub+{token}@{home}"
    local, _, domain = home.rpartition("@")
    local = quote(local, safe="!$'()*+._~-")
    if kind == "plus":
        return f"mailto:{local}+unsub-{token}@{domain}"
    return f"mailto:{local}@{domain}?subject=unsubscribe%20{token}"


def find_unsubscribe(permanent_key: str, texts: Iterable[str]) -> tuple[int, int] | None:
    """Look for a token in the recipient and the subject of a mail that came in by such a URI."""
    for text in texts:
        for candidate in _CANDIDATE.findall(text):
            found = read_unsubscribe(permanent_key, candidate)
            if found is not None:
                return found
    return None


# ── everything else: rotating keys, a purpose, perhaps an end ───────────────────────────────────


def seal(
    keys: Sequence[str], purpose: Purpose, numbers: Sequence[int], *, expires: datetime | None = None
) -> str:
    """Signed with the newest key (keys[0]). `expires` is an aware datetime; None = as long as the key."""
    if expires is not None and expires.tzinfo is None:
        raise ValueError("a naive datetime has no place here")
    end = int(expires.timestamp()) if expires is not None else 0
    return _seal(keys[0], purpose, (end, *numbers))


def open_sealed(keys: Sequence[str], purpose: Purpose, token: str, now: datetime) -> Opened | None:
    """None if no key made it for this purpose. All keys are asked, so that rotating breaks no link."""
    for key in keys:
        numbers = _unseal(key, purpose, token)
        if numbers:
            end = numbers[0]
            return Opened(numbers[1:], expired=end != 0 and now.timestamp() >= end)
    return None


def preferences_token(keys: Sequence[str], subscriber_id: int, *, expires: datetime | None = None) -> str:
    return seal(keys, Purpose.PREFERENCES, (subscriber_id,), expires=expires)


def confirm_token(
    keys: Sequence[str], subscriber_id: int, list_id: int, *, expires: datetime | None = None
) -> str:
    return seal(keys, Purpose.CONFIRM, (subscriber_id, list_id), expires=expires)


# ── Message-ID ──────────────────────────────────────────────────────────────────────────────────


def message_id(permanent_key: str, delivery_id: int, domain: str) -> str:
    """`opaque@domain`, without <>. The same for every try of a delivery: receivers drop the second (F50)."""
    return f"{_seal(permanent_key, 'message-id', (delivery_id,))}@{domain}"


def read_message_id(permanent_key: str, text: str) -> int | None:
    """The delivery of a Message-ID that came back in a bounce or complaint, with or without <>."""
    numbers = _unseal(permanent_key, "message-id", text.strip().strip("<>").partition("@")[0])
    return numbers[0] if numbers is not None and len(numbers) == 1 else None


# ── the form: numbers ⊕ key stream(MAC), then the MAC ───────────────────────────────────────────
# The MAC over the numbers is also the nonce of their key stream (a synthetic IV, as in RFC 5297):
# the same numbers give the same token, and no number of the database can be read from it.


def _seal(key: str, purpose: str, numbers: Iterable[int]) -> str:
    plain = b"".join(map(_varint, numbers))
    if len(plain) > _LONGEST:
        raise ValueError("too many numbers for one token")
    mac = _mac(key, purpose, plain)
    return base32(_mask(key, purpose, mac, plain) + mac)


def _unseal(key: str, purpose: str, token: str) -> tuple[int, ...] | None:
    raw = _from_base32(token)
    if raw is None or not _MAC_BYTES < len(raw) <= _MAC_BYTES + _LONGEST:
        return None
    masked, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
    plain = _mask(key, purpose, mac, masked)
    if not hmac.compare_digest(mac, _mac(key, purpose, plain)):
        return None
    return tuple(_numbers(plain))


def hmac_sha256(key: str, label: str, content: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104) of label + NUL + content. A message needs seven.

    `hmac.digest` lets go of the GIL and queues for it again, 40 µs beside other threads; here the key's part
    is kept, and what is short is hashed without letting go: 2 µs.
    """
    inner, outer = (begun.copy() for begun in _begun(key, label))
    inner.update(content)
    outer.update(inner.digest())
    return outer.digest()


@lru_cache(maxsize=32)  # a few keys, each for a few purposes
def _begun(key: str, label: str) -> tuple[hashlib._Hash, hashlib._Hash]:
    block = key.encode()
    if len(block) > _BLOCK_BYTES:
        block = hashlib.sha256(block).digest()
    block = block.ljust(_BLOCK_BYTES, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + label.encode() + b"\0")
    return inner, hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


def _mac(key: str, purpose: str, plain: bytes) -> bytes:
    return hmac_sha256(key, f"mac\0{purpose}", plain)[:_MAC_BYTES]


def _mask(key: str, purpose: str, mac: bytes, text: bytes) -> bytes:
    stream = hmac_sha256(key, f"stream\0{purpose}", mac)
    masked = int.from_bytes(text, "big") ^ int.from_bytes(stream[: len(text)], "big")
    return masked.to_bytes(len(text), "big")


def _varint(number: int) -> bytes:
    if number < 0:
        raise ValueError("a token holds no negative number")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*out, number))


def _numbers(plain: bytes) -> Iterable[int]:
    number = shift = 0
    for byte in plain:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0


_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 §6, lower case
_PAIRS = [one + two for one in _DIGITS for two in _DIGITS]


def base32(raw: bytes) -> str:
    """Lower case, without padding. Ten bits at a time: 2 µs for a token, where base64.b32encode takes 12."""
    bits = 8 * len(raw)
    number = int.from_bytes(raw, "big") << (-bits % 10)
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(bits + (-bits % 10) - 10, -1, -10)]
    return "".join(pairs)[: -(-bits // 5)]


def _from_base32(text: str) -> bytes | None:
    """None unless it is what `base32` writes (in any case): two spellings of one token would be two URLs."""
    try:
        raw = b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:  # binascii.Error, and str that is not ASCII
        return None
    return raw if base32(raw) == text.lower() else None
