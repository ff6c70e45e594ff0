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
from mailer.delivery.forecast import Limits
from mailer.delivery.model import Counts
from mailer.delivery.quiet import Quiet
from mailer.delivery.routes import NO_LIST

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


def predicted_finish(
    house: House, connection: Connection, campaign_id: int, standing: Counts, now: datetime
) -> datetime | None:
    """When the campaign's last message should be out; None if nothing is open or no relay takes its mail."""
    newsletter = newsletters.of_campaign(connection, campaign_id) or NO_LIST
    limits = _limits(house, connection, newsletter, now)
    return forecast.finish(connection, campaign_id, standing, limits, now) if limits else None


def finish_if_begun(
    house: House, connection: Connection, newsletter: str, people: int, start: datetime
) -> datetime | None:
    """When a send to so many people that begins then would be over; None if no relay takes its mail."""
    limits = _limits(house, connection, newsletter, start)
    return forecast.beforehand(connection, people, limits, start) if limits else None


def _finish(house: House) -> Finish:
    """The same by the office's own clock, which decides what a link's last day is."""
    zone = ZoneInfo(house.config.site.time_zone)

    def finish(connection: Connection, newsletter: str, people: int, start: datetime) -> datetime | None:
        found = finish_if_begun(house, connection, newsletter, people, start)
        return found.astimezone(zone) if found else None

    return finish


def _limits(house: House, connection: Connection, newsletter: str, now: datetime) -> Limits | None:
    """Those of the relay that carries the newsletter now, or opens first."""
    name = house.routes.opens_first(newsletter, throttle.gates(connection), now)
    for part, relay in zip(house.config.relay.all, house.relays, strict=True):
        if relay.name == name:
            return Limits(name, rates_of(part), part.open_at_once, quiet_time(house.config))
    return None
