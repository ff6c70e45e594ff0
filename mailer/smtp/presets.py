"""What is known of common relays, as data in `presets.toml`: suggestions for the configuration, never enforced."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources

from mailer.smtp.model import Tls


@dataclass(frozen=True, slots=True)
class Preset:
    """`rates` in the notation of relay.rates; `as_published` is the provider's own figure."""

    key: str
    name: str
    host: str
    port: int
    tls: Tls
    connections: int
    rates: tuple[str, ...]
    as_published: str
    app_password: bool = False  # the account's own password is refused

    def fits(self, host: str) -> bool:
        if self.host.startswith("*."):
            return host.lower().endswith(self.host[1:])
        return host.lower() == self.host


def presets() -> tuple[Preset, ...]:
    text = resources.files("mailer.smtp").joinpath("presets.toml").read_text(encoding="utf-8")
    return tuple(
        Preset(key=key, **(values | {"rates": tuple(values["rates"])}))
        for key, values in tomllib.loads(text).items()
    )


def for_host(host: str) -> Preset | None:
    """The first preset of this host: where a host has several, the gentlest stands first."""
    return next((preset for preset in presets() if preset.fits(host)), None)
