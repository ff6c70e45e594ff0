"""Draws both-editions.png from a demo's previews: `make demo`, then `.venv/bin/python docs/pictures/make.py demo`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
WIDTH, HEIGHT, GAP, GROUND = 600, 1240, 40, "#c3ced3"


def main(demo: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        shots = []
        for language in ("ja", "en"):
            page.goto((demo / "preview" / language / "mail.html").resolve().as_uri())
            page.wait_for_timeout(500)
            shots.append(Image.open(io.BytesIO(page.screenshot())))
        browser.close()
    whole = Image.new("RGB", (2 * WIDTH + 3 * GAP, HEIGHT + GAP), GROUND)
    for index, shot in enumerate(shots):
        whole.paste(shot, (GAP + index * (WIDTH + GAP), GAP))
    whole.quantize(192).save(Path(__file__).with_name("both-editions.png"), optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
