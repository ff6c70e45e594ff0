"""Config → House: the only place where objects meet. The House has no methods.

Rooms receive plain values; here they are made from the configuration. Called by the CLI, the
worker, the pages and the demo.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection, Engine, make_url

from subscribers import address
from subscribers.database import open_engine, reading
from subscribers.errors import BadAddress
from subscribers.model import Address

from . import config as configuration
from . import i18n, migrations
from .campaigns import newsletters
from .campaigns.business_days import Calendar, any_of, read_closed
from .campaigns.dates import LINK_ENDED, Finish
from .campaigns.launch import Rules
from .composer.model import Identity
from .config.model import Config, RelayBase, SenderOf, Text
from .config.model import Sender as MainSender
from .delivery import forecast, letterpress, throttle
from .delivery.letterpress import Letterhead, LetterPress
from .delivery.press import Settings
from .delivery.quiet import Quiet
from .delivery.retry import Policy
from .delivery.routes import NO_LIST, Route, Routes
from .delivery.sender import Sender
from .errors import NoKey, Refused
from .message.dkim import Signer, load_signer
from .message.return_path import ReturnPath
from .smtp import presets
from .smtp.model import Envelope, Relay
from .smtp.pool import Pool

if TYPE_CHECKING:  # composing loads Pillow and lxml, 60 MB that a sender process does without
    from .composer.approving import Gate
    from .composer.editions import Press as IssuePress
    from .composer.theme import Theme

REHEARSAL = "rehearsal"  # in the place of a relay's name


@dataclass(frozen=True, slots=True)
class House:
    """The assembled program."""

    config: Config
    engine: Engine
    templates_dir: Path | None
    permanent_key: str
    keys: tuple[str, ...]
    relays: tuple[Relay, ...]  # the preferred first
    routes: Routes
    letterhead: Letterhead  # of the preferred relay


def open_database(config: Config) -> Engine:
    """The engine of `database.url`; a relative SQLite path starts at the configuration's folder."""
    url = make_url(config.database.url)
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.set(database=str(config.path(url.database)))
    return open_engine(url.render_as_string(hide_password=False))


def open_house(path: Path, environ: Mapping[str, str]) -> House:
    """Raises BadConfig with every fault, NoKey, Refused if the tables are not those of this program."""
    config = configuration.load(path, environ)
    permanent_key = config.secrets.permanent_key.get_secret_value()
    keys = tuple(key.get_secret_value() for key in config.secrets.keys)
    if not permanent_key or not keys:
        raise NoKey(
            "secrets.permanent_key and secrets.keys are not set.",
            remedy="“mailer init” makes them; if you have them elsewhere, name them in the configuration.",
        )
    engine = open_database(config)
    _require_tables(engine)
    relays = tuple(_relay(one, config) for one in config.relay.all)
    routes = _routes(config, relays)
    preferred = next((n for n, relay in enumerate(relays) if relay.name in routes.of(NO_LIST).relays), 0)
    templates = config.path(config.site.templates_dir) if config.site.templates_dir else None
    return House(
        config,
        engine,
        templates,
        permanent_key,
        keys,
        relays,
        routes,
        _letterhead(config, config.relay.all[preferred], permanent_key, keys),
    )


def _require_tables(engine: Engine) -> None:
    with reading(engine) as connection:
        here, newest = migrations.standing(connection)
    if here == newest:
        return
    if here is None:
        raise Refused("The database has no tables yet.", remedy="Run “mailer migrate”.", key="database_empty")
    raise Refused(
        f"The tables are those of another version of the program ({here}, not {newest}).",
        remedy="Run “mailer migrate”; if the database is the newer one, update the program.",
        key="database_other_version", here=here, newest=newest,
    )  # fmt: skip


def in_languages(text: Text) -> dict[str, str]:
    """A text of the configuration by language; "" = for all."""
    return {"": text} if isinstance(text, str) else dict(text)


def _said(text: Text, language: str) -> str:
    by_language = in_languages(text)
    return by_language.get(language) or by_language.get("") or next(iter(by_language.values()), "")


# ── mail ────────────────────────────────────────────────────────────────────────────────────────


def _wire(mailbox: str) -> str:
    return address.parse(mailbox).wire if mailbox else ""


def _relay(part: RelayBase, config: Config) -> Relay:
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


def _routes(config: Config, relays: tuple[Relay, ...]) -> Routes:
    """Each newsletter's relays: those that take mail of its sender."""

    def of(sender: str) -> Route:
        taking = (
            relay.name
            for part, relay in zip(config.relay.all, relays, strict=True)
            if not part.from_addresses
            or _wire(sender).lower() in (_wire(one).lower() for one in part.from_addresses)
        )
        return Route(tuple(taking), sender)

    main = config.sender.email
    return Routes(of(main), {key: of(one.email or main) for key, one in config.sender.newsletters.items()})


def _letterhead(config: Config, part: RelayBase, permanent_key: str, keys: tuple[str, ...]) -> Letterhead:
    """What stands on mail over this relay: the main sender's, which knows those of other newsletters."""
    signers = _signers(config)

    def of(who: SenderOf | MainSender) -> Letterhead:
        email = _wire(who.email or config.sender.email)
        reply_to = _wire(who.reply_to or config.sender.reply_to)
        # A fixed or plus return path is the sender's own mailbox: rented accounts take no foreign one.
        home = config.bounces.domain if part.return_path == "verp" else email
        return Letterhead(
            sender_email=email,
            sender_names=in_languages(who.name or config.sender.name or config.site.name),
            reply_to=reply_to,
            base_url=config.site.base_url,
            mailto_home=reply_to or email,
            zone=config.site.time_zone,
            return_path=ReturnPath(part.return_path, home, permanent_key),
            permanent_key=permanent_key,
            keys=keys,
            signers=signers,
        )

    return replace(
        of(config.sender), newsletters={key: of(one) for key, one in config.sender.newsletters.items()}
    )


def _signers(config: Config) -> tuple[Signer, ...]:
    dkim = config.dkim
    if not dkim.domain:
        return ()
    path = config.path(dkim.key_file)
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise NoKey(
            f"The DKIM key {path} cannot be read.",
            remedy="Name the right file in dkim.key_file, or let the relay sign.",
            key="dkim_key", path=str(path),
        ) from error  # fmt: skip
    return (load_signer(dkim.domain, dkim.selector, pem),)


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
        head = _letterhead(house.config, part, house.permanent_key, house.keys)
        taken = (key for key in (NO_LIST, *house.routes.named) if relay.name in house.routes.of(key).relays)
        preset = presets.for_host(part.host) if part.rates is None else None
        rates = part.rates if part.rates is not None else preset.rates if preset else ()
        envelope_from = head.of(next(taken, NO_LIST)).return_path.encode(1)
        found.append(Trial(relay, envelope_from, tuple(rates), preset))
    return found


def unaligned(house: House) -> list[str]:
    """Senders whose domain is neither dkim.domain nor above or below it: DMARC does not see our signature there."""
    signing = house.config.dkim.domain.lower()
    heads = (house.letterhead, *house.letterhead.newsletters.values()) if signing else ()
    apart = (
        head.sender_email
        for head in heads
        if not f".{head.domain}".lower().endswith(f".{signing}")
        and not f".{signing}".endswith(f".{head.domain}".lower())
    )
    return list(dict.fromkeys(apart))


def senders(house: House) -> tuple[Sender, ...]:
    """Those of this process, one for each relay that takes some mail. Raises Refused where no relay is configured."""
    require_relay(house)
    used = [n for n, relay in enumerate(house.relays) if house.routes.through(relay.name)]
    return tuple(_sender(house, house.config.relay.all[n], house.relays[n]) for n in used)


def _sender(house: House, part: RelayBase, relay: Relay) -> Sender:
    return Sender(
        house.engine,
        lambda: Pool(relay),
        LetterPress(house.engine, _letterhead(house.config, part, house.permanent_key, house.keys)),
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


def quiet_time(config: Config) -> Quiet | None:
    """When no campaign's mail leaves, by the office's clock and calendar; None: never."""
    delivery = config.delivery
    if not delivery.quiet_hours and not delivery.quiet_days:
        return None
    begins, _, ends = (delivery.quiet_hours or "00:00-00:00").partition("-")
    return Quiet(
        ZoneInfo(config.site.time_zone),
        time.fromisoformat(begins),
        time.fromisoformat(ends),
        any_of(_calendar(config), delivery.quiet_days),
    )


def _calendar(config: Config) -> Calendar:
    return Calendar(config.site.country, *read_closed(config.site.closed_days))


class SystemClock:
    """The real one."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def predicted_finish(house: House, campaign_id: int, now: datetime) -> datetime | None:
    """When the campaign's last message should be out, by its rates; None if nothing is open."""
    with reading(house.engine) as connection:
        newsletter = newsletters.of_campaign(connection, campaign_id) or NO_LIST
        n = _opens_first(house, connection, newsletter, now)
        if n is None:
            return None
        opens_first = house.relays[n].name
        rates, connections = rates_of(house.config.relay.all[n]), house.config.relay.all[n].open_at_once
        return forecast.finish(
            connection, campaign_id, opens_first, rates, now,
            connections=connections, quiet=quiet_time(house.config),
        )  # fmt: skip


def _opens_first(house: House, connection: Connection, newsletter: str, now: datetime) -> int | None:
    """Which of the relays carries the newsletter now, or opens first."""
    name = house.routes.opens_first(newsletter, throttle.gates(connection), now)
    return next((n for n, relay in enumerate(house.relays) if relay.name == name), None)


def predicted_end(house: House, people: int, now: datetime) -> datetime:
    """When so many mails would have left by the real relay, if they began now and nothing else was sending."""
    with reading(house.engine) as connection:
        n = _opens_first(house, connection, NO_LIST, now) or 0
        rates, relay = rates_of(house.config.relay.all[n]), house.relays[n]
        used = throttle.used(connection, relay.name, rates, now)
    quiet = quiet_time(house.config)
    return forecast.reckon(people, now, rates, used, forecast.Wire(relay.connections), quiet=quiet)


def rehearsal_sender(house: House, port: int, campaign_id: int) -> Sender:
    """To a sink on this machine, for this campaign alone: it knows no relay, no rate and no other mail."""
    real = require_relay(house)
    sink = Relay(
        name=REHEARSAL, host="127.0.0.1", port=port, tls="none", username="", password="",
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


def test_message(house: House, to: Address, language: str, now: datetime) -> tuple[Envelope, bytes]:
    """The notice that `mailer check --to` sends."""
    from .composer import editions

    words = i18n.words(language)
    values = {
        "address": to.written,
        "relay": require_relay(house).host,
        "sent_at": words.moment(now, house.config.site.time_zone),
    }
    with house.engine.begin() as connection:
        edition = editions.compose_notice(connection, "test", language, issue_press(house, now), values)
        return letterpress.notice(connection, house.letterhead, edition, to, now)


# ── issues, campaigns, pages ────────────────────────────────────────────────────────────────────


def identities(config: Config) -> dict[str, Identity]:
    """The legal block per language of the site."""
    found = {}
    for language in config.site.languages:
        other = next((one for one in config.site.languages if one != language), "")
        name = _said(config.sender.organisation, language)
        elsewhere = _said(config.sender.organisation, other) if other else ""
        found[language] = Identity(
            newsletter=_said(config.site.name, language),
            organisation=name,
            organisation_other=elsewhere if elsewhere != name else "",
            organisation_other_language=other,
            postal_address=_said(config.sender.postal_address, language),
            phone=_said(config.sender.phone, language),
            contact=config.sender.contact or config.sender.email,
        )
    return found


@lru_cache(maxsize=4)
def _theme(templates_dir: Path | None) -> Theme:
    from .composer.theme import Theme

    return Theme(templates_dir)


def issue_press(house: House, now: datetime) -> IssuePress:
    """What composing needs beside the issue. Loads Pillow and lxml: a sender never calls it."""
    from .composer.editions import Press as IssuePress

    site, pictures = house.config.site, house.config.pictures
    budget = pictures.budget_kb if site.base_url else pictures.embedded_budget_kb
    return IssuePress(
        theme=_theme(house.templates_dir),
        base_url=site.base_url,
        zone=site.time_zone,
        identities=identities(house.config),
        pictures_budget_bytes=budget * 1000,
        site_languages=tuple(dict.fromkeys((site.default_language, *site.languages))),
        now=now,
        privacy_urls=dict.fromkeys(site.languages, site.privacy_url) if site.privacy_url else {},
    )


def gate(house: House, now: datetime) -> Gate:
    """What the gate is told beside the issue."""
    from .composer.approving import Gate
    from .composer.checks import SenderFacts

    host = {relay.name: relay.host for relay in house.relays}

    def of(route: Route) -> SenderFacts:
        return SenderFacts(route.sender, host[route.relays[0]] if route.relays else "")

    named = {key: of(route) for key, route in house.routes.named.items()}
    facts = replace(of(house.routes.main), newsletters=named)
    return Gate(issue_press(house, now), facts, house.config.checks)


def clock_rules(house: House) -> Rules:
    """What the clock must know: how late is too late, and which days are business days."""
    return Rules(
        max_lateness=timedelta(hours=house.config.delivery.max_lateness_hours),
        calendar=_calendar(house.config),
        site_language=house.config.site.default_language,
        base_url=house.config.site.base_url,
        routes=house.routes,
        safety_minutes=house.config.delivery.safety_window_minutes,
        office=office_address(house.config),
        finish=_finish(house) if house.config.checks.get(LINK_ENDED, "hold") == "hold" else None,
    )


def _finish(house: House) -> Finish:
    """When a send to so many people that begins then will be over, by the office's own clock."""
    zone = ZoneInfo(house.config.site.time_zone)
    return lambda people, start: predicted_end(house, people, start).astimezone(zone)


def office_address(config: Config) -> Address | None:
    """Where somebody of the office reads: the contact if it is an address, else the one for answers, else From."""
    for text in (config.sender.contact, config.sender.reply_to, config.sender.email):
        with contextlib.suppress(BadAddress):
            return address.parse(text)
    return None
