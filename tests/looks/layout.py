"""The judge of layout: one page in one light and state, at every width.

What it looks for is in measure.js: sideways scroll, columns, sizes of text and of targets, contrast, alternative
texts, languages and directions of runs, words and numbers torn in tables; and here, what the page wanted to load from elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser

from tests.looks.clients import Desk, as_state
from tests.looks.forced import Darkroom, picture_of
from tests.looks.judge import Judge, crippled
from tests.looks.letters import Mail, Post, for_browser

WIDTHS: Final = (320, 375, 600, 1200)
_RIGHT = ("ar", "fa", "he", "ur")  # languages written from right to left
_MEASURE = (Path(__file__).parent / "measure.js").read_text("utf-8")
MEASURE: Final = _MEASURE[_MEASURE.index("({") :]


@dataclass(frozen=True)
class Look:
    mail: Mail
    scheme: str = "light"
    state: str = "normal"
    widths: tuple[int, ...] = WIDTHS

    def __str__(self) -> str:
        return f"{self.mail.name} {self.scheme} {self.state}"


class Layout:
    """`browser` is used for all; each scheme has its desk."""

    def __init__(self, browser: Browser, folder: Path, pictures: Path) -> None:
        self._browser, self._folder, self._pictures = browser, folder, pictures
        self._desks: dict[str, Desk] = {}
        self._darkroom: Darkroom | None = None

    def desk(self, scheme: str) -> Desk:
        if scheme not in self._desks:
            self._desks[scheme] = Desk(self._browser, scheme, self._folder)
        return self._desks[scheme]

    @property
    def darkroom(self) -> Darkroom:
        if self._darkroom is None:
            self._darkroom = Darkroom(self.desk("forced"))
        return self._darkroom

    def ask(self, looks: Sequence[Look]) -> list[list[str]]:
        return [self._one(look) for look in looks]

    def _one(self, look: Look) -> list[str]:
        desk, html = self.desk(look.scheme), self.page(look)
        facts = {
            "state": look.state, "isLetter": not look.mail.is_notice, "language": look.mail.language, "right": _RIGHT,
        }  # fmt: skip
        found: dict[str, None] = {}
        pairs = {}
        for width, seen in desk.measure(html, look.widths, MEASURE, facts).items():
            pairs = seen["pairs"] | pairs
            for complaint in seen["complaints"]:
                if not (look.scheme == "forced" and complaint.startswith("pale: ")):
                    found[f"{complaint} [{width}]"] = None
        here = (self._pictures.as_uri(), self._folder.as_uri(), "file:///blocked/")
        found |= {f"elsewhere: {url}": None for url in desk.asked if not url.startswith(here)}
        if look.scheme == "forced":
            found |= dict.fromkeys(self.darkroom.complaints(pairs))
        return list(found)

    def page(self, look: Look) -> str:
        return as_state(for_browser(look.mail.html, self._pictures), look.state)

    def surprises(self, mail: Mail) -> list[str]:
        """Of the page as it is painted in forced dark, at 600 px."""
        desk, html = self.desk("forced"), self.page(Look(mail))
        facts = {"state": "normal", "isLetter": True, "language": mail.language, "right": _RIGHT}
        pairs = desk.measure(html, [600], MEASURE, facts)[600]["pairs"]
        self.darkroom.complaints(pairs)
        desk.lay(html)
        return list(self.darkroom.surprises(pairs, picture_of(desk)))


def judge_of(layout: Layout, post: Post) -> Judge[Look]:
    """Awake only if it reproaches what each of its eyes is for."""
    english, arabic, japanese = (post.of(f"sample-{tag}") for tag in ("en", "ar", "ja"))

    def spoiled(mail: Mail, pattern: str, text: str, scheme: str = "light", state: str = "normal") -> Look:
        return Look(replace(mail, html=crippled(mail.html, pattern, text)), scheme, state)

    grey = '<p style="color:#777777;background-color:#888888">grey words</p><h1'
    return Judge(
        layout.ask,
        Look(english),
        {
            "scroll": spoiled(english, "max-width:600px", "min-width:700px"),
            "columns: not beside": spoiled(english, "display:inline-block;width:100%", "display:block;width:100%"),
            "columns: not below": spoiled(english, r"width:100%;vertical-align:(\w+);max-width:\d+px", r"width:45%"),
            "small": spoiled(english, "font-size:14px", "font-size:11px"),
            "target": spoiled(english, "padding:15px 26px", "padding:2px 26px"),
            "pale/light": spoiled(english, "color:#16242E", "color:#99AAAA"),
            "pale/dark": spoiled(english, "color:#E9EFF1", "color:#445566", "dark"),
            "pale/outlook-dark": spoiled(english, r"(\[data-ogsc\] \.ink\{color:#)\w+", r"\g<1>223344", "outlook-dark"),
            "pale/forced": spoiled(english, "<h1", grey, "forced"),
            "pale/no-pictures": spoiled(english, r'<img[^>]* style="', r'\g<0>color:#F0F0F0;', "light", "no-pictures"),
            "alt": spoiled(english, r'<img([^>]*) alt="[^"]*"', r"<img\1"),
            "lang": spoiled(english, '<span lang="ja"', "<span"),
            "lang/Latin": spoiled(japanese, '<span lang="en"', "<span"),
            "dir": spoiled(arabic, '<bdi dir="ltr">', '<bdi dir="rtl">'),
            "dir/whole": spoiled(arabic, r' dir="rtl"', ""),
            "torn": spoiled(english, "overflow-wrap:normal", "word-break:break-all"),
            "torn/crowded": spoiled(post.of("worst-en"), r"\.whole\{[^}]*\}|@media \(max-width:599px\)", "@media print"),
            "elsewhere": spoiled(english, r'<img([^>]*) src="[^"]*"', r'<img\1 src="https://example.org/x.png"'),
        },
    )  # fmt: skip
