"""One cell at a time: its text made clean, and what stands in it – addresses, a state, a zone.

Owns the small readings that have no other owner, and the guard against formulas with its way back.
Pure functions; a cell that cannot be taken raises RefusedCell. Called by `rows` and `exporting`.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from zoneinfo import available_timezones

from .. import language
from ..errors import BadLanguage
from ..model import SubscriptionState
from .reasons import RefusedCell

LONGEST_NAME = 200  # characters; the longest company names on lists have some 120
LONGEST_VALUE = (
    2_000  # characters of an attribute: a remark, not a document; keeps a row within a page or two
)
LONGEST_CELL = 20_000  # characters of a cell of addresses: 500 of them
MOST_ADDRESSES = 1_000  # in one cell; the line number leaves room for 1,023
MOST_LANGUAGES = 10

# OWASP "CSV Injection": what makes a spreadsheet take a text for a formula; the wide forms do in Japanese Excel.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_ERRORS = frozenset(
    [
        "#N/A",
        "#REF!",
        "#VALUE!",
        "#NAME?",
        "#DIV/0!",
        "#NULL!",
        "#NUM!",
        "#SPILL!",
        "#CALC!",
        "#GETTING_DATA",
        "#FIELD!",
        "#BUSY!",
    ]
)
_BREAKS = re.compile(r"[ ]*[\t\n\v\f\r\x85\u2028\u2029][\s]*")
_SPACES = re.compile(r"  +")
_ENDS = " \t\r\n\v\f\u3000\u00a0\u200b\u2060\ufeff\u200e\u200f\x1a"  # what copying from pages and mails leaves around a text
_CONTROL = frozenset({"Cc", "Cs"})

_MAIL_TOKENS = re.compile(
    r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)'  # a quoted name or local part; one not closed takes all: to try again is quadratic
    r"|(?P<angle>[<＜][^<>＜＞]*+[>＞])"
    r"|(?P<break>[;；、,，\r\n\t]|\Z)"
    r'|[^"<＜;；、,，\r\n\t]++|.',
    re.DOTALL,
)
_MAILTO = re.compile(r"mailto:", re.IGNORECASE)

_STATES = {
    "pending": "unconfirmed waiting 確認待ち 確認待 確認中 未確認 承認待ち 保留 仮登録",
    "confirmed": "subscribed active registered 登録済み 登録済 登録 登録中 購読中 購読 配信中 確認済み 確認済 有効 本登録",
    "unsubscribed": "inactive left removed optout 停止 停止中 配信停止 配信停止中 解除 解除済み 解除済 配信解除 登録解除 "
    "退会 退会済み 退会済 脱退 購読停止 購読解除 不要 無効 配信不要",
}
_ZONES = {"日本": "Asia/Tokyo", "日本時間": "Asia/Tokyo", "日本標準時": "Asia/Tokyo", "jst": "Asia/Tokyo", "東京": "Asia/Tokyo"}  # fmt: skip


def guard(text: str) -> str:
    """For a file that a spreadsheet opens: a text that it would run gets an apostrophe in front."""
    return "'" + text if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """The way back: one apostrophe less."""
    return text[1:] if text[:1] == "'" and _GUARDED.match(text) else text


def fold(text: str) -> str:
    """For comparing words people type: no case, no width, no spaces, hyphens and underscores."""
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return re.sub(r"[\s_\-‐‑–—ー\u200b\u2060\ufeff]+", "", plain)


def read_text(text: str, longest: int) -> str:
    """NFC, trimmed, line breaks as spaces. Raises RefusedCell: control_character, too_long, cell_error.

    Plain text costs 0.4 µs: a million rows have several million such cells.
    """
    text = unguard(text)
    if not text.isprintable() or text[:1] == " " or text[-1:] == " ":
        text = _SPACES.sub(" ", _BREAKS.sub(" ", text.strip(_ENDS)))
        if any(unicodedata.category(character) in _CONTROL for character in text):
            raise RefusedCell("control_character")
    elif text[:1] == "#" and text in _ERRORS:
        raise RefusedCell("cell_error", value=text)
    if len(text) > longest:
        raise RefusedCell("too_long", limit=longest)
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


@lru_cache(maxsize=65_536)
def read_name(text: str) -> str:
    """A person's name as the person writes it: ㈱ and full-width spaces stay."""
    return read_text(text, LONGEST_NAME)


@lru_cache(maxsize=4_096)
def read_languages(text: str) -> str:
    """BCP 47 tags, best first, joined by commas; "" for none. Raises RefusedCell: bad_language."""
    plain = read_text(text, LONGEST_NAME)
    try:
        return ",".join(language.read_list(plain)[:MOST_LANGUAGES])
    except BadLanguage as error:
        raise RefusedCell("bad_language", value=error.facts.get("language", plain[:100])) from error


@lru_cache(maxsize=4_096)
def read_time_zone(text: str) -> str | None:
    """An IANA name, None for none. Raises RefusedCell: bad_time_zone."""
    plain = unicodedata.normalize("NFKC", read_text(text, LONGEST_NAME))
    if not plain:
        return None
    zone = _ZONES.get(fold(plain)) or _zones().get(plain.casefold().replace(" ", "_"))
    if zone is None:
        raise RefusedCell("bad_time_zone", value=plain[:100])
    return zone


@lru_cache(maxsize=4_096)
def read_state(text: str) -> str:
    """pending, confirmed or unsubscribed; "" for none. Raises RefusedCell: bad_state."""
    plain = read_text(text, LONGEST_NAME)
    state = _states().get(fold(plain))
    if state is None:
        raise RefusedCell("bad_state", value=plain[:100])
    return state


def read_mailboxes(text: str) -> list[str]:
    """The mailboxes of a cell: by ; 、 , line breaks, and spaces between bare addresses.

    `Tanaka, Keiko <k@x.jp>` is one: a comma in a name before angle brackets parts nothing. Raises
    RefusedCell: too_long, too_many_addresses.
    """
    if len(text) > LONGEST_CELL:
        raise RefusedCell("too_long", limit=LONGEST_CELL)
    mailboxes: list[str] = []
    name = ""  # pieces without an @, which may begin a name
    for piece in _pieces(_MAILTO.sub("", unguard(text).strip(_ENDS))):
        if "@" not in piece and "＠" not in piece:
            name = f"{name}, {piece}" if name else piece
        elif name and piece[-1] in ">＞":
            mailboxes.append(f"{name}, {piece}")
            name = ""
        else:
            mailboxes += [name] * bool(name) + _bare(piece)
            name = ""
    mailboxes += [name] * bool(name)
    if len(mailboxes) > MOST_ADDRESSES:
        raise RefusedCell("too_many_addresses", limit=MOST_ADDRESSES)
    return mailboxes


def _pieces(text: str) -> list[str]:
    """Between separators, which count only outside quotes and angle brackets; > ends a piece too."""
    pieces: list[str] = []
    piece = ""
    for token in _MAIL_TOKENS.finditer(text):
        if token["break"] is None:
            piece += token.group()
        if token["break"] is not None or token["angle"] is not None:
            if piece.strip(_ENDS):
                pieces.append(piece.strip(_ENDS))
            piece = ""
    return pieces


def _bare(piece: str) -> list[str]:
    """`a@x.jp b@y.jp` is two; anything else with a space is for the address rule to judge."""
    words = piece.split()
    if len(words) > 1 and not set('"<＜') & set(piece) and all("@" in word or "＠" in word for word in words):
        return words
    return [piece]


@lru_cache(maxsize=1)
def _zones() -> dict[str, str]:
    return {zone.casefold(): zone for zone in sorted(available_timezones())}


@lru_cache(maxsize=1)
def _states() -> dict[str, str]:
    words = {
        fold(word): str(SubscriptionState(state))
        for state, known in _STATES.items()
        for word in known.split()
    }
    return {"": "", **words, **{fold(state): str(state) for state in SubscriptionState}}
