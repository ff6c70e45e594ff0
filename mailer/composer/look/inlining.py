"""premailer behind our own wrapper: once per edition, closed to the network, and checked afterwards.

Owns how style rules reach the elements and what must hold of the result. Called by `theme` alone,
never per recipient (10–65 ms a page, F42): a delivery fills slots into what this returns.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import cssutils
from premailer import Premailer

from mailer.errors import MailerError

from .. import slots

# cssutils keeps its logger, serializer and profiles in module globals: one page at a time.
_LOCK: Final = threading.Lock()
TOKEN: Final = re.compile(r"@@([A-Z][A-Z0-9_]*)@@")
_START_TAG: Final = re.compile(r"<([a-z][a-z0-9]*)\b([^<>]*)>")
_CLASS: Final = re.compile(r' class="([^"]*)"')
_CLASS_NAME: Final = re.compile(r"\.([A-Za-z][\w-]*)")
_STYLE: Final = re.compile(r' style=("[^"]*"|\'[^\']*\')')
_HEAD_STYLE: Final = re.compile(r"<style>(.*?)</style>", re.S)
_CELLS: Final = {"td", "th", "tr", "table", "tbody", "thead"}
_GROUNDS: Final = _CELLS | {"body"}
_DIRECTED: Final = {"table", "td", "th", "p", "h1", "h2", "h3", "ol", "ul", "li", "div", "blockquote"}
# Not in href, alt and aria-label: there an author's own braces may stand; the gate judges those.
_LEFTOVER: Final = re.compile(
    r""" (?:style|class|src|width|id)=(?:"[^"]*|'[^']*)(?:\{\{|\{%|%7B%7B|%7B%25)"""
)
_C1: Final = re.compile("[\u0080-\u009f]")  # Gmail clips a mail that holds one, whatever its size


class BadTemplate(MailerError):
    """A template, most likely an operator's own, breaks what every mail must hold. Facts: template, problem."""

    code = "bad_template"

    def __init__(self, template: str, problem: str) -> None:
        super().__init__(
            f"The template “{template}” cannot be used: {problem}",
            remedy="Mend the file in templates_dir, or take it away to use the packaged one.",
            template=template,
            problem=problem,
        )


def inline(html: str, template: str, *, kept: str, rtl: bool = False, tokens: Iterable[str] = ()) -> str:
    """`html` with block A written into the elements; block B (`kept`) and the tokens as they were.

    `tokens`: what may stand between @@ signs beside the slots of a person. Raises BadTemplate.
    """
    with _LOCK:
        made = _Offline(
            html,
            strip_important=False,  # the default takes ` !important` out of media queries too
            keep_style_tags=False,
            disable_basic_attributes=["width", "height"],  # else width="100%" on pictures: giant in Outlook
            allow_network=False,
            disable_link_rewrites=True,
            remove_classes=False,
            cssutils_logging_level=logging.CRITICAL,
        ).transform(pretty_print=False)  # pretty printing opens gaps between inline-block columns
    made = made.replace("</wbr>", "")  # libxml2 knows no <wbr>: it nests them and closes them later
    keep = set(_CLASS_NAME.findall(" ".join(_HEAD_STYLE.findall(made))))
    made = _START_TAG.sub(lambda match: _tidy(match, keep, rtl), made)
    _check(made, html, kept, template)
    if unknown := slots.unknown_in(made) - set(tokens):
        raise BadTemplate(
            template, f"nobody will fill {', '.join(f'@@{name}@@' for name in sorted(unknown))}."
        )
    return made


class _Offline(Premailer):  # type: ignore[misc]
    """`allow_network=False` skips <link>, yet cssutils still follows `@import`: both ways are closed (F36)."""

    def _load_external(self, url: str) -> str:
        raise BadTemplate(url, "a style sheet outside the mail is never loaded.")

    def _parse_css_string(self, css_body: str, validate: bool = True) -> Any:
        return _sheet(css_body, validate)


@lru_cache(maxsize=16)  # parsing block A is most of the cost: 40 ms of 55
def _sheet(css: str, validate: bool) -> Any:
    parser = cssutils.CSSParser(fetcher=_fetch_nothing, loglevel=logging.CRITICAL, validate=validate)
    return parser.parseString(css)


def _fetch_nothing(url: str) -> tuple[str, bytes]:
    return "utf-8", b""


def _tidy(match: re.Match[str], keep: set[str], rtl: bool) -> str:
    """A start tag without what no client reads: classes that block B does not name, attributes on the wrong element.

    Safe on text: serialised text and attributes hold no `<`, comments (ghost tables) are meant to be reached.
    """
    name, rest = match[1], match[2]
    rest = _CLASS.sub(lambda found: _classes(found[1], keep), rest)
    rest = _STYLE.sub(lambda found: found[0].replace("; ", ";").replace(", ", ","), rest)
    if name not in _CELLS:
        rest = re.sub(r' valign="[^"]*"', "", rest)
    if name not in _GROUNDS:
        rest = re.sub(r' bgcolor="[^"]*"', "", rest)
    if name not in _CELLS | {"p"}:
        rest = re.sub(r' align="[^"]*"', "", rest)
    if rtl and name in _DIRECTED and " dir=" not in rest:
        rest = f' dir="rtl"{rest}'
    return f"<{name}{rest}>"


def _classes(names: str, keep: set[str]) -> str:
    kept = [name for name in names.split() if name in keep]
    return f' class="{" ".join(kept)}"' if kept else ""


def _check(made: str, source: str, kept: str, template: str) -> None:
    """What must hold of every mail, whoever wrote the template."""
    tags = "".join(tag[0] for tag in _START_TAG.finditer(made))
    problems = {
        "the result does not begin with <!DOCTYPE html> in capitals.": not made.startswith("<!DOCTYPE html>"),
        'the style block marked data-premailer="ignore" is missing or did not survive.': not kept
        or f"<style>{kept}</style>" not in made,
        'a picture has width="100%".': bool(re.search(r'<img\b[^>]*\swidth="100%"', tags)),
        "a template sign is left in an attribute.": bool(_LEFTOVER.search(tags)),
        "var() or calc() stands in a style attribute.": any(
            "var(" in style or "calc(" in style for style in _STYLE.findall(tags)
        ),
        "a control character U+0080–U+009F is in the text.": bool(_C1.search(made)),
        "premailer changed a slot.": Counter(TOKEN.findall(made)) != Counter(TOKEN.findall(source)),
    }
    for problem, found in problems.items():
        if found:
            raise BadTemplate(template, problem)
