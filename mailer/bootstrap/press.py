"""House → senders: one for each relay that takes mail, and one for a rehearsal; what a check asks of each relay.

A sender process loads this. Called by the worker, the demo and the CLI.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from mailer.composer.alignment import aligned
from mailer.config.model import RelayBase
from mailer.delivery import throttle
from mailer.delivery.letterpress import LetterPress
from mailer.delivery.press import Settings
from mailer.delivery.retry import Policy
from mailer.delivery.routes import NO_LIST
from mailer.delivery.sender import Sender
from mailer.errors import Refused
from mailer.smtp import presets
from mailer.smtp.model import Relay
from mailer.smtp.pool import Pool

from .clock import SystemClock, quiet_time
from .house import House
from .letterhead import letterhead_of
from .relays import rates_of

_REHEARSAL = "rehearsal"  # in the place of a relay's name


def require_relay(house: House) -> Relay:
    """The relay that the main sender's mail prefers. Raises Refused where there is none."""
    if not house.relays[0].host or not house.letterhead.sender_email:
        raise Refused(
            "No relay or no sender's address is configured.",
            remedy="Set relay.host and sender.email; “mailer check” then tries them.",
            key="no_relay",
        )
    house.routes.require(NO_LIST)
    name = house.routes.of(NO_LIST).relays[0]
    return next(relay for relay in house.relays if relay.name == name)


def senders(house: House) -> tuple[Sender, ...]:
    """Those of this process, one for each relay that takes some mail. Raises Refused where no relay is configured."""
    require_relay(house)
    used = [n for n, relay in enumerate(house.relays) if house.routes.through(relay.name)]
    return tuple(_sender(house, house.config.relay.all[n], house.relays[n]) for n in used)


def _sender(house: House, part: RelayBase, relay: Relay) -> Sender:
    return Sender(
        house.engine,
        lambda: Pool(relay),
        LetterPress(house.engine, letterhead_of(house.config, part, house.permanent_key, house.keys)),
        _settings(house, part, relay),
        SystemClock(),
    )


def _settings(house: House, part: RelayBase, relay: Relay) -> Settings:
    delivery = house.config.delivery
    return Settings(
        relay=relay.name,
        connections=relay.connections,
        depth=relay.depth,
        batch_size=delivery.batch_size,
        lease=timedelta(seconds=delivery.lease_seconds),
        rates=rates_of(part),
        ways=house.routes,
        policy=Policy(
            first=timedelta(seconds=delivery.retry_first_seconds),
            longest=timedelta(seconds=delivery.retry_max_seconds),
            give_up=timedelta(hours=delivery.retry_give_up_hours),
            resend_uncertain=delivery.on_uncertain == "resend",
        ),
        domain_rates={
            domain: tuple(throttle.parse(rate) for rate in rates)
            for domain, rates in delivery.domain_rates.items()
        },
        quiet=quiet_time(house.config),
        refused_percent=delivery.refused_percent,
        zone=ZoneInfo(house.config.site.time_zone),
    )


def rehearsal_sender(house: House, port: int, campaign_id: int) -> Sender:
    """To a sink on this machine, for this campaign alone: it knows no relay, no rate and no other mail."""
    real = require_relay(house)
    sink = Relay(
        name=_REHEARSAL, host="127.0.0.1", port=port, tls="none", username="", password="",
        connections=real.connections, pipeline=True, local_name=real.local_name, timeout=real.timeout,
        depth=real.depth,
    )  # fmt: skip
    settings = Settings(
        relay=sink.name,
        connections=sink.connections,
        depth=sink.depth,
        batch_size=house.config.delivery.batch_size,
        lease=timedelta(seconds=house.config.delivery.lease_seconds),
        zone=ZoneInfo(house.config.site.time_zone),
        only=(campaign_id,),
    )
    press = LetterPress(house.engine, house.letterhead)
    return Sender(house.engine, lambda: Pool(sink), press, settings, SystemClock())


@dataclass(frozen=True, slots=True)
class Trial:
    """What `mailer check` asks of one relay."""

    relay: Relay
    envelope_from: str  # as a mail over it would have it
    rates: tuple[str, ...]
    preset: presets.Preset | None  # whose rates are in force


def trials(house: House) -> list[Trial]:
    """One for each relay, with the sender of the first newsletter that it takes."""
    found = []
    for part, relay in zip(house.config.relay.all, house.relays, strict=True):
        head = letterhead_of(house.config, part, house.permanent_key, house.keys)
        taken = (key for key in (NO_LIST, *house.routes.named) if relay.name in house.routes.of(key).relays)
        preset = presets.for_host(part.host) if part.rates is None else None
        rates = part.rates if part.rates is not None else preset.rates if preset else ()
        envelope_from = head.of(next(taken, NO_LIST)).return_path.encode(1)
        found.append(Trial(relay, envelope_from, tuple(rates), preset))
    return found


def unaligned(house: House) -> list[str]:
    """Senders whose domain is of another organisation than dkim.domain: DMARC does not see our signature there."""
    signing = house.config.dkim.domain
    heads = (house.letterhead, *house.letterhead.newsletters.values()) if signing else ()
    return list(dict.fromkeys(head.sender_email for head in heads if not aligned(head.domain, signing)))
