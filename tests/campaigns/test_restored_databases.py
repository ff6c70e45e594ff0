"""What a restored database may do before a person has looked: nothing (F9)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from mailer.campaigns import clock, orders, reasons, restored, store
from mailer.campaigns.model import CampaignState, Order
from mailer.delivery import first_copy, ledger
from mailer.delivery.model import Notice
from mailer.errors import Refused
from mailer.i18n import words
from mailer.tables.delivery import attempt, delivery
from subscribers import tables

from .conftest import KEIKO, NOW, RULES, Office

ORDER = Order("2034-12", ("enews",))
HOUR = timedelta(hours=1)
READERS = 4


def freeze(office: Office, at: datetime = NOW + HOUR) -> restored.Frozen:
    """As `restore` does, after a backup that was made at NOW."""
    with office.begin() as connection:
        restored.note_backup(connection, NOW)
        return restored.freeze(connection, by=KEIKO, now=at)


def tick(office: Office, at: datetime) -> list[object]:
    with office.begin() as connection:
        return [event["did"] for event in clock.tick(connection, at, RULES)]


def send(office: Office) -> int:
    with office.begin() as connection:
        return orders.send(connection, ORDER, RULES, by=KEIKO, now=NOW).id


def test_a_monthly_date_that_fired_after_the_backup_does_not_fire_again(office: Office) -> None:  # F9
    office.approved()
    office.schedule("20 09:30")  # NOW is 09:00 of that day; the backup does not know half past
    freeze(office)
    assert tick(office, NOW + HOUR + timedelta(minutes=1)) == ["fired", "held"]
    held = office.campaigns()[0]
    assert (held.state, held.reason) == (CampaignState.HELD, "restored")
    for language in ("ja", "en"):
        assert "2034" in reasons.in_words(held, words(language), "Asia/Tokyo")
    assert tick(office, NOW + 2 * HOUR) == []
    with office.begin() as connection:
        store.resume(connection, held.id, by=KEIKO, now=NOW + 2 * HOUR)
    assert tick(office, NOW + 2 * HOUR) == ["launched"]


def test_a_date_after_the_restore_is_sent_as_ever(office: Office) -> None:
    office.approved()
    office.schedule("20 11:00")
    freeze(office)
    assert tick(office, NOW + 2 * HOUR) == ["fired", "launched"]


def test_a_campaign_that_waited_for_its_hour_waits_for_a_person(office: Office) -> None:
    office.approved()
    with office.begin() as connection:
        made = orders.schedule(connection, ORDER, NOW + 3 * HOUR, by=KEIKO, now=NOW).campaign_id
    frozen = freeze(office)
    assert [(one.campaign_id, one.was, one.people) for one in frozen.held] == [(made, "scheduled", 0)]
    assert frozen.since == NOW
    assert frozen.approved == ("2034-12",)
    assert tick(office, NOW + 3 * HOUR) == []
    with office.begin() as connection:
        store.resume(connection, made, by=KEIKO, now=NOW + 2 * HOUR)
    assert tick(office, NOW + 2 * HOUR) == []
    assert tick(office, NOW + 3 * HOUR) == ["launched"]


@pytest.mark.parametrize("state", ["sending", "paused", "held"])
def test_a_campaign_that_had_begun_asks_how_sure_a_person_is(office: Office, state: str) -> None:
    office.approved()
    made = send(office)
    with office.begin() as connection:
        if state == "paused":
            store.pause(connection, made, by=KEIKO, now=NOW)
        if state == "held":
            ledger.hold(connection, made, "policy", {"reply": "550"}, NOW)
    frozen = freeze(office)
    assert [(one.was, one.people) for one in frozen.held] == [(state, READERS)]
    for order in (store.resume, None):
        with office.begin() as connection, pytest.raises(Refused) as caught:
            if order is None:
                orders.send(connection, ORDER, RULES, by=KEIKO, now=NOW + HOUR)
            else:
                order(connection, made, by=KEIKO, now=NOW + HOUR)
        assert (caught.value.key, caught.value.facts["people"]) == ("restored_asks", READERS)
    with office.begin() as connection:
        assert store.resume(connection, made, by=KEIKO, now=NOW + HOUR, sure=True) is CampaignState.SENDING


@pytest.mark.parametrize("was", ["scheduled", "sending", "paused", "held"])
def test_every_hold_is_on_record_in_one_form(office: Office, was: str) -> None:
    office.approved()
    if was == "scheduled":
        with office.begin() as connection:
            made = orders.schedule(connection, ORDER, NOW + 3 * HOUR, by=KEIKO, now=NOW).campaign_id
    else:
        made = send(office)
    with office.begin() as connection:
        if was == "paused":
            store.pause(connection, made, by=KEIKO, now=NOW)
        if was == "held":
            assert ledger.hold(connection, made, "policy", {"reply": "550"}, NOW)
        assert not ledger.hold(connection, made, "policy", {}, NOW) or was == "sending"
    freeze(office)
    with office.begin() as connection:
        record = tables.audit_record
        said = connection.execute(
            sa.select(record).where(record.c.action == ledger.HOLD).order_by(record.c.id)
        ).all()
        now = store.get(connection, made)
    for one in said:
        assert (set(one.before), set(one.after)) == ({"state", "reason"}, {"state", "reason", "facts"})
    assert said[-1].after == {"state": "held", "reason": "restored", "facts": dict(now.reason_facts)}
    assert now.reason_facts.get("why") == ("policy" if was in ("held", "sending") else None)


def test_the_breaker_counts_from_the_moment_that_the_store_writes_down(office: Office) -> None:  # F7
    office.approved()
    made = send(office)
    with office.begin() as connection:
        assert ledger.last_let_go(connection, made) == NOW
        store.pause(connection, made, by=KEIKO, now=NOW + HOUR)
        assert ledger.last_let_go(connection, made) == NOW
        store.resume(connection, made, by=KEIKO, now=NOW + 2 * HOUR)
        assert ledger.last_let_go(connection, made) == NOW + 2 * HOUR


def test_what_is_over_stays_over(office: Office) -> None:
    office.approved()
    made = send(office)
    with office.begin() as connection:
        store.cancel(connection, made, by=KEIKO, now=NOW)
    assert freeze(office).held == ()
    assert office.campaigns()[0].state is CampaignState.CANCELLED


def test_what_was_in_hand_is_queued_or_uncertain_and_waiting_notices_are_cancelled(office: Office) -> None:
    office.approved()
    editions = office.approve()
    made = send(office)
    with office.begin() as connection:
        for number, state in enumerate(("queued", "claimed", "attempting")):
            notice = Notice(
                "confirm", f"confirm:{number}", "a@example.org", "example.org", editions["ja"], "ja", {}
            )
            number_of = ledger.enqueue_notice(connection, notice, NOW)
            held = {"state": state, "attempts": 1, "lease_until": NOW + HOUR, "fence": 7}
            connection.execute(delivery.update().where(delivery.c.id == number_of).values(**held))
        own = Notice(
            first_copy.PURPOSE, "first_copy:1", "o@example.org", "example.org", editions["ja"], "ja", {}
        )
        ledger.enqueue_notice(connection, own, NOW)  # cancelled, too, and not told as a notice to a reader
        rows = connection.scalars(sa.select(delivery.c.id).where(delivery.c.campaign_id == made)).all()
        for id_, state in zip(rows, ("claimed", "attempting"), strict=False):
            held = {"state": state, "attempts": 1, "lease_until": NOW + 9 * HOUR, "fence": 7}
            connection.execute(delivery.update().where(delivery.c.id == id_).values(**held))
    frozen = freeze(office)
    assert (frozen.uncertain, frozen.notices) == (2, 2)  # one of each kind was on the wire
    assert frozen.held[0].people == READERS - 1
    with office.begin() as connection:
        states = connection.execute(sa.select(delivery.c.notice, delivery.c.state)).all()
        assert sorted((row.notice or "", row.state) for row in states) == [
            ("", "queued"), ("", "queued"), ("", "queued"), ("", "uncertain"),
            ("confirm", "cancelled"), ("confirm", "cancelled"), ("confirm", "uncertain"),
            ("first_copy", "cancelled"),
        ]  # fmt: skip
        assert set(connection.scalars(sa.select(attempt.c.outcome))) == {"uncertain"}
        assert ledger.claim(connection, "host:1:a", 10, NOW + 2 * HOUR, HOUR) == []


def test_a_plain_copy_tells_its_age_by_its_last_record(office: Office) -> None:
    office.approved()
    send(office)
    with office.begin() as connection:
        assert restored.freeze(connection, by=KEIKO, now=NOW + 9 * HOUR).since == NOW
