"""The short reference in a person's mails, for those who phone: K7Q-492.

Owns its alphabet, its making and its reading. Not unique by itself: `store` asks the table.
"""

from __future__ import annotations

import re
import unicodedata
from random import Random

# No 0 O 1 I, which are misread, and no other vowels, which make words. 29^6 = 595 million.
ALPHABET = "23456789BCDFGHJKLMNPQRSTVWXYZ"
LENGTH = 6

_DASHES = re.compile(r"[\s\u00ad\u2010-\u2015\u2212\u30fc\uff70_.-]+")  # ー is what a Japanese keyboard gives


def make(random: Random) -> str:
    """Six characters as stored: `K7Q492`."""
    return "".join(random.choices(ALPHABET, k=LENGTH))


def show(reference: str) -> str:
    """As printed and read out: `K7Q-492`."""
    return f"{reference[:3]}-{reference[3:]}"


def read(text: str) -> str | None:
    """The stored form of what was typed: any case, width and dash. None: this is no reference."""
    reference = _DASHES.sub("", unicodedata.normalize("NFKC", text)).upper()
    if len(reference) == LENGTH and all(character in ALPHABET for character in reference):
        return reference
    return None
