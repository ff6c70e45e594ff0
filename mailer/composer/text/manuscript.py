"""`<lang>.md` as text: the lead, then sections that each begin with `# Heading {#key}`.

Owns where one section ends and the next begins, and the way back. Line based, so that an unclosed
box in one section cannot swallow the next. Reads no Markdown inside a section. Called by `folder`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_HEADING: Final = re.compile(r"^#(?:[ \t]+(?P<text>.*))?$")
_CLOSING: Final = re.compile(r"(?:^|(?:[ \t]+))#+$")  # "# Heading ##": decoration of CommonMark
_KEY: Final = re.compile(r"^(?P<title>.*?)[ \t]*\{#(?P<key>[^{}]*)\}$")
_FENCE: Final = re.compile(r"^ {0,3}(`{3,}|~{3,})")
# The key stands in addresses and anchors.
KEY_FORM: Final = re.compile(r"^[a-z0-9][a-z0-9_-]{0,39}$")


@dataclass(frozen=True, slots=True)
class Draft:
    """One section as it stands in a file. Lines count from 1; `body_line` is that of the body's first line."""

    key: str | None
    title: str
    body: str
    line: int
    body_line: int


@dataclass(frozen=True, slots=True)
class Manuscript:
    lead: str
    lead_line: int
    sections: tuple[Draft, ...]


def split(text: str) -> Manuscript:
    """`text` with LF line ends. A `# ` inside a code fence is no heading."""
    lines = text.split("\n")
    starts = _heading_lines(lines)
    bounds = [*starts, len(lines)]
    lead, lead_line = _trimmed(lines, 0, bounds[0])
    drafts = []
    for start, end in zip(starts, bounds[1:], strict=True):
        title, key = _heading(lines[start])
        body, body_line = _trimmed(lines, start + 1, end)
        drafts.append(Draft(key, title, body, start + 1, body_line))
    return Manuscript(lead, lead_line, tuple(drafts))


def join(lead: str, sections: Sequence[tuple[str | None, str, str]]) -> str:
    """The file's text of a lead and (key or None, title, body) rows. `split` gives them back exactly."""
    parts = [lead] if lead else []
    for key, title, body in sections:
        heading = f"# {title} {{#{key}}}" if key is not None else f"# {title}"
        parts += [heading.rstrip(), body] if body else [heading.rstrip()]
    return "\n\n".join(parts) + "\n"


def _heading_lines(lines: Sequence[str]) -> list[int]:
    found, fence = [], ""
    for number, line in enumerate(lines):
        if match := _FENCE.match(line):
            mark = match[1]
            if not fence:
                fence = mark
            elif mark[0] == fence[0] and len(mark) >= len(fence) and not line.strip().strip(mark[0]):
                fence = ""
        elif not fence and _HEADING.match(line):
            found.append(number)
    return found


def _heading(line: str) -> tuple[str, str | None]:
    match = _HEADING.match(line)
    text = _bare((match and match["text"]) or "")
    if keyed := _KEY.match(text):
        return _bare(keyed["title"]), keyed["key"].strip()
    return text, None


def _bare(text: str) -> str:
    text = text.strip()
    while (shorter := _CLOSING.sub("", text).strip()) != text:
        text = shorter
    return text


def _trimmed(lines: Sequence[str], start: int, end: int) -> tuple[str, int]:
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return "\n".join(
        line.rstrip() if not line.endswith("  ") else line for line in lines[start:end]
    ), start + 1
