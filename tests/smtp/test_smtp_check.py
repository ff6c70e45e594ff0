"""`probe` against the sink: each step that fails has its place and its sentence; no mail leaves."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from mailer.smtp.check import Probe, probe
from mailer.smtp.model import Relay
from mailer.smtp.problems import SENTENCES
from mailer.smtp.sink import Options, Script, Sink
from tests.doubles import fault_server
from tests.smtp.conftest import Authority


def ask(script: Script | None, authority: Authority, password: str = "word") -> tuple[Probe, Sink]:
    async def main() -> tuple[Probe, Sink]:
        options = Options(starttls=True, tls_context=authority.server(), users={"keiko": "word"})
        async with Sink(options=options, script=script or (lambda moment: None)) as sink:
            relay = Relay(
                "r",
                "localhost",
                sink.port,
                username="keiko",
                password=password,
                timeout=timedelta(seconds=5),
            )
            found = await probe(
                relay, sender="a@a.example", address="p@b.example", tls_context=authority.client
            )
            return found, sink

    return asyncio.run(main())


def test_a_relay_that_would_take_our_mail_passes_every_step_and_gets_none(authority: Authority) -> None:
    found, sink = ask(None, authority)
    assert found.passed
    assert [s.name for s in found.steps if s.passed] == ["connect", "tls", "auth", "mail_from", "rcpt_to"]
    assert found.capabilities is not None
    assert "PIPELINING" in found.capabilities
    assert not any(c.startswith(("DATA", "BDAT")) for c in sink.commands)
    assert sink.commands[-1] == "QUIT"


@pytest.mark.parametrize(
    ("script", "key", "failed"),
    [
        (fault_server.say_and_drop("connect", "554 5.7.1 blocked"), "relay_greeting", "connect"),
        (fault_server.reply("starttls", "454 4.7.0 not now"), "relay_tls_refused", "tls"),
        (fault_server.reply("auth", "534 5.7.9 application-specific password required"), "relay_auth_app_password", "auth"),
        (fault_server.reply("mail", "553 5.7.1 Sender address rejected: not owned by user"), "relay_mail_from", "mail_from"),
        (fault_server.reply("rcpt", "554 5.7.1 Relay access denied"), "relay_rcpt", "rcpt_to"),
        (fault_server.reply("rcpt", "550 5.4.5 Daily sending limit exceeded"), "relay_quota", "rcpt_to"),
        (fault_server.drop("mail"), "relay_lost", "mail_from"),
    ],
)  # fmt: skip
def test_the_step_that_fails_is_named_with_what_to_do(
    authority: Authority, script: Script, key: str, failed: str
) -> None:
    found, _ = ask(script, authority)
    assert found.problem is not None
    assert found.problem.key == key
    assert found.problem.sentence
    assert found.problem.remedy
    assert (found.steps[-1].name, found.steps[-1].passed) == (failed, False)
    assert all(step.passed for step in found.steps[:-1])


def test_a_wrong_password_is_found_before_any_envelope(authority: Authority) -> None:
    found, sink = ask(None, authority, password="other")
    assert found.problem is not None
    assert found.problem.key == "relay_auth"
    assert sink.begun == 0


def test_every_sentence_is_whole_and_has_a_remedy() -> None:
    facts = dict.fromkeys(
        ("host", "port", "username", "sender", "address", "offered", "reason", "reply"), "x"
    )
    for key, (sentence, remedy) in SENTENCES.items():
        assert key.startswith("relay_")
        assert sentence.format(**facts)[-1] in ".x)"
        assert remedy.endswith((".", ")."))
