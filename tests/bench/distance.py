"""Row 5: a relay 50 ms away, one connection: aiosmtplib, our DATA, our BDAT with depth 8.

`python -m tests.bench.distance --rounds 3`. The server is our sink (PIPELINING, CHUNKING) in a process of
its own, behind `tests.doubles.distance`, which passes bytes on after 25 ms each way and limits nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Iterator

import aiosmtplib

from mailer.smtp.model import Envelope, Relay
from mailer.smtp.pool import Pool
from tests.bench.contest import Lap, interleaved, rates
from tests.bench.processes import told_port
from tests.bench.tables import Goal, Section, Spread, ratio
from tests.bench.transport import mail

ROUND_TRIP_MS = 50
SIZE_BYTES = 58_000
DEPTH = 8
PLAIN, DATA, BDAT = "aiosmtplib", "our pool, DATA", f"our pool, BDAT depth {DEPTH}"
FROM, TO = "bounce@example.org", "reader@example.org"


def measure(rounds: int, seconds: float) -> Section:
    """`seconds`: how long a turn takes, about."""
    with (
        told_port("mailer.smtp.sink", "--chunking") as sink,
        told_port("tests.doubles.distance", str(sink), str(ROUND_TRIP_MS / 2)) as port,
    ):
        field: dict[str, Callable[[], Lap]] = {
            PLAIN: lambda: asyncio.run(_plain(port, round(5 * seconds))),
            DATA: lambda: asyncio.run(_ours(port, round(19 * seconds), chunking=False)),
            BDAT: lambda: asyncio.run(_ours(port, round(150 * seconds), chunking=True)),
        }
        laps = interleaved(field, rounds)
    plain = rates(laps, PLAIN)
    return Section(
        "Row 5: far away",
        f"python -m tests.bench.distance --rounds {rounds} --seconds {seconds:g}",
        f"{ROUND_TRIP_MS} ms round trip, one connection, mails of {SIZE_BYTES:,} bytes built beforehand; from the first MAIL to "
        "the last reply.",
        [
            Goal("5", f"{DATA} v aiosmtplib", ratio(rates(laps, DATA), plain), 3.7, 3.9),
            Goal("5", f"{BDAT} v aiosmtplib", ratio(rates(laps, BDAT), plain), 25, 30, "{:.1f} ×"),
        ],
        ("contestant", "messages a second"),
        [(name, Spread.of(rates(laps, name)).said("{:.1f}")) for name in laps],
    )


async def _plain(port: int, messages: int) -> Lap:
    content = mail(SIZE_BYTES).content
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        started = time.perf_counter()
        for _ in range(messages):
            await client.sendmail(FROM, [TO], content)
        return Lap(messages / (time.perf_counter() - started))


async def _ours(port: int, messages: int, *, chunking: bool) -> Lap:
    relay = Relay(
        "sink", "127.0.0.1", port, tls="none", connections=1, chunking=chunking, depth=DEPTH,
        local_name="bench.example.org",
    )  # fmt: skip
    envelope, content = Envelope(FROM, TO), mail(SIZE_BYTES)

    async def some(pool: Pool, turns: Iterator[int]) -> None:
        for _ in turns:
            assert (await pool.send(envelope, content)).accepted

    async with Pool(relay) as pool:
        await some(pool, iter(range(1)))  # aiosmtplib has connected before its time runs, too
        turns, started = iter(range(messages)), time.perf_counter()
        await asyncio.gather(*(some(pool, turns) for _ in range(2 * DEPTH)))
        return Lap(messages / (time.perf_counter() - started))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    measure(*((1, 2.0) if given.quick else (given.rounds, given.seconds))).tell()


if __name__ == "__main__":
    main()
