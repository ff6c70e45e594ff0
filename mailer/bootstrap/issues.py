"""House → composing: what an issue, the gate and a notice need beside the text.

Pillow and lxml, 60 MB that a sender process does without, are loaded when a function is called. Called by the
CLI and the demo.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from mailer import i18n
from mailer.delivery import letterpress
from mailer.delivery.routes import Route
from mailer.errors import BadConfig, Fault
from mailer.smtp.model import Envelope
from subscribers.database import reading
from subscribers.model import Actor, Address

from .house import House
from .letterhead import identities
from .press import require_relay

if TYPE_CHECKING:
    from mailer.composer.approving import Draft, Gate, Verdict
    from mailer.composer.editions import Press as IssuePress
    from mailer.composer.look.theme import Theme
    from mailer.composer.model import Finding


def issue_press(house: House, now: datetime) -> IssuePress:
    """What composing needs beside the issue. Loads Pillow and lxml: a sender never calls it."""
    from mailer.composer.editions import Press as IssuePress

    site, pictures = house.config.site, house.config.pictures
    budget = pictures.budget_kb if site.base_url else pictures.embedded_budget_kb
    return IssuePress(
        theme=_theme(house.templates_dir),
        base_url=site.base_url,
        zone=site.time_zone,
        identities=identities(house.config),
        pictures_budget_bytes=budget * 1000,
        site_languages=tuple(dict.fromkeys((site.default_language, *site.languages))),
        now=now,
        privacy_urls=dict.fromkeys(site.languages, site.privacy_url) if site.privacy_url else {},
    )


def gate(house: House, now: datetime) -> Gate:
    """What the gate is told beside the issue."""
    from mailer.composer.approving import Gate
    from mailer.composer.checks import SenderFacts

    host = {relay.name: relay.host for relay in house.relays}
    parts = zip(house.config.relay.all, house.relays, strict=True)
    verp = {relay.name for part, relay in parts if part.return_path == "verp"}

    def of(route: Route) -> SenderFacts:
        # Any relay of the route may have to carry it; fixed and plus return paths are the sender's own mailbox.
        envelope = house.config.bounces.domain if verp & set(route.relays) else ""
        first = host[route.relays[0]] if route.relays else ""
        return SenderFacts(route.sender, first, house.config.dkim.domain, envelope)

    named = {key: of(route) for key, route in house.routes.named.items()}
    facts = replace(of(house.routes.main), newsletters=named)
    return Gate(issue_press(house, now), facts, known(house.config.checks))


def known(levels: Mapping[str, str]) -> Mapping[str, str]:
    """[checks] as it is. Raises BadConfig for codes that there are not: a slip of the pen would change nothing, silently."""
    from mailer.composer.checks import CODES

    faults = []
    for code in sorted(levels.keys() - CODES.keys()):
        near = difflib.get_close_matches(code, CODES, n=1)
        remedy = f"Did you mean “{near[0]}”?" if near else ""
        sentence = f"There is no check {code}."
        faults.append(
            Fault("config.unknown_key", f"checks.{code}", sentence, remedy, {"key": f"checks.{code}"})
        )
    if faults:
        raise BadConfig(faults)
    return levels


def reading_style() -> bytes:
    """The style sheet of the readers' pages, for a preview of the web version. The pages themselves stand above."""
    return (resources.files("mailer") / "web" / "static" / "site.css").read_bytes()


def judged(house: House, slug: str, gate: Gate) -> tuple[Draft, list[Finding]]:
    """Composed in one transaction, judged without a lock: a send goes on meanwhile. Raises NotFound."""
    from mailer.composer import approving

    with house.engine.begin() as connection:
        draft = approving.compose(connection, slug, gate)
    with reading(house.engine) as connection:
        return draft, approving.judge(connection, draft, gate)


def approved(house: House, slug: str, *, passed: Mapping[str, str], by: Actor, now: datetime) -> Verdict:
    """Raises as `approving.approve`."""
    from mailer.composer import approving

    judging = gate(house, now)
    draft, findings = judged(house, slug, judging)
    with house.engine.begin() as connection:
        return approving.approve(connection, draft, findings, judging, passed=passed, by=by, now=now)


def test_message(house: House, to: Address, language: str, now: datetime) -> tuple[Envelope, bytes]:
    """The notice that `mailer check --to` sends."""
    from mailer.composer import editions

    words = i18n.words(language)
    values = {
        "address": to.written,
        "relay": require_relay(house).host,
        "sent_at": words.moment(now, house.config.site.time_zone),
    }
    with house.engine.begin() as connection:
        edition = editions.compose_notice(connection, "test", language, issue_press(house, now), values)
        return letterpress.notice(connection, house.letterhead, edition, to, now)


@lru_cache(maxsize=4)
def _theme(templates_dir: Path | None) -> Theme:
    from mailer.composer.look.theme import Theme

    return Theme(templates_dir)
