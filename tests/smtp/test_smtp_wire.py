"""Bytes of commands and messages: nothing that could be read as another command leaves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.smtp import wire
from mailer.smtp.model import Capabilities, Envelope, Relay


@pytest.mark.parametrize(
    "message",
    [b"a: b\n\r\n\r\n", b"a: b\r\n\r\nx\n.\nMAIL FROM:<x>\r\n", b"a\r\r\n", b"a\rb\r\n", b"a\n", b"\r", b""],
)
def test_a_bare_cr_or_lf_is_refused_before_anything_leaves(message: bytes) -> None:  # F48, SMTP smuggling
    with pytest.raises(ValueError, match=r"bare|empty"):
        wire.check(message)


@given(st.lists(st.sampled_from([b"a", b".", b"\r\n", b"\r", b"\n", b"xyz"]), min_size=1))
def test_a_message_passes_only_if_each_cr_is_followed_by_lf_and_each_lf_follows_cr(
    parts: list[bytes],
) -> None:
    message = b"".join(parts) + b"\r\n"
    rest = message.replace(b"\r\n", b"")
    if b"\r" in rest or b"\n" in rest:
        with pytest.raises(ValueError, match="bare"):
            wire.check(message)
    else:
        assert wire.check(message).content == message


def test_a_line_above_998_octets_is_refused_and_998_pass() -> None:  # F48
    wire.check(b"x" * 998 + b"\r\n")
    with pytest.raises(ValueError, match="998"):
        wire.check(b"a\r\n" + b"x" * 999 + b"\r\n")


@given(st.lists(st.sampled_from([b".", b"..", b"a", b"", b"x.y"]), min_size=1, max_size=200))
def test_stuffed_dots_come_back_off_as_they_were(lines: list[bytes]) -> None:
    message = b"\r\n".join(lines) + b"\r\n"
    on_wire = wire.stuffed(wire.check(message))
    assert b"\r\n.\r\n" not in b"\r\n" + on_wire
    assert b"".join(line.removeprefix(b".") for line in on_wire.splitlines(keepends=True)) == message


def test_a_missing_last_line_end_is_added() -> None:
    assert wire.check(b"a: b\r\n\r\nend").content.endswith(b"end\r\n")


@pytest.mark.parametrize("bad", ["a\r\nRCPT TO:<x@y>", "a b@c", "a>b@c", "<a@c", "a\x00@c", "a\x85@c"])
def test_an_envelope_cannot_carry_another_command(bad: str) -> None:
    with pytest.raises(ValueError, match="envelope"):
        Envelope("me@a.example", bad)
    with pytest.raises(ValueError, match="envelope"):
        Envelope(bad, "you@b.example")


def test_old_carrier_forms_stand_quoted_as_they_were_given() -> None:  # F46
    envelope = Envelope("b@a.example", '"taro..y"@docomo.example')
    assert wire.rcpt_command(envelope, Capabilities()) == b'RCPT TO:<"taro..y"@docomo.example>\r\n'


def test_only_what_was_offered_is_asked_for() -> None:
    envelope = Envelope("b@a.example", "c@b.example", envid="d+1")
    everything = Capabilities({"SIZE": "", "8BITMIME": "", "DSN": ""})
    assert (
        wire.mail_command(envelope, Capabilities(), size_bytes=9, eight_bit=True)
        == b"MAIL FROM:<b@a.example>\r\n"
    )
    assert wire.mail_command(envelope, everything, size_bytes=9, eight_bit=True) == (
        b"MAIL FROM:<b@a.example> SIZE=9 BODY=8BITMIME RET=HDRS ENVID=d+2B1\r\n"
    )
    assert wire.rcpt_command(envelope, everything) == (
        b"RCPT TO:<c@b.example> NOTIFY=FAILURE ORCPT=rfc822;c@b.example\r\n"
    )


def test_a_relay_never_shows_its_password() -> None:  # F39
    assert "s3cret" not in repr(Relay("r", "h", 587, password="s3cret"))


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost", True), ("127.0.0.9", True), ("::1", True), ("192.0.2.1", False), ("mx", False)],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, loopback: bool) -> None:
    assert Relay("r", host, 25).is_loopback is loopback
