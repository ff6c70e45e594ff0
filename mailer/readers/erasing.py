"""A reader is erased: from the ledger and from the lists, in one transaction.

Owns no table; the ledger masks what servers said of them before the store forgets who they were. Called by the
command line and the pages.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.engine import Connection

from mailer.delivery import ledger
from subscribers import store
from subscribers.model import Actor


def erase(
    connection: Connection, subscriber_id: int, *, permanent_key: str, by: Actor, now: datetime
) -> None:
    """No column of any table holds their address afterwards; a keyed hash stays. Raises UnknownSubscriber."""
    ledger.forget(connection, subscriber_id, now)
    store.erase(connection, subscriber_id, permanent_key=permanent_key, by=by, now=now)
