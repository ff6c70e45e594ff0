"""Over which relays each newsletter's mail may go, and over which of them it goes now.

Owns the order of the relays and the rule of taking over; pure, told what the relays last said. A newsletter
is sent by the first relay of its route that is not closed. Made by bootstrap, asked by the sender and launch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import sqlalchemy as sa

from mailer.delivery.throttle import Closed
from mailer.errors import Refused

Gates = Mapping[str, Closed]  # by relay: what it last told us, also when that time is over

# A relay whose closing is over has to prove itself with one message, and until then the next one goes on: a
# host that swallows packets costs a minute a knock. After so long without a knock nobody doubts any more.
DOUBTFUL = timedelta(minutes=10)
NO_LIST = "main"  # the newsletter of a notice that names no list


@dataclass(frozen=True, slots=True)
class Newsletters:
    """These newsletters; or, if `others`, all but these: keys that nobody has written down yet are among them."""

    keys: frozenset[str] = frozenset()
    others: bool = True

    def __contains__(self, key: str) -> bool:
        return (key in self.keys) != self.others

    def __bool__(self) -> bool:
        return self.others or bool(self.keys)

    @property
    def is_all(self) -> bool:
        return self.others and not self.keys

    def covers(self, other: Newsletters) -> bool:
        """Is each newsletter of `other` one of these?"""
        if other.others:
            return self.others and self.keys <= other.keys
        return all(key in self for key in other.keys)

    def hold(self, column: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """The same, asked of a column."""
        return column.not_in(self.keys) if self.others else column.in_(self.keys)


ALL = Newsletters()
NONE = Newsletters(others=False)


@dataclass(frozen=True, slots=True)
class Share:
    """What of the ledger is one sender's: these campaigns and no notice; or the notices and all campaigns but
    rehearsals, which use no relay. Of both only what belongs to these newsletters."""

    campaigns: tuple[int, ...] | None = None
    newsletters: Newsletters = ALL

    def __bool__(self) -> bool:
        return bool(self.newsletters)


WHOLE = Share()


@dataclass(frozen=True, slots=True)
class Route:
    relays: tuple[str, ...]  # names, the preferred first; empty: none of them takes mail of this sender
    sender: str = ""  # the address in From:, for whoever has to be told


@dataclass(frozen=True, slots=True)
class Routes:
    main: Route  # of every newsletter that has no sender of its own
    named: Mapping[str, Route] = field(default_factory=dict)

    def of(self, newsletter: str) -> Route:
        return self.named.get(newsletter, self.main)

    def require(self, newsletter: str) -> None:
        """Raises Refused (key no_relay_for_sender) where no relay takes mail of this newsletter's sender."""
        route = self.of(newsletter)
        if not route.relays:
            raise Refused(
                f"No relay takes mail from {route.sender}, the sender of the newsletter {newsletter}.",
                remedy="Name this address in relay.from_addresses, or leave that empty.",
                key="no_relay_for_sender", newsletter=newsletter, email=route.sender,
            )  # fmt: skip

    def opens_first(self, newsletter: str, gates: Gates, now: datetime) -> str | None:
        """The relay that carries this newsletter now, or the one that opens first; None: there is none."""
        relays = self.of(newsletter).relays
        shut = [(gates[one].until, one) for one in relays if _is_closed(gates.get(one), now)]
        if len(shut) < len(relays):
            return next(one for one in relays if not _is_closed(gates.get(one), now))
        return min(shut)[1] if shut else None

    @property
    def is_single(self) -> bool:
        """One relay for everything: nothing to choose."""
        return len(self.main.relays) == 1 and all(
            one.relays == self.main.relays for one in self.named.values()
        )

    @property
    def unserved(self) -> Newsletters:
        """Newsletters whose sender no relay takes."""
        return self._those(lambda route: not route.relays)

    def through(self, relay: str) -> Newsletters:
        """What may go over this relay at all."""
        return self._those(lambda route: relay in route.relays)

    def carried(self, relay: str, gates: Gates, now: datetime) -> Newsletters:
        """What goes over this relay now: it is not closed itself, and none that goes before it is open."""
        if _is_closed(gates.get(relay), now):
            return NONE
        return self._those(
            lambda route: (
                relay in route.relays
                and not any(
                    _is_open(gates.get(one), now) for one in route.relays[: route.relays.index(relay)]
                )
            )
        )

    def stopped(self, relay: str, gates: Gates, now: datetime) -> list[tuple[Newsletters, Closed]]:
        """What can go neither over this relay nor over another, with the one of them that opens first."""
        found = []
        for relays in dict.fromkeys(route.relays for route in (self.main, *self.named.values())):
            shut = [gates[one] for one in relays if _is_closed(gates.get(one), now)]
            if relay in relays and len(shut) == len(relays):
                found.append((self._going(relays), min(shut, key=lambda gate: gate.until)))
        return found

    def before(self, relay: str) -> frozenset[str]:
        """The relays for which this one stands in."""
        routes = (route.relays for route in (self.main, *self.named.values()) if relay in route.relays)
        return frozenset(one for relays in routes for one in relays[: relays.index(relay)])

    def _going(self, relays: tuple[str, ...]) -> Newsletters:
        return self._those(lambda route: route.relays == relays)

    def _those(self, is_one: Callable[[Route], bool]) -> Newsletters:
        alike = is_one(self.main)
        apart = (key for key, route in self.named.items() if is_one(route) is not alike)
        return Newsletters(frozenset(apart), others=alike)


def only(relay: str) -> Routes:
    """One relay carries everything."""
    return Routes(Route((relay,)))


def _is_closed(gate: Closed | None, now: datetime) -> bool:
    return gate is not None and gate.until > now


def _is_open(gate: Closed | None, now: datetime) -> bool:
    return gate is None or gate.until + DOUBTFUL <= now
