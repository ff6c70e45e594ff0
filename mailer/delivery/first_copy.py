"""The safety net: the office gets each edition first, and nobody else does for a while.

Owns the notices of this purpose and what their fate means for the campaign. What may leave meanwhile is
the ledger's (`may_leave`). `arrange` is called by the launch, `conclude` by the sender.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer import i18n
from mailer.delivery import ledger
from mailer.delivery.model import DeliveryState, Notice
from mailer.tables.campaigns import campaign_edition
from mailer.tables.delivery import NOTICE, delivery
from subscribers.model import Address

PURPOSE = "first_copy"
FAILED = "first_copy_failed"
_S = DeliveryState
_ARRIVED = (_S.ACCEPTED, _S.COMPLAINED)
_WAITS = (_S.QUEUED, _S.CLAIMED, _S.ATTEMPTING, _S.DEFERRED)
# The server takes this letter from nobody, or it cannot be made: waiting would close the campaign for ever
# without a word. A quota, a relay that is down and greylisting are waited for.
_HOPELESS = ("policy", "too_large", "8bitmime_not_offered", "unfit_message")


@dataclass(frozen=True, slots=True)
class Net:
    """Who gets the first copies, and how long the rest waits after them."""

    office: Address
    minutes: int


def arrange(
    connection: Connection,
    campaign_id: int,
    editions: Mapping[str, int],
    list_id: int,
    net: Net,
    now: datetime,
) -> None:
    """Close the campaign and enqueue the office's copies. `editions`: id by language; `list_id` names the sender."""
    ledger.close(connection, campaign_id, net.minutes)
    for language, edition_id in editions.items():
        notice = Notice(
            PURPOSE, _key(campaign_id, language), net.office.wire, net.office.domain, edition_id, language, {},
            list_id=list_id,
        )  # fmt: skip
        ledger.enqueue_notice(connection, notice, now)


def conclude(connection: Connection, now: datetime) -> None:
    """Open the closed campaigns whose first copies have all arrived, and hold those where one never will.

    Asked of the rows as they stand, not of what just happened: so it does not matter who asks, nor how often,
    and a copy whose sender died is seen, too. One short query where no campaign is closed.
    """
    for closed in ledger.closed(connection):
        copies = _copies(connection, closed.id)
        failed = next((copy for copy in copies if _has_failed(copy)), None)
        if failed is not None:
            ledger.hold(connection, closed.id, FAILED, _facts(failed), now)
        elif copies and all(copy.state in _ARRIVED for copy in copies):
            arrived_at = max(copy.settled_at for copy in copies)
            ledger.open_at(connection, closed.id, arrived_at + timedelta(minutes=closed.safety_minutes))


def has_seen(connection: Connection, editions: Collection[int]) -> bool:
    """Has the office got a first copy of each of these editions, for whatever campaign?"""
    seen = connection.scalars(  # NOTICE leads to the partial index: the ledger may have a million rows
        sa.select(delivery.c.edition_id).where(
            sa.text(NOTICE),
            delivery.c.notice == PURPOSE,
            delivery.c.state.in_([str(one) for one in _ARRIVED]),
        )
    )
    return set(editions) <= set(seen)


def marked(subject: str, language: str) -> str:
    """The subject of the office's copy: nobody shall take it for the reader's."""
    return f"{i18n.words(language)('mail.first_copy_mark')} {subject}"


def sent_to(connection: Connection, campaign_id: int) -> str | None:
    """The office's address that the first copies of this campaign go to; None if it has none."""
    copies = _copies(connection, campaign_id)
    return copies[0].address if copies else None


def _copies(connection: Connection, campaign_id: int) -> list[sa.Row[Any]]:
    languages = connection.scalars(
        sa.select(campaign_edition.c.language).where(campaign_edition.c.campaign_id == campaign_id)
    )
    keys = [_key(campaign_id, language) for language in languages]
    return list(
        connection.execute(
            sa.select(delivery).where(delivery.c.notice_key.in_(keys)).order_by(delivery.c.id)
        ).all()
    )


def _has_failed(copy: sa.Row[Any]) -> bool:
    return copy.reason in _HOPELESS if copy.state in _WAITS else copy.state not in _ARRIVED


def _facts(copy: sa.Row[Any]) -> dict[str, object]:
    """`reply`: the server's words, "" if there are none; `why`: the delivery's own reason, a code."""
    said = (copy.reply_code, copy.reply_enhanced, copy.reply_text)
    return {
        "language": copy.language,
        "to": copy.address,
        "reply": " ".join(str(part) for part in said if part),
        "why": copy.reason,
        "state": copy.state,
    }


def _key(campaign_id: int, language: str) -> str:
    return f"{PURPOSE}:{campaign_id}:{language}"
