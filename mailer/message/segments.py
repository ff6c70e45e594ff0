"""A body part encoded once, with its slots left open: filling it is a join of byte strings.

Owns base64 and quoted-printable around slots (RFC 2045 §6.7, §6.8), and what a value may bring in.
Knows no header and no edition; `build` calls it. A slot is a token such as @@NAME@@.

How the seams hold. A line may be shorter than 76 characters, so each static segment starts a line
of its own and is encoded beforehand. Base64: it is kept in three alignments, because the bytes
before it leave 0, 1 or 2 over; a seam (left-over + value + the first bytes that complete a group of
three) gets its own short line. Quoted-printable: the value stands between two soft line breaks.
"""

from __future__ import annotations

import html
import re
import unicodedata
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

SLOT = re.compile(r"@@([A-Z][A-Z0-9_]*)@@")
_IN_URL = re.compile(r"""(?:href|src)\s*=\s*["'][^"'<>]+$""", re.IGNORECASE)
_SIGHT = 2000  # characters before a slot that are looked at for the URL it may stand in
_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE_BYTES = 57  # 76 characters of base64
_QP_LINE = 75  # and the "=" of a soft line break

# A value is a person's text: a line break or C1 would be inert in a body but clips mail at Gmail, a
# bidi override would turn round what stands behind it, a lone surrogate has no UTF-8.
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_BLANKED = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

Escape = Callable[[str], str]


def value(text: str) -> str:
    """What a slot shows of this text: NFC, control characters as blanks, bidi overrides gone."""
    if _UNFIT.search(text):
        text = _UNFIT.sub("", _BLANKED.sub(" ", text))
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _plain(text: str) -> str:
    return text


def _in_url(text: str) -> str:
    return quote(text, safe="")


def body(text: str) -> str:
    """The form in which a text is encoded: NFC, CRLF, exactly one line end at the end (RFC 2045 §6.7 (3))."""
    return _LINE_END.sub("\r\n", unicodedata.normalize("NFC", text)).rstrip("\r\n") + "\r\n"


@dataclass(frozen=True, slots=True)
class Hole:
    """Where a slot stands. The escape depends on what is around it: text, a whole URL, part of a URL."""

    slot: str
    escape: Escape


# ── base64 ──────────────────────────────────────────────────────────────────────────────────────

# (head, middle, tail) of a static segment: `head` completes the group of three begun before it,
# `middle` is encoded with its line ends, `tail` (0 … 2 bytes) is left over. Middle None: the segment is
# too short to complete the group, and all of it is in `head`.
_Aligned = tuple[bytes, bytes | None, bytes]


@dataclass(frozen=True, slots=True)
class Base64Part:
    encoding = "base64"
    first: _Aligned
    rest: tuple[tuple[Hole, tuple[_Aligned, _Aligned, _Aligned]], ...]  # a slot and what follows it

    def fill(self, values: Mapping[str, str]) -> list[bytes]:
        """Chunks to join, ending in CRLF. `values` went through `value`. KeyError for a slot without one."""
        _, middle, carry = self.first
        chunks = [middle or b""]
        for hole, variants in self.rest:
            carry += hole.escape(values[hole.slot]).encode()
            head, middle, tail = variants[len(carry) % 3]
            carry += head
            if middle is not None:
                chunks += _base64_lines(carry), middle
                carry = tail
        chunks.append(_base64_lines(carry))
        return chunks


def _base64_part(statics: list[bytes], holes: list[Hole]) -> Base64Part:
    variants = [(_aligned(s, 0), _aligned(s, 1), _aligned(s, 2)) for s in statics]
    return Base64Part(variants[0][0], tuple(zip(holes, variants[1:], strict=True)))


def _aligned(segment: bytes, left_over: int) -> _Aligned:
    missing = -left_over % 3
    if len(segment) < missing:
        return segment, None, b""
    end = len(segment) - (len(segment) - missing) % 3
    return segment[:missing], _base64_lines(segment[missing:end]), segment[end:]


def _base64_lines(content: bytes) -> bytes:
    """Lines of at most 76 characters, each with CRLF; nothing for nothing."""
    if 0 < len(content) <= _LINE_BYTES:  # a seam, nearly always
        return b2a_base64(content, newline=False) + b"\r\n"
    return b"".join(
        b2a_base64(content[i : i + _LINE_BYTES], newline=False) + b"\r\n"
        for i in range(0, len(content), _LINE_BYTES)
    )


# ── quoted-printable ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class QuotedPart:
    encoding = "quoted-printable"
    first: bytes
    rest: tuple[tuple[Hole, bytes], ...]

    def fill(self, values: Mapping[str, str]) -> list[bytes]:
        """Chunks to join, ending in the CRLF of the last line. As `Base64Part.fill`."""
        chunks = [self.first]
        for hole, static in self.rest:
            chunks += _quoted_value(hole.escape(values[hole.slot])), static
        return chunks


def _quoted_part(statics: list[str], holes: list[Hole]) -> QuotedPart:
    *before, last = statics
    encoded = [_closed(_quoted(text)) for text in before] + [_quoted(last)]
    return QuotedPart(encoded[0], tuple(zip(holes, encoded[1:], strict=True)))


def _closed(encoded: bytes) -> bytes:
    """With a soft line break, unless it ends with a line already: what follows starts at column 0."""
    return encoded if not encoded or encoded.endswith(b"\r\n") else encoded + b"=\r\n"


@lru_cache(maxsize=1024)  # half of the values of a batch repeat: dates, list addresses
def _quoted_value(text: str) -> bytes:
    return _closed(_quoted(text))


def _quoted(text: str) -> bytes:
    """Lines of at most 76 characters; the text starts at column 0. Its relaxed form (RFC 6376 §3.4.4) is itself.

    So that hashing needs no second form: no blank behind a blank, no TAB, none at the end of a line.
    """
    return b"\r\n".join(map(_quoted_line, text.split("\r\n")))


def _quoted_line(line: str) -> bytes:
    lines: list[bytes] = []
    out = b""
    for position, character in enumerate(line):
        token = _token(character)
        if character == " " and (position + 1 == len(line) or line[position - 1 : position] == " "):
            token = b"=20"
        if len(out) + len(token) > _QP_LINE:
            lines.append(out + b"=")
            out = b""
        if not out and (character == "." or line.startswith("From ", position)):
            token = b"=%02X" % ord(character)  # a dot needs stuffing, "From " a ">" in old mailboxes
        out += token
    return b"\r\n".join([*lines, out])


@lru_cache(maxsize=8192)
def _token(character: str) -> bytes:
    """A whole character is one token: some readers decode line by line and break one that is split."""
    if character == " " or ("!" <= character <= "~" and character != "="):
        return character.encode()
    return b"".join(b"=%02X" % byte for byte in character.encode())


# ── compiling ───────────────────────────────────────────────────────────────────────────────────

Part = Base64Part | QuotedPart


def compile_part(text: str, *, is_html: bool) -> Part:
    """The smaller of both encodings (F47: Japanese is a fifth smaller in base64). Never 8bit or 7bit.

    Raises UnicodeEncodeError for a lone surrogate.
    """
    pieces = SLOT.split(body(text))
    statics = pieces[0::2]
    holes = [
        Hole(name, _escape("".join(pieces[: 2 * i + 1])[-_SIGHT:], is_html=is_html))
        for i, name in enumerate(pieces[1::2])
    ]
    raw = "".join(statics).encode()
    if len(b2a_qp(raw, istext=True)) <= len(raw) * 4 / 3 * 78 / 76:
        return _quoted_part(statics, holes)
    return _base64_part([static.encode() for static in statics], holes)


def slots(part: Part) -> Iterable[str]:
    return (hole.slot for hole, _ in part.rest)


def _escape(before: str, *, is_html: bool) -> Escape:
    """Text part: as it is. HTML: &lt; and so on, also in attributes; inside a longer URL percent-encoded."""
    if not is_html:
        return _plain
    return _in_url if _IN_URL.search(before) else html.escape
