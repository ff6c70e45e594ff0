"""A rehearsal: the whole road with the real audience, against our own sink inside this process.

Owns its order and its figures. Real editions, the real engine, a ledger of its own; nothing leaves the machine,
nobody has the issue afterwards, the issue and the archive stay as they are. Needs approval: what is rehearsed
are the frozen editions, byte for byte. Called by the CLI and pages.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mailer.campaigns import orders, store
from mailer.campaigns.launch import Rules
from mailer.campaigns.model import CampaignKind, CampaignState, Order
from mailer.campaigns.status import Status, status
from mailer.delivery import ledger
from mailer.delivery.press import Clock
from mailer.delivery.sender import Sender
from mailer.smtp.sink import Caught, Options, Sink, running_sink
from mailer.tables.delivery import delivery
from subscribers.database import reading
from subscribers.model import Actor

_LOOK_SECONDS = 0.2

Lend = Callable[[int, int], Sender]  # (port of the sink, campaign) → a sender to it, of this campaign alone
Progress = Callable[[int], None]  # people done so far


@dataclass(slots=True)
class Basket:
    """What the sink saw; messages are measured and dropped."""

    messages: int = 0
    bytes: int = 0
    largest: int = 0  # bytes
    needs_smtputf8: int = 0  # a relay that does not offer it would refuse these

    def take(self, caught: Caught) -> None:
        self.messages += 1
        self.bytes += len(caught.content)
        self.largest = max(self.largest, len(caught.content))
        self.needs_smtputf8 += caught.envelope.smtputf8


@dataclass(frozen=True, slots=True)
class Rehearsed:
    status: Status
    basket: Basket
    refused: Mapping[str, int]  # people for whom no message can be made or sent, by reason

    @property
    def agrees(self) -> bool:
        """It ran to its end, and the sink has as many messages as the ledger says were taken."""
        taken = self.status.counts.by_state.get("accepted", 0)
        return self.status.campaign.state is CampaignState.FINISHED and taken == self.basket.messages

    def as_json(self) -> dict[str, object]:
        basket = self.basket
        return self.status.as_json() | {
            "messages": basket.messages,
            "bytes": basket.bytes,
            "mean_bytes": basket.bytes // max(basket.messages, 1),
            "largest_bytes": basket.largest,
            "needs_smtputf8": basket.needs_smtputf8,
            "refused": dict(self.refused),
            "agrees": self.agrees,
        }


def rehearse(
    engine: Engine, order: Order, rules: Rules, lend: Lend, clock: Clock, progress: Progress, *, by: Actor
) -> Rehearsed:
    """Do it; takes as long as this machine needs. Raises what `orders.send` raises.

    A rehearsal that broke off before is cancelled first: it would be of another day.
    """
    basket = Basket()
    wanted = replace(order, kind=CampaignKind.REHEARSAL)
    with engine.begin() as connection:
        _clear(connection, wanted, CampaignState.HELD, by=by, now=clock.now())
        campaign = orders.send(connection, wanted, rules, by=by, now=clock.now())
    try:
        # The relay's offers are not known here: nobody is refused for an address that needs SMTPUTF8.
        with running_sink(Sink(basket.take, keep=False, options=Options(chunking=True))) as sink:
            asyncio.run(_run(engine, lend(sink.port, campaign.id), campaign.id, progress))
    finally:
        with engine.begin() as connection:
            _clear(connection, wanted, by=by, now=clock.now())
    with reading(engine) as connection:
        return Rehearsed(
            status(connection, campaign.id, clock.now()), basket, _refused(connection, campaign.id)
        )


async def _run(engine: Engine, sender: Sender, campaign_id: int, progress: Progress) -> None:
    """Until the rehearsal rests: finished, held, or paused or cancelled by somebody."""
    stop = asyncio.Event()

    def look() -> bool:
        with reading(engine) as connection:
            progress(ledger.open_rows(connection, campaign_id))
            return store.get(connection, campaign_id).state is CampaignState.SENDING

    async def watch() -> None:
        while not stop.is_set() and await asyncio.to_thread(look):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
        stop.set()

    await asyncio.gather(sender.run(stop), watch())


def _clear(connection: Connection, order: Order, *too: CampaignState, by: Actor, now: datetime) -> None:
    """Nothing of a rehearsal stays open: no sender would ever take it. One that was held says why."""
    over = (CampaignState.SENDING, CampaignState.PAUSED, CampaignState.SCHEDULED, *too)
    for found in store.campaigns(connection, *over):
        is_same = found.issue == order.issue and set(found.lists) == set(order.lists)
        if found.kind is CampaignKind.REHEARSAL and is_same:
            store.cancel(connection, found.id, by=by, now=now)


def _refused(connection: Connection, campaign_id: int) -> dict[str, int]:
    found = connection.execute(
        sa.select(delivery.c.reason, sa.func.count())
        .where(delivery.c.campaign_id == campaign_id, delivery.c.state == "refused")
        .group_by(delivery.c.reason)
    )
    return {reason or "": people for reason, people in found}
