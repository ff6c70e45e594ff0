"""Ask a relay, step by step, whether it would take our mail, without sending any. For `mailer check`."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import Literal

from mailer.smtp.connection import Connection, connect
from mailer.smtp.errors import RelayUnusable
from mailer.smtp.model import Capabilities, Envelope, Outcome, Relay
from mailer.smtp.problems import problem
from mailer.smtp.reply import Reply

StepName = Literal["connect", "tls", "auth", "mail_from", "rcpt_to"]


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One step that was tried; `reply` is what the server said, None where it said nothing."""

    name: StepName
    passed: bool
    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Probe:
    """`problem` is the first that stood in the way, None if the relay would take a mail."""

    steps: tuple[ProbeStep, ...]
    problem: RelayUnusable | None
    capabilities: Capabilities | None

    @property
    def passed(self) -> bool:
        return self.problem is None


@dataclass(slots=True, eq=False)
class _Question:
    """The supply of one connection: a single envelope without a message."""

    envelope: Envelope
    outcome: asyncio.Future[Outcome]
    message: None = None
    asked: bool = False

    def next_item(self) -> _Question | None:
        if self.asked:
            return None
        self.asked = True
        return self

    def settled(self, connection: Connection, item: object, outcome: Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def closed(self, connection: Connection) -> None:
        pass


async def probe(
    relay: Relay, *, sender: str, address: str, tls_context: ssl.SSLContext | None = None
) -> Probe:
    """Connect, encrypt, sign in, then MAIL FROM:<sender> and RCPT TO:<address> (wire forms), RSET, QUIT."""
    question = _Question(Envelope(sender, address), asyncio.get_running_loop().create_future())
    try:
        connection = await connect(relay, question, tls_context)
    except RelayUnusable as failure:
        return Probe(_until(relay, failure), failure, None)
    steps = _handshake_steps(relay, connection)
    connection.pump()
    outcome = await question.outcome
    await connection.finish()
    failure_found = _envelope_problem(relay, outcome, sender, address)
    if outcome.stage == "mail":
        steps.append(ProbeStep("mail_from", False, outcome.reply))
    else:
        steps.append(ProbeStep("mail_from", True, None))
        steps.append(ProbeStep("rcpt_to", failure_found is None, outcome.reply))
    return Probe(tuple(steps), failure_found, connection.capabilities)


_STEP_OF_STAGE: dict[str, StepName] = {"starttls": "tls", "tls": "tls", "auth": "auth"}


def _until(relay: Relay, failure: RelayUnusable) -> tuple[ProbeStep, ...]:
    """The steps passed before the one that failed, and that one."""
    wanted: list[StepName] = ["connect", "tls", "auth"]
    failed = _STEP_OF_STAGE.get(failure.stage, "connect")
    passed = [s for s in wanted[: wanted.index(failed)] if s != "tls" or relay.tls != "none"]
    return (*(ProbeStep(name, True, None) for name in passed), ProbeStep(failed, False, failure.reply))


def _handshake_steps(relay: Relay, connection: Connection) -> list[ProbeStep]:
    last = dict(connection.answers)
    steps = [ProbeStep("connect", True, last.get("greeting"))]
    if relay.tls != "none":
        steps.append(ProbeStep("tls", True, last.get("starttls")))
    if relay.username:
        steps.append(ProbeStep("auth", True, last.get("auth")))
    return steps


def _envelope_problem(relay: Relay, outcome: Outcome, sender: str, address: str) -> RelayUnusable | None:
    reply = outcome.reply
    if reply is None:
        key = "relay_smtputf8" if outcome.error == "smtputf8_not_offered" else "relay_lost"
        return problem(key, relay, stage=outcome.stage, address=address)
    if reply.is_positive:
        return None
    if reply.is_quota:
        return problem("relay_quota", relay, stage=outcome.stage, reply=reply)
    if outcome.stage == "mail":
        return problem("relay_mail_from", relay, stage="mail", reply=reply, sender=sender)
    return problem("relay_rcpt", relay, stage="rcpt", reply=reply, address=address)
