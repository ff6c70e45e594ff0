"""subscribers.reference: the short number that someone reads out on the phone."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers import reference


def test_a_reference_has_no_sign_that_is_misread_and_no_vowel() -> None:
    signs = {sign for seed in range(500) for sign in reference.make(Random(seed))}
    assert signs == set(reference.ALPHABET)
    assert not signs & set("01OIAEU")


def test_a_reference_is_shown_in_two_halves() -> None:
    assert reference.show("K7Q492") == "K7Q-492"


@pytest.mark.parametrize(
    "typed", ["K7Q-492", "k7q492", " k7q 492 ", "Ｋ７Ｑー４９２", "K7Q–492", "k7q−492", "K7Q.492"]
)
def test_a_reference_is_read_however_it_is_typed(typed: str) -> None:
    assert reference.read(typed) == "K7Q492"


@pytest.mark.parametrize("text", ["", "K7Q49", "K7Q4922", "O7Q492", "taro@example.jp", "日本語日本語"])
def test_other_text_is_no_reference(text: str) -> None:
    assert reference.read(text) is None


@given(st.integers())
def test_what_is_shown_is_read_back(seed: int) -> None:
    made = reference.make(Random(seed))
    assert reference.read(reference.show(made).lower()) == made
