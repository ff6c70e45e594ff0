"""campaigns deliveries: states and replies of each person, as a file."""

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from mailer import i18n
from mailer.i18n import Words

from .main import Desk
from .out import out_file

if TYPE_CHECKING:
    from mailer.delivery.model import DeliveryState

_CODES = {"state": "state.delivery", "reason": "excluded", "relay": "export.relay"}  # column → group of words


class WrongChoice(typer.BadParameter):
    """Wrong usage whose sentence names what could be written."""

    def format_message(self) -> str:
        return self.message


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
        force: bool = typer.Option(False, "--force", help=said("cli.out.force"), show_default=False),
    ) -> None:
        from mailer.campaigns.exporting import Spoken, Wanted, export_csv, export_json

        desk: Desk = ctx.obj
        words = desk.say.words
        try:
            wanted = Wanted(
                campaign, tuple(found for state in states for found in states_called(state)), attempts
            )
        except LookupError as error:
            raise WrongChoice(_choices(words), ctx=ctx, param=_parameter(ctx, "states")) from error
        house = desk.house()
        zone, now = ZoneInfo(house.config.site.time_zone), datetime.now(UTC)
        on_screen = str(out) == "-"
        as_json = desk.say.as_json
        spoken = Spoken(
            lambda column: words(f"export.column.{column}"),
            lambda column, code: words.said(f"{_CODES[column]}.{code}", code),
            zone,
        )
        with nullcontext(sys.stdout.buffer) if on_screen else out_file(out, force=force) as file:
            if as_json:
                people = export_json(house.engine, wanted, file, zone, by=desk.by, now=now)
            else:
                people = export_csv(house.engine, wanted, file, spoken, by=desk.by, now=now)
        if not on_screen:
            desk.say.line("cli.campaigns.deliveries.done", count=people, path=str(out))
            desk.say.document({"campaign": campaign, "rows": people, "path": str(out)})


def states_called(name: str) -> "list[DeliveryState]":
    """The states of a code, or of a word that the file says in any language. Raises LookupError."""
    from mailer.delivery.model import DeliveryState

    found = [
        state
        for state in DeliveryState
        if name
        in (str(state), *(i18n.words(language)(f"state.delivery.{state}") for language in ("en", "ja")))
    ]
    if not found:
        raise LookupError(name)
    return found


def _choices(words: Words) -> str:
    from mailer.delivery.model import DeliveryState

    said = {words(f"state.delivery.{state}"): str(state) for state in reversed(DeliveryState)}
    told = [
        word if word == code else words("cli.campaigns.deliveries.choice", word=word, code=code)
        for word, code in said.items()
    ]
    return words.join(told[::-1])


def _parameter(ctx: typer.Context, name: str) -> "typer.core.TyperOption | None":
    """The option as the command knows it, so that wrong usage names it."""
    return next((one for one in ctx.command.params if one.name == name), None)  # type: ignore[return-value]
