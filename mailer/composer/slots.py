"""The fields of each reader that an edition may hold: a closed list.

Owns the tokens and how long a value can become. Fills nothing that is sent; that is `message`'s.
Called by `editions`, `checks`, `preview` and `message`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

# Anything between @@ and @@ that could be meant as one; "@@" itself never comes from an author (`inline`).
_TOKEN: Final = re.compile(r"@@([^@\s<>\"']{1,40})@@")


@dataclass(frozen=True, slots=True)
class Slot:
    """`longest_bytes`: UTF-8, escaped for HTML; for the size that a mail could reach."""

    name: str
    kind: Literal["text", "url"]
    longest_bytes: int

    @property
    def token(self) -> str:
        return f"@@{self.name}@@"


SLOTS: Final[Mapping[str, Slot]] = {
    slot.name: slot
    for slot in (
        Slot("EMAIL", "text", 260),  # 254 octets (RFC 5321), & escaped
        Slot("NAME", "text", 300),
        Slot("REFERENCE", "text", 7),
        Slot("SINCE", "text", 60),
        Slot("UNSUBSCRIBE", "url", 400),
        Slot("PREFERENCES", "url", 400),
    )
}


def tokens_in(text: str) -> frozenset[str]:
    """Names between @@ signs, known or not."""
    return frozenset(_TOKEN.findall(text))


def unknown_in(text: str) -> frozenset[str]:
    return tokens_in(text) - SLOTS.keys()


def longest_bytes(text: str) -> int:
    """UTF-8 size with every slot at its longest."""
    size = len(text.encode())
    for slot in SLOTS.values():
        size += text.count(slot.token) * max(0, slot.longest_bytes - len(slot.token))
    return size


def fill(text: str, values: Mapping[str, str], *, html: bool) -> str:
    """`text` with a value for every field, to be looked at; what is sent is filled by `message`."""
    for slot in SLOTS.values():
        value = values[slot.name]
        text = text.replace(slot.token, escape(value) if html else value)
    return text
