"""The whole message: its parts, its bytes, and that a mail with its blanks filled is what was written."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from dataclasses import replace
from email.message import Message

import pytest

from mailer.errors import MailerError
from mailer.message import headers
from mailer.message.build import compile
from tests.message.samples import (
    NOTICE,
    PARTICULARS,
    PICTURE,
    PICTURES,
    STATIONERY,
    VALUES,
    edition,
    filled,
)


def _parsed(message: bytes) -> Message:
    return email.message_from_bytes(message, policy=email.policy.compat32)


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("language", ["ja", "en", "ar"])
def test_both_parts_hold_the_edition_with_the_persons_values(language: str) -> None:
    source = edition(language)
    message = compile(source, STATIONERY).build(VALUES, **PARTICULARS)  # type: ignore[arg-type]
    parsed = _parsed(message)
    assert parsed.get_content_type() == "multipart/alternative"
    plain, markup = parsed.get_payload()  # plain first: readers take the last they can show
    assert (plain.get_content_type(), markup.get_content_type()) == ("text/plain", "text/html")
    assert plain["Content-Transfer-Encoding"] == ("quoted-printable" if language == "en" else "base64")
    assert _text(plain) == filled(source.text, VALUES, is_html=False)
    assert _text(markup) == filled(source.html, VALUES, is_html=True)
    assert b"@@" not in message
    assert headers.wire_fault(message) == ""  # F48


def test_pictures_travel_beside_the_html_and_not_as_attachments() -> None:
    source = edition("ja", embedded=True)
    message = compile(source, STATIONERY, pictures=PICTURES).build(VALUES, **PARTICULARS)  # type: ignore[arg-type]
    _, related = _parsed(message).get_payload()
    assert related.get_content_type() == "multipart/related"
    assert related.get_param("type") == "text/html"
    markup, picture = related.get_payload()
    assert _text(markup) == filled(source.html, VALUES, is_html=True)
    assert picture.get_content_disposition() == "inline"
    assert picture["Content-ID"].strip() == f"<{PICTURE.cid}>"
    assert picture.get_payload(decode=True) == PICTURES["blob-mark"]
    assert headers.wire_fault(message) == ""


@pytest.mark.parametrize("language", ["ja", "en"])
def test_who_asked_for_text_gets_text_alone(language: str) -> None:
    source = edition(language)
    compiled = compile(source, STATIONERY, text_only=True)
    parsed = _parsed(compiled.build(VALUES, **PARTICULARS))  # type: ignore[arg-type]
    assert parsed.get_content_type() == "text/plain"
    assert parsed["Content-Transfer-Encoding"] in ("base64", "quoted-printable")
    assert _text(parsed) == filled(source.text, VALUES, is_html=False)


def test_the_same_edition_makes_the_same_bytes_in_every_process() -> None:  # F15, F50
    first, second = (compile(edition("ja"), STATIONERY).build(VALUES, **PARTICULARS) for _ in range(2))  # type: ignore[arg-type]
    assert first == second


def test_a_boundary_occurs_nowhere_but_as_a_boundary() -> None:
    source = edition("en", embedded=True)
    mark = re.search(r"=_a([0-9a-f]{20})", _build(source))
    assert mark
    quoting = replace(source, text=source.text + f"\n--=_a{mark[1]}--\n--=_r{mark[1]}\n")
    message = _build(quoting)
    lines = message.split("\r\n")
    assert [line for line in lines if line.startswith(f"--=_a{mark[1]}")] == [f"--=_a{mark[1]}"] * 2 + [
        f"--=_a{mark[1]}--"
    ]
    plain, related = _parsed(message.encode()).get_payload()
    assert f"--=_a{mark[1]}--" in _text(plain)
    assert len(related.get_payload()) == 2


def _build(source: object) -> str:
    compiled = compile(source, STATIONERY, pictures=PICTURES)  # type: ignore[arg-type]
    return compiled.build(VALUES, **PARTICULARS).decode("ascii")  # type: ignore[arg-type]


def test_compiling_says_which_values_a_delivery_must_bring() -> None:
    compiled = compile(edition("ja"), STATIONERY)
    assert compiled.slots == VALUES.keys()
    with pytest.raises(KeyError, match="SINCE"):
        compiled.build({k: v for k, v in VALUES.items() if k != "SINCE"}, **PARTICULARS)  # type: ignore[arg-type]


def test_the_size_is_known_before_anything_is_sent() -> None:
    compiled = compile(edition("ja"), STATIONERY)
    assert 0 < len(compiled.build(VALUES, **PARTICULARS)) - compiled.size_bytes < 2000  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"text": " \n"}, {"html": ""}])
def test_an_empty_part_never_leaves(change: dict[str, str]) -> None:
    with pytest.raises(MailerError) as caught:
        compile(replace(edition("ja"), **change), NOTICE)  # type: ignore[arg-type]
    assert caught.value.key == "message_empty"


def test_a_picture_that_is_not_there_or_that_nobody_can_show_never_leaves() -> None:
    source = edition("ja", embedded=True)
    with pytest.raises(MailerError) as caught:
        compile(source, STATIONERY)
    assert caught.value.key == "message_picture_missing"
    webp = replace(source, pictures=(replace(PICTURE, media_type="image/webp"),))
    with pytest.raises(MailerError) as caught:
        compile(webp, STATIONERY, pictures=PICTURES)
    assert caught.value.key == "message_picture"


def test_a_content_id_as_long_as_a_hash_with_its_domain_fits() -> None:
    cid = hashlib.sha256(b"").hexdigest()[:40] + "@letter.harbour.example"
    source = replace(edition("ja", embedded=True), pictures=(replace(PICTURE, cid=cid),))
    assert compile(source, STATIONERY, pictures=PICTURES).size_bytes
