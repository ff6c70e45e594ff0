"""When so many are refused that something is wrong with us, not with them (F7). Pure.

Owns the rule; the press counts what it has settled and holds the campaign. An absolute number suits nobody:
a thousand never comes in an office's list, and is a bad hour of a million.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from math import sqrt

# Chance alone goes beyond three standard errors in one look of 740: a list whose true share is what the office
# allows is practically never held, and a list that is refused as a whole is held after five.
Z = 3.0
LEAST = 5  # refusals: three dead addresses of three say little
# A person who resumes after a hold has seen that share: the next one takes twice as much. Nine of ten are never
# let pass: then nothing of it works.
HIGHEST = 90  # percent
TOO_MANY = "too_many_refusals"
RECENT = 1_000  # results looked back: a relay that turns against us after a million is noticed as soon


def lower_bound(refused: int, of: int) -> float:
    """The share that is surely exceeded, 0 to 1 (Wilson's score interval): 0.357 of 5 of 5, 0.059 of 5 of 25."""
    if of == 0:
        return 0.0
    share, z2 = refused / of, Z * Z
    spread = Z * sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max((share + z2 / (2 * of) - spread) / (1 + z2 / of), 0.0)


def trips(refused: int, of: int, percent: int) -> bool:
    """Is surely more than `percent` refused? 0 is off.

    With 10 percent it trips at 5 of 5, 5 of 10, 7 of 20, 12 of 50, 20 of 100, 71 of 500, 129 of 1,000.
    """
    return percent > 0 and refused >= LEAST and lower_bound(refused, of) > percent / 100


def raised(percent: int, holds: int) -> int:
    """What is allowed after so many holds: 10, 20, 40, 80, 90. 0 stays off, and what is set higher stays."""
    return max(percent, min(percent << min(holds, 7), HIGHEST))


class Recent:
    """The last results of one campaign in this process: accepted or refused, each with its moment.

    `allowed`: percent, as the audit record said when it was asked last; other processes may have held since.
    """

    def __init__(self) -> None:
        self.allowed = 0
        self._results: deque[tuple[datetime, bool]] = deque(maxlen=RECENT)

    def add(self, at: datetime, refused: bool) -> None:
        self._results.append((at, refused))

    def forget_until(self, moment: datetime) -> None:
        """A person resumed the campaign then: what came before is known and decided."""
        self._results = deque((one for one in self._results if one[0] > moment), maxlen=RECENT)

    @property
    def counted(self) -> tuple[int, int]:
        """Refused, and of how many."""
        return sum(refused for _, refused in self._results), len(self._results)
