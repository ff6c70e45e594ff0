"""Addresses taken out of texts of others: a server's reply quotes the recipient, a fault its parameters.

Owns what counts as an address there. Pure. Used where a reply is shown to many or goes to the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

MASK = "‹address›"
_LONGEST_LOOK = 20_000  # characters: more is cut away, not searched

# A mailbox as servers write it: bare, quoted (RFC 5321 §4.1.2), of any script, and with the
# at sign as in a link (%40), in quoted-printable (=40), full-width, or spelled out. Each part is bounded, so
# that a hostile reply costs no more than its length.
_AT = r"(?:@|＠|%40|=40|&#64;|\s?[(\[]at[)\]]\s?)"
_ADDRESS = re.compile(
    rf'(?:"(?:[^"\\\r\n]|\\.){{0,64}}"|[^\s<>()\[\],;:"\'“”«»‹›`/?&=|]{{1,128}}){_AT}'
    r"[^\s<>()\],;:\"'“”«»‹›`/?&|]{0,254}[^\s<>()\],;:\"'“”«»‹›`/?&|.]",
    re.IGNORECASE,
)
_SHORTEST_NAME = 2  # characters: a local part of one would mask every “a”


def masked(text: str, names: Iterable[str] = ()) -> str:
    """`text` with every address as ‹address›; `names`: local parts that must not stand there alone either."""
    shown = _ADDRESS.sub(MASK, text[:_LONGEST_LOOK])
    for name in names:
        plain = name.strip('"')
        if len(plain) >= _SHORTEST_NAME:
            shown = re.sub(rf"(?<!\w){re.escape(plain)}(?!\w)", MASK, shown, flags=re.IGNORECASE)
    return shown


def masked_of(text: str, mailbox: str | None) -> str:
    """The same, without the local part of the mailbox that the text is about, if it is about one."""
    return masked(text, [local_part(mailbox)] if mailbox else ())


def local_part(mailbox: str) -> str:
    return mailbox.rpartition("@")[0]
