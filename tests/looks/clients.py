"""What mail programs make of a mail before they show it, done to its HTML or in Chromium.

STATES change the page; SCHEMES say in which light it is seen. Reported as far as it is honest: Chromium is
not Outlook, it lays out what Outlook would be given.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.conftest import missing

# no-style: an app that drops style blocks. outlook: what the Word engine is given, on a page that Chromium lays out.
STATES = ("normal", "no-style", "no-pictures", "outlook")
# outlook-dark: the web client that marks its page with data-ogsc and data-ogsb. forced: colours turned by the
# program itself, whatever the mail says (Chromium's own inversion); measured in `forced.py`.
SCHEMES = ("light", "dark", "outlook-dark", "forced")
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# In a frame, which has the width of a page of its own for all that CSS asks. Nothing of it is painted, so that a
# width costs a tenth of what a resized window does. Pictures have come, or have not, before anything is measured.
_IN_FRAME = """
async ([html, widths, facts, source]) => {
  const frame = document.createElement('iframe');
  frame.style.cssText = 'position:absolute;top:2000px;height:900px;border:0';
  document.body.append(frame);
  const page = frame.contentDocument, seen = {};
  page.open(); page.write(html); page.close();
  await Promise.all([...page.images].filter(i => !i.complete).map(i => new Promise(done => { i.onload = i.onerror = done })));
  const measure = frame.contentWindow.eval(source);
  for (const width of widths) {
    frame.style.width = width + 'px';
    frame.getBoundingClientRect();
    seen[width] = measure({ ...facts, width });
  }
  frame.remove();
  return seen;
}
"""


def as_state(html: str, state: str) -> str:
    if state == "no-style":
        return re.sub(r"<style\b.*?</style>", "", html, flags=re.S)
    if state == "no-pictures":
        return re.sub(r'(<img\b[^>]*?) src="[^"]*"', r'\1 src="file:///blocked/x.png"', html)
    if state == "outlook":
        html = re.sub(r"<xml>.*?</xml>", "", html, flags=re.S)  # for Word alone: a head ends there for others
        html = re.sub(r"<!--\[if !mso\]><!-->.*?<!--<!\[endif\]-->", "", html, flags=re.S)
        return re.sub(r"<!--\[if (?:gte )?mso[^\]]*\]>(.*?)<!\[endif\]-->", r"\1", html, flags=re.S)
    return html


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        missing("chromium", "chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Desk:
    """One tab in one light, used again for each page. `asked`: every address that a page wanted."""

    def __init__(self, browser: Browser, scheme: str, folder: Path) -> None:
        self._context = browser.new_context(
            color_scheme="dark" if scheme == "dark" else "light",
            offline=True,
            viewport={"width": 600, "height": 900},
        )
        self.tab: Page = self._context.new_page()
        self.asked: list[str] = []
        self._scheme, self._file, self._has_frames = scheme, folder / f"{scheme}.html", False
        self.tab.on("request", lambda request: self.asked.append(request.url))
        if scheme == "forced":
            session = self._context.new_cdp_session(self.tab)
            session.send("Emulation.setAutoDarkModeOverride", {"enabled": True})

    def lay(self, html: str, width: int = 600) -> None:
        """As the page of the tab, painted."""
        self._file.write_text(self._marked(html), "utf-8")
        self._has_frames = False
        self.asked.clear()
        self.tab.set_viewport_size({"width": width, "height": 900})
        self.tab.goto(self._file.as_uri())

    def measure(
        self, html: str, widths: Sequence[int], script: str, facts: Mapping[str, Any]
    ) -> dict[int, Any]:
        """What the script, a function of `facts` and the width, says of the page at each width."""
        if not self._has_frames:
            self.lay("<!DOCTYPE html>")
            self._has_frames = True
        self.asked.clear()
        seen = self.tab.evaluate(_IN_FRAME, [self._marked(html), widths, facts, script])
        return {int(width): said for width, said in seen.items()}

    def _marked(self, html: str) -> str:
        marked = self._scheme == "outlook-dark"
        return html.replace("<html", '<html data-ogsc="" data-ogsb=""', 1) if marked else html

    def close(self) -> None:
        self._context.close()
