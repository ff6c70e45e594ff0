"""backup, restore: the whole database in one file, and back."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import typer

from mailer.i18n import Words

from .main import Desk

if TYPE_CHECKING:
    from mailer.config.model import Config
    from mailer.safekeeping import Restored


def add_to(app: typer.Typer, said: Words) -> None:
    _backup(app, said)
    _restore(app, said)


def _backup(app: typer.Typer, said: Words) -> None:
    @app.command(help=said("cli.backup.help"))
    def backup(
        ctx: typer.Context,
        file: Path = typer.Argument(metavar="FILE", help=said("cli.backup.file")),
        force: bool = typer.Option(False, "--force", help=said("cli.out.force"), show_default=False),
    ) -> None:
        from mailer import safekeeping
        from mailer.bootstrap import open_database

        desk: Desk = ctx.obj
        config = _config(desk)
        with desk.say.busy("cli.backup.busy"):
            made = safekeeping.backup(open_database(config), file, force=force, now=datetime.now(UTC))
        at = said.moment(made.at, config.site.time_zone)
        desk.say.line("cli.backup.done", path=str(made.file), size=made.size_bytes, at=at)
        desk.say.line("cli.backup.secrets")
        desk.say.document({"file": str(made.file), "size_bytes": made.size_bytes, "at": made.at})


def _restore(app: typer.Typer, said: Words) -> None:
    @app.command(help=said("cli.restore.help"))
    def restore(
        ctx: typer.Context,
        file: Path = typer.Argument(metavar="FILE", help=said("cli.restore.file")),
        force: bool = typer.Option(False, "--force", help=said("cli.restore.force"), show_default=False),
    ) -> None:
        from mailer import safekeeping
        from mailer.bootstrap import open_database

        desk: Desk = ctx.obj
        config = _config(desk)
        with desk.say.busy("cli.restore.busy"):
            done = safekeeping.restore(
                open_database(config),
                file,
                force=force,
                by=desk.by,
                now=datetime.now(ZoneInfo(config.site.time_zone)),
            )
        _tell(desk, done, config.site.time_zone)
        desk.say.document(_document(file, done))


def _config(desk: Desk) -> "Config":
    """Not the House: the tables may be missing, older, or damaged."""
    from mailer.config import load

    return load(desk.config, os.environ)


def _tell(desk: Desk, done: "Restored", zone: str) -> None:
    say, frozen = desk.say, done.frozen
    say.line("cli.restore.done", since=say.words.moment(frozen.since, zone))
    say.line("cli.restore.not_in_it")
    if done.set_aside:
        say.line("cli.restore.set_aside", path=str(done.set_aside))
    for held in frozen.held:
        key = "cli.restore.held_begun" if held.people else "cli.restore.held"
        say.line(
            key, campaign=held.campaign_id, issue=held.issue or "–", was=str(held.was), people=held.people
        )
    if frozen.uncertain:
        say.line("cli.restore.uncertain", count=frozen.uncertain)
    if frozen.notices:
        say.line("cli.restore.notices", count=frozen.notices)
    if frozen.approved:
        say.line("cli.restore.approved", issues=say.words.join(list(frozen.approved)))


def _document(file: Path, done: "Restored") -> dict[str, object]:
    frozen = done.frozen
    return {
        "file": str(file),
        "since": frozen.since,
        "revision": done.revision,
        "set_aside": str(done.set_aside) if done.set_aside else None,
        "held": [
            {"campaign": one.campaign_id, "issue": one.issue, "was": str(one.was), "people": one.people}
            for one in frozen.held
        ],
        "uncertain": frozen.uncertain,
        "notices_cancelled": frozen.notices,
        "approved": list(frozen.approved),
    }
