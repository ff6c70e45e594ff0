"""The envelope sender names its delivery, and nobody else can write one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import HeaderRefused
from mailer.message.return_path import ReturnPath

VERP = ReturnPath("verp", "bounce.harbour.example", "permanent")
PLUS = ReturnPath("plus", "news@harbour.example", "permanent")
IDS = st.integers(0, 2**63 - 1)


@given(IDS)
@settings(deadline=None)
def test_a_bounce_leads_back_to_its_delivery(delivery_id: int) -> None:
    for return_path in (VERP, PLUS):
        address = return_path.encode(delivery_id)
        assert address == address.lower()
        assert len(address.rpartition("@")[0]) <= 64
        assert return_path.decode(address) == delivery_id
        assert return_path.decode(f" <{address.upper()}> ") == delivery_id  # a server that shouts


def test_the_form_is_the_one_of_the_contract_and_stays() -> None:
    address = VERP.encode(7)
    assert re.fullmatch(r"b\+[a-z2-7]+-[a-z2-7]{16}@bounce\.harbour\.example", address)
    assert address == "b+h-y3zurbhivskpboxb@bounce.harbour.example"


@given(IDS, IDS)
@settings(deadline=None)
def test_the_address_of_one_delivery_says_nothing_about_another(one: int, other: int) -> None:
    mac = VERP.encode(one).partition("-")[2]
    forged = VERP.encode(other).partition("-")[0] + "-" + mac
    assert VERP.decode(forged) == (other if one == other else None)


@given(st.text(max_size=80))
@settings(deadline=None)
def test_any_text_is_decoded_without_an_error(text: str) -> None:
    assert VERP.decode(text) is None
    assert VERP.decode(f"b+{text}@bounce.harbour.example") is None


@pytest.mark.parametrize(
    "address",
    [
        "b+aa-2222222222222222@bounce.harbour.example",  # a leading zero
        "b+h@bounce.harbour.example",
        "b+h-@bounce.harbour.example",
        "b+-aaaaaaaaaaaaaaaa@bounce.harbour.example",
        "",
        "@",
        "<>",
    ],
)
def test_a_broken_form_is_nobody(address: str) -> None:
    assert VERP.decode(address) is None


def test_another_key_or_another_domain_is_not_ours() -> None:
    assert ReturnPath("verp", "bounce.harbour.example", "other").decode(VERP.encode(7)) is None
    assert VERP.decode(VERP.encode(7).replace("bounce", "b0unce")) is None
    assert PLUS.decode(VERP.encode(7)) is None


def test_a_rented_account_keeps_its_one_address() -> None:
    fixed = ReturnPath("fixed", "office@rented.example", "permanent")
    assert fixed.encode(7) == "office@rented.example"
    assert fixed.decode("office@rented.example") is None


def test_a_local_part_too_long_for_the_plus_form_is_refused_at_set_up() -> None:
    ReturnPath("plus", "n" * 33 + "@harbour.example", "permanent")
    with pytest.raises(HeaderRefused) as caught:
        ReturnPath("plus", "n" * 34 + "@harbour.example", "permanent")
    assert caught.value.key == "return_path_too_long"
