"""Every mail in every width, light and state, as Chromium lays it out. F42"""

from __future__ import annotations

import pytest

from tests.looks.clients import SCHEMES, STATES
from tests.looks.judge import Judge
from tests.looks.layout import Layout, Look
from tests.looks.letters import LANGUAGES, Post

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("looks")]


def nothing_in(looks: list[Look], complaints: list[list[str]]) -> None:
    """One line for each complaint, with the looks that have it."""
    by: dict[str, list[str]] = {}
    for look, found in zip(looks, complaints, strict=True):
        for complaint in found:
            by.setdefault(complaint, []).append(str(look))
    if by:
        pytest.fail(
            "\n".join(f"{complaint} ← {'; '.join(where)}" for complaint, where in by.items()), pytrace=False
        )


def states(scheme: str) -> tuple[str, ...]:
    """Word asks nobody for a preferred scheme and knows no marks of the web client: it is light, or forced."""
    if scheme == "outlook-dark":
        return ("normal", "no-pictures")
    return STATES[:3] if scheme == "dark" else STATES


@pytest.mark.parametrize("scheme", SCHEMES)
def test_letters_hold_in_every_width_and_state(scheme: str, post: Post, layout_judge: Judge[Look]) -> None:
    looks = [Look(mail, scheme, state) for mail in post.letters for state in states(scheme)]
    nothing_in(looks, layout_judge.complaints(looks))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_notices_hold_in_every_width_and_state(scheme: str, post: Post, layout_judge: Judge[Look]) -> None:
    looks = [Look(mail, scheme, state) for mail in post.notices for state in states(scheme)]
    nothing_in(looks, layout_judge.complaints(looks))


@pytest.mark.parametrize("language", LANGUAGES)
def test_forced_dark_is_measured_on_the_grounds_that_are_there(
    language: str, post: Post, layout: Layout
) -> None:
    # contrast in forced dark is read from signs drawn apart: their grounds must be those of the page
    assert layout.surprises(post.of(f"sample-{language}")) == []


def test_in_arabic_everything_starts_at_the_right(post: Post, layout: Layout) -> None:
    desk = layout.desk("light")
    desk.lay(post.of("sample-ar").html)
    starts = desk.tab.evaluate(
        """() => [...document.querySelectorAll('h1, h2, h3, li')].map(e => { const r = document.createRange();
        r.selectNodeContents(e); return [getComputedStyle(e).textAlign, e.getBoundingClientRect().right, r.getBoundingClientRect().right] })"""
    )
    assert all(align in ("right", "start") and abs(box - text) < 40 for align, box, text in starts)
    number, line = desk.tab.evaluate(
        "() => { const s = document.querySelector('h2[id] span'); return [s.getBoundingClientRect().right, s.firstElementChild.getBoundingClientRect().right] }"
    )
    assert line < number  # the line runs from the number to the left edge
