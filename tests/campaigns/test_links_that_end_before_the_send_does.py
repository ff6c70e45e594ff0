"""A rented account may need days: dated links are judged by the predicted finish, not by the issue's date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from mailer.campaigns import clock, launch, orders, reasons, store
from mailer.campaigns.dates import Finish
from mailer.campaigns.model import CampaignState, Order, Why
from mailer.composer import store as issues
from mailer.errors import Refused
from mailer.i18n import words

from .conftest import KEIKO, NOW, RULES, Office

ORDER = Order("2034-12", ("enews",))
HOUR = timedelta(hours=1)
FORM = "[申込書](https://example.org/form){until=2034-12-22}"


def finish(reckon: Callable[[int, datetime], datetime]) -> Finish:
    """Over whichever relay."""
    return lambda _connection, _newsletter, people, start: reckon(people, start)


# Four readers: until 24 December.
SLOW = replace(RULES, finish=finish(lambda people, start: start + timedelta(days=people)))
QUICK = replace(RULES, finish=finish(lambda people, start: start + people * timedelta(minutes=1)))


@pytest.fixture
def dated(office: Office) -> Office:
    office.save(text=FORM)
    office.approve()
    return office


def send(office: Office, rules: launch.Rules) -> Any:
    with office.begin() as connection:
        return orders.send(connection, ORDER, rules, by=KEIKO, now=NOW)


def plan(office: Office, rules: launch.Rules) -> orders.Scheduled:
    with office.begin() as connection:
        return orders.schedule(connection, ORDER, NOW + HOUR, by=KEIKO, now=NOW, rules=rules)


def tick(office: Office, rules: launch.Rules, at: datetime = NOW + HOUR) -> list[object]:
    with office.begin() as connection:
        return [event["did"] for event in clock.tick(connection, at, rules)]


def test_a_send_that_outlasts_a_link_is_refused_and_says_which(dated: Office) -> None:
    with pytest.raises(Refused) as caught:
        send(dated, SLOW)
    assert (caught.value.key, caught.value.facts["name"]) == ("link_ends_early", "申込書")
    for language in ("ja", "en"):
        assert "申込書" in words(language).error(caught.value)[0]
    assert dated.campaigns() == []
    assert send(dated, QUICK).state is CampaignState.SENDING


def test_scheduling_names_it_and_the_clock_holds_it_until_a_person_decides(dated: Office) -> None:
    made = plan(dated, SLOW)
    assert made.missing == (Why.LINK_ENDS_EARLY,)
    assert made.early is not None and made.early.until == date(2034, 12, 22)
    assert tick(dated, SLOW) == ["held"]
    held = dated.campaigns()[0]
    assert (held.state, held.reason) == (CampaignState.HELD, "link_ends_early")
    for language, said in (("ja", "2034年12月22日"), ("en", "22 December 2034")):
        assert said in reasons.in_words(held, words(language), "Asia/Tokyo")
    with dated.begin() as connection:
        store.resume(connection, made.campaign_id, by=KEIKO, now=NOW + HOUR)
    assert tick(dated, SLOW) == ["launched"]


def test_what_was_passed_at_the_approval_is_not_asked_again(dated: Office) -> None:
    with dated.begin() as connection:
        issue = issues.load(connection, "2034-12")
        issues.approve(
            connection, issue, passed=[{"code": "link_ended", "reason": "known"}], by=KEIKO, now=NOW
        )
    assert plan(dated, SLOW).missing == ()
    assert tick(dated, SLOW) == ["launched"]


def test_a_link_that_the_text_no_longer_has_holds_nothing(dated: Office) -> None:
    dated.save(text="本文です。")
    dated.approve()
    assert plan(dated, SLOW).missing == ()


def test_the_safety_window_is_part_of_the_time(dated: Office) -> None:
    end = datetime.fromisoformat("2034-12-23T00:00:00+09:00")
    rules = replace(RULES, finish=finish(lambda _, start: start + (end - NOW - timedelta(minutes=5))))
    just_before = replace(rules, finish=finish(lambda _people, _start: end - timedelta(seconds=1)))
    assert plan(dated, just_before).missing == ()
    with pytest.raises(Refused):
        send(dated, replace(rules, safety_minutes=10))
