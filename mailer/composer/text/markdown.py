"""One language of an issue → `Letter`: a tree of blocks, with every fault found on the way.

Owns which Markdown is understood: CommonMark with tables and Japanese emphasis, no HTML, no code.
What stands inside `:::` is `boxes`' affair, what stands alone on a line `alone`'s, words inside one `inline`'s. Called by `folder`,
`checks` and `editions`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import groupby
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_cjk_friendly import cjk_friendly
from mdit_py_plugins.attrs import attrs_plugin
from mdit_py_plugins.container import container_plugin

from mailer.errors import BadIssue, Fault

from ..model import (
    Block,
    Figure,
    Inline,
    Issue,
    Letter,
    LetterSection,
    ListBlock,
    ListItem,
    Paragraph,
    Quote,
    Rule,
    SubHeading,
    Table,
)
from . import alone, inline, issue_toml
from .faults import Faults, Place, fault, near
from .lines import Inside, kind_of_line, leads_with_break, lines_of

BOXES: Final = ("gallery", "note", "event")
_FENCE_LINE: Final = re.compile(r"^\s*:{3,}\s*([\w-]*)")
_UNDERLINE: Final = re.compile(r"^\s*={2,}\s*$")
_DEFINITION: Final = re.compile(r"^ {0,3}\[[^\]]+\]:\s*\S")
_TIGHT: Final = re.compile(r"^#{1,6}[^\s#]")
# C0 without tab and line feed, C1 (Gmail clips a mail at one), U+2028/9, BOM, non-characters.
CONTROL: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def letter(issue: Issue, language: str, zone: str) -> Letter:
    """The letter of one language; event times are in `zone` (IANA name). Raises BadIssue with every fault."""
    if language not in issue.texts:
        file = f"{language}.md"
        raise BadIssue(
            [fault("missing_language_file", "issue.toml: languages", language=language, file=file)]
        )
    found, faults = read(issue, language, zone)
    if faults:
        raise BadIssue(faults)
    return found


def read(
    issue: Issue, language: str, zone: str, places: Mapping[str | None, Place] | None = None
) -> tuple[Letter, list[Fault]]:
    """The same with the faults as a value. `places` says where each section's text (None: the lead) stands in a file."""
    faults = Faults()
    known = places or {}
    text = issue.texts[language]
    file = f"{language}.md"
    about = About(issue, language, zone, {})

    def reader(key: str | None, part: str) -> Reader:
        return Reader(part, place_of(key), faults, about)

    def place_of(key: str | None) -> Place:
        return known.get(key) or Place(f"{file}, {'lead' if key is None else '#' + key}")

    lead = reader(None, text.lead).blocks()
    by_key = {section.key: section for section in issue.sections}
    sections = []
    for key in issue.orders.get(language, ()):
        written = by_key[key].texts[language]
        heading = Reader(written.title, place_of(key).heading(), faults, about)
        above = inline.read(_inline_tokens(heading.text), 0, heading, links=False)
        if not above:
            heading.fault("heading_without_text", 0)
        sections.append(LetterSection(key, above, reader(key, written.body).blocks()))
    head = _Head(language, faults)
    subject = head.line("subject", text.subject)
    if not subject:
        faults.add("empty_subject", f"{issue_toml.FILE}: edition.{language}.subject")
    picture = None
    if issue.picture:
        alt = head.line("picture_alt", text.picture_alt or "")
        credit = issue.own_credit(issue.picture, language)
        picture = Figure(issue.picture, alt, Inline("", ""), credit)
    for where, path in (("picture", issue.picture), *(("pictures", path) for path in issue.pictures)):
        if path and path not in issue.files:
            faults.add(
                "picture_not_found", f"{issue_toml.FILE}: {where}", path=path, **near(path, issue.files)
            )
    preheader, title = head.line("preheader", text.preheader), head.line("title", text.title)
    return Letter(
        language,
        subject,
        preheader,
        title or subject,
        lead,
        tuple(sections),
        picture,
        issue.own_credit("", language),
    ), faults.found


@dataclass(frozen=True, slots=True)
class _Head:
    """The lines of [edition.ja]: they become header fields and headings."""

    language: str
    faults: Faults

    def line(self, name: str, value: str) -> str:
        where = f"{issue_toml.FILE}: edition.{self.language}.{name}"
        if "@@" in value:
            self.faults.add("slot_in_text", where)
        return issue_toml.on_one_line(issue_toml.line(value, name, where, self.faults))


@cache
def parser() -> MarkdownIt:
    """Our Markdown. Rules are off where CommonMark would surprise a person who writes a letter."""
    md = MarkdownIt(
        "commonmark", {"html": True}
    )  # as tokens, so that HTML is reported with its line; never printed
    md.enable("table").use(cjk_friendly)
    # Four leading spaces are no program code, "---" under a line no heading, "[x]: y" no link.
    md.disable(["code", "lheading", "reference"])
    md.use(attrs_plugin, after=("image", "link_close"), spans=True, allowed=("class", "until", "lang", "alt"))
    for name in BOXES:
        md.use(container_plugin, name, validate=_opens(name))
    md.validateLink = lambda url: True  # type: ignore[method-assign]  # judged by `links`, as a fault with its line
    return md


def _opens(name: str) -> Callable[[str, str], bool]:
    pattern = re.compile(rf"^\s*{name}(?![\w-])")
    return lambda params, _markup: bool(pattern.match(params))


def _inline_tokens(text: str) -> Sequence[Token]:
    return parser().parseInline(text)[0].children or []


@dataclass(frozen=True, slots=True)
class About:
    """What the readers of one language share."""

    issue: Issue
    language: str
    zone: str  # of the times of events
    ends: dict[str, date | None]  # of each resource, so that one target has one end


@dataclass(slots=True)
class Reader:
    """Reads the text of one section. Lines count from 0 inside the text; `place` knows the file's."""

    text: str
    place: Place
    faults: Faults
    about: About

    def __post_init__(self) -> None:
        for number, line in enumerate(self.text.split("\n")):
            if match := CONTROL.search(line):
                self.fault("control_character", number, character=f"U+{ord(match[0]):04X}")
        self.text = CONTROL.sub("", self.text)

    @property
    def files(self) -> Mapping[str, str]:
        return self.about.issue.files

    @property
    def zone(self) -> str:
        return self.about.zone

    def fault(self, code: str, line: int, **facts: object) -> None:
        self.faults.add(code, self.place.at(line), **facts)

    def string(self, value: str, line: int) -> str:
        if "@@" in value:
            self.fault("slot_in_text", line)
        return value

    def inline(self, text: str, line: int) -> Inline:
        """Markdown of one line that is an attribute of something else: a caption, a title."""
        return inline.read(_inline_tokens(text), line, self)

    def blocks(self) -> tuple[Block, ...]:
        self._judge_lines()
        return self.read(SyntaxTreeNode(parser().parse(self.text)).children, "")

    def _judge_lines(self) -> None:
        """What CommonMark would silently print as text, by line."""
        for number, line in enumerate(self.text.split("\n")):
            if _UNDERLINE.match(line):
                self.fault("underlined_heading", number)
            elif _DEFINITION.match(line):
                self.fault("reference_link", number)
            elif _TIGHT.match(line):
                self.fault("heading_without_space", number)

    def read(self, nodes: Sequence[SyntaxTreeNode], inside: Inside) -> tuple[Block, ...]:
        found: list[Block] = []
        for node in nodes:
            found += self._one(node, inside)
        return tuple(found)

    def _one(self, node: SyntaxTreeNode, inside: Inside) -> Iterable[Block]:
        if node.type in _OUTSIDE_ONLY and inside:  # a mail has no width for it there
            self.fault("misplaced", line_of(node), reason=_OUTSIDE_ONLY[node.type])
            return []
        read = _READERS.get(node.type)
        if read is None:  # HTML; whatever else the parser may learn to make is refused like it
            self.fault("raw_html", line_of(node), tag=node.content.strip().split("\n")[0][:40])
            return []
        return read(self, node, inside)

    def _code(self, node: SyntaxTreeNode, _inside: Inside) -> Iterable[Block]:
        self.fault("code_block", line_of(node))
        return []

    def _box(self, node: SyntaxTreeNode, _inside: Inside) -> Iterable[Block]:
        from . import boxes

        return boxes.read(self, node)

    def _quote(self, node: SyntaxTreeNode, _inside: Inside) -> Iterable[Block]:
        return [Quote(self.read(node.children, "quote"))]

    def _rule(self, _node: SyntaxTreeNode, _inside: Inside) -> Iterable[Block]:
        return [Rule()]

    def _heading(self, node: SyntaxTreeNode, inside: Inside) -> Iterable[Block]:
        if node.tag == "h1":
            self.fault("heading_inside", line_of(node))
        elif node.tag != "h2":
            self.fault("heading_too_deep", line_of(node), marks=node.markup)
        elif inside in ("list", "quote"):
            self.fault("misplaced", line_of(node), reason="heading")
        return [SubHeading(inline.read(tokens_of(node), line_of(node), self, links=False))]

    def _list(self, node: SyntaxTreeNode, _inside: Inside) -> Iterable[Block]:
        items = tuple(ListItem(self.read(item.children, "list")) for item in node.children)
        return [ListBlock(node.type == "ordered_list", int(node.attrs.get("start", 1)), items)]

    def _table(self, node: SyntaxTreeNode, _inside: Inside) -> Iterable[Block]:
        head, *rest = [row for part in node.children for row in part.children]
        aligns = tuple(str(cell.attrs.get("style", "")).removeprefix("text-align:") for cell in head.children)
        return [Table(self._cells(head), tuple(self._cells(row) for row in rest), aligns)]

    def _cells(self, row: SyntaxTreeNode) -> tuple[Inline, ...]:
        return tuple(inline.read(tokens_of(cell), line_of(row), self) for cell in row.children)

    # ── paragraphs: text, or lines that are a picture, a button or a resource of their own ──────

    def _paragraph(self, node: SyntaxTreeNode, inside: Inside) -> Iterable[Block]:
        self._judge_fences(node)
        lines = lines_of(tokens_of(node))
        start = line_of(node)
        numbered = [
            (start + offset, kind_of_line(tokens, inside), tokens) for offset, tokens in enumerate(lines)
        ]
        for kind, group in groupby(numbered, key=lambda row: row[1]):
            rows = [(line, tokens) for line, _, tokens in group]
            if kind == "figure":
                yield from alone.figures(self, rows, inside)
            elif kind == "button":
                yield alone.button_row(self, rows)
            elif kind == "resource":
                yield from alone.resources(self, rows, inside)
            elif text := self._text(rows):
                yield Paragraph(text)

    def _judge_fences(self, node: SyntaxTreeNode) -> None:
        first, last = node.map or (0, 0)
        for number, line in enumerate(self.text.split("\n")[first:last], first):
            if match := _FENCE_LINE.match(line):
                name = match[1]
                self.fault("unknown_box" if name else "stray_fence", number, name=name, **near(name, BOXES))

    def _text(self, rows: Sequence[tuple[int, list[Token]]]) -> Inline:
        tokens = [token for _, line in rows for token in line]
        return inline.read(tokens[leads_with_break(tokens) :], rows[0][0], self)


_READERS: Final[Mapping[str, Callable[[Reader, SyntaxTreeNode, Inside], Iterable[Block]]]] = {
    "paragraph": Reader._paragraph,
    "heading": Reader._heading,
    "bullet_list": Reader._list,
    "ordered_list": Reader._list,
    "blockquote": Reader._quote,
    "table": Reader._table,
    "hr": Reader._rule,
    "fence": Reader._code,
    "container_gallery": Reader._box,
    "container_note": Reader._box,
    "container_event": Reader._box,
}
_OUTSIDE_ONLY: Final = {
    "table": "table",
    "container_gallery": "gallery",
    "container_note": "note",
    "container_event": "event",
}


def line_of(node: SyntaxTreeNode) -> int:
    return (node.map or (0, 0))[0]


def tokens_of(node: SyntaxTreeNode) -> list[Token]:
    """The inline tokens of a paragraph, heading or cell."""
    return [token for child in node.children if child.token for token in child.token.children or []]
