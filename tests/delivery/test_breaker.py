"""The breaker on the rate of refusals: the rule, without a press."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.delivery.breaker import LEAST, RECENT, Recent, lower_bound, raised, trips


@pytest.mark.parametrize(
    ("refused", "of"), [(5, 5), (5, 10), (7, 20), (12, 50), (20, 100), (71, 500), (129, 1000)]
)
def test_it_trips_at_the_numbers_that_it_promises_and_not_one_before(refused, of):  # F7
    assert trips(refused, of, 10)
    assert not trips(refused - 1, of, 10)


@pytest.mark.parametrize(("refused", "of"), [(4, 4), (3, 3), (1, 1), (0, 1000), (0, 0), (5, 50), (100, 1000)])
def test_a_few_dead_addresses_of_a_small_list_hold_nobody(refused, of):  # F7
    assert not trips(refused, of, 10)


def test_each_hold_that_a_person_let_pass_doubles_what_is_allowed():  # F7
    assert [raised(10, holds) for holds in range(6)] == [10, 20, 40, 80, 90, 90]
    assert [raised(0, 3), raised(95, 3), raised(100, 0), raised(1, 10_000)] == [0, 95, 100, 90]


def test_who_refuses_everybody_is_noticed_however_often_it_was_let_pass():  # F7
    assert trips(100, 100, raised(10, 50))


def test_zero_percent_is_off_and_a_hundred_never_trips():
    assert not trips(1000, 1000, 0)
    assert not trips(1000, 1000, 100)


@given(of=st.integers(1, RECENT), data=st.data())
def test_the_bound_is_a_share_and_grows_with_the_refusals(of, data):
    refused = data.draw(st.integers(0, of))
    bound = lower_bound(refused, of)
    assert 0 <= bound <= refused / of + 1e-9
    if refused:
        assert bound >= lower_bound(refused - 1, of) - 1e-9


def test_a_relay_that_turns_after_a_million_is_noticed_within_the_last_thousand(now):  # F7
    recent = Recent()
    for _ in range(20_000):
        recent.add(now, refused=False)
    tried = 0
    while not trips(*recent.counted, 10):
        recent.add(now, refused=True)
        tried += 1
    assert LEAST < tried < 200
    assert recent.counted[1] == RECENT


def test_what_was_before_a_persons_decision_is_forgotten(now):
    recent = Recent()
    for minute in range(10):
        recent.add(now + timedelta(minutes=minute), refused=True)
    recent.forget_until(now + timedelta(minutes=6))
    assert recent.counted == (3, 3)
