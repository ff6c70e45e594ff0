"""What a sender writes to the log: ids, counts, codes and reasons; never an address nor a server's words.

Owns the lines about turns and about the course of campaigns; remembers what it has told. Replies stay in the
database: they quote addresses, and local parts that no pattern finds. Called by the sender and its stretches.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from mailer.delivery.model import Counts
from mailer.delivery.turn import Tried, Turned
from mailer.tables.campaigns import campaign

log = structlog.get_logger("mailer.delivery")
_CODE = re.compile(r"[2-5]\d\d(?: [245]\.\d{1,3}\.\d{1,3})?")
_OURS = ("rate", "quiet")  # waits that the office has set itself

Standing = tuple[str, str | None, datetime | None, str | None]  # state, reason, waits until, waits why


class Journal:
    def __init__(self, relay: str) -> None:
        self._relay = relay
        self._told: dict[int, Standing] = {}
        self._begun: set[int] = set()

    def turned(self, tried: Sequence[Tried], turned: Turned) -> None:
        """One turn, and the first acceptance of each campaign in this process."""
        for each in tried:
            number, reply = each.row.campaign_id, each.outcome.reply
            is_taken = each.outcome.stage == "message" and reply is not None and reply.code // 100 == 2
            if is_taken and number is not None and number not in self._begun:
                self._begun.add(number)
                log.info("first_accepted", campaign=number, relay=self._relay, at=each.at.isoformat())
        if tried or turned.marked:
            campaigns = sorted({each.row.campaign_id for each in tried if each.row.campaign_id is not None})
            log.debug(
                "turn", relay=self._relay, campaigns=campaigns, settled=dict(turned.settled),
                leaving=len(turned.marked), put_off=len(turned.put_off),
            )  # fmt: skip

    def standings(self, connection: Connection) -> Sequence[Any]:
        """Of the campaigns that are sending, and of those that were when they were looked at last."""
        row = campaign.c
        columns = (row.id, row.state, row.reason, row.waits_until, row.waits_reason, row.waits_reply)
        known = sa.or_(row.state == "sending", row.id.in_(list(self._told)))
        return connection.execute(sa.select(*columns).where(known)).all()

    def look(self, rows: Iterable[Any]) -> None:
        """Tell what changed since the last look, whoever changed it: holds, waits, their end."""
        for row in rows:
            until = None if row.waits_reason == "rate" else row.waits_until  # it moves with each mail
            standing = (row.state, row.reason, until, row.waits_reason)
            before = self._told.get(row.id, ("sending", None, None, None))
            if standing != before:
                self._tell(row, before)
            if row.state == "sending":
                self._told[row.id] = standing
            else:
                self._told.pop(row.id, None)
                self._begun.discard(row.id)

    def _tell(self, row: Any, before: Standing) -> None:
        if row.state == "held":
            log.warning("campaign_held", campaign=row.id, reason=row.reason)
        elif row.state != "sending":
            if row.state != "finished":  # that is told with its counts
                log.info("campaign_rests", campaign=row.id, state=row.state)
        elif row.waits_until is not None:
            found = _CODE.match(row.waits_reply or "")
            tell = log.info if row.waits_reason in _OURS else log.warning
            tell(
                "campaign_waits", campaign=row.id, reason=row.waits_reason, until=row.waits_until.isoformat(),
                code=found[0] if found else None,
            )  # fmt: skip
        elif before[3] is not None:
            log.info("campaign_goes_on", campaign=row.id)

    def finished(self, campaign_id: int, counts: Counts) -> None:
        log.info(
            "campaign_finished", campaign=campaign_id, total=counts.total, by_state=dict(counts.by_state),
            seconds=round(counts.seconds, 1), per_second=round(counts.messages_per_second, 1),
        )  # fmt: skip
