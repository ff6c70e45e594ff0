"""Watching a send: `campaigns status`, its live view, and what `send --wait` shows.

Owns how often the database is asked, and what is told where there is no terminal; `sheet` says how it looks.
Used by the other commands of campaigns, which end with the same sheet.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.live import Live

from mailer.i18n import Words

from .main import Desk
from .sheet import Sheet, print_folded, print_status, sheet_of

if TYPE_CHECKING:
    from mailer.bootstrap import House
    from mailer.campaigns.model import Campaign
    from mailer.campaigns.status import Status

_RESTING = ("finished", "held", "paused", "cancelled")
_LINES_APART = 10.0  # seconds between lines about numbers where there is no terminal


def add_status(group: typer.Typer, said: Words) -> None:
    @group.command("status", help=said("cli.campaigns.status.help"))
    def status(
        ctx: typer.Context,
        campaign: int = typer.Argument(metavar="ID", min=1, max=2**63 - 1, help=said("cli.campaigns.id")),
        watch: bool = typer.Option(
            False, "--watch", help=said("cli.campaigns.status.watch"), show_default=False
        ),
    ) -> None:
        desk: Desk = ctx.obj
        house = desk.house()
        if watch:
            raise typer.Exit(watch_until_resting(desk, house, campaign))
        tell(desk, house, campaign)


def tell(desk: Desk, house: "House", campaign_id: int) -> str:
    """How the campaign stands now, printed; its state."""
    found = look(house, campaign_id)
    show(desk, house, found)
    return str(found.campaign.state)


def show(desk: Desk, house: "House", status: "Status") -> None:
    print_status(desk.say, house, status)
    desk.say.document(status.as_json())


def tell_safety(desk: Desk, house: "House", status: "Status") -> None:
    """Who gets the first copy and how to stop the rest; nothing if there is no window, or no longer."""
    if status.first_copy_to and status.campaign.is_closed(datetime.now(UTC)):
        print_folded(desk.say, sheet_of(desk.say, house).safety(status.campaign, status.first_copy_to))


def wait_for(desk: Desk, house: "House", campaign_id: int) -> int:
    """Send here until the campaign rests, then say how it stands. 0 if it finished."""
    from mailer.worker import send_until_resting

    with _view(desk, house, campaign_id, lines=False) as is_resting:
        asyncio.run(send_until_resting(house, campaign_id, asyncio.Event(), is_resting))
    found = look(house, campaign_id)
    if found.is_sending:  # Ctrl-C: as far as we know, nobody goes on with it
        found = replace(found, finish=None)
    show(desk, house, found)
    if found.is_sending:
        desk.say.line("cli.campaigns.send.stopped")
    return 0 if str(found.campaign.state) == "finished" else 1


def watch_until_resting(desk: Desk, house: "House", campaign_id: int) -> int:
    """Look on until the campaign rests or somebody presses Ctrl-C. 0 if it finished."""
    try:
        with _view(desk, house, campaign_id, lines=True) as is_resting:
            while not is_resting():
                time.sleep(0.2)
    except KeyboardInterrupt:
        pass
    return 0 if tell(desk, house, campaign_id) == "finished" else 1


def look(house: "House", campaign_id: int) -> "Status":
    """Everything, counted. Raises NotFound."""
    from mailer.bootstrap import predicted_finish
    from mailer.campaigns.status import status
    from subscribers.database import reading

    now = datetime.now(UTC)
    with reading(house.engine) as connection:
        found = status(connection, campaign_id, now)
        if not found.is_sending:  # nothing leaves, so there is no end to tell
            return found
        return replace(found, finish=predicted_finish(house, connection, campaign_id, found.counts, now))


# ── how often ───────────────────────────────────────────────────────────────────────────────────


class Seldom:
    """Something that is done again and again, but at most for a share of the time that passes."""

    def __init__(self, least: float, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._least = least  # seconds between two beginnings, however quick it is
        self._share = share
        self._clock = clock
        self._next = clock()

    def is_due(self) -> bool:
        return self._clock() >= self._next

    @contextmanager
    def measured(self) -> Iterator[None]:
        began = self._clock()
        try:
            yield
        finally:
            ended = self._clock()
            self._next = max(began + self._least, ended + (ended - began) / self._share)


@contextmanager
def _view(desk: Desk, house: "House", campaign_id: int, *, lines: bool) -> Iterator[Callable[[], bool]]:
    """A function that looks, shows what is new and says whether the campaign rests.

    Asked several times a second. The open rows are an index (0.1 s for a million), all the counts are the
    whole ledger (4 s): each is asked as often as it costs a small share of the time.
    """
    from mailer.campaigns import store
    from mailer.campaigns.status import masked
    from mailer.delivery import first_copy, ledger
    from subscribers.database import reading

    console = Console(stderr=True)
    sheet = sheet_of(desk.say, house, short=True)
    glances, looks = Seldom(0.2, 0.2), Seldom(1.0, 0.1)
    state = {"resting": False}
    changes = _Changes(desk, sheet)

    def is_resting() -> bool:
        if not glances.is_due():
            return state["resting"]
        with glances.measured(), reading(house.engine) as connection:
            campaign = masked(store.get(connection, campaign_id))
            still_open = ledger.open_rows(connection, campaign_id)
        if live is None:
            changes.tell_safety(campaign, office)
        if live is not None:
            if looks.is_due():
                with looks.measured():
                    seen[:] = [look(house, campaign_id)]
            live.update(sheet.live(seen[-1], still_open, datetime.now(UTC), console.width))
        elif lines:
            changes.tell(campaign, still_open)
        else:
            changes.tell_waits(campaign)
        state["resting"] = str(campaign.state) in _RESTING
        return state["resting"]

    seen: list[Status] = []  # counted when it is first asked for: a send need not wait for that
    with reading(house.engine) as connection:
        office = first_copy.sent_to(connection, campaign_id)
    if not console.is_terminal:
        live = None
        yield is_resting
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield is_resting


class _Changes:
    """Where there is no terminal: a line when something changed, numbers not more often than each 10 s."""

    def __init__(self, desk: Desk, sheet: Sheet) -> None:
        self._say, self._sheet = desk.say, sheet
        self._told: tuple[object, ...] = ()
        self._numbers: int | None = None
        self._opens: list[datetime | None] = []
        self._at = 0.0

    def tell(self, campaign: "Campaign", still_open: int) -> None:
        standing = (campaign.state, campaign.reason, campaign.waits_until)
        is_new = standing != self._told
        if is_new or (still_open != self._numbers and time.monotonic() - self._at >= _LINES_APART):
            self._told, self._numbers, self._at = standing, still_open, time.monotonic()
            self._say.text(self._sheet.line(campaign, still_open, datetime.now(UTC)))

    def tell_safety(self, campaign: "Campaign", to: str | None) -> None:
        """On stderr, when the window begins and when its end is known: whoever waits may still stop it."""
        if to and campaign.is_closed(datetime.now(UTC)) and campaign.opens_at not in self._opens:
            self._opens.append(campaign.opens_at)
            self._say.note(self._sheet.safety(campaign, to))

    def tell_waits(self, campaign: "Campaign") -> None:
        """On stderr: `send --wait` prints its sheet at the end."""
        is_new = campaign.waits_until and campaign.waits_until not in self._told
        if is_new and str(campaign.state) == "sending":
            self._told = (*self._told, campaign.waits_until)
            self._say.note(self._sheet.waits(campaign))
