"""Pictures of the theme to be judged by eye: `python -m tests.theme.shots OUT [ja en ar …] [320 600 …]`.

Writes one PNG for each language, width, scheme and state, the long page cut into columns beside each other.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from mailer import i18n
from mailer.composer.theme import Theme
from tests.theme import samples

COLUMN = 1500
STATES = ("normal", "no-style", "no-pictures")


def as_state(html: str, state: str) -> str:
    """What a client makes of it that drops style blocks, or shows no pictures."""
    if state == "no-style":
        return re.sub(r"<style>.*?</style>", "", html, flags=re.S)
    return (
        re.sub(r' src="[^"]*"', ' src="https://blocked.invalid/x.png"', html)
        if state == "no-pictures"
        else html
    )


def page(language: str) -> str:
    """One reader's mail with pictures from the disk."""
    about = samples.surroundings(
        language, pictures=f"{samples.SAMPLE.as_uri()}/", decorations=f"{samples.DECORATIONS.as_uri()}/"
    )
    html = Theme(None).render_issue(samples.letter(language), about, i18n.words(language))
    return samples.filled(html, language)


def shoot(browser: Browser, html: str, width: int, scheme: str, folder: Path) -> Image.Image:
    file = folder / "_page.html"
    file.write_text(html, "utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        offline=True,
    )
    try:
        tab = context.new_page()
        tab.goto(file.as_uri())
        return Image.open(io.BytesIO(tab.screenshot(full_page=True))).convert("RGB")
    finally:
        context.close()
        file.unlink()


def columns(image: Image.Image) -> Image.Image:
    count = -(-image.height // COLUMN)
    sheet = Image.new("RGB", (count * (image.width + 16), min(COLUMN, image.height)), "#888888")
    for index in range(count):
        part = image.crop((0, index * COLUMN, image.width, min(image.height, (index + 1) * COLUMN)))
        sheet.paste(part, (index * (image.width + 16), 0))
    return sheet


def main(out: Path, languages: list[str], widths: list[int]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for language in languages:
            html = page(language)
            for width in widths:
                for scheme, state in (
                    ("light", "normal"),
                    ("dark", "normal"),
                    *(("light", s) for s in STATES[1:]),
                ):
                    name = f"{language}-{width}-{scheme}-{state}.png"
                    columns(shoot(browser, as_state(html, state), width, scheme, out)).save(out / name)
                    print(out / name)
        browser.close()


if __name__ == "__main__":
    arguments = sys.argv[2:]
    main(
        Path(sys.argv[1]),
        [a for a in arguments if not a.isdigit()] or ["ja", "en", "ar"],
        [int(a) for a in arguments if a.isdigit()] or [320, 375, 600, 1200],
    )
