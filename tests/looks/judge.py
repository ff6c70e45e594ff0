"""A judge whose verdict counts: it must name the fault of each crippled copy in the same run, or nobody believes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

Case = TypeVar("Case")


class Asleep(AssertionError):
    """The judge passed what is plainly broken."""


class Judge(Generic[Case]):
    """`ask` gives a list of complaints for each case, each beginning with its kind and a colon.

    `crippled`: kind of complaint → a spoiled copy of `good` that must be reproached for it, and `good` not.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Case]], list[list[str]]],
        good: Case,
        crippled: Mapping[str, Case],
    ) -> None:
        assert crippled
        self._ask, self._good, self._crippled = ask, good, crippled
        self._awake = False

    def complaints(self, cases: Sequence[Case]) -> list[list[str]]:
        """For each case. The first time the crippled copies are among what is asked. Raises Asleep."""
        if self._awake:
            return self._ask(cases)
        found = self._ask([*cases, self._good, *self._crippled.values()])
        good, *spoiled = found[len(cases) :]
        known = set(good)
        for kind, complaints in zip(self._crippled, spoiled, strict=True):
            if not any(
                each.startswith(f"{kind.partition('/')[0]}:") for each in complaints if each not in known
            ):
                raise Asleep(f"a copy crippled in “{kind}” was reproached for {complaints} only")
        self._awake = True
        return found[: len(cases)]


def crippled(source: str, pattern: str, replacement: str, count: int = 0) -> str:
    """Raises Asleep where the pattern is not: a cripple that nobody crippled proves nothing."""
    changed, times = re.subn(pattern, replacement, source, count=count, flags=re.S)
    if not times or changed == source:
        raise Asleep(f"there is no {pattern} to cripple")
    return changed
