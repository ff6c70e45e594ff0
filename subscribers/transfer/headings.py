"""Which column is what: headings in English and Japanese, or as the caller says.

Owns the words for columns and the refusal to guess: a table without a heading that is known as the
addresses is not read. Called by `tables_in` (to find delimiter and sheet) and by `importing`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..address import parse_mailbox
from ..errors import BadAddress
from .cells import fold, unguard
from .reasons import bad_table

MOST_COLUMNS = 1_000  # protects the time of every row; real lists have up to 100
LONGEST_ATTRIBUTE = 64  # characters of an attribute's name: it becomes a column of pages and exports
_SEARCHED_ROWS = 10  # a title or two may stand above the heading

FIELDS = ("email", "name", "languages", "time_zone", "state")
# The last column of the CSV of refused rows, by language; importing that file again passes over it.
REFUSAL = {"en": "Why it was refused", "ja": "取り込めなかった理由"}
SUPPRESSED, LISTS = "suppressed", "lists"  # columns of our own export, for people to read
_WORDS = {
    "email": "email mail mailaddress emailaddress メール メールアドレス Eメール Eメールアドレス 電子メール 電子メールアドレス "
    "メアド アドレス PCメール 配信先 配信先アドレス courriel",
    "name": "name fullname displayname subscribername 氏名 お名前 名前 御名前 ご氏名 御氏名 姓名 宛名 会員名 お客様名",
    "languages": "languages language lang langs 言語 希望言語 配信言語 使用言語 ご希望の言語 希望する言語 配信希望言語",
    "time_zone": "timezone tz zone タイムゾーン 時間帯 標準時",
    "state": "state status subscriptionstate 状態 登録状態 登録状況 配信状態 配信状況 ステータス 購読状態",
}
_ATTRIBUTE_PREFIXES = ("attr.", "属性.", "attribute.")
_PASSED_OVER = frozenset(fold(word) for word in (*REFUSAL.values(), SUPPRESSED, LISTS))
_KNOWN = {fold(word): field for field, words in _WORDS.items() for word in (field, *words.split())}


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, from 0; -1 = in no column."""

    headings: tuple[str, ...]  # as in the file; () where it has none
    heading_line: int  # 0 where the file has no heading
    email: int
    name: int = -1
    languages: int = -1
    time_zone: int = -1
    state: int = -1
    attributes: tuple[tuple[str, int], ...] = ()
    ignored: tuple[str, ...] = ()


def likeness(head: Sequence[tuple[int, list[str]]], named: Mapping[str | int, str]) -> tuple[int, int]:
    """How much this looks like a table: known headings in the best row, and its columns."""
    wanted = {fold(str(name)) for name in named}
    return max(
        ((len({h for h in map(_fold_heading, cells[:MOST_COLUMNS]) if _field(h) or h in wanted}), len(cells)) for _, cells in head[:_SEARCHED_ROWS]),
        default=(0, 0),
    )  # fmt: skip


def choose(
    head: Sequence[tuple[int, list[str]]], named: Mapping[str | int, str], *, has_headings: bool = True
) -> Columns:
    """The columns of the table that begins with `head`. `named`: heading or number (from 1) → field.

    Raises BadTable: no_headings, no_address_column, double_heading, unknown_column, too_many_columns, …
    """
    named = {heading: _named_field(field) for heading, field in named.items()}
    if not head:
        raise bad_table("empty")
    line, cells = _heading(head, named) if has_headings else (0, head[0][1])
    # Excel writes empty columns after the last one.
    cells = cells[: max((at for at, cell in enumerate(cells, start=1) if cell.strip()), default=0)]
    if len(cells) > MOST_COLUMNS:
        raise bad_table("too_many_columns", columns=len(cells), limit=MOST_COLUMNS)
    headings = tuple(cells) if has_headings else ()
    found = _by_name(named, headings, max(len(row) for _, row in head))
    for at, heading in enumerate(headings):
        field = _attribute(heading) or _field(_fold_heading(heading))
        if field and at not in found.values() and field not in named.values():
            if field in found:
                raise bad_table("double_heading", field=field, first=found[field] + 1, second=at + 1)
            found[field] = at
    if "email" not in found:
        raise _no_addresses(head, headings or cells, line)
    return Columns(
        headings=headings,
        heading_line=line,
        **{field: at for field, at in found.items() if field in FIELDS},
        attributes=tuple((field.partition(".")[2], at) for field, at in found.items() if field not in FIELDS),
        ignored=tuple(_ignored(headings, set(found.values()))),
    )


def _heading(head: Sequence[tuple[int, list[str]]], named: Mapping[str | int, str]) -> tuple[int, list[str]]:
    """The first row with a heading for the addresses; else the first row, for the error to speak of."""
    wanted = {fold(str(heading)) for heading, field in named.items() if field == "email"}
    if any(field == "email" and _number(heading) for heading, field in named.items()):
        return head[0]
    for line, cells in head[:_SEARCHED_ROWS]:
        if any(
            _field(_fold_heading(cell)) == "email" or fold(cell) in wanted for cell in cells[:MOST_COLUMNS]
        ):
            return line, cells
    return head[0]


def _by_name(named: Mapping[str | int, str], headings: Sequence[str], columns: int) -> dict[str, int]:
    folded = [fold(heading) for heading in headings]
    found: dict[str, int] = {}
    for heading, field in named.items():
        if isinstance(heading, str) and fold(heading) in folded:
            at = folded.index(fold(heading))
        elif 0 < (number := _number(heading)) <= columns:
            at = number - 1
        else:
            raise bad_table("unknown_column", column=heading, headings=", ".join(headings) or f"1–{columns}")
        if field in found:
            raise bad_table("double_heading", field=field, first=found[field] + 1, second=at + 1)
        found[field] = at
    return found


def _number(heading: str | int) -> int:
    """0 where it is a word."""
    text = str(heading).strip()
    return int(text) if text.isdecimal() and len(text) <= 4 else 0


def _named_field(field: str) -> str:
    known = _attribute(field) or _field(fold(field))
    if not known:
        raise bad_table("unknown_field", field=field)
    return known


def _fold_heading(heading: str) -> str:
    return fold(heading.strip().strip(":：*＊※()（）[]【】■●"))


def _field(folded: str) -> str:
    return _KNOWN.get(folded, "")


def _attribute(heading: str) -> str:
    """`属性．市` → `attr.市`, "" if it is no attribute. Raises BadTable: bad_attribute."""
    plain = unicodedata.normalize("NFKC", unguard(heading)).strip()
    for prefix in _ATTRIBUTE_PREFIXES:
        if plain.casefold().startswith(prefix):
            name = unicodedata.normalize("NFC", unguard(heading).strip())[len(prefix) :].strip()
            if not name or len(name) > LONGEST_ATTRIBUTE or not name.isprintable():
                raise bad_table("bad_attribute", heading=heading[:100], limit=LONGEST_ATTRIBUTE)
            return f"attr.{name}"
    return ""


def _ignored(headings: Sequence[str], used: set[int]) -> list[str]:
    return [
        heading.strip()[:100]
        for at, heading in enumerate(headings)
        if at not in used and heading.strip() and fold(heading) not in _PASSED_OVER
    ]


def _no_addresses(head: Sequence[tuple[int, list[str]]], headings: Sequence[str], line: int) -> Exception:
    if any(_is_address(cell) for cell in headings):
        return bad_table("no_headings")
    below = [cells for at, cells in head if at > line]
    for column, heading in enumerate(headings):
        if any(column < len(cells) and _is_address(cells[column]) for cells in below):
            return bad_table("address_column_not_named", column=column + 1, heading=heading[:100])
    return bad_table("no_address_column", headings=", ".join(h.strip()[:40] for h in headings[:20]) or "–")


def _is_address(text: str) -> bool:
    try:
        parse_mailbox(text.strip())
    except BadAddress:
        return False
    return True
