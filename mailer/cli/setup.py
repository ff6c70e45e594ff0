"""init, migrate, check: from nothing to a configuration that a real mail was sent with."""

import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from mailer.config.load import faults_of
from mailer.errors import BadConfig, Refused
from mailer.i18n import Words
from mailer.smtp import presets
from subscribers.files import being_written

from .main import Desk
from .say import Say, printable

_QUESTIONS = (  # (key in the file, default); the catalogue asks `cli.ask.<key>`
    ("site.name", ""),
    ("sender.organisation", ""),
    ("sender.email", ""),
    ("sender.postal_address", ""),
    ("sender.phone", ""),
    ("sender.contact", ""),
    ("relay.service", ""),
    ("relay.host", ""),
    ("relay.port", "587"),
    ("relay.username", ""),
    ("relay.password", ""),
)


def add_to(app: typer.Typer, said: Words) -> None:
    @app.command(help=said("cli.init.help"))
    def init(
        ctx: typer.Context,
        folder: Path = typer.Argument(Path(), metavar="[DIR]", help=said("cli.init.dir"), show_default=False),
    ) -> None:
        desk: Desk = ctx.obj
        made = write_first_config(
            folder, _Prompt(desk.say) if sys.stdin.isatty() else lambda _key, default: default
        )
        migrate_database(made)
        desk.say.line("cli.init.done", path=str(made))
        desk.say.document({"config": str(made)})

    @app.command(help=said("cli.migrate.help"))
    def migrate(ctx: typer.Context) -> None:
        desk: Desk = ctx.obj
        before, after = migrate_database(desk.config)
        desk.say.line("cli.migrate.done" if before != after else "cli.migrate.nothing", revision=after)
        desk.say.document({"before": before, "after": after})

    @app.command(help=said("cli.check.help"))
    def check(
        ctx: typer.Context,
        to: str = typer.Option("", "--to", metavar="ADDRESS", help=said("cli.check.to"), show_default=False),
    ) -> None:
        from .checking import check_house

        raise typer.Exit(check_house(ctx.obj, to))


class _Prompt:
    """Asks at the terminal, key by key, and once more where the configuration would refuse the answer."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._service: presets.Preset | None = None

    def __call__(self, key: str, default: str) -> str:
        if key == "relay.service":
            self._service = self._chosen()
            return self._service.key if self._service else ""
        while True:
            answer = self._answer(key, default)
            faults = faults_of(key, answer)
            if not faults:
                return answer
            self._say.note(self._say.joined(*self._say.words.error(faults[0])))

    def _answer(self, key: str, default: str) -> str:
        words = self._say.words
        hidden = key == "relay.password"
        needs_app_password = hidden and self._service is not None and self._service.app_password
        asked = words("cli.ask.relay.password.app") if needs_app_password else words(f"cli.ask.{key}")
        shown = bool(default)
        answer = str(typer.prompt(asked, default=default, hide_input=hidden, err=True, show_default=shown))
        return answer if hidden else printable(answer).strip()

    def _chosen(self) -> presets.Preset | None:
        """None for a server that we do not know."""
        known = presets.presets()
        services = "".join(f"\n  {n}  {one.name}" for n, one in enumerate(known, 1))
        asked = self._say.words("cli.ask.relay.service", services=services)
        answer = str(typer.prompt(asked, default="", err=True, show_default=False)).strip()
        if answer.isascii() and answer.isdigit() and 0 < int(answer) <= len(known):
            return known[int(answer) - 1]
        if answer:
            self._say.note(self._say.words("cli.ask.relay.service.no", answer=answer))
        return None


def _ask_all(answer: Callable[[str, str], str]) -> dict[str, str]:
    """What the service tells is not asked."""
    answers: dict[str, str] = {}
    for key, default in _QUESTIONS:
        preset = _preset(answers)
        told = {"relay.port": str(preset.port)} if preset else {}
        if preset and not preset.host.startswith("*."):
            told["relay.host"] = preset.host
        answers[key] = told[key] if key in told else answer(key, default)
    return answers


def _preset(answers: dict[str, str]) -> presets.Preset | None:
    key = answers.get("relay.service", "")
    return next((one for one in presets.presets() if one.key == key), None)


def write_first_config(folder: Path, answer: Callable[[str, str], str]) -> Path:
    """config.toml and the two keys, each in a file that only its owner can read.

    Nothing is written before every answer is valid. Raises Refused if it is there, BadConfig.
    """
    path = folder / "config.toml"
    if path.exists():
        raise Refused(
            f"{path} is already there and was not touched.",
            remedy="Mend it with an editor and go on with “mailer migrate”; or move it away and run “mailer init” again.",
            key="config_exists", path=str(path),
        )  # fmt: skip
    answers = _ask_all(answer)
    if faults := [fault for key, given in answers.items() for fault in faults_of(key, given)]:
        raise BadConfig(faults)
    keys = folder / "secrets"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("permanent_key", "keys"):
        if not (keys / name).exists():  # the permanent key is made once and never again
            write_secret(keys / name, secrets.token_hex(32))
    if answers["relay.password"]:
        with being_written(keys / "relay_password") as partial:  # one of an earlier round may be there
            partial.write_text(answers["relay.password"] + "\n", "utf-8")
    path.write_text(_first_config(answers), "utf-8")
    return path


def write_secret(path: Path, secret: str) -> None:
    """The file is created for its owner alone: it never stands open, not for a moment."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secret + "\n")


def _first_config(answers: dict[str, str]) -> str:
    def text(key: str) -> str:
        return json.dumps(answers[key], ensure_ascii=False)

    port = int(answers["relay.port"])
    password = 'password_file = "secrets/relay_password"\n' if answers["relay.password"] else ""
    tls = "implicit" if port == 465 else "starttls"
    rates = _rates(answers)
    return f"""\
# What differs from the defaults; every key is explained in config.example.toml.
# Text for readers: one string, or a table by language: name = {{ ja = "みなと便り", en = "Harbour Letter" }}

[site]
name = {text("site.name")}
languages = ["ja", "en"]
default_language = "ja"
time_zone = "Asia/Tokyo"
base_url = ""            # "" = no web server of our own; else https://…

[sender]
name = {text("sender.organisation")}
email = {text("sender.email")}
organisation = {text("sender.organisation")}
postal_address = {text("sender.postal_address")}
phone = {text("sender.phone")}
contact = {text("sender.contact")}

[relay]
host = {text("relay.host")}
port = {port}
tls = "{tls}"
username = {text("relay.username")}
{password}{rates}
return_path = "fixed"

[secrets]
permanent_key_file = "secrets/permanent_key"
keys_file = "secrets/keys"
"""


def _rates(answers: dict[str, str]) -> str:
    preset = _preset(answers)
    if preset is None:
        return 'rates = []               # what the account allows, such as ["20/minute", "450/day"]; [] = no limit'
    published = f"# {preset.name}: {preset.as_published}"
    known = presets.for_host(answers["relay.host"])
    if known is not None and known.rates == preset.rates:
        return f"{published}\n# Without a line of your own these limits are kept: rates = {json.dumps(preset.rates)}"
    return f"{published}\nrates = {json.dumps(preset.rates)}"


def migrate_database(config: Path) -> tuple[str | None, str]:
    """Brings the tables up to date; (before, after)."""
    from mailer import migrations
    from mailer.bootstrap import open_database
    from mailer.config import load

    engine = open_database(load(config, os.environ))
    with engine.connect() as connection:
        before, newest = migrations.standing(connection)
    migrations.upgrade(engine)
    engine.dispose()
    return before, newest
