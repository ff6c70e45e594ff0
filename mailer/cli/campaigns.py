"""campaigns: send, schedule, status, pause, resume, cancel, retry, list."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from mailer.errors import Refused
from mailer.i18n import Words

from . import deliveries, rehearsing, watching
from .main import Desk
from .sheet import reasons_in_words

if TYPE_CHECKING:
    from mailer.campaigns.model import Order
    from mailer.campaigns.status import Status


def add_to(app: typer.Typer, said: Words) -> None:
    group = typer.Typer(help=said("cli.campaigns.help"), no_args_is_help=True)
    app.add_typer(group, name="campaigns")
    _start(group, said)
    rehearsing.add_rehearse(group, said)
    _steer(group, said)
    _look(group, said)


def _start(group: typer.Typer, said: Words) -> None:
    slug_argument = typer.Argument(metavar="SLUG", help=said("cli.issues.slug"))
    lists_option = typer.Option(..., "--list", metavar="LIST", help=said("cli.campaigns.list_option"))
    again_option = typer.Option(False, "--again", help=said("cli.campaigns.again"), show_default=False)

    @group.command("send", help=said("cli.campaigns.send.help"))
    def send(
        ctx: typer.Context,
        slug: str = slug_argument,
        lists: list[str] = lists_option,
        wait: bool = typer.Option(False, "--wait", help=said("cli.campaigns.wait"), show_default=False),
        again: bool = again_option,
    ) -> None:
        from mailer.bootstrap import clock_rules
        from mailer.campaigns import orders
        from mailer.campaigns.model import Order

        desk: Desk = ctx.obj
        house = desk.house()
        order = Order(slug, tuple(lists), again=again)
        with _moments_in_zone(said, house.config.site.time_zone), house.engine.begin() as connection:
            campaign = orders.send(connection, order, clock_rules(house), by=desk.by, now=datetime.now(UTC))
        found = watching.look(house, campaign.id)
        nobody = str(found.campaign.state) == "finished" and not found.counts.by_language
        if wait and not nobody:
            raise typer.Exit(watching.wait_for(desk, house, campaign.id))
        if nobody:
            _tell_nobody(desk, found, order)
        else:
            desk.say.line("cli.campaigns.send.handed_over", campaign=campaign.id)
            watching.tell_safety(desk, house, found)
        desk.say.document(found.as_json())

    @group.command("schedule", help=said("cli.campaigns.schedule.help"))
    def schedule(
        ctx: typer.Context,
        slug: str = slug_argument,
        lists: list[str] = lists_option,
        at: str = typer.Option(..., "--at", metavar="WHEN", help=said("cli.campaigns.schedule.at")),
        again: bool = again_option,
    ) -> None:
        from mailer.bootstrap import clock_rules, quiet_time
        from mailer.campaigns import orders
        from mailer.campaigns.model import Order, Why

        desk: Desk = ctx.obj
        house = desk.house()
        zone = house.config.site.time_zone
        moment = read_moment(at, zone)
        order = Order(slug, tuple(lists), again=again)
        with house.engine.begin() as connection:
            made = orders.schedule(
                connection, order, moment, by=desk.by, now=datetime.now(UTC), rules=clock_rules(house)
            )
        at_words = said.moment(moment, zone)
        desk.say.line("cli.campaigns.schedule.done", campaign=made.campaign_id, at=at_words)
        if Why.NOT_APPROVED in made.missing:
            desk.say.line("cli.campaigns.schedule.missing", slug=slug)
        if early := made.early:
            desk.say.line(
                "cli.campaigns.schedule.link_ends_early",
                name=early.name, until=early.until, finish=said.moment(early.finish, zone),
            )  # fmt: skip
        quiet = quiet_time(house.config)
        quiet_until = quiet.until(moment) if quiet is not None else None
        if quiet_until is not None:
            desk.say.line("cli.campaigns.schedule.quiet", until=said.moment(quiet_until, zone))
        desk.say.line("cli.campaigns.schedule.nobody")
        missing = [str(why) for why in made.missing]
        desk.say.document(
            {"campaign": made.campaign_id, "at": moment, "quiet_until": quiet_until, "missing": missing}
        )


@contextmanager
def _moments_in_zone(words: Words, zone: str) -> Iterator[None]:
    """A refusal tells its moments as the office's clock shows them, with the zone's name."""
    try:
        yield
    except Refused as refused:
        refused.facts = {
            name: words.moment(value, zone) if isinstance(value, datetime) else value
            for name, value in refused.facts.items()
        }
        raise


def _tell_nobody(desk: Desk, found: "Status", order: "Order") -> None:
    """Everybody on the lists has it already or may not get it: who, and how to send all the same."""
    left_out = {**found.counts.excluded, **found.counts.skipped}
    desk.say.line("cli.campaigns.send.nobody", slug=order.issue)
    if left_out:
        reasons = reasons_in_words(desk.say.words, left_out)
        desk.say.line("cli.campaigns.status.excluded", reasons=reasons)
    if left_out.get("already_has_it"):
        lists = " ".join(f"--list {one}" for one in order.lists)
        desk.say.line("cli.campaigns.send.again", slug=order.issue, lists=lists)


def read_moment(text: str, zone: str) -> datetime:
    """`2034-12-20 09:00` in the office's zone, or with an offset of its own. Raises Refused."""
    try:
        if not re.match(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d", text.strip()):  # a day alone would be its midnight
            raise ValueError(text)
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refused(
            f"“{text}” is no date and time.",
            remedy='Write it like "2034-12-20 09:00".',
            key="no_moment",
            value=text,
        ) from error
    return (moment.replace(tzinfo=ZoneInfo(zone)) if moment.tzinfo is None else moment).astimezone(UTC)


def _steer(group: typer.Typer, said: Words) -> None:
    id_argument = typer.Argument(metavar="ID", min=1, max=2**63 - 1, help=said("cli.campaigns.id"))

    def steer(verb: str) -> None:
        @group.command(verb, help=said(f"cli.campaigns.{verb}.help"))
        def act(ctx: typer.Context, campaign: int = id_argument) -> None:
            from mailer.campaigns import store

            desk: Desk = ctx.obj
            house = desk.house()
            move = {"pause": store.pause, "cancel": store.cancel}[verb]
            with house.engine.begin() as connection:
                move(connection, campaign, by=desk.by, now=datetime.now(UTC))
            watching.tell(desk, house, campaign)

    for verb in ("pause", "cancel"):
        steer(verb)

    @group.command("resume", help=said("cli.campaigns.resume.help"))
    def resume(
        ctx: typer.Context,
        campaign: int = id_argument,
        yes: bool = typer.Option(False, "--yes", help=said("cli.campaigns.resume.yes"), show_default=False),
    ) -> None:
        from mailer.campaigns import store

        desk: Desk = ctx.obj
        house = desk.house()
        now = datetime.now(UTC)
        with _moments_in_zone(said, house.config.site.time_zone), house.engine.begin() as connection:
            before = store.get(connection, campaign)
            store.resume(connection, campaign, by=desk.by, now=now, sure=yes)
        if before.launched_at is not None and before.is_closed(now):
            desk.say.line("cli.campaigns.resume.opened")
        watching.tell(desk, house, campaign)

    @group.command("retry", help=said("cli.campaigns.retry.help"))
    def retry(
        ctx: typer.Context,
        campaign: int = id_argument,
        uncertain: bool = typer.Option(
            False, "--uncertain", help=said("cli.campaigns.retry.uncertain"), show_default=False
        ),
    ) -> None:
        from mailer.campaigns import store

        desk: Desk = ctx.obj
        house = desk.house()
        with house.engine.begin() as connection:
            count = store.retry(connection, campaign, uncertain=uncertain, by=desk.by, now=datetime.now(UTC))
            state = store.get(connection, campaign).state
        desk.say.line("cli.campaigns.retry.done", count=count)
        if state in ("held", "paused"):
            desk.say.line(
                "cli.campaigns.retry.stopped", campaign=campaign, state=said(f"state.campaign.{state}")
            )
        desk.say.document({"campaign": campaign, "queued": count, "state": str(state)})


def _look(group: typer.Typer, said: Words) -> None:
    watching.add_status(group, said)
    deliveries.add_deliveries(group, said)

    @group.command("list", help=said("cli.campaigns.list.help"))
    def list_(ctx: typer.Context) -> None:
        from mailer.campaigns.status import listing
        from subscribers.database import reading

        desk: Desk = ctx.obj
        with reading(desk.house().engine) as connection:
            rows = listing(connection)
        if not rows:
            desk.say.line("cli.campaigns.none")
        desk.say.table(
            [said(f"cli.campaigns.column.{column}") for column in ("campaign", "issue", "state", "total")],
            [(row["id"], row["issue"] or "–", _state(said, row), row["total"]) for row in rows],
            right=(0, 3),
        )
        desk.say.document(rows)


def _state(said: Words, row: Mapping[str, object]) -> str:
    state = said(f"state.campaign.{row['state']}")
    return said("cli.campaigns.list.rehearsal", state=state) if row["kind"] == "rehearsal" else state
