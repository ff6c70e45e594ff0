"""House → time: the real clock, quiet time, what the clock of campaigns must know, and when a send will be over.

Called by the CLI, the worker and the demo, and by `press`.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mailer.campaigns import newsletters
from mailer.campaigns.business_days import Calendar, any_of, read_closed
from mailer.campaigns.dates import LINK_ENDED, Finish
from mailer.campaigns.launch import Rules
from mailer.config.model import Config
from mailer.delivery import forecast, throttle
from mailer.delivery.quiet import Quiet
from mailer.delivery.routes import NO_LIST
from subscribers.database import reading

from .house import House
from .letterhead import office_address
from .relays import rates_of


class SystemClock:
    """The real one."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


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


def _finish(house: House) -> Finish:
    """When a send to so many people that begins then will be over, by the office's own clock."""
    zone = ZoneInfo(house.config.site.time_zone)
    return lambda people, start: predicted_end(house, people, start).astimezone(zone)


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


def predicted_end(house: House, people: int, now: datetime) -> datetime:
    """When so many mails would have left by the real relay, if they began now and nothing else was sending."""
    with reading(house.engine) as connection:
        n = _opens_first(house, connection, NO_LIST, now) or 0
        rates, relay = rates_of(house.config.relay.all[n]), house.relays[n]
        used = throttle.used(connection, relay.name, rates, now)
    quiet = quiet_time(house.config)
    return forecast.reckon(people, now, rates, used, forecast.Wire(relay.connections), quiet=quiet)


def _opens_first(house: House, connection: Connection, newsletter: str, now: datetime) -> int | None:
    """Which of the relays carries the newsletter now, or opens first."""
    name = house.routes.opens_first(newsletter, throttle.gates(connection), now)
    return next((n for n, relay in enumerate(house.relays) if relay.name == name), None)
