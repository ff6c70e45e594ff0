"""The mail as a browser lays it out: every width, both schemes, with and without styles and pictures."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import css_inline
import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from mailer import i18n
from mailer.composer import inlining, theme
from mailer.composer.theme import Theme
from tests.conftest import missing
from tests.theme import samples
from tests.theme.shots import STATES, as_state

pytestmark = pytest.mark.browser

WIDTHS = (320, 375, 600, 1200)
LANGUAGES = ("ja", "en", "ar")
DARK_IN_OUTLOOK = "document.documentElement.setAttribute('data-ogsc','');document.documentElement.setAttribute('data-ogsb','')"
JUDGE = """
() => {
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!c.endsWith(', 0)')) return c } return 'rgb(255, 255, 255)' };
  const found = {scroll: document.documentElement.scrollWidth, small: [], pale: [], narrow: [], lowest: 99};
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.data.trim(), e = walk.currentNode.parentElement;
    if (!text || !e.getClientRects().length) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    if (size === 0) continue;
    if (size < 14) found.small.push([size, text.slice(0, 30)]);
    const [a, b] = [light(style.color), light(ground(e))].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    found.lowest = Math.min(found.lowest, ratio);
    if (ratio < 4.5) found.pale.push([ratio.toFixed(2), text.slice(0, 30), style.color, ground(e)]);
  }
  for (const a of document.links) {
    const box = a.getBoundingClientRect();
    const inSentence = getComputedStyle(a).display === 'inline';
    if (!inSentence && box.height < 44) found.narrow.push([box.height, a.textContent.slice(0, 30)]);
  }
  const tops = [...document.querySelectorAll('img')].filter(i => ['260', '168'].includes(i.getAttribute('width')))
    .map(i => [i.getAttribute('width'), Math.round(i.closest('div').getBoundingClientRect().top)]);
  found.rows = {};
  for (const [w, top] of tops) (found.rows[w] ??= []).push(top);
  return found;
}
"""
STYLES = """
names => [...document.querySelectorAll('body, body *')].map(e => { const s = getComputedStyle(e);
  return [e.tagName, ...names.map(p => s.getPropertyValue(p))] })
"""
PROPERTIES = [
        "color", "background-color", "font-family", "font-size", "font-weight", "line-height", "text-align", "text-decoration-line",
        "padding-top", "padding-right", "padding-bottom", "padding-left", "margin-top", "margin-right", "margin-bottom", "margin-left",
        "border-top-width", "border-top-style", "border-top-color", "border-bottom-width", "display", "vertical-align",
        "max-width", "width", "white-space", "overflow-wrap", "border-top-left-radius",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        missing("chromium", "chromium")
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@cache
def html(language: str) -> str:
    made = Theme(None).render_issue(
        samples.letter(language), samples.surroundings(language), i18n.words(language)
    )
    return samples.filled(made, language)


def tab_of(browser: Browser, scheme: str, asked: list[str] | None = None) -> Page:
    """A tab whose only network is our own pictures."""

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(f"{samples.BASE}/media/")
        if name == route.request.url or "blocked.invalid" in name:
            if asked is not None:
                asked.append(route.request.url)
            route.abort()
            return
        folder = samples.SAMPLE if name.startswith("images/") else samples.DECORATIONS
        route.fulfill(path=folder / name)

    tab = browser.new_context(color_scheme="dark" if scheme == "dark" else "light").new_page()
    tab.route("**/*", answer)
    return tab


def judged(tab: Page, width: int) -> dict[str, Any]:
    tab.set_viewport_size({"width": width, "height": 900})
    found: dict[str, Any] = tab.evaluate(JUDGE)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_width_scheme_or_missing_style_makes_it_scroll_or_fade(browser: Browser, language: str) -> None:
    for scheme in ("light", "dark", "outlook-dark"):
        asked: list[str] = []
        tab = tab_of(browser, scheme, asked)
        for state in STATES[:1] if scheme == "outlook-dark" else STATES:  # it needs the style block
            tab.set_content(as_state(html(language), state), wait_until="domcontentloaded")
            if scheme == "outlook-dark":
                tab.evaluate(DARK_IN_OUTLOOK)
            for width in WIDTHS:
                where = f"{language} {scheme} {state} {width}"
                found = judged(tab, width)
                assert found["scroll"] <= width, where
                assert not found["small"], f"{where}: {found['small']}"
                assert not found["pale"], f"{where}: {found['pale']}"
                assert not found["narrow"], f"{where}: {found['narrow']}"
                beside = {columns: len(set(tops)) for columns, tops in found["rows"].items()}
                stacked = {columns: len(tops) for columns, tops in found["rows"].items()}
                assert beside == (dict.fromkeys(stacked, 1) if width >= 600 else stacked), where
        assert {url for url in asked if "blocked.invalid" not in url} == set()  # nothing else is loaded
        tab.context.close()


def test_the_judge_sees_what_is_wrong(browser: Browser) -> None:
    # a judge that cannot fail proves nothing
    tab = tab_of(browser, "light")
    crippled = (
        html("en").replace("color:#16242E", "color:#9AA").replace("font-size:14px", "font-size:11px")
        .replace("max-width:600px", "min-width:700px").replace("padding:15px 26px", "padding:2px 26px")
    )  # fmt: skip
    tab.set_content(as_state(crippled, "no-style"))
    found = judged(tab, 375)
    assert found["scroll"] > 375 and found["pale"] and found["small"] and found["narrow"]
    tab.context.close()


def test_in_arabic_everything_starts_at_the_right(browser: Browser) -> None:
    tab = tab_of(browser, "light")
    tab.set_content(html("ar"))
    tab.set_viewport_size({"width": 600, "height": 900})
    starts = tab.evaluate(
        """() => [...document.querySelectorAll('h1, h2, h3, li')].map(e => { const r = document.createRange();
        r.selectNodeContents(e); return [getComputedStyle(e).textAlign, e.getBoundingClientRect().right, r.getBoundingClientRect().right] })"""
    )
    assert all(align in ("right", "start") and abs(box - text) < 40 for align, box, text in starts)
    number, line = tab.evaluate(
        "() => { const s = document.querySelector('h2[id] span'); return [s.getBoundingClientRect().right, s.firstElementChild.getBoundingClientRect().right] }"
    )
    assert line < number  # the line runs from the number to the left edge
    tab.context.close()


@pytest.mark.parametrize("language", ["ja", "ar"])
def test_inlining_changes_no_computed_style(
    browser: Browser, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """premailer against css-inline (an inliner of another family) and against the browser's own cascade."""
    seen: list[str] = []
    monkeypatch.setattr(
        theme, "inline", lambda page, *a, **k: seen.append(page) or inlining.inline(page, *a, **k)
    )
    ours = Theme(None).render_issue(
        samples.letter(language), samples.surroundings(language), i18n.words(language)
    )
    source = seen[0]
    block_b = source.partition('<style data-premailer="ignore">')[2].partition("</style>")[0]
    other = css_inline.CSSInliner(load_remote_stylesheets=False).inline(source.replace(block_b, ""))
    other = other.replace("</head>", f"<style>{block_b}</style></head>", 1)
    tab = tab_of(browser, "light")
    for width in (375, 600):
        tab.set_viewport_size({"width": width, "height": 900})
        cascades = []
        for page in (source, ours, other):
            tab.set_content(page, wait_until="domcontentloaded")
            cascades.append(tab.evaluate(STYLES, PROPERTIES))
        assert len(cascades[0]) == len(cascades[1]) == len(cascades[2]) > 200
        for of_browser, of_premailer, of_css_inline in zip(*cascades, strict=True):
            assert of_browser == of_premailer == of_css_inline
    tab.context.close()
