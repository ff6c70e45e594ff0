"""kill -9 of real senders in mid-send, on both databases: nobody lost, nobody twice, the rest is listed."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from mailer.delivery import ledger, process
from mailer.tables.delivery import delivery
from subscribers.database import open_engine, reading
from tests.delivery import kills

KILLS = len(kills.WHOM)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """ "" = SQLite in the office's folder; else a PostgreSQL database without tables, as `mailer migrate` finds it."""
    if request.param == "sqlite":
        yield ""
        return
    with _empty_database(request.getfixturevalue("postgresql_server")) as made:
        yield made


@contextmanager
def _empty_database(server: str) -> Iterator[str]:
    def say(command: str) -> None:
        engine = open_engine(server)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(command)
        engine.dispose()

    say("CREATE DATABASE mailer_kills")
    try:
        yield sa.make_url(server).set(database="mailer_kills").render_as_string(hide_password=False)
    finally:
        say("DROP DATABASE mailer_kills WITH (FORCE)")


IN_TRANSACTION = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""


@pytest.mark.slow
def test_killed_senders_lose_nobody_and_repeat_nobody(tmp_path, url):  # F1 F2 F4 F50
    with kills.campaign(tmp_path / "office", 600, url=url) as campaign:
        found = campaign.run(KILLS)
    assert found.faults() == []
    assert len(found.kills) == KILLS
    assert found.while_attempting >= KILLS * 3 // 5


def freeze(sender, engine):
    """Stop the process between two of its transactions: in the middle of one it would hold the database's locks."""

    def is_between():
        with engine.connect() as connection:
            if engine.dialect.name == "postgresql":
                return not connection.scalar(sa.text(IN_TRANSACTION))
            driver = sqlite3.connect(engine.url.database, timeout=0.5, isolation_level=None)
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        finally:
            driver.close()
        return True

    while True:
        os.kill(sender.pid, signal.SIGSTOP)
        if is_between():
            return
        os.kill(sender.pid, signal.SIGCONT)
        time.sleep(0.01)


def test_a_frozen_sender_that_wakes_up_after_its_lease_writes_nothing(tmp_path, url):  # F1 F4
    people = 150
    with (
        kills.campaign(tmp_path / "office", people, url=url) as campaign,
        kills.sender(campaign.office) as frozen,
    ):
        relay, engine = campaign.relay, campaign.house.engine
        kills.until(lambda: relay.arrivals >= 20, "nothing arrives")
        freeze(frozen, engine)
        later = datetime.now(UTC) + timedelta(minutes=5)  # as another machine sees it when the lease is over
        with engine.begin() as connection:
            unsent, uncertain = ledger.release_expired(connection, later)
        assert unsent and uncertain
        campaign.finish()

        def rows():
            with reading(engine) as connection:
                return connection.execute(sa.select(delivery).order_by(delivery.c.id)).all()

        before, arrived = rows(), relay.arrivals
        os.kill(frozen.pid, signal.SIGCONT)
        frozen.terminate()
        assert frozen.wait(kills.LIMIT) == 0
        assert rows() == before
        assert relay.arrivals <= arrived + uncertain  # what was marked before it froze may still leave
    assert max(len(copies) for copies in relay.copies.values()) == 1
    states = [row.state for row in before]
    assert states.count("uncertain") == uncertain
    assert states.count("accepted") == people - uncertain


def test_a_process_is_dead_only_if_it_was_here_and_is_gone():
    name = process.own_name()
    assert not process.is_dead(name)
    host, pid, rest = name.split(":", 2)
    started, _, place = rest.partition("@")
    assert process.is_dead(f"{host}:{pid}:{int(started) - 1}@{place}")  # the number was given to another
    assert not process.is_dead(f"{host}:{pid}:{started}@another-boot")
    assert not process.is_dead("elsewhere:1:a@test")
