"""Inline Markdown tokens → `Inline`: a few safe tags and the plain form, side by side.

Owns the only place where an author's words become HTML. Every character is escaped here, and the
result passes nh3 as a second wall. Called by `markdown` and `boxes`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Final, Protocol

import nh3
from markdown_it.token import Token
from mdit_py_cjk_friendly import is_cjk

from ..model import Inline
from .links import LinkKind, cut, folder_path, kind_of, readable

_PAIRS: Final = {"strong": "strong", "em": "em"}
# Braces that were meant as attributes and were not understood would be printed to the reader.
_LEFTOVER_BRACES: Final = re.compile(
    r"[{｛]\s*(?:[.#＃．]\s*\w|\w+\s*[=＝])[^}｝]*[}｝]?|[{｛]\s?(?:button|until|lang|alt)\s?[}｝]"
)
_LANGUAGE: Final = re.compile(r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
_TAGS: Final = {"a", "strong", "em", "code", "br", "bdi", "span"}
_ATTRIBUTES: Final[dict[str, set[str]]] = {"a": {"href"}, "span": {"lang"}}
_SCHEMES: Final = {"http", "https", "mailto", "tel"}


class Desk(Protocol):
    """Who takes the faults: a line of the text that is being read, a code, facts."""

    def fault(self, code: str, line: int, **facts: object) -> None: ...


def clean(html: str) -> str:
    """The second wall: what is not on the list goes, whatever the first one let through (F31)."""
    return nh3.clean(html, tags=_TAGS, attributes=_ATTRIBUTES, url_schemes=_SCHEMES, link_rel=None)


def read(tokens: Sequence[Token], line: int, desk: Desk, *, links: bool = True) -> Inline:
    """`line` is that of the first token. Without `links` (headings) a link is a fault and a bare URL stays text."""
    run = _Run(line, desk, links)
    for index, token in enumerate(tokens):
        run.take(token, tokens[index + 1 :])
    return run.result()


class _Run:
    def __init__(self, line: int, desk: Desk, links: bool) -> None:
        self.line, self.first_line, self.desk, self.may_link = line, line, desk, links
        self.html: list[str] = []
        self.plain = ""
        self.links: list[tuple[str, str]] = []
        self.open_link: tuple[str, int] | None = None  # href and where its label begins in `plain`

    def take(self, token: Token, rest: Sequence[Token]) -> None:
        name = token.type
        if name == "text":
            self._text(token.content)
        elif name in ("softbreak", "hardbreak"):
            self._break(hard=name == "hardbreak", following=rest)
        elif name == "code_inline":
            self._print(f"<code>{escape(token.content, quote=False)}</code>", token.content)
        elif name == "link_open":
            self._link(token)
        elif name == "link_close":
            self._link_end()
        elif name.startswith("span"):
            self._span(token)
        elif (tag := name.rpartition("_")[0]) in _PAIRS:
            self._print(f"<{'/' if token.nesting < 0 else ''}{_PAIRS[tag]}>", "")
        elif name == "image":
            self.desk.fault("picture_in_text", self.line, path=str(token.attrs.get("src", "")))
        else:  # html_inline; an unknown token is refused like one, because it could not be printed
            self.desk.fault("raw_html", self.line, tag=token.content.strip()[:40])

    def result(self) -> Inline:
        html = clean("".join(self.html).strip())
        if "@@" in html or "@@" in self.plain:
            self.desk.fault("slot_in_text", self.first_line)
        return Inline(html, self.plain.strip(), tuple(self.links))

    def _print(self, html: str, plain: str) -> None:
        self.html.append(html)
        self.plain += plain

    def _text(self, text: str) -> None:
        if match := _LEFTOVER_BRACES.search(text):
            self.desk.fault("bad_braces", self.line, braces=match[0][:60])
        linked = self.may_link and self.open_link is None
        for piece, is_url in cut(text) if linked else [(text, False)]:
            shown = escape(piece, quote=False)
            self._print(f'<a href="{escape(piece)}">{shown}</a>' if is_url else shown, piece)
            if is_url:
                self.links.append((piece, piece))

    def _break(self, *, hard: bool, following: Sequence[Token]) -> None:
        self.line += 1
        if hard:
            self._print("<br>", "\n")
            return
        # A line end inside a Japanese sentence is no space; CommonMark would print one.
        after = next((t.content[:1] for t in following if t.content), "")
        if not (is_cjk(self.plain[-1:]) and is_cjk(after)):
            self._print("\n", " ")

    def _link(self, token: Token) -> None:
        href = str(token.attrs.get("href", ""))
        if not self.may_link:
            self.desk.fault("link_in_heading", self.line)
        judge_attributes(token, self.line, self.desk)
        judge_link(href, self.line, self.desk)
        if "until" in token.attrs:
            self.desk.fault("resource_not_alone", self.line)
        if "class" in token.attrs:
            self.desk.fault("button_not_alone", self.line)
        if kind_of(href) is LinkKind.FILE:
            href = folder_path(href) or href
        self.open_link = (href, len(self.plain))
        self._print(f'<a href="{escape(href)}">', "")

    def _link_end(self) -> None:
        self._print("</a>", "")
        if self.open_link:
            href, start = self.open_link
            label = self.plain[start:].strip()
            if not label:
                self.desk.fault("link_without_text", self.line, url=href)
            self.links.append((label, href))
            self.open_link = None

    def _span(self, token: Token) -> None:
        if token.nesting < 0:
            self._print("</span>", "")
            return
        language = str(token.attrs.get("lang", ""))
        if set(token.attrs) != {"lang"} or token.meta.get("insecure_attrs") or not _LANGUAGE.match(language):
            self.desk.fault("bad_span", self.line)
        self._print(f'<span lang="{escape(language)}">', "")


def judge_link(href: str, line: int, desk: Desk) -> None:
    """Report what no mail may link to. A dead placeholder passes: the gate finds it (checks)."""
    kind = kind_of(href)
    if kind is LinkKind.FORBIDDEN:
        desk.fault("forbidden_link", line, url=readable(href)[:80], scheme=href.split(":", 1)[0][:20])
    elif kind is LinkKind.INCOMPLETE:
        desk.fault("incomplete_link", line, url=readable(href)[:80])
    if "@@" in href:
        desk.fault("slot_in_text", line)


def judge_attributes(token: Token, line: int, desk: Desk) -> None:
    """Only `.button` and `until` mean something behind a link."""
    unknown = [*token.meta.get("insecure_attrs", {}), *(k for k in token.attrs if k in ("lang", "id", "alt"))]
    classes = str(token.attrs.get("class", "")).split()
    unknown += [f".{name}" for name in classes if name != "button"]
    if unknown:
        desk.fault("unknown_attribute", line, name=unknown[0], known=".button, until")
