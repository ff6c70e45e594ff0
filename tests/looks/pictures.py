"""The pictures of README and docs: `make pictures` draws them anew from the sample issue, and the table of sizes."""

from __future__ import annotations

import io
import tempfile
from dataclasses import replace
from pathlib import Path

from PIL import Image

from tests.looks import letters
from tests.looks.clients import Desk, chromium
from tests.looks.letters import Post, for_browser
from tests.theme import samples

OUT = samples.CHECKOUT / "docs" / "pictures"
GROUND, GAP = "#C3CED3", 32
# file: (mail, light, width) of each sheet in it, and the height that is shown
SHEETS = {
    "both-editions.png": ([("pair-ja", "light", 600), ("pair-en", "light", 600)], 1240),
    "night.png": ([("sample-en", "dark", 600), ("sample-ja", "dark", 600)], 1240),
    "telephone.png": (
        [("sample-ja", "light", 375), ("sample-en", "dark", 375), ("sample-ar", "light", 375)],
        1100,
    ),
    "chinese-and-arabic.png": ([("sample-zh-Hant", "light", 600), ("sample-ar", "light", 600)], 1240),
    "notices.png": ([("confirm-ja", "light", 600), ("welcome-en", "light", 600)], 1000),
}


def draw(post: Post, out: Path) -> None:
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        for file, content in post.pictures.items():
            (folder / file).write_bytes(content)
        desks = {scheme: Desk(browser, scheme, folder) for scheme in ("light", "dark")}
        for file, (sheets, height) in SHEETS.items():
            shots = []
            for mail, scheme, width in sheets:
                desks[scheme].lay(for_browser(post.of(mail).html, folder), width)
                shot = desks[scheme].tab.screenshot(full_page=True)
                shots.append(Image.open(io.BytesIO(shot)).convert("RGB").crop((0, 0, width, height)))
            whole = Image.new("RGB", (sum(s.width + GAP for s in shots) + GAP, height + GAP), GROUND)
            x = GAP
            for shot in shots:
                whole.paste(shot, (x, GAP))
                x += shot.width + GAP
            whole.quantize(160).save(out / file, optimize=True)
            print(out / file, (out / file).stat().st_size)


def drawn() -> Post:
    """What is judged, and the sample issue as most offices have it: in two languages."""
    everything = letters.post()
    pair = letters.post({"pair": replace(samples.issue(), languages=("ja", "en"))})
    return Post((*everything.mails, *pair.mails), {**everything.pictures, **pair.pictures})


if __name__ == "__main__":
    draw(drawn(), OUT)
