"""Postfix, Exim, OpenSMTPD and smtp-server take our mail: each message once, unchanged, in every gait.

docs/servers.md says what they offer and how they differ; the first test holds it to that.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mailer.message.build import compile
from mailer.smtp import connection as smtp_connection
from mailer.smtp.check import Probe, probe
from mailer.smtp.errors import RelayUnusable
from mailer.smtp.model import Envelope, Outcome, Relay
from mailer.smtp.pool import Pool
from tests.message.samples import PARTICULARS, STATIONERY, VALUES, edition
from tests.message.test_dkim import ED25519, RSA
from tests.servers import exim
from tests.servers.account import NOBODY
from tests.servers.conftest import START, Real

pytestmark = pytest.mark.xdist_group("servers")
SENDER = "b+abc234-deadbeef@bounce.harbour.example"
CHUNKING = {"postfix", "exim"}
QUOTED = {
    "postfix",
    "exim",
}  # the others refuse a local part in quotation marks by 501, though RFC 5321 has it
UTF8 = {"postfix", "exim", "javascript"}
# What each gait asks of the pool. BDAT where it is offered.
GAITS: dict[str, dict[str, object]] = {
    "lock_step": {"pipeline": False},
    "data": {"chunking": False, "connections": 3},
    "bdat_1": {"depth": 1},
    "bdat_8": {"depth": 8, "connections": 3},
}
NAMES = {"postfix": "Postfix", "exim": "Exim", "opensmtpd": "OpenSMTPD", "javascript": "smtp-server"}
PAIRS = [(s, g) for s in START for g in GAITS if not g.startswith("bdat") or s in CHUNKING]
each_server = pytest.mark.parametrize("real", START, indirect=True)


def _messages() -> list[bytes]:
    japanese, english = (
        compile(edition(language), STATIONERY, signers=[RSA, ED25519]).build(VALUES, **PARTICULARS)  # type: ignore[arg-type]
        for language in ("ja", "en")
    )
    head = b"From: news@harbour.example\r\nTo: p@b.example\r\nDate: Wed, 20 Dec 2034 09:00:00 +0900\r\n" \
        b"Message-ID: <%d@harbour.example>\r\nSubject: Harbour Letter\r\n\r\n"  # fmt: skip
    bodies = [
        b"Dear reader\r\n",
        b".\r\n..\r\n...\r\n. \r\n.a\r\n\r\n.\r\n",  # what ends a message, were it not stuffed
        b"." * 76 + b"\r\nMAIL FROM:<x@y.example>\r\nQUIT\r\n.\r\n",
        b"x" * 998 + b"\r\n" + b"last line, then blank ones\r\n\r\n\r\n",
        b"=20" * 25 + b"=\r\n" * 4000 + b"\r\n",
    ]
    return [japanese, english, *(head % n + body for n, body in enumerate(bodies))]


MESSAGES = _messages()


def _letters(real: Real, gait: str, count: int = 60) -> dict[str, bytes]:
    """Who gets what: 60 people, one of whom the server refuses in the middle, one beyond ASCII."""
    people = [f"{gait}-{n}@b.example" for n in range(count)]
    people[7] = f'"taro..{gait}"@mobile.example'  # F50
    if real.name in UTF8:
        people[11] = f"髙橋-{gait}@b.example"
    people[count // 2] = NOBODY
    return {to: MESSAGES[n % len(MESSAGES)] for n, to in enumerate(people)}


async def _send(pool: Pool, letters: dict[str, bytes]) -> dict[str, Outcome]:
    outcomes = await asyncio.gather(
        *(
            pool.send(Envelope(SENDER, to, envid="delivery+84=K7Q"), content)
            for to, content in letters.items()
        )
    )
    return dict(zip(letters, outcomes, strict=True))


def _deliver(real: Real, relay: Relay, letters: dict[str, bytes]) -> dict[str, Outcome]:
    async def main() -> dict[str, Outcome]:
        async with Pool(relay, real.authority.client) as pool:
            return await _send(pool, letters)

    return asyncio.run(main())


def _trace(content: bytes, sent: bytes) -> bytes:
    """What a hop put on top of our message, which otherwise is as it was."""
    assert content.endswith(sent)
    return content.removesuffix(sent)


@each_server
def test_what_a_server_offers_is_what_the_papers_say(real: Real) -> None:
    text = (Path(__file__).parents[2] / "docs" / "servers.md").read_text("utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")
    ]
    told = dict(zip(rows[0], next(row for row in rows if row[0] == NAMES[real.name]), strict=True))
    offered = _probe(real, real.relay(), "probe@b.example").capabilities
    assert offered is not None
    assert set(told["AUTH"].split()) == offered.auth_mechanisms
    for extension in ("PIPELINING", "CHUNKING", "SMTPUTF8"):
        assert told[extension] == ("yes" if extension in offered else "no")
    assert (real.name in CHUNKING, real.name in UTF8) == ("CHUNKING" in offered, "SMTPUTF8" in offered)


@pytest.mark.parametrize(("real", "gait"), PAIRS, indirect=["real"])
def test_each_message_arrives_once_and_unchanged(real: Real, gait: str) -> None:
    letters = _letters(real, gait)
    outcomes = _deliver(real, real.relay(**GAITS[gait]), letters)
    refused = {NOBODY: 550} | ({} if real.name in QUOTED else {f'"taro..{gait}"@mobile.example': 501})
    for to, code in refused.items():
        outcome = outcomes.pop(to)
        assert (outcome.stage, outcome.reply and outcome.reply.code) == ("rcpt", code)
        assert not outcome.uncertain
    assert {to: str(o.reply or o.error) for to, o in outcomes.items() if not o.accepted} == {}
    caught = real.arrived(set(outcomes))
    assert set(Counter(each.envelope.rcpt_to for each in caught).items()) == {(to, 1) for to in outcomes}
    for each in caught:
        assert each.envelope.mail_from == SENDER
        trace = _trace(each.content, letters[each.envelope.rcpt_to])
        fields = re.sub(rb"\r\n[ \t]", b" ", trace).split(b"\r\n")[:-1]
        assert {field.partition(b":")[0] for field in fields} == (
            set() if real.name == "javascript" else {b"Received"}
        )
    assert not [each for each in real.sink.messages if each.envelope.rcpt_to in refused]


@each_server
def test_signed_in_over_tls_the_relay_is_probed_and_nothing_is_sent(real: Real) -> None:
    before = len(real.sink.messages)
    found = _probe(real, real.relay(), "probe@b.example")
    assert found.passed, found.problem
    found = _probe(real, real.relay(), NOBODY)
    assert found.problem is not None
    assert found.problem.key == "relay_rcpt"
    assert len(real.sink.messages) == before


@each_server
def test_a_wrong_password_is_called_that(real: Real) -> None:
    found = _probe(real, real.relay(username="keiko", password="wrong"), "probe@b.example")
    assert found.problem is not None
    assert found.problem.key == "relay_auth"
    with pytest.raises(RelayUnusable) as failure:
        _deliver(real, real.relay(password="wrong"), {"wrong@b.example": MESSAGES[0]})
    assert failure.value.key == "relay_auth"


@each_server
def test_encryption_is_a_condition_and_so_is_the_right_name(real: Real) -> None:
    stranger = asyncio.run(probe(real.relay(), sender=SENDER, address="probe@b.example"))
    assert stranger.problem is not None
    assert stranger.problem.key == "relay_certificate"  # an authority that this machine does not trust
    found = _probe(real, replace(real.relay(), tls="implicit"), "probe@b.example")
    assert found.problem is not None
    assert found.problem.key == "relay_tls_wrong_kind"


@each_server
def test_a_connection_is_left_after_so_many_messages(real: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = 0
    connect = smtp_connection.connect

    async def counted(*arguments: Any, **options: Any) -> smtp_connection.Connection:
        nonlocal opened
        opened += 1
        return await connect(*arguments, **options)

    monkeypatch.setattr(smtp_connection, "connect", counted)
    letters = {f"few-{n}@b.example": MESSAGES[n % len(MESSAGES)] for n in range(20)}
    outcomes = _deliver(real, real.relay(connections=1, messages_per_connection=4), letters)
    assert all(outcome.accepted for outcome in outcomes.values())
    assert opened == 5
    assert Counter(each.envelope.rcpt_to for each in real.arrived(set(letters))) == Counter(letters.keys())


@pytest.mark.parametrize("real", ["exim"], indirect=True)
@pytest.mark.parametrize("gait", ["data", "bdat_8"])
def test_a_server_that_ends_the_connection_after_so_many_messages_loses_and_doubles_none(
    real: Real, gait: str
) -> None:  # F5: Exim says 421 at its limit, with envelopes of ours already under way
    letters = {f"{gait}-limit-{n}@b.example": MESSAGES[n % len(MESSAGES)] for n in range(2 * exim.MOST + 5)}
    outcomes = _deliver(real, real.relay(**{**GAITS[gait], "connections": 1}), letters)
    assert {to: str(o) for to, o in outcomes.items() if not o.accepted} == {}
    assert Counter(each.envelope.rcpt_to for each in real.arrived(set(letters))) == Counter(letters.keys())


@each_server
def test_encryption_from_the_first_octet_carries_mail_as_well(real: Real) -> None:
    letters = {f"implicit-{n}@b.example": MESSAGES[n % len(MESSAGES)] for n in range(10)}
    outcomes = _deliver(real, real.relay(tls="implicit"), letters)
    assert {to: str(o) for to, o in outcomes.items() if not o.accepted} == {}
    for each in real.arrived(set(letters)):
        assert each.content.endswith(letters[each.envelope.rcpt_to])


def _probe(real: Real, relay: Relay, address: str) -> Probe:
    return asyncio.run(probe(relay, sender=SENDER, address=address, tls_context=real.authority.client))
