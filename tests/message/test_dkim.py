"""Signatures that others verify, and that break when anything that matters is changed."""

from __future__ import annotations

from dataclasses import replace

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import MailerError
from mailer.message import dkim
from mailer.message.build import Compiled, compile
from tests.message.samples import NOTICE, PARTICULARS, PICTURES, STATIONERY, VALUES, edition

DOMAIN = "harbour.example"


def _pem(key: object) -> bytes:
    return key.private_bytes(  # type: ignore[attr-defined, no-any-return]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


RSA = dkim.load_signer(DOMAIN, "r2034", dkim.new_key())
ED25519 = dkim.load_signer(DOMAIN, "e2034", _pem(Ed25519PrivateKey.generate()))
RECORDS = {f"{s.selector}._domainkey.{DOMAIN}": s.public_record() for s in (RSA, ED25519)}


def _txt(name: bytes, timeout: int = 5) -> bytes:
    return RECORDS[name.decode().rstrip(".")].encode()


def _verified(message: bytes, signature: int = 0) -> bool:
    try:
        return bool(dkimpy.DKIM(message).verify(idx=signature, dnsfunc=_txt))
    except dkimpy.DKIMException:
        return False


def _signed(*signers: dkim.Signer, language: str = "ja") -> bytes:
    return compile(edition(language), STATIONERY, signers=signers).build(VALUES, **PARTICULARS)  # type: ignore[arg-type]


CAMPAIGNS = {
    language: compile(edition(language), STATIONERY, signers=[RSA]) for language in ("ja", "en", "ar")
}
VARIANTS: dict[str, Compiled] = {
    **CAMPAIGNS,
    "embedded": compile(edition("ja", embedded=True), STATIONERY, pictures=PICTURES, signers=[RSA]),
    "text_ja": compile(edition("ja"), STATIONERY, signers=[RSA], text_only=True),
    "text_en": compile(edition("en"), STATIONERY, signers=[RSA], text_only=True),
    "notice": compile(edition("en"), NOTICE, signers=[RSA]),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_kind_of_message_verifies(variant: str) -> None:
    particulars = {**PARTICULARS, "unsubscribe": ()} if variant == "notice" else PARTICULARS
    assert _verified(VARIANTS[variant].build(VALUES, **particulars))  # type: ignore[arg-type]


@given(
    st.fixed_dictionaries({name: st.text(max_size=90) for name in VALUES}), st.sampled_from(["en", "text_en"])
)
@settings(max_examples=40, deadline=None)
def test_no_value_brings_a_body_that_is_not_its_own_relaxed_form(
    values: dict[str, str], variant: str
) -> None:
    assert _verified(VARIANTS[variant].build(values, **PARTICULARS))  # type: ignore[arg-type]


def test_both_algorithms_sign_side_by_side() -> None:
    message = _signed(RSA, ED25519)
    assert message.count(b"DKIM-Signature:") == 2
    assert _verified(message, 0)
    assert _verified(message, 1)
    assert b" a=ed25519-sha256; c=relaxed/relaxed;" in message


def test_blank_lines_at_the_end_of_a_text_do_not_count() -> None:
    source = edition("en")
    for end in ("\n\n\n", "", "@@NAME@@", "@@NAME@@\n\n", " ", "\t"):
        compiled = compile(replace(source, text=source.text + end), STATIONERY, signers=[RSA], text_only=True)
        for name in ("", " ", "x"):
            assert _verified(compiled.build({**VALUES, "NAME": name}, **PARTICULARS))  # type: ignore[arg-type]


def test_an_address_beyond_ascii_and_a_quoted_one_verify() -> None:
    for to in ('"a  b"@h.example', '"taro..y"@docomo.example', "ユーザー@h.example"):
        assert _verified(CAMPAIGNS["ja"].build(VALUES, **{**PARTICULARS, "to": to}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: =?UTF-8?B?6", b"Subject: =?UTF-8?B?5"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=One-click"),
        (b"/u/abcdefgh234567>", b"/u/abcdefgh234568>"),
        (b"From: ", b"From: x"),
        (b"To: <hanako", b"To: <hanaka"),
        (b"Date: Wed", b"Date: Tue"),
        (b"Reply-To: <office", b"Reply-To: <oftice"),
        (b":harbour-cities", b":harbour-citied"),
        (b"List-Id: H", b"List-Id: h"),
        (b"Message-ID: <a", b"Message-ID: <b"),
        (b"\r\n\r\n--=_a", b"\r\n\r\n--=_b"),
        (b"base64\r\n\r\n5", b"base64\r\n\r\n4"),
    ],
)
def test_a_changed_byte_breaks_the_signature(old: bytes, new: bytes) -> None:
    message = _signed(RSA)
    assert _verified(message)
    assert old in message
    assert not _verified(message.replace(old, new, 1))


@pytest.mark.parametrize("name", dkim.OVERSIGNED)
def test_a_second_header_of_the_same_name_breaks_the_signature(name: str) -> None:
    message = _signed(RSA)
    added = f"{name}: added".encode()
    head, _, body = message.partition(b"\r\n\r\n")
    assert not _verified(added + b"\r\n" + message)
    assert not _verified(head + b"\r\n" + added + b"\r\n\r\n" + body)


def test_a_notice_cannot_be_given_an_unsubscribe_address_on_its_way() -> None:
    message = VARIANTS["notice"].build(VALUES, **{**PARTICULARS, "unsubscribe": ()})  # type: ignore[arg-type]
    assert not _verified(b"List-Unsubscribe: <https://evil.example/>\r\n" + message)


def test_the_signature_covers_everything_and_names_no_length() -> None:
    field = _signed(RSA).partition(b"\r\nFrom:")[0].decode()
    tags = dict(tag.strip().split("=", 1) for tag in field.partition(":")[2].replace("\r\n", "").split(";"))
    assert tags["c"] == "relaxed/relaxed"
    assert tags["d"] == DOMAIN
    assert not {"l", "x", "t"} & tags.keys()
    named = tags["h"].replace(" ", "").split(":")
    for name in dkim.OVERSIGNED:
        assert named.count(name.lower()) == 2
    assert max(map(len, field.split("\r\n"))) <= 76


def test_a_trailing_blank_line_and_a_blank_at_a_line_end_do_not_matter() -> None:
    """Relaxed forgives what relays do to blanks."""
    message = _signed(RSA)
    assert _verified(message + b"\r\n\r\n")
    assert _verified(message.replace(b"MIME-Version: 1.0", b"MIME-Version:  1.0 "))


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"no key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        _pem(generate_private_key(65537, 1024)).replace(b"A", b"B"),
        generate_private_key(65537, 1024).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        ),
        RSA.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    ],
    ids=["empty", "text", "cut", "damaged", "passphrase", "public"],
)
def test_a_file_that_holds_no_usable_key_is_refused_with_a_sentence(pem: bytes) -> None:
    with pytest.raises(MailerError) as caught:
        dkim.load_signer(DOMAIN, "r2034", pem)
    assert caught.value.key == "dkim_key"


@pytest.mark.parametrize(
    ("domain", "selector"),
    [("日本.example", "s"), ("h.example;x=1", "s"), ("h.example", "s\r\n"), ("h.example", "")],
)
def test_a_name_that_dns_does_not_know_is_refused(domain: str, selector: str) -> None:
    with pytest.raises(MailerError) as caught:
        dkim.load_signer(domain, selector, b"")
    assert caught.value.key == "dkim_name"
