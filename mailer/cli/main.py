"""The command `mailer`: one Typer app in the person's language, one table from errors to exit codes.

Owns the global options and how a failure is told. Every group of commands is a module beside this
one; what a command does stands in the rooms, which are imported when a command runs and not before.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mailer.errors import BadConfig, BadIssue, MailerError
from mailer.i18n import Words, words
from subscribers.errors import SubscriberError
from subscribers.model import Actor

from .say import Say, log_to_stderr

if TYPE_CHECKING:
    from mailer.bootstrap import House

_ANYWHERE = {"--config": True, "--lang": True, "--as": True, "--json": False}  # option → takes a value


@dataclass(frozen=True)
class Desk:
    """What every command is given: where the configuration is, how to speak, who asks."""

    config: Path
    say: Say
    by: Actor

    def house(self) -> "House":
        """The assembled program. Raises BadConfig with every fault."""
        from mailer.bootstrap import open_house

        return open_house(self.config, os.environ)


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:], os.environ))


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs one command; returns 0 done, 1 refused or failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    arguments = hoist(argv)
    spoken = language(arguments, environ)
    say = Say(words(spoken), "--json" in arguments)
    log_to_stderr(logging.WARNING)
    try:
        return _app(say, environ)(args=arguments, prog_name="mailer", standalone_mode=False) or 0
    except typer.Exit as stop:
        return stop.exit_code
    except (MailerError, SubscriberError) as error:
        return tell(say, error)
    except typer.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        show = getattr(error, "show", None)  # click's own: wrong usage
        if show is None:
            raise
        show()
        return int(getattr(error, "exit_code", 2))


def hoist(argv: Sequence[str]) -> list[str]:
    """The global options may stand anywhere: `mailer issues list --json` reads well, so it works."""
    front: list[str] = []
    rest: list[str] = []
    pending = iter(argv)
    for argument in pending:
        if argument == "--":
            rest += [argument, *pending]
            break
        name, equals, _ = argument.partition("=")
        if name not in _ANYWHERE:
            rest.append(argument)
            continue
        front.append(argument)
        if _ANYWHERE[name] and not equals:
            front += [value for value in [next(pending, None)] if value is not None]
    return front + rest


def language(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """--lang, else the locale; C and POSIX are English."""
    for index, argument in enumerate(arguments):
        if argument == "--lang" and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "ja" if value.startswith("ja") else "en"
    return "en"


def tell(say: Say, error: MailerError | SubscriberError) -> int:
    """One clear sentence on stderr, or the error document with --json. Exit code 1."""
    told = (
        [say.words.error(fault) for fault in error.faults] if isinstance(error, BadConfig | BadIssue) else []
    )
    if told and isinstance(error, BadConfig | BadIssue):
        lines = [
            f"{fault.where}: {' '.join(filter(None, said))}"
            for fault, said in zip(error.faults, told, strict=True)
        ]
        message, remedy = "\n".join(lines), ""
    else:
        message, remedy = say.words.error(error)
    if say.as_json:
        say.document(
            {"error": {"code": getattr(error, "key", error.code), "message": message, "remedy": remedy}}
        )
    else:
        say.note(" ".join(filter(None, (message, remedy))))
    return 1


def _app(say: Say, environ: Mapping[str, str]) -> typer.Typer:
    from . import campaigns, issues, lists, running, schedules, setup, subscribers

    said = say.words
    _title_panels(said)
    app = typer.Typer(
        help=said("cli.help"), no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )

    @app.callback()
    def _root(
        ctx: typer.Context,
        config: Path = typer.Option(
            Path(environ.get("MAILER_CONFIG", "config.toml")),
            help=said("cli.option.config"),
            show_default=False,
        ),
        lang: str = typer.Option("", help=said("cli.option.lang"), show_default=False),
        by: str = typer.Option("", "--as", help=said("cli.option.as"), show_default=False),
        as_json: bool = typer.Option(False, "--json", help=said("cli.option.json"), show_default=False),
    ) -> None:
        name = by or environ.get("USER", "") or environ.get("USERNAME", "") or "cli"
        ctx.obj = Desk(config, say, Actor("staff", name))

    for room in (setup, running, lists, subscribers, issues, campaigns, schedules):
        room.add_to(app, said)
    return app


def _title_panels(said: Words) -> None:
    """The frames of the help in the person's language; Typer keeps their titles in its module."""
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE = said("cli.panel.arguments")
    rich_utils.OPTIONS_PANEL_TITLE = said("cli.panel.options")
    rich_utils.COMMANDS_PANEL_TITLE = said("cli.panel.commands")
    rich_utils.REQUIRED_LONG_STRING = said("cli.panel.required")
