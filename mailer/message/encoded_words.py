"""RFC 2047: text that is not ASCII in a subject or a name, and nothing else.

Owns the split into encoded-words (base64, UTF-8, each valid on its own) and the folding of
plain ASCII. Takes text that `inputs` has let through. `headers` calls it once per edition.
"""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Iterator

_OPEN, _CLOSE = "=?UTF-8?B?", "?="
_WORD = 75  # characters of one encoded-word, RFC 2047 §2
_LINE = 76  # characters of a line that holds one
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_PRINTABLE = re.compile(r"[ -~]*")
_JOINERS = "\u200d\ufe0e\ufe0f\u034f"


def unstructured(name: str, text: str) -> str:
    """The whole header line(s) with CRLF: ASCII as it is, folded at blanks; anything else in base64."""
    plain = _folded_ascii(name, text)
    return plain if plain is not None else f"{name}: {_encode(text, len(name) + 2)}\r\n"


def mailbox(name: str, phrase: str, address: str) -> str:
    """`Name: phrase <address>` with CRLF. RFC 5322 §3.4.

    A name that would need folding or that holds both quotes and length is encoded: readers lose the
    quotes of a folded quoted-string and see three addresses (EMAIL R4).
    """
    words = quoted_phrase(phrase)
    if words is None or len(f"{name}: {words} <{address}>") > _LINE:
        words = _encode(phrase, len(name) + 2)
    last = words.rpartition("\r\n")[2]
    start = len(name) + 2 if last == words else 0
    blank = " " if start + len(last) + 1 + len(address) + 2 <= _LINE else "\r\n "
    return f"{name}: {words}{blank}<{address}>\r\n"


def quoted_phrase(text: str) -> str | None:
    """ASCII as atoms or as a quoted-string; None if it cannot be written so. RFC 5322 §3.2.5."""
    if not _PRINTABLE.fullmatch(text) or "=?" in text:
        return None
    if _ATOMS.fullmatch(text):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def clusters(text: str) -> list[str]:
    """What a reader sees as one character stays together: marks, ZWJ emoji, flags, skin tones.

    A close-enough UAX 29: the standard library has no grapheme table, and an error costs only a
    less lucky split, never a wrong character.
    """
    out: list[str] = []
    flags = 0  # regional indicators in a row: two make a flag
    for character in text:
        indicator = "\U0001f1e6" <= character <= "\U0001f1ff"
        if out and (_extends(character) or out[-1].endswith("\u200d") or (indicator and flags % 2)):
            out[-1] += character
        else:
            out.append(character)
        flags = flags + 1 if indicator else 0
    return out


def _extends(character: str) -> bool:
    return (
        character in _JOINERS
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= character <= "\U000e007f"  # flags of regions
        or character in "ﾞﾟ"  # half-width voicing marks
    )


def _encode(text: str, column: int) -> str:
    """Encoded-words joined by CRLF and one blank, which readers take out between two of them (§6.2)."""
    words = [_OPEN + b64encode(run).decode("ascii") + _CLOSE for run in _runs(text, column)]
    return "\r\n ".join(words)


def _runs(text: str, column: int) -> Iterator[bytes]:
    """UTF-8 of as many whole clusters as one word holds; the first has less room (the header's name)."""
    room = _octets(min(_WORD, _LINE - column))
    run = b""
    for cluster in clusters(text):
        encoded = cluster.encode()
        pieces = [encoded] if len(encoded) <= room else [c.encode() for c in cluster]
        for piece in pieces:
            if run and len(run) + len(piece) > room:
                yield run
                run, room = b"", _octets(_WORD)
            run += piece
    yield run


def _octets(characters: int) -> int:
    """How many bytes a word of so many characters carries: 45 in 75."""
    return (characters - len(_OPEN) - len(_CLOSE)) // 4 * 3


def _folded_ascii(name: str, text: str) -> str | None:
    """None where plain text would not survive: other characters, runs of blanks, endless words, "=?"."""
    if not _PRINTABLE.fullmatch(text) or "  " in text or "=?" in text:
        return None
    lines, line = [], f"{name}:"
    for word in text.split(" "):
        if len(line) + 1 + len(word) > _LINE and line.strip():
            if line == f"{name}:":  # a line of its own for the name alone confuses readers
                return None
            lines.append(line)
            line = ""
        line += f" {word}"
        if len(line) > _LINE:
            return None
    return "\r\n".join([*lines, line]) + "\r\n"
