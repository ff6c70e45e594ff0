"""The presets are whole, and the gentlest comes first."""

from __future__ import annotations

import re

from mailer.smtp.presets import for_host, presets


def test_each_preset_is_whole_and_its_rates_can_be_read() -> None:
    for preset in presets():
        assert (preset.port, preset.tls) in {(587, "starttls"), (465, "implicit")}
        assert preset.connections >= 1
        assert preset.rates
        assert all(re.fullmatch(r"\d+/(minute|hour|day)", rate) for rate in preset.rates)
        assert preset.as_published


def test_a_host_finds_its_preset_and_the_gentlest_of_several() -> None:
    found = for_host("SMTP.gmail.com")
    assert found is not None
    assert found.rates == ("20/minute", "450/day")
    numbered = for_host("sv1234.xserver.jp")
    assert numbered is not None
    assert numbered.key == "xserver"
    assert for_host("mx.example") is None
    assert for_host("xserver.jp.example") is None
