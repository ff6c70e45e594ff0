"""Two inliners of different families, premailer and css-inline, and the browser's own cascade paint the same page.

Every computed property of every element, light and dark, in each language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import css_inline
import pytest

from mailer import i18n
from mailer.composer.look import inlining, theme
from mailer.composer.look.theme import Theme
from tests.looks.judge import Judge, crippled
from tests.looks.layout import Layout
from tests.theme import samples

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("looks")]
MARK = '<style data-premailer="ignore">'
# Where styles come from shows in nothing but these: custom names of properties, none of which a mail has.
STYLES = """
() => [...document.querySelectorAll('html, body, body *')].map(e => { const s = getComputedStyle(e);
  return e.tagName + ' ' + [...s].filter(p => !p.startsWith('--')).map(p => p + ':' + s.getPropertyValue(p)).join(';') })
"""


@dataclass(frozen=True)
class Pair:
    """Two forms of one page that must look the same."""

    one: str
    other: str
    scheme: str = "light"


class Eyes:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def ask(self, pairs: Sequence[Pair]) -> list[list[str]]:
        return [self._differences(pair) for pair in pairs]

    def _differences(self, pair: Pair) -> list[str]:
        desk, seen = self._layout.desk(pair.scheme), []
        for page in (pair.one, pair.other):
            at: dict[int, Any] = desk.measure(page, [375, 600], STYLES, {})
            seen.append([element for elements in at.values() for element in elements])
        if len(seen[0]) != len(seen[1]):
            return [f"elements: {len(seen[0])} and {len(seen[1])}"]
        found: dict[str, None] = {}
        for one, other in zip(*seen, strict=True):
            if one != other:
                both = zip(one.split(";"), other.split(";"), strict=False)
                found |= {f"style: {one.split()[0]} {a} | {b}": None for a, b in both if a != b}
        return list(found)


@pytest.mark.parametrize("language", ["ja", "ar", "zh-Hans"])
def test_inlining_changes_no_computed_style(
    language: str, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setattr(
        theme, "inline", lambda page, *a, **k: seen.append(page) or inlining.inline(page, *a, **k)
    )
    ours = Theme(None).render_issue(
        samples.letter(language), samples.surroundings(language), i18n.words(language)
    )
    source = seen[0]
    kept = source.partition(MARK)[2].partition("</style>")[0]
    theirs = css_inline.CSSInliner(load_remote_stylesheets=False).inline(source.replace(kept, ""))
    theirs = theirs.replace("</head>", f"<style>{kept}</style></head>", 1)
    judge = Judge(
        Eyes(layout).ask,
        Pair(ours, ours),
        {
            # what premailer does unless told not to
            "style/important": Pair(ours, crippled(ours, " !important", "")),
            "style/dark": Pair(ours, crippled(ours, r"@media \(prefers-color-scheme:\s*dark\)", "@media print"), "dark"),
            "style/one": Pair(ours, crippled(ours, "padding:0 20px|margin:0 0 18px", "margin:0 0 17px", 1)),
            "elements": Pair(ours, crippled(ours, "</h1>", "</h1><hr>", 1)),
        },
    )  # fmt: skip
    pairs = [Pair(ours, page, scheme) for page in (source, theirs) for scheme in ("light", "dark")]
    for pair, complaints in zip(pairs, judge.complaints(pairs), strict=True):
        assert complaints == [], (pair.scheme, "browser" if pair.other == source else "css-inline")
