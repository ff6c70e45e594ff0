"""What stands between `:::` lines: galleries, notes and events.

Owns the grammar of the boxes and of their attributes. Called by `markdown`, which reads what is
inside them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.attrs.parse import ParseError, parse

from ..model import Block, Event, Figure, Gallery, Inline, Note
from . import inline
from .faults import near

if TYPE_CHECKING:
    from .markdown import Reader

MOST_PICTURES: Final = 8  # of a gallery: four rows on a desk, eight screens on a telephone
_HEAD: Final = re.compile(r"^\s*(?P<name>[\w-]+)(?P<title>[^{｛]*)(?P<attributes>[{｛].*)?$", re.S)
_KNOWN: Final[Mapping[str, tuple[str, ...]]] = {"gallery": (), "note": (), "event": ("start", "end", "place")}
# "定員: 会場30人". Short, so that a sentence with a colon stays a sentence.
_DETAIL: Final = re.compile(r"^\s*(?P<label>[^:：]{1,24}?)\s*[:：]\s*")
_DAY: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")
_CLOCK: Final = re.compile(r"^\d{1,2}:\d{2}$")


def read(reader: Reader, node: SyntaxTreeNode) -> Iterable[Block]:
    """The block of one container, or nothing with faults."""
    line = (node.map or (0, 0))[0]
    _judge_end(reader, node, line)
    name, title, attributes = _head(reader, node, line)
    if not node.children and name != "event":  # its head line says what, when and where
        reader.fault("empty_box", line, name=name)
        return []
    if name == "gallery":
        return _gallery(reader, node, line)
    if name == "note":
        return _note(reader, node, title)
    return _event(reader, node, title, attributes, line)


def _judge_end(reader: Reader, node: SyntaxTreeNode, line: int) -> None:
    """A box that is not closed ends with the section: everything below would be inside it."""
    end = (node.map or (0, 0))[1]
    lines = reader.text.split("\n")
    if end >= len(lines) or not lines[end].strip().startswith(":::"):
        reader.fault("unclosed_box", line, name=node.type.removeprefix("container_"))


def _head(reader: Reader, node: SyntaxTreeNode, line: int) -> tuple[str, str, dict[str, str]]:
    match = _HEAD.match(node.info)
    name = node.type.removeprefix("container_")
    title = (match["title"] if match else "").strip()
    written = ((match and match["attributes"]) or "").strip()
    attributes: dict[str, str] = {}
    if written:
        try:
            end, attributes = parse(written)
        except ParseError:
            end = -1
        if end != len(written) - 1:
            reader.fault("bad_braces", line, braces=written[:60])
            attributes = {}
    for key in attributes:
        if key not in _KNOWN[name]:
            known = ", ".join(_KNOWN[name]) or "–"
            reader.fault("unknown_attribute", line, name=key, known=known, **near(key, _KNOWN[name]))
    return name, reader.inline(title, line).plain, attributes


def _gallery(reader: Reader, node: SyntaxTreeNode, line: int) -> Iterable[Block]:
    from .markdown import line_of

    figures: list[Figure] = []
    for child in node.children:
        for block in reader.read([child], ""):
            if isinstance(block, Figure):
                figures.append(block)
            else:
                reader.fault("gallery_not_pictures", line_of(child))
    if len(figures) > MOST_PICTURES:
        reader.fault("gallery_too_many", line, count=len(figures), limit=MOST_PICTURES)
    return [Gallery(tuple(figures))] if figures else []


def _titled(
    reader: Reader, nodes: Sequence[SyntaxTreeNode], title: str
) -> tuple[str, Sequence[SyntaxTreeNode]]:
    """The title and what is left: a heading at the top of a box is its title, unless it has one."""
    from .markdown import line_of, tokens_of

    if title or not nodes or nodes[0].type != "heading" or nodes[0].tag not in ("h2", "h3"):
        return title, nodes
    return inline.read(tokens_of(nodes[0]), line_of(nodes[0]), reader, links=False).plain, nodes[1:]


def _note(reader: Reader, node: SyntaxTreeNode, title: str) -> Iterable[Block]:
    title, rest = _titled(reader, node.children, title)
    return [Note(title, reader.read(rest, "note"))]


def _event(
    reader: Reader, node: SyntaxTreeNode, title: str, attributes: Mapping[str, str], line: int
) -> Iterable[Block]:
    title, nodes = _titled(reader, node.children, title)
    if not title:
        reader.fault("event_without_title", line)
    place = reader.string(attributes.get("place", ""), line)
    details: tuple[tuple[str, Inline], ...] = ()
    rest = []
    for child in nodes:
        found = _details(reader, child) if not details else ()
        details = details or found
        rest += [] if found else [child]
    blocks = reader.read(rest, "event")
    if "start" not in attributes:
        reader.fault("event_without_start", line)
        return []
    start, all_day = _moment(reader, attributes["start"], None, line)
    end, _ = _moment(reader, attributes["end"], start, line) if "end" in attributes else (None, False)
    if start is None:
        return []
    if end is not None and (end < start or (end == start and not all_day)):
        reader.fault("event_ends_before", line)
    return [Event(title, start, end, all_day, place, details, blocks)]


def _details(reader: Reader, node: SyntaxTreeNode) -> tuple[tuple[str, Inline], ...]:
    """The rows of a list whose every item is `label: text` in one paragraph; else nothing."""
    from .markdown import line_of, tokens_of

    if node.type != "bullet_list":
        return ()
    items = [item.children[0] for item in node.children if len(item.children) == 1]
    if len(items) != len(node.children) or any(item.type != "paragraph" for item in items):
        return ()
    rows = []
    for item in items:
        tokens = tokens_of(item)
        match = _DETAIL.match(tokens[0].content) if tokens and tokens[0].type == "text" else None
        if match is None:
            return ()
        rest = tokens[0].copy(content=tokens[0].content[match.end() :])
        text = inline.read([rest, *tokens[1:]], line_of(item), reader)
        rows.append((reader.string(match["label"], line_of(item)), text))
    return tuple(rows)


def _moment(reader: Reader, text: str, start: datetime | None, line: int) -> tuple[datetime | None, bool]:
    """(aware moment in the site's zone, is it a whole day). A clock alone is on the day of `start`."""
    value = unicodedata.normalize("NFKC", text).strip()
    try:
        if _CLOCK.match(value) and start is not None:
            day = start.date()
            clock = time.fromisoformat(value.zfill(5))
        elif _DAY.match(value):
            day, clock = date.fromisoformat(value), time()
        else:
            written, _, hour = value.replace("T", " ").partition(" ")
            day, clock = date.fromisoformat(written), time.fromisoformat(hour.strip().zfill(5))
    except ValueError:
        reader.fault("bad_event_time", line, value=text[:40])
        return None, False
    moment = datetime.combine(day, clock, tzinfo=ZoneInfo(reader.zone))
    if not _DAY.match(value) and moment.astimezone(UTC).astimezone(moment.tzinfo).time() != clock:
        reader.fault("no_such_time", line, value=value, zone=reader.zone)
    return moment, bool(_DAY.match(value))
