"""The House and how it is opened: configuration, database, relays, letterhead.

Refuses to open where keys or tables are missing. Called by whoever starts the program: the CLI, the worker,
the pages and the demo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.engine import Engine, make_url

from mailer import config as configuration
from mailer import migrations
from mailer.config.model import Config
from mailer.delivery.letterpress import Letterhead
from mailer.delivery.routes import NO_LIST, Routes
from mailer.errors import NoKey
from mailer.smtp.model import Relay
from subscribers.database import open_engine, reading

from .letterhead import letterhead_of
from .relays import relay_of, routes_of


@dataclass(frozen=True, slots=True)
class House:
    """The assembled program."""

    config: Config
    engine: Engine
    templates_dir: Path | None
    permanent_key: str
    keys: tuple[str, ...]
    relays: tuple[Relay, ...]  # the preferred first
    routes: Routes
    letterhead: Letterhead  # of the preferred relay


def open_house(path: Path, environ: Mapping[str, str]) -> House:
    """Raises BadConfig with every fault, NoKey, Refused if the tables are not those of this program."""
    config = configuration.load(path, environ)
    permanent_key = config.secrets.permanent_key.get_secret_value()
    keys = tuple(key.get_secret_value() for key in config.secrets.keys)
    if not permanent_key or not keys:
        raise NoKey(
            "secrets.permanent_key and secrets.keys are not set.",
            remedy="“mailer init” makes them; if you have them elsewhere, name them in the configuration.",
        )
    engine = open_database(config)
    with reading(engine) as connection:
        migrations.require(connection)
    relays = tuple(relay_of(one, config) for one in config.relay.all)
    routes = routes_of(config, relays)
    preferred = next((n for n, relay in enumerate(relays) if relay.name in routes.of(NO_LIST).relays), 0)
    templates = config.path(config.site.templates_dir) if config.site.templates_dir else None
    return House(
        config,
        engine,
        templates,
        permanent_key,
        keys,
        relays,
        routes,
        letterhead_of(config, config.relay.all[preferred], permanent_key, keys),
    )


def open_database(config: Config) -> Engine:
    """The engine of `database.url`; a relative SQLite path starts at the configuration's folder."""
    url = make_url(config.database.url)
    if url.get_backend_name() == "sqlite" and url.database:
        url = url.set(database=str(config.path(url.database)))
    return open_engine(url.render_as_string(hide_password=False))
