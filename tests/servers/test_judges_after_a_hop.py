"""What a Postfix passed on still verifies in dkimpy, opendkim and mailauth, and nothing that was changed does.

Campaigns go by the whole road: approved issue, ledger, letterpress, DKIM, pool. Variants that the sample issue
has not (pictures inside, text only, Arabic, notices) are built beside it and sent by DATA and by BDAT.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from mailer.message import dkim
from mailer.message.build import compile
from mailer.smtp.model import Envelope
from mailer.smtp.pool import Pool
from mailer.smtp.sink import Caught
from tests.journeys.conftest import EDITIONS, Office
from tests.journeys.conftest import _configured as configured
from tests.judges.signatures import JUDGES, with_each_signature_alone
from tests.message.samples import NOTICE, PARTICULARS, PICTURES, STATIONERY, VALUES, edition
from tests.message.test_dkim import ED25519, RECORDS, RSA, _pem
from tests.servers.account import PASSWORD, USERNAME
from tests.servers.conftest import Real

pytestmark = [pytest.mark.judge, pytest.mark.xdist_group("servers")]
OFFICE = "example.org"
SIGNERS = {"rsa": RSA, "ed25519": ED25519}
LANGUAGES = ("ja", "en", "ar")
FORMS = ("alternative", "embedded", "text", "notice")
# Whose octet is changed: what stands before it.
CHANGES = {
    "subject": rb"\r\nSubject: ",
    "one_click": rb"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-",
    "body": rb"(base64|quoted-printable)\r\n(Content-.*\r\n)*\r\n",
}


@dataclass
class Bench:
    """Where the judges sit: mails as files, and the records that DNS would give them."""

    folder: Path
    records: dict[str, str]

    def lay(self, name: str, message: bytes) -> list[Path]:
        """One file for each signature of the message."""
        paths = []
        for number, alone in enumerate(with_each_signature_alone(message)):
            paths.append(self.folder / f"{name}-{number}.eml")
            paths[-1].write_bytes(alone)
        return paths

    def hear(self, good: list[Path], bad: list[Path]) -> None:
        """Every judge takes all the good ones and none of the bad, asked about them in one go."""
        for name, judge in JUDGES.items():
            said = dict(zip([*good, *bad], judge([*good, *bad], self.records), strict=True))
            assert [path.name for path in good if not said[path]] == [], name
            assert [path.name for path in bad if said[path]] == [], name


def changed(message: bytes, where: str) -> bytes:
    """One bit of one octet is another."""
    found = re.search(CHANGES[where], message)
    assert found is not None, where
    at = found.end()
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


@pytest.mark.parametrize("kind", SIGNERS)
def test_a_campaign_verifies_after_the_hop_and_no_changed_copy_does(
    kind: str, hall: Callable[[str], Real], prepared: Path, tmp_path: Path
) -> None:
    real = hall("postfix")
    signer = SIGNERS[kind]
    selector = f"{kind}2034"
    office = _office(prepared, tmp_path / "office", real, kind)
    real.sink.messages.clear()
    with mock.patch.dict(os.environ, {"SSL_CERT_FILE": str(real.authority.ca)}):
        told = office.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    assert told["by_state"]["accepted"] == len(EDITIONS)
    passed = real.arrived(set(EDITIONS))
    assert {each.envelope.rcpt_to: _language(each) for each in passed} == EDITIONS
    bench = Bench(tmp_path, {f"{selector}._domainkey.{OFFICE}": signer.public_record()})
    good, bad = [], []
    for number, each in enumerate(passed):
        assert b"\r\nList-Unsubscribe: <https://news.example.org/u/" in each.content
        good += bench.lay(f"{kind}-{number}", each.content)
        for where in CHANGES:
            bad += bench.lay(f"{kind}-{number}-{where}", changed(each.content, where))
    assert (len(good), len(bad)) == (len(EDITIONS), 3 * len(EDITIONS))
    bench.hear(good, bad)


def _office(prepared: Path, folder: Path, real: Real, kind: str) -> Office:
    """The prepared office with this Postfix as its relay: Ed25519 in lock-step DATA, RSA by pipelined BDAT."""
    shutil.copytree(prepared, folder)
    (folder / "dkim.pem").write_bytes(_pem(SIGNERS[kind].key))
    office = configured(folder, real.sink)
    office.configure(
        relay__host="localhost",
        relay__port=real.ports.starttls,
        relay__tls="starttls",
        relay__username=USERNAME,
        relay__password=PASSWORD,
        relay__pipeline="false" if kind == "ed25519" else "true",
        dkim__domain=OFFICE,
        dkim__selector=f"{kind}2034",
        dkim__key_file="dkim.pem",
    )
    return office


def _language(caught: Caught) -> str:
    (line,) = (line for line in caught.content.split(b"\r\n") if line.startswith(b"Content-Language: "))
    return line.removeprefix(b"Content-Language: ").decode()


@pytest.mark.parametrize("chunking", [False, True], ids=["data", "bdat"])
def test_every_kind_of_message_verifies_after_the_hop_by_both_algorithms(
    chunking: bool, hall: Callable[[str], Real], tmp_path: Path
) -> None:
    real = hall("postfix")
    letters = {
        f"{language}-{form}-{chunking}@b.example": _message(language, form)
        for language in LANGUAGES
        for form in FORMS
    }

    async def main() -> None:
        async with Pool(real.relay(chunking=chunking, depth=8), real.authority.client) as pool:
            sent = (pool.send(Envelope("news@harbour.example", to), letters[to]) for to in letters)
            assert all(outcome.accepted for outcome in await asyncio.gather(*sent))

    asyncio.run(main())
    bench = Bench(tmp_path, RECORDS)
    good, bad = [], []
    for each in real.arrived(set(letters)):
        to = each.envelope.rcpt_to
        assert each.content.endswith(letters[to])
        good += bench.lay(to, each.content)
        if to.startswith(("ja-alt", "ja-emb")):
            for where in CHANGES:
                bad += bench.lay(f"{to}-{where}", changed(each.content, where))
            second = each.content.replace(b"\r\nFrom: ", b"\r\nFrom: x@evil.example\r\nFrom: ", 1)
            bad += bench.lay(f"{to}-second-from", second)
    assert (len(good), len(bad)) == (2 * len(letters), 2 * 2 * 4)
    bench.hear(good, bad)


def _message(language: str, form: str) -> bytes:
    notice = form == "notice"
    compiled = compile(
        edition(language, embedded=form == "embedded"),
        NOTICE if notice else STATIONERY,
        pictures=PICTURES,
        signers=[RSA, ED25519],
        text_only=form == "text",
    )
    particulars = {**PARTICULARS, "unsubscribe": ()} if notice else PARTICULARS
    return compiled.build(VALUES, **particulars)  # type: ignore[arg-type]


def test_each_judge_says_no_when_dns_has_another_key(tmp_path: Path) -> None:
    other = dkim.load_signer("harbour.example", "r2034", dkim.new_key())
    bench = Bench(tmp_path, {"r2034._domainkey.harbour.example": other.public_record()})
    message = compile(edition("ja"), STATIONERY, signers=[RSA]).build(VALUES, **PARTICULARS)  # type: ignore[arg-type]
    bench.hear([], bench.lay("other", message))
