"""What people tried, in every text that comes near a header (F35)."""

from __future__ import annotations

import email
import email.policy
from base64 import b64encode
from dataclasses import replace

import pytest

from mailer.errors import HeaderRefused, MailerError
from mailer.message import headers
from mailer.message.build import compile
from tests.message.samples import (
    PARTICULARS,
    PICTURE,
    PICTURES,
    STATIONERY,
    UNSUBSCRIBE,
    VALUES,
    edition,
    filled,
)

ATTACKS = [
    "\rBcc: x@evil.example",
    "\nBcc: x@evil.example",
    "\r\nBcc: x@evil.example",
    "\r\n\r\nbody",
    "\u2028Bcc: x@evil.example",
    "\u2029Bcc: x@evil.example",
    "\u0085Bcc: x@evil.example",
    "\0Bcc: x@evil.example",
    "\v\fBcc: x@evil.example",
    "=?utf-8?q?a=0D=0ABcc=3A_x=40evil.example?=",
    "=?utf-8?b?" + b64encode(b"\r\nBcc: x@evil.example").decode() + "?=",
    "=?UTF-8?Q?=0A?=Bcc: x@evil.example",
    "\n",
    "\r\n Bcc: x@evil.example",
    "\r\n\tfolded",
    "\u202egnp.exe\u202c",
    "\u2066hidden\u2069",
    "\ud83d",
]
TEXTS = ["sender_name", "list_name"]
FORMAL = ["sender_email", "reply_to", "list_id", "list_archive", "archived_at"]


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
@pytest.mark.parametrize("name", [*TEXTS, *FORMAL])
def test_no_fact_of_the_newsletter_brings_in_a_header(name: str, attack: str) -> None:
    for hostile in (getattr(STATIONERY, name) + attack, attack + getattr(STATIONERY, name)):
        with pytest.raises(HeaderRefused) as caught:
            compile(edition("ja"), replace(STATIONERY, **{name: hostile}))
        assert str(caught.value.facts["field"]) in str(caught.value)


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_no_subject_or_language_brings_in_a_header(attack: str) -> None:
    for changed in ({"subject": "冬" + attack}, {"subject": attack + "冬"}, {"language": "ja" + attack}):
        with pytest.raises(HeaderRefused):
            compile(replace(edition("ja"), **changed), STATIONERY)


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_no_field_of_the_feedback_id_brings_in_a_header(attack: str) -> None:
    for place in range(4):
        fields = [*STATIONERY.feedback]
        fields[place] += attack
        with pytest.raises(HeaderRefused):
            compile(edition("ja"), replace(STATIONERY, feedback=tuple(fields)))


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_nothing_that_varies_brings_in_a_header(attack: str) -> None:
    compiled = compile(edition("ja"), STATIONERY)
    for name in ("to", "message_id"):
        for hostile in (str(PARTICULARS[name]) + attack, attack + str(PARTICULARS[name])):
            with pytest.raises(HeaderRefused):
                compiled.build(VALUES, **{**PARTICULARS, name: hostile})  # type: ignore[arg-type]
    for uris in ((UNSUBSCRIBE[0] + attack,), (UNSUBSCRIBE[0], UNSUBSCRIBE[1] + attack)):
        with pytest.raises(HeaderRefused):
            compiled.build(VALUES, **{**PARTICULARS, "unsubscribe": uris})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "attack", [*ATTACKS, "<script>", "--=_a", "\r\n.\r\nMAIL FROM:<x@evil.example>"], ids=ascii
)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_persons_own_text_is_inert_in_the_body(language: str, attack: str) -> None:
    source = edition(language)
    compiled = compile(source, STATIONERY)
    hostile = {name: text + attack for name, text in VALUES.items()}
    message = compiled.build(hostile, **PARTICULARS)  # type: ignore[arg-type]
    headers.guard(message, compiled.header_names)
    plain, markup = email.message_from_bytes(message, policy=email.policy.compat32).get_payload()  # type: ignore[misc]
    assert _text(plain) == filled(source.text, hostile, is_html=False)
    assert _text(markup) == filled(source.html, hostile, is_html=True)


def _text(part: object) -> str:
    return part.get_payload(decode=True).decode().replace("\r\n", "\n")  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("attack", ATTACKS, ids=ascii)
def test_a_picture_brings_in_no_header(attack: str) -> None:
    source = edition("ja", embedded=True)
    named = replace(source, pictures=(replace(PICTURE, filename=f'x"{attack}.png'),))
    message = compile(named, STATIONERY, pictures=PICTURES).build(VALUES, **PARTICULARS)  # type: ignore[arg-type]
    assert b"Bcc:" not in message
    assert b'filename="x--' in message
    for changed in ({"cid": PICTURE.cid + attack}, {"media_type": "image/png" + attack}):
        with pytest.raises(MailerError):
            compile(replace(source, pictures=(replace(PICTURE, **changed),)), STATIONERY, pictures=PICTURES)


def test_the_guard_sees_what_a_refusal_missed() -> None:
    message = compile(edition("en"), STATIONERY).build(VALUES, **PARTICULARS)  # type: ignore[arg-type]
    names = compile(edition("en"), STATIONERY).header_names
    headers.guard(message, names)
    spoiled = [
        message.replace(b"Precedence:", b"Bcc: x@evil.example\r\nPrecedence:"),
        message.replace(b"Precedence: bulk\r\n", b""),
        message.replace(b"Precedence: bulk", b"Precedence: bulk\r\nSubject: other"),
        message.replace(b"Precedence: bulk", b"Precedence: bulk\nX: y"),
        message.replace(b"Precedence: bulk", b"Precedence: bulk\rX: y"),
        message.replace(b"Precedence: bulk", b"Precedence: bu\0lk"),
        message.replace(b"Precedence: bulk", b"Precedence: " + b"b" * 1000),
        message + b"x" * 77 + b"\r\n",
        message + b"\xff\r\n",
    ]
    for wrong in spoiled:
        with pytest.raises(HeaderRefused) as caught:
            headers.guard(wrong, names)
        assert caught.value.key == "header_guard"


def test_a_subject_with_a_placeholder_or_without_a_word_never_leaves() -> None:
    for subject in ("@@NAME@@さんへ", "", "  \u3000 "):
        with pytest.raises(HeaderRefused) as caught:
            compile(replace(edition("ja"), subject=subject), STATIONERY)
        assert caught.value.facts["field"] == "Subject"
