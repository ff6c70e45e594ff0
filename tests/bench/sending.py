"""End to end into a local sink: CPU and memory of one sender at 1,000 and at 20,000 people.

`python -m tests.bench.sending --people 1000 20000`. Real office, real edition (68 KB in Japanese), real
ledger on SQLite; the sender and the sink are processes of their own. Prints; asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from mailer import migrations
from mailer.bootstrap import clock_rules, gate, open_database, open_house
from mailer.campaigns import orders
from mailer.campaigns.model import Order
from mailer.composer import approving, folder, store
from mailer.config import load
from mailer.demo import world
from subscribers import store as subscribers
from subscribers.model import Actor
from tests.subscribers_world import fill

BENCH = Actor("system", "bench")
SAMPLE = Path(__file__).parents[2] / "mailer" / "samples" / "2034-12"
SENDER = """
import asyncio, json, os, resource, sys, time
from pathlib import Path
from mailer.bootstrap import open_house, sender
from mailer.campaigns.status import status
from subscribers.database import reading
house = open_house(Path(sys.argv[1]), os.environ)
async def main():
    running = sender(house)
    stop = asyncio.Event()
    async def watch():
        while True:
            with reading(house.engine) as connection:
                if str(status(connection, 1).campaign.state) == "finished":
                    return stop.set()
            await asyncio.sleep(0.5)
    await asyncio.gather(running.run(stop), watch())
asyncio.run(main())
with reading(house.engine) as connection:
    counts = status(connection, 1).counts
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"accepted": counts.by_state.get("accepted", 0), "seconds": counts.seconds,
                  "cpu": used.ru_utime + used.ru_stime, "memory_mb": used.ru_maxrss / 1024}))
"""


class Measured(TypedDict):
    people: int
    accepted: int
    seconds: float
    cpu: float  # seconds of the sender, start-up and compiling included
    memory_mb: float  # largest resident size of the sender


def office(home: Path, port: int, people: int) -> Path:
    """A database with `people` confirmed readers and an approved, launched campaign. Returns config.toml."""
    now = datetime.now(UTC)
    config = world.make(home, port)
    migrations.upgrade(open_database(load(config, {})))
    house = open_house(config, {})
    read = folder.read(SAMPLE, house.config.site.time_zone)
    with house.engine.begin() as connection:
        made = subscribers.add_list(connection, world.LIST, "E-News", language="ja", by=BENCH, now=now)
        fill(connection, people, [made.id], now)
        store.save(connection, read.issue, read.files, by=BENCH, now=now)
        approving.approve(connection, world.ISSUE, gate(house, now), passed={}, by=BENCH, now=now)
        orders.send(connection, Order(world.ISSUE, (world.LIST,)), clock_rules(house), by=BENCH, now=now)
    house.engine.dispose()
    return config


def measure(people: int) -> Measured:
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        sink = subprocess.Popen([sys.executable, "-m", "mailer.smtp.sink"], stdout=subprocess.PIPE, text=True)
        try:
            assert sink.stdout is not None
            port = int(sink.stdout.readline().rpartition(":")[2])
            config = office(Path(temporary) / "office", port, people)
            environ = {**os.environ, "MAILER_RELAY__CONNECTIONS": "10"}
            command = [sys.executable, "-c", SENDER, str(config)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=environ)
        finally:
            sink.terminate()
            sink.wait()
    return Measured(people=people, **json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[1_000, 20_000])
    runs = [measure(people) for people in parser.parse_args().people]
    first = runs[0]
    print(f"{'people':>8} {'messages/s':>11} {'CPU ms each':>12} {'× first':>8} {'memory MB':>10}")
    for run in runs:
        # What the start costs is the same for all; what a person more costs is the difference.
        each = run["cpu"] / run["people"]
        more = (run["cpu"] - first["cpu"]) / max(1, run["people"] - first["people"])
        ratio = f"{more / (first['cpu'] / first['people']):.2f}" if run is not first else ""
        rate = run["accepted"] / run["seconds"]
        print(f"{run['people']:>8,} {rate:>11,.0f} {1000 * each:>12.2f} {ratio:>8} {run['memory_mb']:>10.0f}")


if __name__ == "__main__":
    main()
