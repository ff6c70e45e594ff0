"""campaigns deliveries: states and replies of each person, as a file."""

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import typer

from mailer.i18n import Words

from .main import Desk

_CODES = {"state": "state.delivery", "reason": "excluded"}  # column → group of words


def add_deliveries(group: typer.Typer, said: Words) -> None:
    @group.command("deliveries", help=said("cli.campaigns.deliveries.help"))
    def deliveries(
        ctx: typer.Context,
        campaign: int = typer.Argument(metavar="ID", min=1, max=2**63 - 1, help=said("cli.campaigns.id")),
        states: list[str] = typer.Option(
            [], "--state", metavar="STATE", help=said("cli.campaigns.deliveries.state"), show_default=False
        ),
        out: Path = typer.Option(
            Path("-"), "--out", metavar="FILE", help=said("cli.campaigns.deliveries.out"), show_default=False
        ),
        attempts: bool = typer.Option(
            False, "--attempts", help=said("cli.campaigns.deliveries.attempts"), show_default=False
        ),
    ) -> None:
        from mailer.campaigns.exporting import Spoken, Wanted, export_csv, export_json
        from mailer.delivery.model import DeliveryState

        desk: Desk = ctx.obj
        try:
            wanted = Wanted(campaign, tuple(DeliveryState(state) for state in states), attempts)
        except ValueError as error:
            raise typer.BadParameter(
                ", ".join(DeliveryState), param_hint="--state", ctx=ctx, param=_parameter(ctx, "states")
            ) from error
        house = desk.house()
        zone, now = ZoneInfo(house.config.site.time_zone), datetime.now(UTC)
        on_screen = str(out) == "-"
        if on_screen and desk.say.as_json:
            export_json(house.engine, wanted, sys.stdout.buffer, zone, by=desk.by, now=now)
            return
        words = desk.say.words
        spoken = Spoken(
            lambda column: words(f"export.column.{column}"),
            lambda column, code: words.said(f"{_CODES[column]}.{code}", code),
            zone,
        )
        with nullcontext(sys.stdout.buffer) if on_screen else out.open("wb") as file:
            people = export_csv(house.engine, wanted, file, spoken, by=desk.by, now=now)
        if not on_screen:
            desk.say.line("cli.campaigns.deliveries.done", count=people, path=str(out))
            desk.say.document({"campaign": campaign, "rows": people, "path": str(out)})


def _parameter(ctx: typer.Context, name: str) -> "typer.core.TyperOption | None":
    """The option as the command knows it, so that wrong usage names it."""
    return next((one for one in ctx.command.params if one.name == name), None)  # type: ignore[return-value]
