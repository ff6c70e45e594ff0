"""check --to: every step to a first real mail, each with a plain sentence where it fails."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mailer.errors import MailerError
from subscribers.address import parse
from subscribers.model import Address

from .main import Desk

if TYPE_CHECKING:
    from mailer.bootstrap import House, Trial
    from mailer.smtp.model import Relay

Step = Callable[
    [str, bool, str, "Relay | None"], None
]  # its name, whether it passed, a sentence, of which relay
_LEGAL = ("organisation", "postal_address", "contact")


def check_house(desk: Desk, to: str) -> int:
    """0 if every step passed. Without an address the relay is tried up to the recipient, and nothing is sent."""
    from mailer.bootstrap import unaligned

    said = desk.say.words
    steps: list[dict[str, object]] = []

    def step(name: str, passed: bool, sentence: str, of: "Relay | None" = None) -> None:
        account = {"relay": f"{of.host} {of.username}".rstrip()} if of else {}
        steps.append({"step": name, "passed": passed, "message": sentence} | account)
        mark = said("cli.check.passed" if passed else "cli.check.failed")
        what = said(f"cli.check.{name}") + (f" {_account(desk, of)}" if of else "")
        desk.say.text(f"{what}{desk.say.colon}{mark}" + (f"  {sentence}" if sentence else ""))

    house = desk.house()  # a faulty file or an old database is told in its own words
    step("config", True, "")
    step("database", True, "")
    missing = [key for key in _LEGAL if not getattr(house.config.sender, key)]
    step("legal", not missing, said("cli.check.legal_missing", missing=", ".join(missing)) if missing else "")
    for email in unaligned(house):
        desk.say.note(said("cli.check.unaligned", email=email, domain=house.config.dkim.domain))
    asyncio.run(_try_relays(desk, house, to, step))
    desk.say.document({"steps": steps})
    return 0 if all(one["passed"] for one in steps) else 1


async def _try_relays(desk: Desk, house: "House", to: str, step: Step) -> None:
    """One relay is told step by step, of several each in one line. The mail goes by the main sender's."""
    from mailer.bootstrap import require_relay, trials
    from mailer.smtp.check import probe

    said = desk.say.words
    try:
        main = require_relay(house)
    except MailerError as error:
        step("relay.connect", False, desk.say.joined(*said.error(error)), None)
        return
    address = parse(to) if to else parse(house.config.sender.email)
    passed = {}
    for trial in trials(house):
        found = await probe(trial.relay, sender=trial.envelope_from, address=address.wire)
        passed[trial.relay.name] = found.passed
        problem = desk.say.joined(*said.error(found.problem)) if found.problem else ""
        if len(house.relays) > 1:
            if problem and trial.relay is not house.relays[0]:  # the remedy speaks of relay.port
                problem = desk.say.joined(problem, said("cli.check.relay_more"))
            step("relay", found.passed, problem or _rates(desk, trial), trial.relay)
            continue
        for one in found.steps:
            step(f"relay.{one.name}", one.passed, "" if one.passed else problem, None)
        if found.passed:
            step("relay.rates", True, _rates(desk, trial), None)
    if to and passed[main.name]:
        await _send_one(desk, house, address, step)


def _rates(desk: Desk, trial: "Trial") -> str:
    """Which limits are in force, and what the provider publishes."""
    said = desk.say.words
    if not trial.rates:
        return said("cli.check.rates.none")
    rates = ", ".join(trial.rates)
    if trial.preset is None:
        return said("cli.check.rates.own", rates=rates)
    published = trial.preset.as_published
    return said("cli.check.rates.preset", rates=rates, name=trial.preset.name, published=published)


async def _send_one(desk: Desk, house: "House", address: Address, step: Step) -> None:
    """One real mail, past the ledger: it goes to whoever sets the program up, not to a subscriber."""
    from mailer.bootstrap import require_relay, test_message
    from mailer.delivery import failover
    from mailer.smtp.pool import Pool

    said = desk.say.words
    envelope, content = test_message(house, address, said.source, datetime.now(UTC))
    try:
        async with Pool(require_relay(house)) as pool:
            outcome = await pool.send(envelope, content)
    except MailerError as error:
        step("relay.message", False, desk.say.joined(*said.error(error)), None)
        return
    reply = str(outcome.reply) if outcome.reply else outcome.error or ""
    step("relay.message", outcome.accepted, reply, None)
    if outcome.accepted:
        with house.engine.begin() as connection:  # what waits for a relay may ask again now
            failover.knock(connection, datetime.now(UTC))
        if len(house.relays) > 1:
            by = _account(desk, require_relay(house))
            desk.say.line("cli.check.sent_by", address=address.written, relay=by)
        else:
            desk.say.line("cli.check.sent", address=address.written)


def _account(desk: Desk, relay: "Relay") -> str:
    if not relay.username:
        return relay.host
    return desk.say.words("cli.check.account", host=relay.host, username=relay.username)
