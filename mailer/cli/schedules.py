"""schedules: add, assign, next, list."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import typer

from mailer.errors import Refused
from mailer.i18n import Words

from .main import Desk

if TYPE_CHECKING:
    from mailer.campaigns.model import Schedule


def add_to(app: typer.Typer, said: Words) -> None:
    group = typer.Typer(help=said("cli.schedules.help"), no_args_is_help=True)
    app.add_typer(group, name="schedules")
    name_argument = typer.Argument(metavar="NAME", help=said("cli.schedules.name"))

    @group.command("add", help=said("cli.schedules.add.help"))
    def add(
        ctx: typer.Context,
        name: str = name_argument,
        lists: list[str] = typer.Option(
            ..., "--list", metavar="LIST", help=said("cli.campaigns.list_option")
        ),
        rule: str = typer.Option(..., "--rule", metavar="RULE", help=said("cli.schedules.rule")),
        zone: str = typer.Option(
            "", "--zone", metavar="ZONE", help=said("cli.schedules.zone"), show_default=False
        ),
    ) -> None:
        from mailer.bootstrap import clock_rules
        from mailer.campaigns import recurrence, schedules
        from subscribers.store import list_by_slug

        desk: Desk = ctx.obj
        house = desk.house()
        now = datetime.now(UTC)
        with house.engine.begin() as connection:
            ids = [list_by_slug(connection, slug).id for slug in lists]
            made = schedules.add(
                connection, name, rule, zone or house.config.site.time_zone, ids, by=desk.by, now=now
            )
            first = schedules.planned(connection, made, 1, calendar=clock_rules(house).calendar, now=now)
        described = recurrence.parse(made.rule).describe(said)
        desk.say.line(
            "cli.schedules.add.done",
            name=made.name,
            rule=described,
            first=said.moment(first[0].at, made.zone),
        )
        desk.say.document({"name": made.name, "rule": made.rule, "zone": made.zone, "first": first[0].at})

    @group.command("assign", help=said("cli.schedules.assign.help"))
    def assign(
        ctx: typer.Context,
        name: str = name_argument,
        day: str = typer.Argument(metavar="DATE", help=said("cli.schedules.assign.date")),
        slug: str = typer.Argument(metavar="SLUG", help=said("cli.issues.slug")),
    ) -> None:
        from mailer.bootstrap import clock_rules
        from mailer.campaigns import schedules

        desk: Desk = ctx.obj
        house = desk.house()
        try:
            on = date.fromisoformat(day)
        except ValueError as error:
            raise Refused(
                f"“{day}” is no date.", remedy="Write it like 2034-12-29.", key="no_date", value=day
            ) from error
        with house.engine.begin() as connection:
            schedules.assign(
                connection,
                name,
                on,
                slug,
                calendar=clock_rules(house).calendar,
                by=desk.by,
                now=datetime.now(UTC),
            )
        desk.say.line("cli.schedules.assign.done", date=on, slug=slug)
        desk.say.document({"name": name, "date": on, "issue": slug})

    @group.command("next", help=said("cli.schedules.next.help"))
    def next_(
        ctx: typer.Context,
        name: str = typer.Argument("", metavar="[NAME]", help=said("cli.schedules.name"), show_default=False),
        count: int = typer.Option(12, min=1, max=120, help=said("cli.schedules.count")),
    ) -> None:
        from mailer.bootstrap import clock_rules
        from mailer.campaigns import schedules
        from subscribers.database import reading

        desk: Desk = ctx.obj
        house = desk.house()
        calendar, now = clock_rules(house).calendar, datetime.now(UTC)
        with reading(house.engine) as connection:
            found = (
                [schedules.get(connection, name)] if name else schedules.schedules(connection, active=True)
            )
            dates = [
                (one, planned)
                for one in found
                for planned in schedules.planned(connection, one, count, calendar=calendar, now=now)
            ]
        dates.sort(key=lambda pair: pair[1].at)
        desk.say.table(
            [said(f"cli.schedules.column.{column}") for column in ("at", "name", "issue")],
            [(said.moment(planned.at, one.zone), one.name, planned.issue or "–") for one, planned in dates],
        )
        desk.say.document(
            [{"schedule": one.name, "date": p.date, "at": p.at, "issue": p.issue} for one, p in dates]
        )

    @group.command("list", help=said("cli.schedules.list.help"))
    def list_(ctx: typer.Context) -> None:
        from mailer.campaigns import recurrence, schedules
        from subscribers.database import reading

        desk: Desk = ctx.obj
        with reading(desk.house().engine) as connection:
            found: list[Schedule] = schedules.schedules(connection)
        if not found:
            desk.say.line("cli.schedules.none")
        desk.say.table(
            [said(f"cli.schedules.column.{column}") for column in ("name", "rule", "zone", "state")],
            [
                (
                    one.name,
                    recurrence.parse(one.rule).describe(said),
                    one.zone,
                    said("cli.schedules.active" if one.active else "cli.schedules.paused"),
                )
                for one in found
            ],
        )
        desk.say.document(
            [
                {
                    "name": one.name,
                    "rule": one.rule,
                    "zone": one.zone,
                    "lists": list(one.lists),
                    "active": one.active,
                }
                for one in found
            ]
        )

    def switch(ctx: typer.Context, name: str, active: bool) -> None:
        from mailer.campaigns import schedules

        desk: Desk = ctx.obj
        with desk.house().engine.begin() as connection:
            schedules.set_active(connection, name, active, by=desk.by, now=datetime.now(UTC))
        desk.say.line("cli.schedules.resume.done" if active else "cli.schedules.pause.done", name=name)
        desk.say.document({"name": name, "active": active})

    @group.command("pause", help=said("cli.schedules.pause.help"))
    def pause(ctx: typer.Context, name: str = name_argument) -> None:
        switch(ctx, name, False)

    @group.command("resume", help=said("cli.schedules.resume.help"))
    def resume(ctx: typer.Context, name: str = name_argument) -> None:
        switch(ctx, name, True)
