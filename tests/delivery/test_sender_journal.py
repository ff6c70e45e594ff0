"""What a sender tells the log of the course of campaigns: each change once, in ids and codes."""

from __future__ import annotations

from datetime import timedelta

import pytest
import structlog

from mailer.delivery import ledger
from mailer.delivery.journal import Journal
from mailer.logs import mask


@pytest.fixture
def told():
    structlog.reset_defaults()  # a command that ran before may have raised the level
    with structlog.testing.capture_logs() as lines:
        yield lines


def look(office, journal):
    with office.engine.begin() as connection:
        rows = journal.standings(connection)
    journal.look(rows)


def test_waits_and_their_end_are_told_once_without_the_servers_words(office, told):  # F39
    campaign, journal = office.launched(1), Journal("relay")
    until = office.now + timedelta(hours=1)
    for _ in range(3):
        look(office, journal)
    assert told == []
    with office.engine.begin() as connection:
        ledger.wait(connection, until, "quota", "450 4.5.4 p1@example.org has had enough")
    for _ in range(3):
        look(office, journal)
    with office.engine.begin() as connection:
        ledger.go_on(connection, until)
    look(office, journal)
    assert [line["event"] for line in told] == ["campaign_waits", "campaign_goes_on"]
    waits = told[0]
    assert (waits["campaign"], waits["reason"], waits["code"]) == (campaign, "quota", "450 4.5.4")
    assert waits["log_level"] == "warning"
    assert "p1" not in str(told)


def test_a_hold_is_a_warning_with_its_reason_and_no_facts(office, told):  # F39
    campaign, journal = office.launched(1), Journal("relay")
    look(office, journal)
    with office.engine.begin() as connection:
        ledger.hold(connection, campaign, "policy", {"reply": "550 5.7.1 p1@example.org"}, office.now)
    look(office, journal)
    look(office, journal)
    assert [(line["event"], line["campaign"], line["reason"]) for line in told] == [
        ("campaign_held", campaign, "policy")
    ]
    assert "p1" not in str(told)


def test_a_fault_of_the_program_that_quotes_an_address_is_masked():  # F39
    event = mask(
        None, "error", {"event": "unexpected", "exception": "ValueError: p1@example.org", "campaign": 3}
    )
    assert event == {"event": "unexpected", "exception": "ValueError: ‹address›", "campaign": 3}


def test_an_address_deep_in_a_line_is_masked_too():  # F39
    plain = {"event": "clock", "campaign": 3, "sure": True, "share": 0.5, "until": None}
    event = mask(
        None,
        "info",
        {
            **plain,
            "facts": {"to": "p1@example.org", "of": [("p2@example.org", 7)]},
            "error": ValueError("p3@example.org"),
        },
    )
    assert event == {**plain, "facts": {"to": "‹address›", "of": [["‹address›", 7]]}, "error": "‹address›"}
