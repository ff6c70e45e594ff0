"""Pictures of the theme to be judged by eye: `python -m tests.theme.shots OUT [ja en ar …] [320 600 …] [FOLDER]`.

Writes one PNG for each language, width, scheme and state, the long page cut into columns beside each other.
FOLDER is a templates_dir with settings, pictures or templates to be laid over ours.
"""

from __future__ import annotations

import io
import re
import sys
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from mailer import i18n
from mailer.composer.look.decorations import Decoration
from mailer.composer.look.theme import Theme
from mailer.composer.model import Shown
from tests.theme import samples

COLUMN = 1500
STATES = ("normal", "no-style", "no-pictures")
SHOTS = (("light", "normal"), ("dark", "normal"), ("forced", "normal"), ("light", "no-style"), ("light", "no-pictures"), ("light", "mso"))  # fmt: skip


def as_state(html: str, state: str) -> str:
    """What a client makes of it that drops style blocks, or shows no pictures."""
    if state == "no-style":
        return re.sub(r"<style>.*?</style>", "", html, flags=re.S)
    if state == "mso":  # the branches of the Word engine, read by a browser: tables and widths, not its fonts
        return re.sub(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", r"\1", html, flags=re.S)
    if state == "no-pictures":
        return re.sub(r' src="[^"]*"', ' src="https://blocked.invalid/x.png"', html)
    return html


def undeclared(html: str) -> str:
    """Without what says that the page knows the dark: programs that force it do not ask."""
    html = re.sub(r'<meta name="(?:supported-)?color-schemes?" content="[^"]*">', "", html)
    html = re.sub(r":root\{[^}]*\}", "", html)
    return re.sub(r"@media \(prefers-color-scheme: ?dark\)", "@media not all", html)


def page(language: str, theme: Theme) -> str:
    """One reader's mail with pictures from the disk."""
    about = samples.surroundings(language, pictures=f"{samples.SAMPLE.as_uri()}/")
    about = replace(about, decorations={name: _inside(one) for name, one in theme.decorations.items()})
    html = theme.render_issue(samples.letter(language), about, i18n.words(language))
    return samples.filled(html, language)


def _inside(one: Decoration) -> Shown:
    return Shown(f"data:{one.media_type};base64,{b64encode(one.content).decode()}", *one.shown)


def shoot(browser: Browser, html: str, width: int, scheme: str, folder: Path) -> Image.Image:
    file = folder / "_page.html"
    file.write_text(undeclared(html) if scheme == "forced" else html, "utf-8")
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="light" if scheme == "light" else "dark",
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


def main(out: Path, languages: list[str], widths: list[int], theme: Theme) -> None:
    out.mkdir(parents=True, exist_ok=True)
    plain = ["--no-sandbox", "--disable-gpu"]
    with sync_playwright() as play:
        seeing = play.chromium.launch(executable_path="/usr/bin/chromium", args=plain)
        forcing = play.chromium.launch(
            executable_path="/usr/bin/chromium", args=[*plain, "--enable-features=WebContentsForceDark"]
        )
        for language in languages:
            html = page(language, theme)
            for width in widths:
                for scheme, state in SHOTS:
                    name = f"{language}-{width}-{scheme}-{state}.png"
                    browser = forcing if scheme == "forced" else seeing
                    columns(shoot(browser, as_state(html, state), width, scheme, out)).save(out / name)
                    print(out / name)
        seeing.close()
        forcing.close()


if __name__ == "__main__":
    arguments = sys.argv[2:]
    folders = [a for a in arguments if "/" in a]
    main(
        Path(sys.argv[1]),
        [a for a in arguments if not a.isdigit() and a not in folders] or ["ja", "en", "ar"],
        [int(a) for a in arguments if a.isdigit()] or [320, 375, 600, 1200],
        Theme(Path(folders[0]) if folders else None),
    )
