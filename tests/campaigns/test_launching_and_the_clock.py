"""The clock and the launch: once, in time, approved, and each reader in their language."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from mailer.campaigns import clock, orders, schedules, status, store
from mailer.campaigns.model import CampaignState, Order, Why
from mailer.composer import store as issues
from mailer.errors import NotFound, Refused
from mailer.i18n import words
from mailer.tables.campaigns import campaign_edition, occurrence
from mailer.tables.delivery import delivery
from subscribers import tables
from subscribers.errors import UnknownList

from .conftest import KEIKO, NOW, RULES, Office

ORDER = Order("2034-12", ("enews",))
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def tick(office: Office, now: datetime) -> list[dict[str, object]]:
    with office.begin() as connection:
        return clock.tick(connection, now, RULES)


def send(office: Office, order: Order = ORDER, now: datetime = NOW) -> int:
    with office.begin() as connection:
        return orders.send(connection, order, RULES, by=KEIKO, now=now).id


# ── launching ───────────────────────────────────────────────────────────────────────────────────


def test_each_reader_gets_the_edition_in_their_language(office: Office) -> None:
    office.approved()
    both = send(office, Order("2034-12", ("enews", "overseas")))
    assert office.languages(both) == {
        "miho": "ja",
        "alan": "en",  # en-GB reads en
        "jean": "ja",  # nobody writes French here: the site's language
        "mei": "en",  # no preference: the list's language
        "both": "ja",
    }
    with office.begin() as connection:
        found = status.status(connection, both, NOW)
    assert found.campaign.state is CampaignState.SENDING
    assert found.counts.excluded == {"pending": 1}
    assert found.counts.by_language == {"en": 2, "ja": 3}


def test_what_was_approved_is_what_is_sent_even_if_a_text_returns_to_earlier_words(office: Office) -> None:
    office.save(text="一番目")
    first = office.approve()
    office.save(text="二番目")
    second = office.approve()
    office.save(text="一番目")
    assert office.approve() == first != second
    sent = send(office)
    with office.begin() as connection:
        used = connection.execute(
            sa.select(campaign_edition.c.language, campaign_edition.c.edition_id).where(
                campaign_edition.c.campaign_id == sent
            )
        )
        assert {row.language: row.edition_id for row in used} == first


def test_a_launched_issue_is_sent_and_can_no_longer_be_edited(office: Office) -> None:  # F15
    office.approved()
    send(office)
    with pytest.raises(Refused):
        office.save(text="changed")


def test_pressing_send_twice_is_the_same_campaign(office: Office) -> None:  # F54
    office.approved()
    first = send(office)
    assert send(office) == first
    assert len(office.campaigns()) == 1


def test_sending_goes_on_where_somebody_paused_it(office: Office) -> None:
    office.approved()
    first = send(office)
    with office.begin() as connection:
        store.pause(connection, first, by=KEIKO, now=NOW)
    assert send(office) == first
    assert office.campaigns()[0].state is CampaignState.SENDING


def test_a_second_list_repeats_nobody(office: Office) -> None:  # F54
    office.approved()
    send(office)
    second = send(office, Order("2034-12", ("overseas",)))
    assert office.languages(second) == {"mei": "en"}
    with office.begin() as connection:
        assert store.get(connection, second).excluded == {"already_has_it": 1}
        again = orders.send(
            connection, Order("2034-12", ("overseas", "enews"), again=True), RULES, by=KEIKO, now=NOW
        )
    assert len(office.languages(again.id)) == 5


def test_a_campaign_that_has_nobody_to_write_to_is_finished(office: Office) -> None:
    office.approved()
    with office.begin() as connection:
        connection.execute(tables.subscription.delete())
    found = send(office)
    assert office.campaigns()[0].id == found
    assert office.campaigns()[0].state is CampaignState.FINISHED


def test_an_unapproved_issue_is_not_sent(office: Office) -> None:  # F14
    office.save()
    with pytest.raises(Refused) as caught:
        send(office)
    assert caught.value.key == "issue_not_approved"
    assert "2034-12" in words("ja").error(caught.value)[0]
    assert office.campaigns() == []


def test_a_change_after_the_approval_needs_another_one(office: Office) -> None:  # F14
    office.approved()
    office.save(text="changed")
    with pytest.raises(Refused):
        send(office)


def test_orders_that_name_what_is_not_there_are_refused(small_office: Office) -> None:
    small_office.approved()
    with pytest.raises(UnknownList):
        send(small_office, Order("2034-12", ("nobody",)))
    with pytest.raises(NotFound):
        send(small_office, Order("1999-01", ("enews",)))
    with pytest.raises(Refused):
        send(small_office, Order("2034-12", ()))


# ── at a time ───────────────────────────────────────────────────────────────────────────────────


def plan(office: Office, at: datetime, now: datetime = NOW, order: Order = ORDER) -> orders.Scheduled:
    with office.begin() as connection:
        return orders.schedule(connection, order, at, by=KEIKO, now=now)


def test_a_scheduled_campaign_starts_at_its_time_and_not_before(office: Office) -> None:
    office.approved()
    made = plan(office, NOW + HOUR)
    assert made.missing == ()
    assert tick(office, NOW + HOUR - timedelta(seconds=1)) == []
    assert tick(office, NOW + HOUR) == [
        {"did": "launched", "campaign": made.campaign_id, "issue": "2034-12", "total": 4}
    ]
    assert tick(office, NOW + 2 * HOUR) == []


def test_an_unapproved_issue_may_be_scheduled_and_is_held_at_the_hour(office: Office) -> None:  # F14
    office.save()
    made = plan(office, NOW + HOUR)
    assert made.missing == (Why.NOT_APPROVED,)
    tick(office, NOW + HOUR)
    held = office.campaigns()[0]
    assert (held.state, held.reason) == (CampaignState.HELD, "not_approved")
    for language in ("ja", "en"):
        assert "2034-12" in words(language)("hold.not_approved", **held.reason_facts)
    assert office.languages(made.campaign_id) == {}
    office.approve()
    assert tick(office, NOW + 2 * HOUR) == []  # nothing leaves by itself after the hour: a person decides
    with office.begin() as connection:
        assert store.resume(connection, made.campaign_id, by=KEIKO, now=NOW + 3 * HOUR) == "scheduled"
    assert tick(office, NOW + 3 * HOUR)[0]["did"] == "launched"


def test_scheduling_again_moves_the_time(office: Office) -> None:
    office.approved()
    first = plan(office, NOW + HOUR)
    assert plan(office, NOW + 5 * HOUR).campaign_id == first.campaign_id
    assert tick(office, NOW + HOUR) == []
    with pytest.raises(Refused) as caught:
        plan(office, NOW)
    assert caught.value.key == "time_is_past"
    tick(office, NOW + 5 * HOUR)
    with pytest.raises(Refused) as caught:
        plan(office, NOW + 9 * HOUR, NOW + 6 * HOUR)
    assert caught.value.key == "already_sending"


def test_a_machine_that_was_down_for_an_hour_sends(office: Office) -> None:  # F8
    office.approved()
    plan(office, NOW + HOUR)
    assert [event["did"] for event in tick(office, NOW + 7 * HOUR)] == ["launched"]


def test_a_machine_that_was_down_for_three_days_asks(office: Office) -> None:  # F8
    office.approved()
    made = plan(office, NOW + HOUR)
    tick(office, NOW + timedelta(days=3))
    held = office.campaigns()[0]
    assert (held.state, held.reason) == (CampaignState.HELD, "late")
    assert "71" in words("en")("hold.late", **held.reason_facts)
    assert "71" in words("ja")("hold.late", **held.reason_facts)
    later = NOW + timedelta(days=4)
    with office.begin() as connection:
        store.resume(connection, made.campaign_id, by=KEIKO, now=later)
    assert [event["did"] for event in tick(office, later)] == ["launched"]


# ── monthly ─────────────────────────────────────────────────────────────────────────────────────


def test_a_schedule_sends_the_issue_of_its_date(office: Office) -> None:
    office.approved("2034-12", date(2034, 12, 20))
    office.schedule("20 09:00")
    assert [event["did"] for event in tick(office, NOW)] == ["fired", "launched"]
    assert [c.issue for c in office.campaigns()] == ["2034-12"]
    assert tick(office, NOW) == [] == tick(office, NOW + HOUR)


def test_an_assigned_issue_comes_before_the_one_of_the_date(office: Office) -> None:
    office.approved("2034-12", date(2034, 12, 20))
    office.approved("2034-99", date(2034, 12, 1))
    office.schedule("20 09:00")
    with office.begin() as connection:
        schedules.assign(
            connection,
            "monthly",
            date(2034, 12, 20),
            "2034-99",
            calendar=RULES.calendar,
            by=KEIKO,
            now=NOW - HOUR,
        )
        found = schedules.get(connection, "monthly")
        coming = schedules.planned(connection, found, 2, calendar=RULES.calendar, now=NOW - HOUR)
    assert [(p.date, p.issue) for p in coming] == [(date(2034, 12, 20), "2034-99"), (date(2035, 1, 20), None)]
    tick(office, NOW)
    assert [c.issue for c in office.campaigns()] == ["2034-99"]


def test_a_date_without_an_issue_is_held_and_goes_on_when_one_is_assigned(office: Office) -> None:
    office.schedule("20 09:00")
    assert [event["did"] for event in tick(office, NOW)] == ["fired", "held"]
    held = office.campaigns()[0]
    assert (held.state, held.reason, held.issue) == (CampaignState.HELD, "no_issue", None)
    office.approved("2034-77", date(2034, 11, 1))
    with office.begin() as connection:
        schedules.assign(
            connection,
            "monthly",
            date(2034, 12, 20),
            "2034-77",
            calendar=RULES.calendar,
            by=KEIKO,
            now=NOW + HOUR,
        )
        store.resume(connection, held.id, by=KEIKO, now=NOW + HOUR)
    assert [event["did"] for event in tick(office, NOW + HOUR)] == ["launched"]
    with office.begin() as connection, pytest.raises(Refused) as caught:
        schedules.assign(
            connection,
            "monthly",
            date(2034, 12, 20),
            "2034-77",
            calendar=RULES.calendar,
            by=KEIKO,
            now=NOW + HOUR,
        )
    assert caught.value.key == "occurrence_fired"


def test_a_schedule_takes_no_issue_that_has_been_sent(office: Office) -> None:  # F54
    office.approved("2034-12", date(2034, 12, 20))
    send(office, Order("2034-12", ("overseas",)), NOW - HOUR)
    office.schedule("20 09:00")
    tick(office, NOW)
    assert [c.reason for c in office.campaigns()] == [None, "no_issue"]


def test_an_issue_is_not_assigned_to_a_day_that_never_comes(small_office: Office) -> None:
    small_office.save()
    small_office.schedule("20 09:00")
    with small_office.begin() as connection, pytest.raises(Refused) as caught:
        schedules.assign(
            connection, "monthly", date(2034, 12, 21), "2034-12", calendar=RULES.calendar, by=KEIKO, now=NOW
        )
    assert caught.value.facts["dates"] == ["2035-01-20", "2035-02-20", "2035-03-20"]


def test_a_schedule_made_after_this_months_day_starts_next_month(office: Office) -> None:  # F12
    office.approved()
    office.schedule("20 09:00", at=NOW + HOUR)
    assert tick(office, NOW + 2 * HOUR) == []
    with office.begin() as connection:
        found = schedules.get(connection, "monthly")
        coming = schedules.planned(connection, found, 1, calendar=RULES.calendar, now=NOW + HOUR)
    assert coming[0].date == date(2035, 1, 20)


def test_a_clock_that_is_set_back_repeats_nothing(office: Office) -> None:  # F4
    office.approved()
    office.schedule("20 09:00")
    tick(office, NOW + HOUR)
    for hours in (-48, -1, 0, 1, 2):
        assert tick(office, NOW + hours * HOUR) == []
    assert len(office.campaigns()) == 1


def test_a_changed_rule_does_not_fire_the_same_day_twice(office: Office) -> None:  # F12
    office.approved()
    office.schedule("20 09:00")
    tick(office, NOW)
    with office.begin() as connection:
        schedules.change(connection, "monthly", rule="20 10:00", zone="Asia/Tokyo", by=KEIKO, now=NOW)
    assert tick(office, NOW + 2 * HOUR) == []
    assert len(office.campaigns()) == 1


def test_an_hour_that_comes_twice_fires_once(small_office: Office) -> None:  # F13
    small_office.schedule("28 02:30", at=utc("2035-10-20T00:00Z"), zone="Europe/Berlin")
    fired = []
    for quarter in range(24):
        fired += tick(small_office, utc("2035-10-27T22:00Z") + quarter * timedelta(minutes=15))
    assert [event["did"] for event in fired] == ["fired", "held"]


def test_a_resting_schedule_owes_nothing_afterwards(small_office: Office) -> None:
    small_office.schedule("20 09:00")
    with small_office.begin() as connection:
        schedules.set_active(connection, "monthly", False, by=KEIKO, now=NOW - HOUR)
    assert tick(small_office, NOW) == []
    with small_office.begin() as connection:
        schedules.set_active(connection, "monthly", True, by=KEIKO, now=NOW + HOUR)
    assert tick(small_office, NOW + 2 * HOUR) == []


def test_months_missed_while_the_machine_was_off_are_held_each_for_itself(small_office: Office) -> None:  # F8
    small_office.schedule("20 09:00")
    tick(small_office, NOW + timedelta(days=70))
    assert [c.state for c in small_office.campaigns()] == [CampaignState.HELD] * 3


@pytest.mark.parametrize("workers", [4])
def test_several_workers_at_the_same_moment_launch_once(office: Office, workers: int) -> None:  # F4
    office.approved()
    office.schedule("20 09:00")
    plan(office, NOW, NOW - HOUR, Order("2034-12", ("overseas",)))
    barrier = threading.Barrier(workers)
    events: list[dict[str, object]] = []

    def work() -> None:
        barrier.wait()
        events.extend(tick(office, NOW))

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(event["did"]) for event in events) in (
        ["fired", "launched", "launched"],
        ["fired", "held", "launched"],
    )
    with office.begin() as connection:
        rows = connection.scalar(sa.select(sa.func.count()).select_from(delivery)) or 0
        people = connection.scalar(sa.select(sa.func.count(sa.distinct(delivery.c.subscriber_id))))
        assert rows == people
        assert connection.scalar(sa.select(sa.func.count()).select_from(occurrence)) == 1


def test_schedules_are_refused_with_a_reason(small_office: Office) -> None:
    small_office.schedule("20 09:00")
    with small_office.begin() as connection:
        with pytest.raises(Refused):
            schedules.add(connection, "monthly", "20 09:00", "Asia/Tokyo", [], by=KEIKO, now=NOW)
        with pytest.raises(NotFound) as caught:
            schedules.add(connection, "other", "20 09:00", "Tokyo/Asia", [], by=KEIKO, now=NOW)
        with pytest.raises(NotFound):
            schedules.get(connection, "nothing")
    assert "Tokyo/Asia" in words("ja").error(caught.value)[0]


# ── moves ───────────────────────────────────────────────────────────────────────────────────────


def test_cancelling_says_how_many_will_never_leave(office: Office) -> None:
    office.approved()
    sent = send(office)
    with office.begin() as connection:
        assert store.cancel(connection, sent, by=KEIKO, now=NOW) == 4
        with pytest.raises(Refused) as caught:
            store.resume(connection, sent, by=KEIKO, now=NOW)
    assert caught.value.key == "campaign_state"
    for language in ("ja", "en"):
        assert words(language).error(caught.value)[1]


def test_a_paused_campaign_that_was_not_launched_is_not_launched(office: Office) -> None:
    office.approved()
    made = plan(office, NOW + HOUR)
    with office.begin() as connection:
        store.pause(connection, made.campaign_id, by=KEIKO, now=NOW)
    assert tick(office, NOW + 2 * HOUR) == []
    with office.begin() as connection:
        assert (
            store.resume(connection, made.campaign_id, by=KEIKO, now=NOW + 20 * HOUR)
            is CampaignState.SCHEDULED
        )
    assert [event["did"] for event in tick(office, NOW + 20 * HOUR)] == ["launched"]


def test_refused_deliveries_are_queued_again_and_the_campaign_goes_on(office: Office) -> None:
    office.approved()
    sent = send(office)
    with office.begin() as connection:
        connection.execute(delivery.update().values(state="refused"))
        connection.execute(delivery.update().where(delivery.c.language == "en").values(state="uncertain"))
        store.move(connection, sent, CampaignState.FINISHED, by=KEIKO, now=NOW, finished_at=NOW)
        assert store.retry(connection, sent, uncertain=False, by=KEIKO, now=NOW) == 3
        found = status.status(connection, sent, NOW)
    assert found.campaign.state is CampaignState.SENDING
    assert found.counts.by_state == {"queued": 3, "uncertain": 1}


def test_the_status_keeps_its_names(office: Office) -> None:
    office.approved()
    sent = send(office)
    with office.begin() as connection:
        said = status.status(connection, sent, NOW).as_json()
        listed = status.listing(connection)
    promised = {
        "campaign",
        "state",
        "total",
        "excluded",
        "by_language",
        "by_state",
        "seconds",
        "messages_per_second",
    }
    assert promised <= set(said)
    assert {key: listed[0][key] for key in ("id", "issue", "state", "total")} == {
        "id": sent, "issue": "2034-12", "state": "sending", "total": 4,
    }  # fmt: skip


def test_every_move_is_on_record(office: Office) -> None:
    office.approved()
    sent = send(office)
    with office.begin() as connection:
        store.pause(connection, sent, by=KEIKO, now=NOW)
        store.resume(connection, sent, by=KEIKO, now=NOW)
        record = tables.audit_record.c
        actions = connection.scalars(
            sa.select(record.action).where(record.subject == f"campaign:{sent}").order_by(record.id)
        ).all()
        assert issues.load(connection, "2034-12").state == "sent"
    assert list(actions) == [
        "campaign.create",
        "campaign.send",
        "campaign.launch",
        "campaign.pause",
        "campaign.send",
    ]
