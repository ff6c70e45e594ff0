"""Addresses in the words of servers, as they really write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.masking import MASK, masked


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("5.1.1 <hana@example.org>: Recipient address rejected", f"5.1.1 <{MASK}>: Recipient address rejected"),
        ("no such user hana@example.org.", f"no such user {MASK}."),
        ('"taro..y"@mobile.example.ne.jp unknown', f"{MASK} unknown"),
        ("see https://h.example/x?email=hana%40example.org&k=1", f"see https://h.example/x?email={MASK}&k=1"),
        ("hana (at) example.org is full", f"{MASK} is full"),
        ("aoi@港町.example は存在しません", f"{MASK} は存在しません"),
        ("hana＠example.org", MASK),
        ("RCPT TO:<hana@example.org> failed", f"RCPT TO:<{MASK}> failed"),
        ("4.2.0 try again in 300 s (40 mails)", "4.2.0 try again in 300 s (40 mails)"),
    ],
)  # fmt: skip
def test_an_address_in_a_reply_is_not_shown(said: str, shown: str) -> None:  # F39
    assert masked(said) == shown


def test_the_local_part_alone_is_the_person_too() -> None:  # F39
    assert masked("5.1.1 hana... User unknown; Hanako is fine", ["hana"]) == (
        f"5.1.1 {MASK}... User unknown; Hanako is fine"
    )


@given(
    st.from_regex(r"[a-z][a-z0-9.+_-]{0,20}[a-z0-9]@[a-z0-9-]{1,20}\.[a-z]{2,6}", fullmatch=True), st.text()
)
def test_no_address_survives_whatever_stands_around_it(mailbox: str, around: str) -> None:  # F39
    assert mailbox not in masked(f"{around} <{mailbox}> {around}")
