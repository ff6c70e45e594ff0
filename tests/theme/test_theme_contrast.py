"""Colours of the theme: what stands on what, and how well it can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailer.composer.look.contrast import luminance, ratio
from mailer.composer.look.theme import Theme


def test_the_ratio_is_that_of_wcag_and_knows_no_order() -> None:
    assert ratio("#000000", "#FFFFFF") == pytest.approx(21)
    assert ratio("#FFFFFF", "#000000") == pytest.approx(21)
    assert ratio("#767676", "#ffffff") == pytest.approx(
        4.54, abs=0.005
    )  # the greyest grey that passes on white
    assert luminance("#FF0000") == pytest.approx(0.2126)


def test_every_colour_of_our_own_can_be_read_on_its_ground_in_both_schemes() -> None:
    found = Theme(None).contrasts()
    assert {one.scheme for one in found} == {"light", "dark"}
    assert {"ink", "ink2", "link", "accent", "onfill", "onplate"} == {one.text for one in found}
    assert min(one.ratio for one in found) >= 5.4  # what the look measured


def test_a_pale_colour_of_an_operator_is_told_with_its_ground_and_scheme(tmp_path: Path) -> None:
    (tmp_path / "theme.toml").write_text('[colour]\nlink = ["#9CC4DA", "#8CC6E2"]\n')
    weak = [(one.text, one.ground, one.scheme) for one in Theme(tmp_path).contrasts() if one.ratio < 4.5]
    assert weak == [("link", ground, "light") for ground in ("paper", "tint", "sand", "outer")]
