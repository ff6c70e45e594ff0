"""axe-core finds nothing in any mail or web version, light and dark; headings say their numbers and skip no level."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from mailer import i18n
from tests.looks.axe import complaints_of
from tests.looks.judge import Judge, crippled
from tests.looks.layout import Layout
from tests.looks.letters import LANGUAGES, Post, for_browser
from tests.looks.web import Pages

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("looks")]


@dataclass(frozen=True)
class Sight:
    html: str
    scheme: str = "light"


class Axe:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def ask(self, sights: Sequence[Sight]) -> list[list[str]]:
        found = []
        for sight in sights:
            desk = self._layout.desk(sight.scheme)
            desk.lay(sight.html)
            found.append(complaints_of(desk.tab))
        return found


@pytest.fixture(scope="module")
def axe(layout: Layout) -> Axe:
    return Axe(layout)


@pytest.fixture(scope="module")
def judge(axe: Axe, post: Post) -> Judge[Sight]:
    good = post.of("sample-en").html
    return Judge(
        axe.ask,
        Sight(good),
        {
            "html-has-lang": Sight(crippled(good, '<html lang="en"', "<html")),
            "image-alt": Sight(crippled(good, r'<img([^>]*) alt="[^"]*"', r"<img\1")),
            "color-contrast/light": Sight(crippled(good, "color:#16242E", "color:#99AAAA")),
            "color-contrast/dark": Sight(crippled(good, "color:#E9EFF1", "color:#445566"), "dark"),
            "heading-order": Sight(crippled(good, r"<h2 (id[^>]*>.*?)</h2>", r"<h5 \1</h5>", 1)),
            "link-name": Sight(crippled(good, r"(<a [^>]*>)[^<]+</a>", r"\1</a>")),
        },
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_mail_shuts_anybody_out(
    scheme: str, post: Post, judge: Judge[Sight], picture_folder: Path
) -> None:
    # the letter of unkind words is about layout, the one of twelve sections about weight: they hold nothing new here
    mails = [mail for mail in post.mails if not mail.name.startswith(("worst", "twelve"))]
    complaints = judge.complaints([Sight(for_browser(mail.html, picture_folder), scheme) for mail in mails])
    found = {mail.name: said for mail, said in zip(mails, complaints, strict=True) if said}
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_web_version_shuts_anybody_out(
    scheme: str, pages: Pages, judge: Judge[Sight], browser: Browser
) -> None:
    judge.complaints([])  # awake
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    tab = context.new_page()
    tab.route("**/*", pages.answer)
    found = {}
    for path in pages.by_path:
        tab.goto(f"https://mail.example.org{path}")
        if complaints := complaints_of(tab):
            found[path] = complaints
    context.close()
    assert found == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_screen_reader_hears_the_number_before_the_words(language: str, post: Post, layout: Layout) -> None:
    desk = layout.desk("light")
    desk.lay(post.of(f"sample-{language}").html)
    heard = re.findall(r"""- '?heading "(.*)" \[level=2\]""", desk.tab.locator("body").aria_snapshot())
    words = i18n.words(language)
    assert len(heard) > 2
    for position, heading in enumerate(heard[1:], 1):  # the first is that of the contents
        assert heading.split()[0] == words.section_number(position).strip(), heading
