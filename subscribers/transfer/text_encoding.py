"""Which encoding a text file is in, found by reading all of it once.

Owns the decision between UTF-8, UTF-16, CP932 and what is no text at all. A byte that cannot be
read in line 900,000 is found before anything is written. Called by `csv_in`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from .reasons import bad_table

# Characters between two line breaks. Protects memory: a line is held at once. A row of 100 cells has some 2,000.
LONGEST_LINE = 1 << 20
_BLOCK_BYTES = 1 << 20
_HEAD_BYTES = 1 << 16

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_ESCAPED_JAPANESE = re.compile(rb"\x1b(?:\$[@B]|\([JIB])")
# ^Z may end a file from an old program, ESC is ISO-2022-JP.
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x19\x1c-\x1f]")
_SIGNS: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (rb"%PDF", "PDF"), (rb"\x89PNG", "PNG"), (rb"\xff\xd8\xff", "JPEG"), (rb"GIF8", "GIF"),
        (rb"RIFF", "RIFF"), (rb"\x1f\x8b", "gzip"), (rb"7z\xbc\xaf", "7z"), (rb"Rar!", "RAR"), (rb"BM.{4}\0\0", "BMP"),
        (rb"\{\\rtf", "RTF"), (rb"SQLite format 3", "SQLite"), (rb"\s*BEGIN:VCARD", "vCard"),
        (rb"\s*<\?xml", "XML"), (rb"\s*<!DOCTYPE|\s*<(?:html|head|body|meta|table|style|script|div)\b", "HTML"),
        (rb"\s*[\[{]\s*[\[{\"]", "JSON"),
    )
)  # fmt: skip
# Python takes the bytes that CP932 leaves free for these.
_NOT_CP932 = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
# What a caller may name: text encodings that are met in lists of addresses, by Python's names.
_NAMEABLE = frozenset(
    [
        "utf-8-sig",
        "utf-8",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "cp932",
        "shift_jis",
        "euc_jp",
        "iso2022_jp",
        "cp1252",
        "iso8859-1",
        "iso8859-15",
        "cp1250",
        "cp1251",
        "cp1254",
        "cp1256",
        "cp874",
        "gb18030",
        "big5hkscs",
        "euc_kr",
        "cp949",
    ]
)


def find(file: BinaryIO, wanted: str | None = None) -> str:
    """Python's name of the encoding. Raises BadTable: empty, not text, a line too long or unreadable."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    encoding = _named(wanted) if wanted else marked
    _refuse_what_is_no_text(head, two_bytes=(encoding or "").startswith("utf-16"))
    if encoding:
        if line := _unreadable_line(file, encoding):
            raise bad_table("wrong_encoding" if wanted else "damaged_text", encoding=encoding, line=line)
        return encoding
    return _guess(file, head)


def _refuse_what_is_no_text(head: bytes, *, two_bytes: bool) -> None:
    if not head.strip(b"\r\n\t \x1a\xef\xbb\xbf\xff\xfe"):
        raise bad_table("empty")
    for sign, kind in _SIGNS:
        if sign.match(head.removeprefix(codecs.BOM_UTF8)):
            raise bad_table("not_a_table", kind=kind)
    # One stray sign costs its row; a picture has a control byte in every eleven.
    if not two_bytes and (b"\0" in head or len(_CONTROL.findall(head)) > 3 + len(head) // 100):
        raise bad_table("binary")


def _named(wanted: str) -> str:
    try:
        name = codecs.lookup(wanted).name
    except (LookupError, ValueError):
        name = ""
    if name not in _NAMEABLE:
        raise bad_table("no_such_encoding", encoding=wanted)
    # Excel's mark must not become part of the first heading.
    return "utf-8-sig" if name == "utf-8" else name


def _guess(file: BinaryIO, head: bytes) -> str:
    if _ESCAPED_JAPANESE.search(head):
        if line := _unreadable_line(file, "iso2022_jp"):
            raise bad_table("unknown_encoding", line=line)
        return "iso2022_jp"
    damaged = _unreadable_line(file, "utf-8")
    if not damaged:
        return "utf-8"
    # CP932 takes nearly any bytes: one broken sign in a UTF-8 file must not turn every name into 縺ゅ↑縺.
    if _is_mostly_utf8(file):
        raise bad_table("damaged_text", encoding="utf-8", line=damaged)
    if line := _unreadable_line(file, "cp932"):
        raise bad_table("unknown_encoding", line=line)
    return "cp932"


def _is_mostly_utf8(file: BinaryIO) -> bool:
    """Signs of three and four bytes are rare accidents in CP932; in damaged UTF-8 they are the rule."""
    good = bad = 0
    for block in _blocks(file):
        text = block.decode("utf-8", "replace")
        bad += text.count("\ufffd")
        good += len(re.findall("[\u0800-\ufffc\U00010000-\U0010ffff]", text))
    return good > 4 * bad


def _unreadable_line(file: BinaryIO, encoding: str) -> int:
    """The line of the first byte that cannot be read; 0 if all can be. Raises BadTable: line_too_long."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, run = 1, 0
    try:
        for block in _blocks(file):
            text = decoder.decode(block)
            if encoding == "cp932" and (odd := _NOT_CP932.search(text)):
                return line + text.count("\n", 0, odd.start())
            sign = "\n" if "\n" in text else "\r"
            first = text.find(sign)
            run += len(text) if first < 0 else first
            if run > LONGEST_LINE:
                raise bad_table("line_too_long", line=line, limit=LONGEST_LINE)
            run = run if first < 0 else len(text) - text.rfind(sign) - 1
            line += text.count(sign)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + error.object.count(b"\n", 0, error.start)
    except UnicodeError:
        return line
    return 0


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while block := file.read(_BLOCK_BYTES):
        yield block
