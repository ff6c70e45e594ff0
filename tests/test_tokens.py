"""Tokens: scoped, opaque, lower case, and for ever where they must be."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer import tokens
from mailer.tokens import Purpose

KEY = "a permanent key that only this test knows"
IDS = st.integers(0, 2**63 - 1)
NOW = datetime(2034, 12, 20, tzinfo=UTC)


@given(IDS, IDS)
@settings(deadline=None)
def test_an_unsubscribe_token_names_its_person_and_list(subscriber_id: int, list_id: int) -> None:
    token = tokens.unsubscribe_token(KEY, subscriber_id, list_id)
    assert re.fullmatch("[a-z2-7]{20,80}", token)
    assert tokens.read_unsubscribe(KEY, token) == (subscriber_id, list_id)
    assert tokens.read_unsubscribe(KEY, token.upper()) == (subscriber_id, list_id)


def test_a_token_of_a_small_office_is_short_enough_to_read_out() -> None:
    assert len(tokens.unsubscribe_token(KEY, 25_000, 3)) <= 26


def test_the_same_person_and_list_always_get_the_same_token() -> None:
    assert tokens.unsubscribe_token(KEY, 7, 1) == tokens.unsubscribe_token(KEY, 7, 1)


def test_a_token_that_lives_for_ever_keeps_its_form() -> None:
    # Old mail holds it: a change of the form would kill every link already sent.
    assert tokens.unsubscribe_token("permanent", 7, 1) == "y43rtgdhdkziudn3upuhygq"
    assert tokens.message_id("permanent", 7, "harbour.example") == "gx2bk7e7gtepyf6ztpzra@harbour.example"


@given(IDS, IDS, st.integers(0, 400), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
@settings(deadline=None)
def test_a_changed_character_makes_a_token_worthless(
    subscriber_id: int, list_id: int, position: int, character: str
) -> None:
    token = tokens.unsubscribe_token(KEY, subscriber_id, list_id)
    position %= len(token)
    changed = token[:position] + character + token[position + 1 :]
    expected = (subscriber_id, list_id) if changed == token else None
    assert tokens.read_unsubscribe(KEY, changed) == expected


@given(st.text(max_size=60))
@settings(deadline=None)
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert tokens.read_unsubscribe(KEY, text) is None
    assert tokens.open_sealed([KEY], Purpose.CONFIRM, text, NOW) is None
    assert tokens.read_message_id(KEY, text) is None
    assert tokens.find_unsubscribe(KEY, [text]) is None


def test_neighbouring_people_have_nothing_in_common_in_their_tokens() -> None:
    # Opaque; a database id must not show through.
    first, second = (tokens.unsubscribe_token(KEY, n, 1) for n in (1000, 1001))
    assert first[:4] != second[:4]
    assert sum(a == b for a, b in zip(first, second, strict=True)) < 8


def test_a_token_of_one_purpose_is_worth_nothing_for_another() -> None:  # F23
    keys = [KEY]
    confirm = tokens.confirm_token(keys, 7, 1)
    for purpose in Purpose:
        opened = tokens.open_sealed(keys, purpose, confirm, NOW)
        assert (opened is not None) == (purpose is Purpose.CONFIRM)
    assert tokens.read_unsubscribe(KEY, confirm) is None
    assert tokens.open_sealed(keys, Purpose.PREFERENCES, tokens.unsubscribe_token(KEY, 7, 1), NOW) is None


def test_rotating_the_keys_breaks_no_link_until_the_old_one_is_removed() -> None:
    old, new = tokens.new_key(), tokens.new_key()
    token = tokens.preferences_token([old], 7)
    opened = tokens.open_sealed([new, old], Purpose.PREFERENCES, token, NOW)
    assert opened is not None
    assert opened.numbers == (7,)
    assert tokens.open_sealed([new], Purpose.PREFERENCES, token, NOW) is None


def test_an_expired_token_is_told_apart_from_a_forged_one() -> None:
    token = tokens.confirm_token([KEY], 7, 1, expires=NOW)
    before = tokens.open_sealed([KEY], Purpose.CONFIRM, token, NOW - timedelta(seconds=1))
    after = tokens.open_sealed([KEY], Purpose.CONFIRM, token, NOW)
    assert before == tokens.Opened((7, 1), expired=False)
    assert after == tokens.Opened((7, 1), expired=True)


def test_a_naive_expiry_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        tokens.confirm_token([KEY], 7, 1, expires=datetime(2034, 12, 20))


def test_a_message_id_is_the_same_for_every_try_and_leads_back_to_its_delivery() -> None:  # F50
    first = tokens.message_id(KEY, 4711, "harbour.example")
    assert first == tokens.message_id(KEY, 4711, "harbour.example")
    assert first != tokens.message_id(KEY, 4712, "harbour.example")
    assert "4711" not in first
    assert tokens.read_message_id(KEY, f" <{first.upper()}> ") == 4711
    assert tokens.read_message_id("another key", first) is None


@pytest.mark.parametrize(
    ("kind", "home"),
    [("verp", "bounce.harbour.example"), ("plus", "news@harbour.example"), ("fixed", "news@harbour.example")],
)
def test_a_mail_to_the_unsubscribe_address_is_understood(kind: str, home: str) -> None:
    token = tokens.unsubscribe_token(KEY, 7, 1)
    uri = tokens.mailto_unsubscribe(home, token, kind=kind)  # type: ignore[arg-type]
    recipient, _, query = uri.removeprefix("mailto:").partition("?")
    subject = "Re: " + query.removeprefix("subject=").replace("%20", " ")
    assert tokens.find_unsubscribe(KEY, [subject.upper(), recipient]) == (7, 1)
    assert tokens.find_unsubscribe(KEY, ["Re: unsubscribe", "news@harbour.example"]) is None
    assert recipient.partition("@")[2] == home.rpartition("@")[2]


def test_new_keys_differ_and_are_long() -> None:
    assert len({tokens.new_key() for _ in range(10)}) == 10
    assert len(tokens.new_key()) >= 43
