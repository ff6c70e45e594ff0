"""Where the time goes: what each step of a message costs on its own, one thread, nothing else running.

`python -m tests.bench.costs`. Explains the rows of throughput: what a sender process adds to this sum is
waiting for the disk, for the relay and for the interpreter's lock.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from mailer.bootstrap import senders
from mailer.delivery import ledger
from mailer.delivery.model import Claimed, DeliveryState, Settlement
from mailer.delivery.press import Unsendable
from mailer.smtp import wire
from mailer.smtp.wire import Checked
from tests.bench import office as offices
from tests.bench.office import Office
from tests.bench.tables import Section

LEASE = timedelta(minutes=5)
NAME = "bench:1:1@bench"
TURNS = (5, 20, 100)  # rows in one transaction


Row = tuple[str, str, str]


class Stopwatch:
    """CPU of this thread and time by the clock, of each piece of work that so many messages share."""

    def __init__(self) -> None:
        self._spent: list[tuple[float, float]] = []

    @contextmanager
    def over(self, messages: int) -> Iterator[None]:
        cpu, clock = time.thread_time(), time.perf_counter()
        yield
        self._spent.append(
            ((time.thread_time() - cpu) / messages * 1e6, (time.perf_counter() - clock) / messages * 1e6)
        )

    def row(self, step: str) -> Row:
        """The first one, in which statements and editions are compiled, is left out."""
        cpu, clock = zip(*self._spent[1:] or self._spent, strict=True)
        return step, f"{median(cpu):,.0f}", f"{median(clock):,.0f}"


def measure(people: int) -> Section:
    with tempfile.TemporaryDirectory(prefix="bench") as scratch:
        office = offices.make(Path(scratch, "office"), 25, people)
        offices.launch(office)
        claimed, claim = _claim(office, 100, people)
        plain, mails = _print(office, claimed, "print a mail (slots, header, tokens), unsigned")
        signed, _ = _print(office.signing(), claimed, "print it with an RSA-2048 signature")
        rows = [claim, plain, signed, _read(mails)]
        share = len(claimed) // len(TURNS)
        rows += [_turns(office, claimed[n * share :][:share], rows_each) for n, rows_each in enumerate(TURNS)]
    return Section(
        "Where the time goes",
        f"python -m tests.bench.costs --people {people}",
        "Each step alone, in one thread, on SQLite with synchronous=FULL. The wire's own share is the pool's CPU in rows 1 to 4.",
        header=("step", "µs CPU a message", "µs by the clock"),
        rows=rows,
    )


def _claim(office: Office, batch: int, people: int) -> tuple[list[Claimed], Row]:
    claimed: list[Claimed] = []
    watch = Stopwatch()
    with office.house() as house:
        while len(claimed) < people:
            now = datetime.now(UTC)
            with watch.over(batch), house.engine.begin() as connection:
                found = ledger.claim(connection, NAME, batch, now, LEASE)
            if not found:
                break
            claimed += found
    return claimed, watch.row(f"claim, {batch} rows at a time, consent asked again")


def _print(office: Office, claimed: Sequence[Claimed], step: str) -> tuple[Row, list[bytes]]:
    now, watch = datetime.now(UTC), Stopwatch()
    mails: list[bytes] = []
    with office.house() as house:
        press = senders(house)[0].press
        press.prepare(claimed[:64], now)  # all editions of the campaign
        for at in range(0, len(claimed), 20):
            some = claimed[at : at + 20]
            with watch.over(len(some)):
                made = press.prepare(some, now)
            pairs = [one for one in made if not isinstance(one, Unsendable)]
            mails += [mail.content if isinstance(mail, Checked) else mail for _, mail in pairs]
    return watch.row(step), mails


def _read(mails: Sequence[bytes]) -> Row:
    watch = Stopwatch()
    for mail in mails:
        with watch.over(1):
            wire.check(mail)
    return watch.row("read a mail for the wire, unless the press has promised its form")


def _turns(office: Office, claimed: Sequence[Claimed], rows: int) -> Row:
    watch = Stopwatch()
    before: Sequence[Claimed] = ()
    with office.house() as house:
        for at in range(0, len(claimed), rows):
            some, now = claimed[at : at + rows], datetime.now(UTC)
            with watch.over(len(some)), house.engine.begin() as connection:
                ledger.settle(connection, [_accepted(row, now) for row in before], "bench")
                ledger.attempting(connection, some, now, lease=LEASE, relay="bench")
            before = some
    return watch.row(f"mark and settle, commit included, {rows} rows a transaction")


def _accepted(row: Claimed, now: datetime) -> Settlement:
    return Settlement(
        row.id, row.fence, DeliveryState.ACCEPTED, now, 1, "message", reply_code=250, reply_text="2.0.0 Ok"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=3_000)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    measure(900 if given.quick else given.people).tell()


if __name__ == "__main__":
    main()
