"""axe-core, injected into whatever a browser shows."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

from tests.conftest import missing

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Best practices of axe that are promises of ours: one h1, no level skipped, no heading without words.
RULES = {rule: {"enabled": True} for rule in ("heading-order", "empty-heading", "page-has-heading-one")}
ASK = """
async ([tags, rules]) => (await axe.run(document, { runOnly: { type: 'tag', values: tags }, rules, resultTypes: ['violations'] }))
  .violations.flatMap(v => v.nodes.map(n => `${v.id}: ${n.html.slice(0, 120)}`))
"""


def complaints_of(tab: Page) -> list[str]:
    """One line for each element that breaks a rule."""
    tab.evaluate(_source())
    complaints: list[str] = tab.evaluate(ASK, [TAGS, RULES])
    return complaints


@cache
def _source() -> str:
    if not AXE.is_file():
        missing("axe-core", "npm; then run `npm ci` in tests/")
    return AXE.read_text("utf-8")
