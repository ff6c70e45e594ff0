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
    from mailer.bootstrap import House

Step = Callable[[str, bool, str], None]
_LEGAL = ("organisation", "postal_address", "contact")


def check_house(desk: Desk, to: str) -> int:
    """0 if every step passed. Without an address the relay is tried up to the recipient, and nothing is sent."""
    said = desk.say.words
    steps: list[dict[str, object]] = []

    def step(name: str, passed: bool, sentence: str) -> None:
        steps.append({"step": name, "passed": passed, "message": sentence})
        mark = said("cli.check.passed" if passed else "cli.check.failed")
        desk.say.text(
            f"{said(f'cli.check.{name}')}{desk.say.colon}{mark}" + (f"  {sentence}" if sentence else "")
        )

    house = desk.house()  # a faulty file or an old database is told in its own words
    step("config", True, "")
    step("database", True, "")
    missing = [key for key in _LEGAL if not getattr(house.config.sender, key)]
    step("legal", not missing, said("cli.check.legal_missing", missing=", ".join(missing)) if missing else "")
    asyncio.run(_try_relay(desk, house, to, step))
    desk.say.document({"steps": steps})
    return 0 if all(one["passed"] for one in steps) else 1


async def _try_relay(desk: Desk, house: "House", to: str, step: Step) -> None:
    from mailer.bootstrap import require_relay
    from mailer.smtp.check import probe

    said = desk.say.words
    try:
        relay = require_relay(house)
    except MailerError as error:
        step("relay.connect", False, desk.say.joined(*said.error(error)))
        return
    address = parse(to) if to else parse(house.config.sender.email)
    envelope_from = house.letterhead.return_path.encode(1)
    found = await probe(relay, sender=envelope_from, address=address.wire)
    for one in found.steps:
        told = desk.say.joined(*said.error(found.problem)) if found.problem and not one.passed else ""
        step(f"relay.{one.name}", one.passed, told)
    if found.passed and to:
        await _send_one(desk, house, address, step)


async def _send_one(desk: Desk, house: "House", address: Address, step: Step) -> None:
    """One real mail, past the ledger: it goes to whoever sets the program up, not to a subscriber."""
    from mailer.bootstrap import require_relay, test_message
    from mailer.smtp.pool import Pool

    said = desk.say.words
    envelope, content = test_message(house, address, said.source, datetime.now(UTC))
    try:
        async with Pool(require_relay(house)) as pool:
            outcome = await pool.send(envelope, content)
    except MailerError as error:
        step("relay.message", False, desk.say.joined(*said.error(error)))
        return
    reply = str(outcome.reply) if outcome.reply else outcome.error or ""
    step("relay.message", outcome.accepted, reply)
    if outcome.accepted:
        desk.say.line("cli.check.sent", address=address.written)
