"""Config → relays: their accounts, what those allow, and which newsletter goes over which.

Connects to nobody. Called by `house`, which keeps what is made here, and by the other modules of this package.
"""

from __future__ import annotations

from datetime import timedelta

from mailer.config.model import Config, RelayBase
from mailer.delivery import throttle
from mailer.delivery.routes import Route, Routes
from mailer.smtp import presets
from mailer.smtp.model import Relay
from subscribers import address


def wire(mailbox: str) -> str:
    return address.parse(mailbox).wire if mailbox else ""


def relay_of(part: RelayBase, config: Config) -> Relay:
    """Gentle with a rented account: one connection where somebody signs in. The sender processes share them."""
    connections = max(1, part.open_at_once // config.delivery.processes)
    return Relay(
        name=f"relay:{part.host}:{part.username}",
        host=part.host,
        port=part.port,
        tls=part.tls,
        username=part.username,
        password=part.password.get_secret_value(),
        connections=connections,
        pipeline=part.pipeline,
        local_name=part.local_name,
        timeout=timedelta(seconds=part.timeout_seconds),
        depth=part.depth,
    )


def rates_of(part: RelayBase) -> tuple[throttle.Rate, ...]:
    """What the account allows: as configured, else what is known of this provider."""
    named = part.rates
    if named is None:
        preset = presets.for_host(part.host)
        named = list(preset.rates) if preset else []
    return tuple(throttle.parse(rate) for rate in named)


def routes_of(config: Config, relays: tuple[Relay, ...]) -> Routes:
    """Each newsletter's relays: those that take mail of its sender."""

    def of(sender: str) -> Route:
        taking = (
            relay.name
            for part, relay in zip(config.relay.all, relays, strict=True)
            if not part.from_addresses
            or wire(sender).lower() in (wire(one).lower() for one in part.from_addresses)
        )
        return Route(tuple(taking), sender)

    main = config.sender.email
    return Routes(of(main), {key: of(one.email or main) for key, one in config.sender.newsletters.items()})
