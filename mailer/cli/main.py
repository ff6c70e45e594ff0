"""The command `mailer`: one Typer app in the person's language, one table from errors to exit codes.

Owns the global options and how a failure is told. Every group of commands is a module beside this
one; what a command does stands in the rooms, which are imported when a command runs and not before.
"""

import errno
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
import typer

from mailer import logs
from mailer.errors import BadConfig, BadIssue, MailerError
from mailer.i18n import Words, words
from subscribers.errors import SubscriberError
from subscribers.model import Actor

from .say import Say

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

        house = open_house(self.config, os.environ)
        for key in house.config.not_in_force():
            self.say.note(self.say.words("cli.not_in_force", name=key))
        return house


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:], os.environ))


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Runs one command; returns 0 done, 1 refused or failed, 2 wrong usage, 130 stopped by Ctrl-C."""
    arguments = hoist(argv)
    spoken = language(arguments, environ)
    say = Say(words(spoken), "--json" in arguments)
    logs.to_stderr(logging.WARNING)
    try:
        return _app(say, environ)(args=arguments, prog_name="mailer", standalone_mode=False) or 0
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except (MailerError, SubscriberError) as error:
        return tell(say, error)
    except Exception as error:  # noqa: BLE001 - the last place where it can become a sentence
        if hasattr(error, "show"):  # Click's own: wrong usage
            return usage(say, error)
        return tell(say, _in_a_sentence(error))


def usage(say: Say, error: Any) -> int:
    """Wrong usage in the person's language where the catalogue has the words, else Click's own."""
    key = f"cli.usage.{type(error).__name__}"
    named = getattr(error, "option_name", None) or getattr(getattr(error, "param", None), "opts", None)
    what = named if isinstance(named, str) else (named or [""])[0]
    context = getattr(error, "ctx", None)
    say.note(say.words.said(key, error.format_message(), what=what, detail=error.format_message()))
    say.note(say.words("cli.usage.help", command=context.command_path if context else "mailer"))
    return int(getattr(error, "exit_code", 2))


def _in_a_sentence(error: Exception) -> MailerError:
    """What the system or the database says, as an error of ours; a fault of the program goes to the log, too."""
    from sqlalchemy.exc import InterfaceError, OperationalError

    if isinstance(error, OSError):
        path = str(error.filename or "")
        return Unusable(
            f"{path}: {error.strerror}.",
            key="file_problem", path=path, detail=error.strerror or str(error),
            reason=errno.errorcode.get(error.errno or 0, "").lower(),
        )  # fmt: skip
    if isinstance(error, OperationalError | InterfaceError):
        return Unusable(
            f"The database cannot be used: {error.orig}.",
            remedy="Check database.url, that the folder is there, and that the server runs.",
            key="database_problem", detail=str(error.orig),
        )  # fmt: skip
    structlog.get_logger("mailer.cli").exception("unexpected")
    return Unusable(
        f"The program failed: {type(error).__name__}. Nothing was half-written.",
        remedy="Please report the lines above.",
        key="unexpected", detail=type(error).__name__,
    )  # fmt: skip


class Unusable(MailerError):
    """Something outside the rules failed: a file, the database, or the program itself."""

    code = "unusable"


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
    """One clear sentence on stderr, and the error document with --json. Exit code 1."""
    document: dict[str, object] = {"code": getattr(error, "key", error.code)}
    if isinstance(error, BadConfig | BadIssue):
        told = [(fault, *say.words.error(fault)) for fault in error.faults]
        message = "\n".join(
            f"{say.place(fault.where)}{say.colon}{say.joined(sentence, remedy)}"
            for fault, sentence, remedy in told
        )
        document |= {"message": message, "remedy": ""}
        document["faults"] = [
            {"code": fault.code, "where": fault.where, "message": sentence, "remedy": remedy}
            for fault, sentence, remedy in told
        ]
        say.note(message)
    else:
        sentence, remedy = say.words.error(error)
        document |= {"message": sentence, "remedy": remedy}
        say.note(say.joined(sentence, remedy))
    say.document({"error": document})
    return 1


def _app(say: Say, environ: Mapping[str, str]) -> typer.Typer:
    from . import campaigns, issues, keeping, lists, notices, running, schedules, setup, subscribers

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

    for room in (setup, running, keeping, lists, subscribers, issues, notices, campaigns, schedules):
        room.add_to(app, said)
    return app


def _title_panels(said: Words) -> None:
    """The frames of the help in the person's language; Typer keeps their titles in its module."""
    from typer import rich_utils

    rich_utils.ARGUMENTS_PANEL_TITLE = said("cli.panel.arguments")
    rich_utils.OPTIONS_PANEL_TITLE = said("cli.panel.options")
    rich_utils.COMMANDS_PANEL_TITLE = said("cli.panel.commands")
    rich_utils.REQUIRED_LONG_STRING = said("cli.panel.required")
