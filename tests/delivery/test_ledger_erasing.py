"""Who asks to be erased stands nowhere afterwards: not in what servers said of them either, on both databases."""

from __future__ import annotations

import random

import pytest
import sqlalchemy as sa

from mailer.delivery import ledger
from mailer.delivery.model import Notice
from mailer.delivery.press import Settings
from mailer.delivery.turn import Tried, Turn
from mailer.delivery.watch import Watch
from mailer.readers import erasing
from mailer.smtp.model import Outcome
from mailer.smtp.reply import Reply
from mailer.tables import metadata
from mailer.tables.delivery import attempt, delivery
from subscribers import tables

LOCAL = "shiori.kisaragi"
REPLIES = (  # a mailbox, a domain's limit, our account's, a policy that holds, a refusal, a busy relay, an acceptance
    "450 4.2.1 <shiori.kisaragi@example.org>: shiori.kisaragi is away",
    "451 4.7.1 rate limit of shiori.kisaragi@example.org exceeded at this domain",
    "454 4.7.0 daily sending limit exceeded for shiori.kisaragi@example.org",
    "550 5.7.1 mail to SHIORI.KISARAGI@example.org looks like spam",
    "550 5.1.1 shiori.kisaragi... User unknown",
    "452 4.3.2 queue of shiori.kisaragi@example.org is full",
    "250 2.1.5 shiori.kisaragi@example.org takes it",
)


def renamed(office, person):
    wire = f"{LOCAL}@example.org"
    with office.engine.begin() as connection:
        connection.execute(
            tables.subscriber.update()
            .where(tables.subscriber.c.id == person)
            .values(email=wire, wire=wire, address_key=wire)
        )


def erase(office, person, by):
    with office.engine.begin() as connection:
        erasing.erase(connection, person, permanent_key="k", by=by, now=office.now)


def places(engine):
    """Tables that hold the local part in any column."""
    with engine.begin() as connection:
        return {
            table.name
            for table in metadata.tables.values()
            for row in connection.execute(sa.select(table))
            if LOCAL in repr(tuple(row)).casefold()
        }


def turn(office, tried):
    settings = Settings(relay="relay", connections=1, depth=1, refused_percent=0)
    with office.engine.begin() as connection:
        Turn(settings, Watch(), random.Random(84).random)(connection, tried, [], 0, office.now)


def answered(row, office, line):
    code, enhanced, text = line.split(" ", 2)
    reply = Reply(int(code), enhanced, (f"{enhanced} {text}",))
    return Tried(row, office.now, Outcome("message" if code == "250" else "rcpt", reply, code == "250"))


def rows(office):
    with office.engine.begin() as connection:
        return connection.execute(sa.select(delivery).order_by(delivery.c.id)).all()


@pytest.mark.parametrize("line", REPLIES)
def test_no_column_of_any_table_holds_the_address_or_its_local_part(office, keiko, line):  # F39
    office.launched(1)
    (person,) = (row.subscriber_id for row in rows(office))
    renamed(office, person)
    with office.engine.begin() as connection:
        notice = Notice("goodbye", f"goodbye:{person}", f"{LOCAL}@example.org", "example.org", 1, "ja",
                        {"LINK": f"{LOCAL}@example.org"}, subscriber_id=person)  # fmt: skip
        ledger.enqueue_notice(connection, notice, office.now)
    claimed = [row for row in office.claim(2) if row.campaign_id is not None]
    office.mark(claimed)
    turn(office, [answered(claimed[0], office, line)])
    assert places(office.engine) == {"delivery", "subscriber", *(["attempt"] if line[0] != "2" else [])}
    erase(office, person, keiko)
    assert places(office.engine) == set()


@pytest.mark.parametrize("line", REPLIES)
def test_a_reply_that_comes_after_the_erasure_names_nobody(office, keiko, line):  # F39
    office.launched(1)
    (person,) = (row.subscriber_id for row in rows(office))
    renamed(office, person)
    claimed = office.claim(1)
    office.mark(claimed)
    erase(office, person, keiko)
    turn(office, [answered(claimed[0], office, line)])
    assert places(office.engine) == set()
    assert rows(office)[0].reply_code == int(line[:3])


def test_others_keep_the_words_of_their_servers(office, keiko):
    office.launched(2)
    claimed = office.claim(2)
    office.mark(claimed)
    turn(office, [answered(row, office, f"550 5.1.1 {row.recipient.wire} unknown") for row in claimed])
    erase(office, claimed[0].subscriber_id, keiko)
    said = [row.reply_text for row in rows(office)]
    assert said == ["‹address› unknown", f"{claimed[1].recipient.wire} unknown"]
    with office.engine.begin() as connection:
        told = connection.scalars(sa.select(attempt.c.reply_text).order_by(attempt.c.id)).all()
    assert told == said


def test_what_waits_for_an_erased_person_is_skipped(office, keiko):  # F10
    office.launched(2)
    person = rows(office)[0].subscriber_id
    erase(office, person, keiko)
    assert [(row.state, row.reason) for row in rows(office)] == [("skipped", "erased"), ("queued", None)]
