"""Other people's programs read our mail: Python's compat32, Perl's MIME::Parser, mailparser and mailauth.

They agree on subject, sender, text and HTML of a few hundred messages in three languages.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import pytest

from mailer.composer.model import Edition
from mailer.message import dkim
from mailer.message.build import compile
from tests.judges.asking import JUDGES, ask, node, perl
from tests.message.samples import (
    FAMILY,
    NAMES,
    PARTICULARS,
    PICTURE,
    PICTURES,
    STATIONERY,
    SUBJECTS,
    UNSUBSCRIBE,
    VALUES,
    edition,
    filled,
)
from tests.message.test_dkim import ED25519, RECORDS, RSA, _verified

PEOPLE = 40  # per language and form
LONG_URL = "https://letter.harbour.example/u/" + "x" * 267  # 300 characters
SYLLABLES = [
    "港",
    "花子",
    "𠮷",
    "髙﨑",
    "①",
    " ",
    "  ",
    "ー",
    "=",
    ".",
    "\r\nFrom ",
    "&",
    "<b>",
    FAMILY,
    "é",
    "علي",
    "a",
    "\t",
]

Seen = dict[str, Any]


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[tuple[Path, Seen]]]:
    """Message files with what every reader must see in them."""
    folder = tmp_path_factory.mktemp("sent")
    chance = random.Random(84)
    out: list[tuple[Path, Seen]] = []
    for language in SUBJECTS:
        for form in ("alternative", "embedded", "text"):
            source = edition(language, embedded=form == "embedded")
            stationery = replace(STATIONERY, sender_name=NAMES[language])
            compiled = compile(
                source, stationery, pictures=PICTURES, signers=[RSA, ED25519], text_only=form == "text"
            )
            for person in range(PEOPLE):
                values = {**VALUES, "NAME": "".join(chance.choices(SYLLABLES, k=chance.randrange(12)))}
                path = folder / f"{language}-{form}-{person}.eml"
                particulars: Any = {**PARTICULARS, "unsubscribe": (LONG_URL, UNSUBSCRIBE[1])}
                path.write_bytes(compiled.build(values, **particulars))
                out.append((path, _expected(source, values, form)))
    yield out


def _expected(source: Edition, values: dict[str, str], form: str) -> Seen:
    digest = hashlib.md5(PICTURES["blob-mark"], usedforsecurity=False).hexdigest()
    return {
        "subject": SUBJECTS[source.language],
        "from": [[NAMES[source.language], "news@harbour.example"]],
        "to": ["hanako@harbour.example"],
        "text": filled(source.text, values, is_html=False),
        "html": "" if form == "text" else filled(source.html, values, is_html=True),
        "unsubscribe": f"<{LONG_URL}>, <{UNSUBSCRIBE[1]}>",
        "pictures": [[f"<{PICTURE.cid}>", "image/png", "inline", digest]] if form == "embedded" else [],
    }


def _by_python(paths: list[Path]) -> list[Seen]:
    return [
        _read(email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)) for path in paths
    ]


def _read(message: Message) -> Seen:
    def text(raw: str) -> str:
        return str(make_header(decode_header(raw.replace("\r\n", ""))))

    def content(kind: str) -> str:
        found = [part.get_payload(decode=True) for part in message.walk() if part.get_content_type() == kind]
        return found[0].decode() if found and isinstance(found[0], bytes) else ""

    return {
        "subject": text(message["Subject"]),
        "from": [[text(name), address] for name, address in getaddresses([message["From"]])],
        "to": [address for _, address in getaddresses([message["To"]])],
        "text": content("text/plain"),
        "html": content("text/html"),
        "unsubscribe": message["List-Unsubscribe"].replace("\r\n", ""),
        "headers": [name.lower() for name in message],
        "pictures": [
            [
                part["Content-ID"].strip(),
                part.get_content_type(),
                part.get_content_disposition(),
                hashlib.md5(part.get_payload(decode=True), usedforsecurity=False).hexdigest(),  # type: ignore[arg-type]
            ]
            for part in message.walk()
            if part.get_content_maintype() == "image"
        ],
    }


def _by_perl(paths: list[Path]) -> list[Seen]:
    return ask(perl("read.pl"), list(map(str, paths)))


def _by_mailparser(paths: list[Path]) -> list[Seen]:
    seen = ask(node("read.mjs"), list(map(str, paths)))
    for mail in seen:
        mail["pictures"] = [[f"<{cid}>", *rest] for cid, *rest in mail["pictures"]]
        (mail["unsubscribe"],) = (line.partition(": ")[2] for line in mail["unsubscribe"])
    return seen


@pytest.mark.judge
@pytest.mark.parametrize("judge", [_by_python, _by_perl, _by_mailparser])
def test_a_reader_sees_what_was_written(
    judge: Callable[[list[Path]], list[Seen]], sent: list[tuple[Path, Seen]]
) -> None:  # F44 F45 F46 F47 F49 F51
    seen = judge([path for path, _ in sent])
    assert len(seen) == len(sent)
    for (path, expected), mail in zip(sent, seen, strict=True):
        mail["text"], mail["html"] = (mail[part].replace("\r\n", "\n") for part in ("text", "html"))
        for key, value in expected.items():
            got = mail[key].rstrip("\n") if isinstance(value, str) else mail[key]
            assert got == (value.rstrip("\n") if isinstance(value, str) else value), (path.name, key)
        assert mail["headers"].count("from") == mail["headers"].count("subject") == 1


@pytest.mark.judge
def test_mailauth_and_dkimpy_verify_every_message_and_no_changed_one(
    sent: list[tuple[Path, Seen]], tmp_path: Path
) -> None:
    paths = [path for path, _ in sent][::6]
    changes = {
        "subject": (b"\r\nSubject: ", b"\r\nSubject: x"),
        "post": (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=One-click"),
        "body": (b"base64\r\n\r\n", b"base64\r\n\r\nAAAA"),
        "second": (b"\r\nFrom: ", b"\r\nFrom: x@evil.example\r\nFrom: "),
        "subjects": (b"\r\nSubject: ", b"\r\nSubject: other\r\nSubject: "),
    }
    ja = next(path for path in paths if path.name.startswith("ja-alternative"))
    spoiled = []
    for name, (old, new) in changes.items():
        message = ja.read_bytes()
        assert old in message
        spoiled.append(tmp_path / f"{name}.eml")
        spoiled[-1].write_bytes(message.replace(old, new, 1))
    answers = ask(node("verify.mjs"), [json.dumps(RECORDS), *map(str, [*paths, *spoiled])])
    for path, results in zip([*paths, *spoiled], answers, strict=True):
        good = path in paths
        assert {r["algorithm"] for r in results} == {"rsa-sha256", "ed25519-sha256"}
        assert {r["result"] == "pass" for r in results} == {good}, (path.name, results)
        message = path.read_bytes()
        assert _verified(message) == good, path.name
        signed = results[0]["headers"].lower()
        assert all(name.lower() in signed for name in dkim.OVERSIGNED)


@pytest.mark.judge
def test_the_wire_is_clean(sent: list[tuple[Path, Seen]]) -> None:  # F48
    for path, _ in sent:
        message = path.read_bytes()
        rest = message.replace(b"\r\n", b"")
        assert b"\r" not in rest and b"\n" not in rest
        assert message.isascii()
        header, _, body = message.partition(b"\r\n\r\n")
        assert max(map(len, body.split(b"\r\n"))) <= 76
        assert max(map(len, header.split(b"\r\n"))) <= 998
        fields = header.replace(b"\r\n ", b" ").split(b"\r\n")
        for field in fields:
            if not field.startswith((b"From:", b"Subject:")):
                assert b"=?" not in field
        assert not any(line.startswith(b".") for line in body.split(b"\r\n"))


def test_the_lock_file_pins_the_judges_and_names_no_registry() -> None:
    folder = JUDGES.parent
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    packages = json.loads((folder / "package-lock.json").read_text())["packages"]
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert all("integrity" in package for name, package in packages.items() if name)
