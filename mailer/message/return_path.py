"""The envelope sender that says by itself which delivery came back.

Owns the three forms (verp, plus, fixed) and their MAC; knows no ledger. The press encodes, the
bounce reader decodes. `b+<delivery, base32>-<16 base32 characters of HMAC>`, lower case, at the
bounce domain is for ever: bounces of old mail come late.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Literal

from mailer.errors import HeaderRefused
from mailer.tokens import base32, hmac_sha256

_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"  # RFC 4648 §6, lower case
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_MAC_CHARACTERS = 16  # 80 bits; a forged bounce would suppress one person at best
_LONGEST_LOCAL = 64  # octets, RFC 5321 §4.5.3.1.1
_LONGEST_ID = 13  # base32 digits of a 64-bit id


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """`home` is the bounce domain (verp) or a mailbox (plus, fixed); all in wire form.

    Raises HeaderRefused if the local part of `plus` leaves no room for 64-bit ids.
    """

    kind: Literal["verp", "plus", "fixed"]
    home: str
    key: str  # secrets.permanent_key

    def __post_init__(self) -> None:
        longest = self.encode(2**63 - 1).rpartition("@")[0]
        if len(longest) > _LONGEST_LOCAL:
            raise HeaderRefused(
                f"The local part of {self.home} is too long for a return path of its own for each mail.",
                remedy='Use return_path = "fixed", or a shorter address.',
                key="return_path_too_long",
                field="MAIL FROM",
                address=self.home,
            )

    def encode(self, delivery_id: int) -> str:
        """The envelope sender of this delivery, without <>."""
        if self.kind == "fixed":
            return self.home
        tail = f"{_base32_number(delivery_id)}-{self._mac(delivery_id)}"
        if self.kind == "verp":
            return f"b+{tail}@{self.home}"
        local, _, domain = self.home.rpartition("@")
        return f"{local}+{tail}@{domain}"

    def decode(self, address: str) -> int | None:
        """The delivery, or None: not of this form, another domain, or a MAC that is not ours.

        Letters of any case: some servers answer in capitals. The comparison takes constant time.
        """
        local, _, domain = address.strip().strip("<>").lower().rpartition("@")
        prefix, home_domain = self._home()
        if self.kind == "fixed" or domain != home_domain or not local.startswith(prefix):
            return None
        digits, dash, mac = local.removeprefix(prefix).partition("-")
        delivery_id = _number(digits)
        if not dash or delivery_id is None or not mac.isascii():
            return None
        return delivery_id if hmac.compare_digest(mac, self._mac(delivery_id)) else None

    def _home(self) -> tuple[str, str]:
        local, _, domain = self.home.lower().rpartition("@")
        return ("b+" if self.kind == "verp" else f"{local}+"), domain

    def _mac(self, delivery_id: int) -> str:
        digest = hmac_sha256(self.key, "return-path", b"%d" % delivery_id)
        return base32(digest[:10])[:_MAC_CHARACTERS]


def _base32_number(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, 32)
        digits = _DIGITS[digit] + digits
        if not number:
            return digits


def _number(digits: str) -> int | None:
    """None for what `_base32_number` would not write (a leading "a" is a leading zero)."""
    if not 0 < len(digits) <= _LONGEST_ID or (len(digits) > 1 and digits[0] == "a"):
        return None
    number = 0
    for digit in digits:
        if digit not in _VALUES:
            return None
        number = number * 32 + _VALUES[digit]
    return number
