"""init, migrate, check: from nothing to a configuration that a real mail was sent with."""

import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from mailer.errors import Refused
from mailer.i18n import Words
from mailer.smtp import presets

from .main import Desk
from .say import Say

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
            folder, _ask(desk.say) if sys.stdin.isatty() else lambda _key, default: default
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


def _ask(say: Say) -> Callable[[str, str], str]:
    def ask(key: str, default: str) -> str:
        if key == "relay.service":
            return _ask_service(say)
        hidden = key.endswith("password")
        return str(
            typer.prompt(
                say.words(f"cli.ask.{key}"),
                default=default,
                hide_input=hidden,
                err=True,
                show_default=bool(default),
            )
        )

    return ask


def _ask_service(say: Say) -> str:
    """The key of a preset, or "" for a server that we do not know."""
    known = presets.presets()
    services = "".join(f"\n  {n}  {one.name}" for n, one in enumerate(known, 1))
    asked = say.words("cli.ask.relay.service", services=services)
    answer = str(typer.prompt(asked, default="", err=True, show_default=False)).strip()
    if answer.isascii() and answer.isdigit() and 0 < int(answer) <= len(known):
        return known[int(answer) - 1].key
    if answer:
        say.note(say.words("cli.ask.relay.service.no", answer=answer))
    return ""


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
    """config.toml and the two keys, each in a file that only its owner can read. Raises Refused if it is there."""
    path = folder / "config.toml"
    if path.exists():
        raise Refused(
            f"{path} is already there and was not touched.",
            remedy="Mend it with an editor, or move it away and run “mailer init” again; the keys stay.",
            key="config_exists", path=str(path),
        )  # fmt: skip
    answers = _ask_all(answer)
    keys = folder / "secrets"
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in ("permanent_key", "keys"):
        if not (keys / name).exists():  # the permanent key is made once and never again
            write_secret(keys / name, secrets.token_hex(32))
    if answers["relay.password"]:
        write_secret(keys / "relay_password", answers["relay.password"])
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

    port = answers["relay.port"] if answers["relay.port"].isdigit() else "587"
    password = 'password_file = "secrets/relay_password"\n' if answers["relay.password"] else ""
    tls = "implicit" if port == "465" else "starttls"
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
        return f"{published}\n# Unset, what is known of it is kept: rates = {json.dumps(preset.rates)}"
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
