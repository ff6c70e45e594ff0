"""Row 1, transport alone: our pool against Postfix's smtp-source, into the same smtp-sink.

`python -m tests.bench.transport --rounds 5`. The mails are built beforehand and of one size; no database, no
signature. The pool runs in a process of its own, as smtp-source does.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

from mailer.smtp.model import Envelope, Relay
from mailer.smtp.pool import Pool
from mailer.smtp.wire import Checked
from tests.bench.contest import Lap, Laps, rates
from tests.bench.processes import smtp_source
from tests.bench.tables import Goal, ratio

CONNECTIONS = 10
SOURCE, POOL = "smtp-source", "our pool"


def contestants(port: int, size_bytes: int, messages: int) -> dict[str, Callable[[], Lap]]:
    return {
        SOURCE: lambda: smtp_source(port, messages, size_bytes, CONNECTIONS),
        POOL: lambda: _pool(port, size_bytes, messages),
    }


def goals(laps: Laps) -> list[Goal]:
    found = ratio(rates(laps, POOL), rates(laps, SOURCE))
    return [Goal("1", "transport alone v smtp-source", found, 1.2, 1.5)]


def _pool(port: int, size_bytes: int, messages: int) -> Lap:
    command = [sys.executable, "-m", "tests.bench.transport", "send", *map(str, (port, size_bytes, messages))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Lap(**json.loads(done.stdout))


# ── the process that sends ──────────────────────────────────────────────────────────────────────


def mail(size_bytes: int) -> Checked:
    """A mail of this size as the press hands it over: lines of base64, read once."""
    head = b"From: office@example.org\r\nTo: reader@example.org\r\nSubject: bench\r\n\r\n"
    line = b"QUJD" * 19 + b"\r\n"
    body = line * ((size_bytes - len(head)) // len(line))
    return Checked(head + body, dotted=False, eight_bit=False)


async def _send(port: int, size_bytes: int, messages: int) -> Lap:
    relay = Relay(
        "sink", "127.0.0.1", port, tls="none", connections=CONNECTIONS, local_name="bench.example.org"
    )
    envelope, content = Envelope("bounce@example.org", "reader@example.org"), mail(size_bytes)

    async def some(pool: Pool, turns: Iterator[int]) -> None:
        for _ in turns:
            outcome = await pool.send(envelope, content)
            if not outcome.accepted:
                raise SystemExit(f"not accepted: {outcome}")

    async with Pool(relay) as pool:
        turns, before, started = (
            iter(range(messages)),
            resource.getrusage(resource.RUSAGE_SELF),
            time.perf_counter(),
        )
        # Two for each connection: one on the wire and one behind it, as the sender's window has it.
        await asyncio.gather(*(some(pool, turns) for _ in range(2 * CONNECTIONS)))
        seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Lap(messages / seconds, messages, 1000 * used / messages)


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        print(json.dumps(asdict(asyncio.run(_send(*map(int, sys.argv[2:5]))))))
    else:
        from tests.bench import throughput

        throughput.main("transport")
