"""A paragraph by its source lines: text, or a picture, buttons or a resource alone on a line.

Owns what "alone on a line" means. Makes no block. Called by `markdown`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from markdown_it.token import Token

from .links import LinkKind, kind_of

LineKind = Literal["text", "figure", "button", "resource"]
Inside = Literal["", "note", "event", "list", "quote"]  # what a block stands in


def lines_of(tokens: Sequence[Token]) -> list[list[Token]]:
    """Tokens by source line. A break inside emphasis or a link does not end a line; the break leads the next one."""
    lines: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += token.nesting
        if token.type in ("softbreak", "hardbreak") and depth == 0:
            lines.append([token])
        else:
            lines[-1].append(token)
    return lines


def leads_with_break(tokens: Sequence[Token]) -> int:
    return int(bool(tokens) and tokens[0].type in ("softbreak", "hardbreak"))


def content_of(tokens: Sequence[Token]) -> list[Token]:
    """Without breaks and white space."""
    blank = ("softbreak", "hardbreak")
    return [t for t in tokens if t.type not in blank and not (t.type == "text" and not t.content.strip())]


def links_of(tokens: Sequence[Token]) -> list[list[Token]]:
    """The links of a line that holds nothing but links; else nothing."""
    found: list[list[Token]] = []
    within = False
    for token in content_of(tokens):
        if token.type == "link_open":
            found.append([])
            within = True
        elif not within:
            return []
        found[-1].append(token)
        within = within and token.type != "link_close"
    return found


def kind_of_line(tokens: Sequence[Token], inside: Inside) -> LineKind:
    content = content_of(tokens)
    if len(content) == 1 and content[0].type == "image":
        return "figure"
    links = links_of(tokens)
    if links and all("button" in str(link[0].attrs.get("class", "")).split() for link in links):
        return "button"
    if len(links) == 1 and "class" not in links[0][0].attrs:
        opening = links[0][0].attrs
        if "until" in opening or (not inside and kind_of(str(opening.get("href", ""))) is LinkKind.FILE):
            return "resource"
    return "text"
