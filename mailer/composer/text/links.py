"""Where a link may lead: the closed list of schemes, the files of the issue, and addresses that lead nowhere.

Owns what an author's URL is. Opens nothing and resolves nothing. Called by `inline`, `markdown`,
`resources` and `checks`.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import Final
from urllib.parse import unquote, urlsplit


class LinkKind(StrEnum):
    WEB = "web"
    MAIL = "mail"
    TELEPHONE = "telephone"
    ANCHOR = "anchor"  # "#garden": a section of the same letter
    FILE = "file"  # "files/x.pdf" of the issue folder
    DEAD = "dead"  # a placeholder that was never filled in: found by the gate, not by the reader
    INCOMPLETE = "incomplete"  # "www.example.org", "../x": nobody can open it from a mail
    FORBIDDEN = "forbidden"  # javascript:, data:, file: and whatever else is not on the list


_SCHEMES: Final = {
    "http": LinkKind.WEB,
    "https": LinkKind.WEB,
    "mailto": LinkKind.MAIL,
    "tel": LinkKind.TELEPHONE,
}
_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*):", re.I)
# A browser drops these inside a scheme (WHATWG URL, "tab or newline"; leading C0 and spaces).
_INVISIBLE: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u200b-\u200f\u2028\u2029\u2060\ufeff]")
_PLACEHOLDER: Final = re.compile(
    r"(?:^|[/.#])(?:todo|tbd|xxx+|fixme)(?:$|[/.#])|^(?:url|link|リンク|後日(?:掲載|公開|追加)|準備中|調整中|未定|coming[ -]?soon)$",
    re.I,
)
_NOWHERE: Final = re.compile(r"^(?:localhost|127\.[\d.]+|0\.0\.0\.0|\[?::1\]?|[^.]+\.localhost)$", re.I)
# ASCII only: in Japanese a sentence goes on right behind an address, 「https://example.org/を見る」.
BARE_URL: Final = re.compile(r"https?://[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_TRAILING: Final = ".,;:!?'"


def kind_of(url: str) -> LinkKind:
    """What an author's link is. Judged on the form a browser would see: without invisible characters."""
    seen = _INVISIBLE.sub("", url)
    if seen in ("", "#") or _PLACEHOLDER.search(unquote(seen)):
        return LinkKind.DEAD
    if seen.startswith("#"):
        return LinkKind.ANCHOR
    if match := _SCHEME.match(seen):
        return _of_scheme(match[1].lower(), seen)
    return LinkKind.FILE if unquote(seen).startswith("files/") else LinkKind.INCOMPLETE


def _of_scheme(scheme: str, url: str) -> LinkKind:
    kind = _SCHEMES.get(scheme, LinkKind.FORBIDDEN)
    rest = url.split(":", 1)[1]
    if kind is LinkKind.WEB:
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:  # "http://[" and its like
            return LinkKind.INCOMPLETE
        return LinkKind.DEAD if not host or _NOWHERE.match(host) else kind
    return LinkKind.DEAD if kind in (LinkKind.MAIL, LinkKind.TELEPHONE) and not rest else kind


def readable(url: str) -> str:
    """An address as a person typed it: 「後日」 and not “%E5%BE%8C%E6%97%A5”."""
    plain = unquote(url)
    return url if "\ufffd" in plain or not plain.isprintable() else plain


def folder_path(url: str) -> str | None:
    """`images/a.jpg` or `files/x.pdf` as the folder names it (NFC, percent signs undone); None if it leaves the folder."""
    path = unicodedata.normalize("NFC", unquote(url))
    parts = path.split("/")
    inside = (
        parts[0] in ("images", "files") and len(parts) > 1 and all(p not in ("", ".", "..") for p in parts)
    )
    return path if inside and "\\" not in path and "\x00" not in path else None


def cut(text: str) -> list[tuple[str, bool]]:
    """A run of text in pieces: (piece, is it a bare web address?). Closing marks behind an address stay text."""
    pieces: list[tuple[str, bool]] = []
    end = 0
    for match in BARE_URL.finditer(text):
        url = _without_trailing(match[0])
        if kind_of(url) is LinkKind.WEB:
            pieces += [(text[end : match.start()], False), (url, True)]
            end = match.start() + len(url)
    return [(piece, is_url) for piece, is_url in [*pieces, (text[end:], False)] if piece]


def _without_trailing(url: str) -> str:
    while url and (url[-1] in _TRAILING or (url[-1] == ")" and url.count(")") > url.count("("))):
        url = url[:-1]
    return url
