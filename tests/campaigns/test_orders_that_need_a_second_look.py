"""Orders that a changed site, an empty list, another newsletter or a second hand would spoil."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar

import pytest
import sqlalchemy as sa

from mailer.campaigns import clock, launch, orders, schedules, status, store
from mailer.campaigns.model import Campaign, CampaignState, Order
from mailer.composer import store as issues
from mailer.errors import MailerError, Refused
from mailer.i18n import words
from mailer.tables.campaigns import campaign_edition
from subscribers import store as people
from subscribers import tables

from .conftest import KEIKO, NOW, RULES, Office, join

T = TypeVar("T")
ORDER = Order("2034-12", ("enews",))
HOUR = timedelta(hours=1)
DAY = date(2034, 12, 20)
MOVED = replace(RULES, base_url="https://news.example.org")


def tick(office: Office, now: datetime, rules: launch.Rules = RULES) -> list[dict[str, object]]:
    with office.begin() as connection:
        return clock.tick(connection, now, rules)


def send(office: Office, order: Order = ORDER, rules: launch.Rules = RULES) -> Campaign:
    with office.begin() as connection:
        return orders.send(connection, order, rules, by=KEIKO, now=NOW)


def plan(office: Office, order: Order = ORDER, at: datetime = NOW + HOUR) -> int:
    with office.begin() as connection:
        return orders.schedule(connection, order, at, by=KEIKO, now=NOW).campaign_id


def assign(office: Office, slug: str) -> None:
    with office.begin() as connection:
        schedules.assign(
            connection, "monthly", DAY, slug, calendar=RULES.calendar, by=KEIKO, now=NOW - HOUR
        )  # fmt: skip


def state_of(office: Office, slug: str = "2034-12") -> str:
    with office.begin() as connection:
        return str(issues.load(connection, slug).state)


def has_words(error: MailerError) -> bool:
    return all("2034-12" in words(language).error(error)[0] for language in ("ja", "en"))


# ── the site has moved since the approval ───────────────────────────────────────────────────────


def test_an_issue_that_was_composed_for_another_site_is_not_sent_until_it_is_approved_again(
    office: Office,
) -> None:
    office.approved()
    with pytest.raises(Refused) as caught:
        send(office, rules=MOVED)
    assert caught.value.key == "composed_otherwise"
    assert "mailer issues approve 2034-12" in (caught.value.remedy or "")
    assert has_words(caught.value)
    assert office.campaigns() == []
    frozen = office.approve(base_url=MOVED.base_url)
    sent = send(office, rules=MOVED)
    with office.begin() as connection:
        used = connection.scalars(
            sa.select(campaign_edition.c.edition_id).where(campaign_edition.c.campaign_id == sent.id)
        )
        assert set(used) == set(frozen.values())


def test_a_site_that_moved_before_the_hour_holds_the_campaign(office: Office) -> None:
    office.approved()
    made = plan(office)
    assert [event["did"] for event in tick(office, NOW + HOUR, MOVED)] == ["held"]
    held = office.campaigns()[0]
    assert (held.state, held.reason) == (CampaignState.HELD, "composed_otherwise")
    for language in ("ja", "en"):
        assert "2034-12" in words(language)("hold.composed_otherwise", **held.reason_facts)
    office.approve(base_url=MOVED.base_url)
    with office.begin() as connection:
        store.resume(connection, made, by=KEIKO, now=NOW + HOUR)
    assert [event["did"] for event in tick(office, NOW + HOUR, MOVED)] == ["launched"]


def test_a_launch_of_an_edition_for_another_site_is_refused(small_office: Office) -> None:
    small_office.approved()
    made = plan(small_office)
    with small_office.begin() as connection, pytest.raises(Refused) as caught:
        launch.launch(connection, made, MOVED, by=KEIKO, now=NOW)
    assert caught.value.key == "composed_otherwise"


def test_a_sent_issue_goes_to_a_second_list_from_the_new_site_once_it_is_approved_again(
    office: Office,
) -> None:
    office.approved()
    send(office)
    second = Order("2034-12", ("overseas",))
    with pytest.raises(Refused):
        send(office, second, MOVED)
    office.approve(base_url=MOVED.base_url)
    assert state_of(office) == "sent"
    assert office.languages(send(office, second, MOVED).id) == {"mei": "en"}


def test_a_campaign_that_has_begun_goes_on_after_the_site_moved(small_office: Office) -> None:
    small_office.approved()
    begun = send(small_office)
    with small_office.begin() as connection:
        store.pause(connection, begun.id, by=KEIKO, now=NOW)
    assert send(small_office, rules=MOVED).state is CampaignState.SENDING


# ── nobody there ────────────────────────────────────────────────────────────────────────────────


def test_an_issue_sent_to_an_empty_list_can_still_be_mended_and_sent(office: Office) -> None:
    office.approved()
    with office.begin() as connection:
        connection.execute(tables.subscription.delete())
    empty = send(office)
    assert empty.state is CampaignState.FINISHED
    assert state_of(office) == "approved"
    office.save(text="直しました。")
    office.approve()
    with office.begin() as connection:
        join(connection, office, "miho", ["ja"], "enews")
    sent = send(office)
    assert sent.id != empty.id
    assert office.languages(sent.id) == {"miho": "ja"}
    assert state_of(office) == "sent"


def test_a_second_send_that_finds_everybody_has_it_finishes_and_says_so(office: Office) -> None:
    office.approved()
    first = send(office)
    with office.begin() as connection:
        store.move(connection, first.id, CampaignState.FINISHED, by=KEIKO, now=NOW, finished_at=NOW)
    second = send(office)
    assert second.id != first.id
    assert second.state is CampaignState.FINISHED
    assert (second.excluded or {})["already_has_it"] == 4
    assert state_of(office) == "sent"
    with office.begin() as connection:
        assert {one["id"]: one["total"] for one in status.listing(connection)} == {first.id: 4, second.id: 0}


# ── two newsletters ─────────────────────────────────────────────────────────────────────────────


def another_newsletter(office: Office) -> None:
    with office.begin() as connection:
        office.lists["members"] = people.add_list(
            connection, "members", "members", newsletter="members", by=KEIKO, now=NOW
        ).id


def test_a_schedule_takes_the_issue_of_its_own_newsletter_only(office: Office) -> None:
    another_newsletter(office)
    office.approved("2034-12")
    office.approved("2034-99", DAY, "members")  # the newer one of the same day
    found = office.schedule("20 09:00")
    with office.begin() as connection:
        coming = schedules.planned(connection, found, 1, calendar=RULES.calendar, now=NOW - HOUR)
    assert [one.issue for one in coming] == ["2034-12"]
    tick(office, NOW)
    assert [c.issue for c in office.campaigns()] == ["2034-12"]


def test_a_schedule_without_an_issue_of_its_newsletter_is_held(office: Office) -> None:
    another_newsletter(office)
    office.approved("2034-99", DAY, "members")
    office.schedule("20 09:00")
    tick(office, NOW)
    assert [(c.issue, c.reason) for c in office.campaigns()] == [(None, "no_issue")]


def test_an_issue_is_ordered_for_lists_of_its_newsletter_only(office: Office) -> None:
    another_newsletter(office)
    office.approved()
    both = Order("2034-12", ("enews", "members"))
    office.schedule("20 09:00")
    office.approved("2034-99", DAY, "members")
    for order in (
        lambda: send(office, both),
        lambda: plan(office, both),
        lambda: assign(office, "2034-99"),
    ):
        with pytest.raises(Refused) as caught:
            order()
        assert caught.value.key == "other_newsletter"
        for language in ("ja", "en"):
            assert "members" in words(language).error(caught.value)[0]
    assert office.campaigns() == []
    assert send(office, Order("2034-99", ("members",))).issue == "2034-99"


def test_an_issue_that_moved_to_another_newsletter_after_the_order_is_held(office: Office) -> None:
    office.approved()
    plan(office)
    office.approved(newsletter="members")
    tick(office, NOW + HOUR)
    held = office.campaigns()[0]
    assert (held.state, held.reason) == (CampaignState.HELD, "other_newsletter")
    for language in ("ja", "en"):
        assert "2034-12" in words(language)("hold.other_newsletter", **held.reason_facts)


# ── again, and at the same moment ───────────────────────────────────────────────────────────────


def test_an_order_to_send_again_changes_the_campaign_that_waits_for_its_time(office: Office) -> None:
    office.approved()
    send(office, Order("2034-12", ("overseas",)))
    waiting = plan(office)
    again = replace(ORDER, again=True)
    assert plan(office, again, NOW + 2 * HOUR) == waiting
    assert send(office).id == waiting  # an order without it takes nothing back
    assert "both" in office.languages(waiting)  # who has it from the other list


def test_an_order_to_send_again_comes_too_late_for_a_campaign_that_has_begun(office: Office) -> None:
    office.approved()
    begun = send(office)
    with pytest.raises(Refused) as caught:
        send(office, replace(ORDER, again=True))
    assert caught.value.key == "again_too_late"
    for language in ("ja", "en"):
        assert str(begun.id) in words(language).error(caught.value)[0]
    assert send(office).id == begun.id


@pytest.mark.parametrize("again", [False, True])
def test_two_people_who_press_send_at_the_same_moment_make_one_campaign(office: Office, again: bool) -> None:
    office.approved()
    order = replace(ORDER, again=again)
    found = at_the_same_moment(*[lambda: send(office, order).id] * 4)
    assert len(set(found)) == 1
    assert [c.id for c in office.campaigns()] == found[:1]
    assert len(office.languages(found[0])) == 4


def test_a_person_and_the_clock_start_a_campaign_at_the_same_moment_once(office: Office) -> None:
    office.approved()
    waiting = plan(office)
    at_the_same_moment(
        lambda: [send(office)], lambda: [tick(office, NOW + HOUR)], lambda: [tick(office, NOW + HOUR)]
    )
    assert [(c.id, c.state) for c in office.campaigns()] == [(waiting, CampaignState.SENDING)]
    assert len(office.languages(waiting)) == 4


def test_the_clock_leaves_an_issue_that_somebody_is_ordering_to_its_next_look(office: Office) -> None:
    """An order locks the issue, then its campaign; so does the clock, else they could wait for each other."""
    office.approved()
    plan(office)
    if office.engine.dialect.name == "postgresql":  # SQLite has one writer at a time
        with office.begin() as connection:
            issues.lock(connection, "2034-12")
            assert tick(office, NOW + HOUR) == []
    assert [event["did"] for event in tick(office, NOW + HOUR)] == ["launched"]


def at_the_same_moment(*works: Callable[[], T]) -> list[T]:
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
