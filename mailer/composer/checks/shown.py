"""What of a composed page a reader sees: each run of text with its colour, its ground, its size, and whether it is hidden.

Owns a cascade of the few properties that hide or colour text: the sheet in the head below the style attributes,
` !important` above them, each media query in turn. Lays nothing out. Called by `mails`,
`contrast` and `text_parts`; `clients` reads sheets with the same patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import lxml.html
from lxml.cssselect import CSSSelector
from lxml.etree import XPathError
from PIL import ImageColor

from mailer.composer.look.contrast import ratio

_Rule = tuple[str, str, bool]  # property, value, !important

COMMENT: Final = re.compile(r"/\*.*?\*/", re.S)
_BLOCK: Final = re.compile(r"([^{};]+)\{((?:[^{}]|\{[^{}]*\})*)\}")
DECLARATION: Final = re.compile(r"""([\w-]+)\s*:\s*((?:[^;"'(]|"[^"]*"|'[^']*'|\([^)]*\))*)""")
_SPACES: Final = re.compile(r"[\s\u00a0\u00ad\u200b-\u200f\u2060-\u2069\ufeff]+")
_LENGTH: Final = re.compile(r"^(-?[\d.]+)(px|pt|em|rem|%)?$")
_SIZES: Final = {
    "xx-small": 9,
    "x-small": 10,
    "small": 13,
    "medium": 16,
    "large": 18,
    "x-large": 24,
    "xx-large": 32,
}
_PX: Final = {"": 1.0, "px": 1.0, "pt": 4 / 3, "em": 16.0, "rem": 16.0}
_NEVER_SHOWN: Final = {"head", "style", "script", "template", "title", "noscript"}
_FAR: Final = -400  # px out of the page: no layout moves words so far, a trick does
TINY: Final = 3  # px; nobody reads it
_SAME: Final = 1.25  # contrast up to which words and ground are one colour to the eye: #FFF on #E6E6E6


@dataclass(frozen=True, slots=True)
class Look:
    """How text stands: sizes in px; a ground of None is a picture, so nobody knows."""

    colour: str = "#000000"  # #RRGGBB
    ground: str | None = "#FFFFFF"
    size: float = 16.0
    bold: bool = False
    hidden: bool = False
    unspoken: bool = False  # aria-hidden: decoration

    @property
    def is_seen(self) -> bool:
        if self.hidden or self.size <= TINY:
            return False
        return self.ground is None or ratio(self.colour, self.ground) > _SAME


@dataclass(frozen=True, slots=True)
class Run:
    """Text directly inside one element; `link`: the address it leads to, "" if to none."""

    text: str
    look: Look
    link: str


class Page:
    """One composed HTML. `queries`: the media queries under which it may look different."""

    def __init__(self, html: str) -> None:
        self._tree = lxml.html.document_fromstring(html)
        sheet = COMMENT.sub("", " ".join(style.text or "" for style in self._tree.iter("style")))
        self._runs: dict[str, tuple[Run, ...]] = {}
        self._rules: dict[str, list[tuple[str, list[_Rule]]]] = {"": []}
        for head, body in _BLOCK.findall(sheet):
            query = " ".join(head.lower().split())
            if not query.startswith("@"):
                self._rules[""].append((head, declarations(body)))
            elif query.startswith("@media") and "print" not in query:
                own = self._rules.setdefault(query[6:].strip(), [])
                own += [(name.strip(), declarations(inner)) for name, inner in _BLOCK.findall(body)]

    @property
    def queries(self) -> list[str]:
        """The first, "", is the page where none of them is true."""
        return list(self._rules)

    def runs(self, query: str = "") -> tuple[Run, ...]:
        """Every run of text, seen or not, as it stands where `query` is true."""
        if query not in self._runs:
            self._runs[query] = tuple(self._below(self._tree, Look(), "", self._matched(query)))
        return self._runs[query]

    def seen(self, query: str = "") -> str:
        return "".join(run.text for run in self.runs(query) if run.look.is_seen)

    @property
    def text(self) -> str:
        return "".join(run.text for run in self.runs())

    def _matched(self, query: str) -> Mapping[lxml.html.HtmlElement, list[_Rule]]:
        found: dict[lxml.html.HtmlElement, list[_Rule]] = {}
        for key in dict.fromkeys(("", query)):
            for selectors, rules in self._rules[key]:
                for select in filter(None, map(_selector, selectors.split(","))):
                    for element in select(self._tree):
                        found.setdefault(element, []).extend(rules)
        return found

    def _below(
        self,
        element: lxml.html.HtmlElement,
        above: Look,
        link: str,
        rules: Mapping[lxml.html.HtmlElement, list[_Rule]],
    ) -> Iterator[Run]:
        if not isinstance(element.tag, str) or element.tag in _NEVER_SHOWN:
            return
        look = _look(element, above, rules.get(element, []))
        if element.tag == "a":
            link = element.get("href", "")
        if element.text:
            yield Run(element.text, look, link)
        for child in element:
            yield from self._below(child, look, link, rules)
            if child.tail:
                yield Run(child.tail, look, link)


@lru_cache(maxsize=8)  # the languages of one issue: four checks look at each
def page_of(html: str) -> Page:
    return Page(html)


def squeezed(text: str) -> str:
    """Without spaces and line breaks: an address may be broken into lines, a heading into phrases."""
    return _SPACES.sub("", text)


def short(text: str, signs: int) -> str:
    """On one line, cut to so many signs."""
    line = " ".join(text.split())
    return line if len(line) <= signs else line[: signs - 1] + "…"


# ── the cascade of one element ──────────────────────────────────────────────────────────────────


def declarations(css: str) -> list[_Rule]:
    found = []
    for name, value in DECLARATION.findall(css):
        plain = value.strip().lower()
        important = plain.endswith("!important")
        found.append((name.lower(), plain.removesuffix("!important").strip(), important))
    return found


@lru_cache(maxsize=512)
def _selector(text: str) -> CSSSelector | None:
    """None for what is no state of the page: `:hover`, `::before`, and what nobody here can read."""
    if ":" in text or not text.strip():
        return None
    try:
        return CSSSelector(text.strip(), translator="html")
    except (SyntaxError, XPathError, ValueError):
        return None


def _look(element: lxml.html.HtmlElement, above: Look, rules: list[_Rule]) -> Look:
    own = declarations(element.get("style", ""))
    ordered = [*(r for r in rules if not r[2]), *(r for r in own if not r[2])]
    ordered += [*(r for r in rules if r[2]), *(r for r in own if r[2])]
    style = {name: value for name, value, _ in ordered}
    weight = style.get(
        "font-weight", "bold" if element.tag in ("b", "strong", "h1", "h2", "h3", "th") else ""
    )
    return replace(
        above,
        colour=_colour(style.get("color", "#0000ee" if element.tag == "a" else ""), above.colour),
        ground=_ground(element, style, above),
        size=_size(style.get("font-size", ""), above.size),
        bold=weight in ("bold", "bolder") or (weight.isdigit() and int(weight) >= 600)
        if weight
        else above.bold,
        hidden=_is_hidden(element, style, above),
        unspoken=above.unspoken or element.get("aria-hidden") == "true",
    )


def _is_hidden(element: lxml.html.HtmlElement, style: Mapping[str, str], above: Look) -> bool:
    clipped = style.get("overflow", style.get("overflow-y", "")) in ("hidden", "clip")
    # Not max-width: with overflow it is how a cell is made to cut its words with an ellipsis.
    flat = any(_px(style.get(name, "")) == 0 for name in ("height", "max-height", "width"))
    away = style.get("position") in ("absolute", "fixed")
    far = [style.get(name, "") for name in ("text-indent", "margin-left", "margin-top", "margin-right")]
    far += [style.get(name, "") for name in ("left", "top", "right", "bottom")] if away else []
    return (
        above.hidden
        or style.get("display") == "none"
        or ("hidden" in element.attrib and "display" not in style)
        or style.get("visibility") in ("hidden", "collapse")
        or style.get("mso-hide") == "all"
        or style.get("color") in ("transparent", "rgba(0,0,0,0)")
        or _number(style.get("opacity", ""), otherwise=1) <= 0.1
        or (clipped and flat)
        or any((_px(one) or 0) <= _FAR for one in far)
        or (away and style.get("clip", "").replace(" ", "").startswith(("rect(0", "rect(1px")))
        or style.get("clip-path", "") in ("inset(100%)", "inset(50%)", "circle(0)")
        or "scale(0)" in style.get("transform", "")
    )  # fmt: skip


def _ground(element: lxml.html.HtmlElement, style: Mapping[str, str], above: Look) -> str | None:
    shorthand = style.get("background", "")
    if (
        "url(" in shorthand + style.get("background-image", "")
        or "gradient(" in shorthand
        or element.get("background")
    ):
        return None
    named = style.get("background-color") or shorthand.split(" ")[0] or element.get("bgcolor", "")
    if named.startswith("rgba("):
        return None
    return _colour(named, above.ground) if above.ground else _known(named)


def _colour(text: str, otherwise: str) -> str:
    return _known(text) or otherwise


@lru_cache(maxsize=256)
def _known(text: str) -> str | None:
    try:
        found = ImageColor.getrgb(text.strip())
    except ValueError:  # "", inherit, transparent, var(…)
        return None
    return "#{:02X}{:02X}{:02X}".format(*found) if len(found) == 3 else None


def _size(text: str, above: float) -> float:
    if text in _SIZES:
        return float(_SIZES[text])
    match = _LENGTH.match(text)
    if match is None:
        return above
    number, unit = float(match[1]), match[2] or "px"
    return number * above / (100 if unit == "%" else 1) if unit in ("em", "%") else number * _PX[unit]


def _px(text: str) -> float | None:
    match = _LENGTH.match(text)
    return float(match[1]) * _PX[match[2] or ""] if match and match[2] != "%" else None


def _number(text: str, *, otherwise: float) -> float:
    try:
        return float(text)
    except ValueError:
        return otherwise
