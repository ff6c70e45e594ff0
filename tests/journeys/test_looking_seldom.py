"""How often somebody who watches may ask the database."""

from __future__ import annotations

from mailer.cli.watching import Seldom


class Hands:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def looks(cost: float, least: float, share: float, during: float) -> int:
    clock = Hands()
    seldom, count = Seldom(least, share, clock), 0
    while clock.seconds < during:
        if seldom.is_due():
            with seldom.measured():
                clock.seconds += cost
            count += 1
        clock.seconds += 0.1
    return count


def test_a_quick_look_is_taken_each_second_and_a_slow_one_a_tenth_of_the_time() -> None:
    assert 50 <= looks(0.001, 1.0, 0.1, 60) <= 60
    assert looks(4.0, 1.0, 0.1, 440) == 10
