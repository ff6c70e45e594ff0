"""The nouns of writing: where an import lands, a chunk of it, and what has been counted.

Plain values. Used by `importing`, `writing` and `newcomers`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from ..model import Act, Actor, SubscriptionState
from .staging import staged

PENDING, CONFIRMED, UNSUBSCRIBED = (str(state) for state in SubscriptionState)
# What stands in the consent record for a state that a file gives.
ACTS = {PENDING: Act.ASKED, CONFIRMED: Act.DECLARED, UNSUBSCRIBED: Act.WITHDRAWN}


@dataclass(frozen=True, slots=True)
class Landing:
    """Where the people go, on whose word, and what makes them."""

    list_id: int
    wording: str
    wording_language: str | None
    source: str  # the file's name
    by: Actor
    now: datetime
    permanent_key: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """People of one transaction: the places of the staging table from `first` up to, not with, `end`."""

    number: int
    first: int
    end: int

    @property
    def here(self) -> sa.ColumnElement[bool]:
        return staged.c.place.between(self.first, self.end - 1)


@dataclass(slots=True)
class Counts:
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    left_to_choice: int = 0  # people with a field that they set themselves, and that the file says otherwise
    kept_out: Counter[str] = field(default_factory=Counter)
