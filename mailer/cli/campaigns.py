"""campaigns: send, schedule, status, pause, resume, cancel, retry, list."""

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from mailer.errors import Refused
from mailer.i18n import Words

from .main import Desk

if TYPE_CHECKING:
    from mailer.bootstrap import House
    from mailer.campaigns.model import Campaign
    from mailer.campaigns.status import Status

_RESTING = ("finished", "held", "paused", "cancelled")


def add_to(app: typer.Typer, said: Words) -> None:
    group = typer.Typer(help=said("cli.campaigns.help"), no_args_is_help=True)
    app.add_typer(group, name="campaigns")
    _start(group, said)
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
        with house.engine.begin() as connection:
            campaign = orders.send(connection, order, clock_rules(house), by=desk.by, now=datetime.now(UTC))
        if wait:
            raise typer.Exit(wait_for(desk, house, campaign.id))
        desk.say.line("cli.campaigns.send.handed_over", campaign=campaign.id)
        desk.say.document(_status(house, campaign.id).as_json())

    @group.command("schedule", help=said("cli.campaigns.schedule.help"))
    def schedule(
        ctx: typer.Context,
        slug: str = slug_argument,
        lists: list[str] = lists_option,
        at: str = typer.Option(..., "--at", metavar="WHEN", help=said("cli.campaigns.schedule.at")),
        again: bool = again_option,
    ) -> None:
        from mailer.campaigns import orders
        from mailer.campaigns.model import Order

        desk: Desk = ctx.obj
        house = desk.house()
        zone = house.config.site.time_zone
        moment = read_moment(at, zone)
        order = Order(slug, tuple(lists), again=again)
        with house.engine.begin() as connection:
            made = orders.schedule(connection, order, moment, by=desk.by, now=datetime.now(UTC))
        at_words = said.moment(moment, zone)
        desk.say.line("cli.campaigns.schedule.done", campaign=made.campaign_id, at=at_words)
        if made.missing:
            desk.say.line("cli.campaigns.schedule.missing", slug=slug)
        desk.say.line("cli.campaigns.schedule.nobody")
        desk.say.document(
            {"campaign": made.campaign_id, "at": moment, "missing": [str(why) for why in made.missing]}
        )


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


def wait_for(desk: Desk, house: "House", campaign_id: int) -> int:
    """Send here until the campaign rests, then say how it stands. 0 if it finished."""
    from mailer.campaigns import store
    from mailer.delivery import ledger
    from mailer.worker import send_until_resting
    from subscribers.database import reading

    def resting() -> bool:
        # Asked several times a second: the open rows are an index, all the counts would be the whole ledger.
        with reading(house.engine) as connection:
            campaign, still_open = (
                store.get(connection, campaign_id),
                ledger.open_rows(connection, campaign_id),
            )
        show(total - still_open)
        if campaign.waits_until and campaign.waits_until not in told:
            told.add(campaign.waits_until)
            desk.say.note(_waits(desk, house, campaign))
        return str(campaign.state) in _RESTING

    told: set[datetime] = set()
    total = _status(house, campaign_id).counts.total
    with desk.say.progress("cli.campaigns.send.progress", total) as show:
        asyncio.run(send_until_resting(house, campaign_id, asyncio.Event(), resting))
    status = _status(house, campaign_id)
    print_status(desk, house, status)
    desk.say.document(status.as_json())
    return 0 if str(status.campaign.state) == "finished" else 1


def _steer(group: typer.Typer, said: Words) -> None:
    id_argument = typer.Argument(metavar="ID", min=1, max=2**63 - 1, help=said("cli.campaigns.id"))

    def now_stands(desk: Desk, house: "House", campaign_id: int) -> None:
        status = _status(house, campaign_id)
        print_status(desk, house, status)
        desk.say.document(status.as_json())

    def steer(verb: str) -> None:
        @group.command(verb, help=said(f"cli.campaigns.{verb}.help"))
        def act(ctx: typer.Context, campaign: int = id_argument) -> None:
            from mailer.campaigns import store

            desk: Desk = ctx.obj
            house = desk.house()
            move = {"pause": store.pause, "resume": store.resume, "cancel": store.cancel}[verb]
            with house.engine.begin() as connection:
                move(connection, campaign, by=desk.by, now=datetime.now(UTC))
            now_stands(desk, house, campaign)

    for verb in ("pause", "resume", "cancel"):
        steer(verb)

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
        desk.say.line("cli.campaigns.retry.done", count=count)
        desk.say.document({"campaign": campaign, "queued": count})


def _look(group: typer.Typer, said: Words) -> None:
    @group.command("status", help=said("cli.campaigns.status.help"))
    def status(
        ctx: typer.Context,
        campaign: int = typer.Argument(metavar="ID", min=1, max=2**63 - 1, help=said("cli.campaigns.id")),
    ) -> None:
        desk: Desk = ctx.obj
        house = desk.house()
        found = _status(house, campaign)
        print_status(desk, house, found)
        desk.say.document(found.as_json() | {"finish": _finish(house, found)})

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
            [
                (row["id"], row["issue"] or "–", said(f"state.campaign.{row['state']}"), row["total"])
                for row in rows
            ],
            right=(0, 3),
        )
        desk.say.document(rows)


def _status(house: "House", campaign_id: int) -> "Status":
    from mailer.campaigns.status import status
    from subscribers.database import reading

    with reading(house.engine) as connection:
        return status(connection, campaign_id)


def _finish(house: "House", status: "Status") -> datetime | None:
    from mailer.bootstrap import predicted_finish

    return predicted_finish(house, status.campaign.id, datetime.now(UTC))


def _waits(desk: Desk, house: "House", campaign: "Campaign") -> str:
    words = desk.say.words
    reason = words.said(f"wait.{campaign.waits_reason}", campaign.waits_reason or "")
    until = words.moment(campaign.waits_until, house.config.site.time_zone) if campaign.waits_until else ""
    text = words("cli.campaigns.status.waits", until=until, reason=reason)
    return f"{text} ({campaign.waits_reply})" if campaign.waits_reply else text


def print_status(desk: Desk, house: "House", status: "Status") -> None:
    """The campaign as a person wants to know it: state, why, numbers, what comes next."""
    say, words = desk.say, desk.say.words
    campaign, counts = status.campaign, status.counts
    say.line(
        "cli.campaigns.status.headline",
        campaign=campaign.id, issue=campaign.issue or "–", state=words(f"state.campaign.{campaign.state}"),
    )  # fmt: skip
    if campaign.reason:
        say.text("  " + words.said(f"hold.{campaign.reason}", campaign.reason, **campaign.reason_facts))
    if counts.total:
        accepted = counts.by_state.get("accepted", 0)
        say.text("  " + words("cli.campaigns.status.counts", total=counts.total, accepted=accepted))
        by_language = [
            (f"  {words.autonym(language)}", people) for language, people in counts.by_language.items()
        ]
        by_state = [(f"  {words(f'state.delivery.{state}')}", n) for state, n in counts.by_state.items() if n]
        people_column = words("cli.campaigns.column.people")
        say.table([f"  {words('cli.campaigns.column.language')}", people_column], by_language, right=(1,))
        say.table([f"  {words('cli.campaigns.column.state')}", people_column], by_state, right=(1,))
    elif campaign.launched_at:
        say.text("  " + words("cli.campaigns.status.nobody"))
    left_out = {**counts.excluded, **counts.skipped}
    if left_out:
        reasons = [
            f"{words.said(f'excluded.{why}', why)} {words.number(people)}" for why, people in left_out.items()
        ]
        say.text("  " + words("cli.campaigns.status.excluded", reasons=words.join(reasons)))
    if counts.seconds:
        say.text(
            "  "
            + words(
                "cli.campaigns.status.rate",
                seconds=round(counts.seconds, 1),
                rate=round(counts.messages_per_second, 1),
            )
        )
    if campaign.waits_until:
        say.text("  " + _waits(desk, house, campaign))
    finish = _finish(house, status)
    if finish:
        say.text(
            "  " + words("cli.campaigns.status.finish", at=words.moment(finish, house.config.site.time_zone))
        )
    if counts.by_state.get("uncertain"):
        say.text(
            "  "
            + words(
                "cli.campaigns.status.uncertain", count=counts.by_state["uncertain"], campaign=campaign.id
            )
        )
