"""Replies: read from any split of bytes, and what they are about."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.smtp.errors import RemoteFault
from mailer.smtp.model import Capabilities
from mailer.smtp.reply import LONGEST_LINE_BYTES, MOST_LINES, Reply, ReplyParser


def read(*pieces: bytes) -> list[Reply]:
    parser = ReplyParser()
    return [reply for piece in pieces for reply in parser.feed(piece)]


def one(line: str) -> Reply:
    (reply,) = read(line.encode() + b"\r\n")
    return reply


def test_a_reply_of_several_lines_is_one_reply_whose_text_is_free_of_repeated_codes() -> None:
    reply = one("550-5.1.1 The account does not\r\n550 5.1.1 exist.")
    assert (reply.code, reply.enhanced) == (550, "5.1.1")
    assert reply.text == "The account does not exist."
    assert str(reply) == "550 5.1.1 The account does not exist."


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=30)
REPLIES = st.lists(st.tuples(st.integers(200, 599), st.lists(TEXT, min_size=1, max_size=4)), max_size=6)


@given(REPLIES, st.data())
def test_replies_are_the_same_however_the_bytes_were_split(
    replies: list[tuple[int, list[str]]], data: st.DataObject
) -> None:
    wire = b"".join(
        f"{code}{'-' if i < len(lines) - 1 else ' '}{line}\r\n".encode()
        for code, lines in replies
        for i, line in enumerate(lines)
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    pieces = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    assert read(*pieces) == read(wire)
    assert [(r.code, list(r.lines)) for r in read(wire)] == replies


@pytest.mark.parametrize(
    "octets",
    [
        b"hello\r\n",
        b"25 \r\n",
        b"999 no\r\n",
        b"250:x\r\n",
        b"\x16\x03\x01\r\n",
        b"250-a\r\n251 b\r\n",
        b"\r\n",
    ],
)
def test_what_is_no_reply_is_the_servers_fault_and_does_not_hide_the_replies_before_it(octets: bytes) -> None:
    parser = ReplyParser()
    heard = []
    with pytest.raises(RemoteFault):
        heard.extend(reply.code for reply in parser.feed(b"250 ok\r\n" + octets))
    assert heard == [250]


def test_endless_lines_and_endless_replies_end() -> None:
    with pytest.raises(RemoteFault):
        read(b"2" * (LONGEST_LINE_BYTES + 1))
    with pytest.raises(RemoteFault):
        read(b"250-more\r\n" * MOST_LINES)


def test_control_characters_of_a_server_do_not_reach_logs_and_terminals() -> None:
    assert "\x1b" not in one("550 \x1b[2J\x07gone").text


@pytest.mark.parametrize(
    "line",
    [
        "550 5.4.5 Daily user sending limit exceeded. For more information on Gmail",
        "550-5.4.5 Daily user sending quota exceeded.",
        "421 4.7.28 Gmail has detected an unusual rate of unsolicited mail",
        "550 5.1.90 Your message can't be sent because you've reached your daily limit for message recipients",
        "554 5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException",
        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
        "454 Throttling failure: Maximum sending rate exceeded.",
        "454 Throttling failure: Daily message quota exceeded.",
        "550 Domain example.com has exceeded the max emails per hour (150/150 (100%)) allowed.",
        "450 4.7.1 Error: too much mail from 192.0.2.1",
        "451 4.7.1 You have exceeded your messaging limits",
        "452 4.3.1 sender rate limit reached",
        "550 5.7.1 送信数の上限を超えました",
    ],
)
def test_a_quota_of_ours_is_a_quota_and_never_the_persons_address(line: str) -> None:  # F53
    reply = one(line.replace("550-", "550 "))
    assert reply.is_quota
    assert reply.is_about_us
    assert not reply.is_about_address


@pytest.mark.parametrize(
    "line",
    [
        "552 5.2.2 Over quota",
        "452 4.2.2 The email account that you tried to reach is over quota.",
        "552 mailbox quota exceeded",
        "550 5.1.1 User unknown",
        "551 5.1.6 The mailbox has moved",
        "550 No such user here",
        "553 sorry, that mailbox is not here",
        "450 4.2.1 mailbox temporarily disabled",
    ],
)
def test_a_full_or_unknown_mailbox_is_about_the_address_and_no_quota_of_ours(line: str) -> None:
    reply = one(line)
    assert not reply.is_quota
    assert reply.is_about_address
    assert not reply.is_about_us


@pytest.mark.parametrize(
    "line",
    [
        "550 5.7.26 This mail is unauthenticated",
        "550 5.7.515 Access denied, sending domain does not meet the required level",
        "554 5.7.1 Service unavailable; client host blocked using zen.example",
        "550 SPF check failed",
        "554 Your access to this mail system has been rejected due to poor reputation",
        "530 5.7.0 Must issue a STARTTLS command first",
        "553 5.1.8 sender address rejected: domain not found",
        "421 too busy",
    ],
)
def test_policy_and_reputation_are_about_us(line: str) -> None:
    reply = one(line)
    assert reply.is_about_us
    assert not reply.is_about_address


def test_greylisting_size_and_closing_are_told_apart() -> None:
    assert one("450 4.7.1 <a@b.example>: Greylisted, see …").is_greylisting
    assert one("451 4.7.1 Please try again later").is_greylisting
    assert one("552 5.3.4 Message size exceeds fixed limit").is_about_message
    assert not one("552 5.3.4 Message size exceeds fixed limit").is_about_us
    assert one("554 5.6.0 bad content").is_about_message
    assert one("421 4.4.2 timeout").is_closing


def test_an_enhanced_code_of_another_class_is_not_believed() -> None:
    assert one("550 2.1.1 odd").enhanced is None
    assert one("250 ok 5.1.1").enhanced is None


def test_offers_are_read_in_any_case_and_old_spelling() -> None:
    (reply,) = read(
        b"250-mx.example hello\r\n250-size 1000\r\n250-AUTH=LOGIN\r\n250-auth PLAIN\r\n250 PIPELINING\r\n"
    )
    offered = Capabilities.read(reply)
    assert offered.size_limit == 1000
    assert offered.auth_mechanisms == {"LOGIN", "PLAIN"}
    assert "PIPELINING" in offered
    assert "CHUNKING" not in offered
