"""What stands alone on a line: pictures, buttons, and resources with their last day.

Owns their attributes and where they may lead. What "alone" means is `lines`' affair. Called by `markdown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Final

from markdown_it.token import Token

from ..model import Button, ButtonRow, Figure, ResourceBox
from . import inline
from .faults import near
from .lines import Inside, content_of, links_of
from .links import LinkKind, folder_path, kind_of

if TYPE_CHECKING:
    from .markdown import Reader

_NOWHERE: Final = "about:blank"  # instead of what no mail may link to: a draft is shown, too
_BY_CAPTION: Final = "caption"  # {alt=caption}: the caption says all there is to see
_Rows = Sequence[tuple[int, list[Token]]]  # (line of the text, its tokens)


def figures(reader: Reader, rows: _Rows, inside: Inside) -> Iterable[Figure]:
    for line, tokens in rows:
        if inside:
            reader.fault("misplaced", line, reason="picture")
        yield _figure(reader, content_of(tokens)[0], line)


def _figure(reader: Reader, token: Token, line: int) -> Figure:
    source = str(token.attrs.get("src", ""))
    alt = inline.read(token.children or [], line, reader, links=False).plain
    caption = reader.inline(str(token.attrs.get("title", "")), line)
    said = token.attrs.get("alt", "")  # the attribute; markdown-it leaves it empty where nobody wrote it
    unknown = set(token.attrs) & {"class", "until", "lang"} or token.meta.get("insecure_attrs")
    if unknown or said not in ("", _BY_CAPTION):
        reader.fault("unknown_attribute", line, name="{…}", known=f'"…", {{alt={_BY_CAPTION}}}')
    path = folder_path(source)
    if kind_of(source) in (LinkKind.WEB, LinkKind.FORBIDDEN) or source.startswith("//"):
        reader.fault("remote_picture", line, path=source[:80])
    elif path is None or not path.startswith("images/"):
        reader.fault("path_outside", line, path=source[:80])
    elif path not in reader.files:
        reader.fault("picture_not_found", line, path=path, **near(path, reader.files))
    credit = reader.about.issue.own_credit(path or source, reader.about.language)
    return Figure(path or source, alt, caption, credit, said == _BY_CAPTION and not alt)


def button_row(reader: Reader, rows: _Rows) -> ButtonRow:
    return ButtonRow(tuple(_button(reader, link, line) for line, tokens in rows for link in links_of(tokens)))


def _button(reader: Reader, link: list[Token], line: int) -> Button:
    opening = link[0]
    inline.judge_attributes(opening, line, reader)
    if "until" in opening.attrs:
        reader.fault("button_with_until", line)
    label = inline.read(link[1:-1], line, reader, links=False).plain
    return Button(label, _target(reader, str(opening.attrs.get("href", "")), label, line))


def resources(reader: Reader, rows: _Rows, inside: Inside) -> Iterable[ResourceBox]:
    for line, tokens in rows:
        opening, *label, _ = content_of(tokens)
        inline.judge_attributes(opening, line, reader)
        if inside:
            reader.fault("resource_not_alone", line)
        text = inline.read(label, line, reader, links=False).plain
        target = _target(reader, str(opening.attrs.get("href", "")), text, line)
        until = _until(reader, opening, line)
        if reader.about.ends.setdefault(target, until) != until:
            reader.fault("resource_two_dates", line, target=target)
        yield ResourceBox(text, target, until)


def _until(reader: Reader, token: Token, line: int) -> date | None:
    value = token.attrs.get("until")
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        reader.fault("bad_until", line, value=str(value)[:40])
        return None


def _target(reader: Reader, href: str, label: str, line: int) -> str:
    """Where a link leads: the URL, or the path of a file of this issue."""
    inline.judge_link(href, line, reader)
    if not label:
        reader.fault("link_without_text", line, url=href[:80])
    if kind_of(href) is not LinkKind.FILE:
        return _NOWHERE if kind_of(href) is LinkKind.FORBIDDEN else href
    path = folder_path(href)
    if path is None:
        reader.fault("path_outside", line, path=href[:80])
    elif path not in reader.files:
        reader.fault("file_not_found", line, path=path, **near(path, reader.files))
    return path or href
