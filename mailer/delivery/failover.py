"""What one relay of several carries at this moment, and which campaigns have to wait for all of them.

Joins `routes` (the rule) with what the relays last said (`throttle`) and the campaigns' waits (`ledger`).
Where there is one relay it asks nothing. Called by the sender and its turns.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.delivery import ledger, throttle
from mailer.delivery.press import Settings
from mailer.delivery.routes import WHOLE, Share


def share(connection: Connection, settings: Settings, now: datetime) -> Share:
    """What this relay carries now."""
    if settings.routes.is_single:
        return Share(settings.only)
    carried = settings.routes.carried(settings.relay, throttle.gates(connection), now)
    return Share(settings.only, carried)


def is_concerned(connection: Connection, settings: Settings, now: datetime) -> bool:
    """Is something due that this relay carries, or that has to be told to wait? Reads only."""
    if settings.routes.is_single:
        return ledger.due(connection, now, Share(settings.only))
    gates = throttle.gates(connection)
    mine = settings.routes.carried(settings.relay, gates, now)
    stopped = [one for one, _ in settings.routes.stopped(settings.relay, gates, now)]
    return any(ledger.due(connection, now, Share(settings.only, one)) for one in (mine, *stopped) if one)


def tell(connection: Connection, settings: Settings, now: datetime) -> None:
    """This relay has closed or opened: what can go over none now waits, what another can carry goes on."""
    stopped = settings.routes.stopped(settings.relay, throttle.gates(connection), now)
    if not settings.routes.is_single:
        ledger.lift(connection, Share(settings.only, settings.routes.through(settings.relay)))
    for newsletters, gate in stopped:
        ledger.wait(connection, gate.until, gate.reason, gate.reply, share=Share(settings.only, newsletters))


def reconsider(connection: Connection, settings: Settings, now: datetime) -> None:
    """A sender begins: what waits for a relay or a rate of another configuration is asked anew."""
    ledger.lift(connection, Share(settings.only, settings.routes.through(settings.relay)))
    tell(connection, settings, now)


def knock(connection: Connection, now: datetime) -> None:
    """A person says that it should go now: closed relays are asked by one message, rates are reckoned again."""
    throttle.knock(connection, now)
    ledger.lift(connection, WHOLE)


def wait_for_rate(connection: Connection, settings: Settings, until: datetime, now: datetime) -> None:
    """Nothing of what this relay carries leaves before `until`, unless one that goes before it opens sooner.

    While that one is about to knock nothing waits: it may take everything over in the next moment.
    """
    mine = share(connection, settings, now)
    if not mine:
        return
    gates = throttle.gates(connection) if settings.routes.before(settings.relay) else {}
    before = [gates[one].until for one in settings.routes.before(settings.relay) if one in gates]
    if all(opens > now for opens in before):
        ledger.wait(connection, min([until, *before]), "rate", None, share=mine)
