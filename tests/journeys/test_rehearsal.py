"""A rehearsal is the whole road with the real people, and nothing of it reaches anybody."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager

import sqlalchemy as sa

from mailer.bootstrap import open_house
from mailer.tables import campaigns, composer
from mailer.tables.delivery import rate_count
from tests.journeys.conftest import EDITIONS, Office


@contextmanager
def database(office: Office):
    house = open_house(office.folder / "config.toml", office.environ)
    with house.engine.begin() as connection:
        yield connection
    house.engine.dispose()


def rehearse(office: Office, **more):
    return office.json("campaigns", "rehearse", "2034-12", "--list", "enews", **more)


def test_a_rehearsal_says_who_would_get_it_and_nobody_does(ready: Office) -> None:
    said = rehearse(ready)
    assert ready.sink.messages == []
    assert (said["kind"], said["state"], said["agrees"]) == ("rehearsal", "finished", True)
    assert said["messages"] == said["by_state"]["accepted"] == len(EDITIONS)
    assert said["by_language"] == {"en": 1, "ja": 4}
    assert said["excluded"] == {"pending": 1, "unsubscribed": 1}
    assert said["largest_bytes"] >= said["mean_bytes"] > 10_000
    assert said["finish"]


def test_nobody_has_the_issue_by_it_and_the_issue_stays_as_it_is(ready: Office) -> None:  # F54
    rehearse(ready)
    with database(ready) as connection:
        assert connection.scalar(sa.select(composer.issue.c.state)) == "approved"
    sent = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    assert sent["by_state"] == {"accepted": len(EDITIONS)}
    assert {message.envelope.rcpt_to for message in ready.sink.messages} == set(EDITIONS)
    assert len(ready.sink.messages) == len(EDITIONS)
    again = rehearse(ready)  # now all have it: there would be nobody to send to
    assert (again["messages"], again["excluded"]["already_has_it"]) == (0, len(EDITIONS))
    to_all = ready.json("campaigns", "rehearse", "2034-12", "--list", "enews", "--again")
    assert to_all["messages"] == len(EDITIONS)


def test_a_rehearsal_takes_nothing_of_a_campaign_that_waits_for_its_sender(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews")  # nobody sends it yet
    ready.run("lists", "add", "press", "--name", "Press")
    ready.run("subscribers", "add", "paul@example.org", "--list", "press", "--consent", "asked by phone")
    said = ready.json("campaigns", "rehearse", "2034-12", "--list", "press")
    assert said["messages"] == 1
    assert ready.json("campaigns", "status", "1")["by_state"] == {"queued": len(EDITIONS)}
    assert ready.sink.messages == []


def test_a_running_sender_takes_nothing_of_a_rehearsal_that_broke_off(ready: Office) -> None:  # F54
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    with database(ready) as connection:  # as a rehearsal stands whose process was killed
        connection.execute(campaigns.campaign.update().values(kind="rehearsal"))
    worker = ready.start("work")
    time.sleep(4)
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=60)
    assert ready.sink.messages == []
    assert ready.json("campaigns", "status", "1")["by_state"] == {"queued": len(EDITIONS)}
    for verb in (["resume", "1"], ["retry", "1"]):
        refused = ready.json("campaigns", *verb, code=1)
        assert refused["error"]["code"] == "rehearsal_is_over"
    said = rehearse(ready)
    assert (said["campaign"], said["messages"]) == (2, len(EDITIONS))
    assert ready.json("campaigns", "status", "1")["state"] == "cancelled"


def test_what_is_rehearsed_is_approved(ready: Office) -> None:
    with database(ready) as connection:
        connection.execute(composer.issue.update().values(state="draft"))
        connection.execute(composer.approval.delete())
    refused = rehearse(ready, code=1)
    assert refused["error"]["code"] == "issue_not_approved"


def test_a_real_quota_neither_stops_a_rehearsal_nor_counts_it(ready: Office) -> None:  # F53
    ready.configure(relay__rates=["2/hour"])
    assert rehearse(ready)["messages"] == len(EDITIONS)
    with database(ready) as connection:
        assert connection.execute(sa.select(rate_count)).all() == []


def test_it_is_told_in_both_languages(ready: Office) -> None:
    ja = ready.run("--lang", "ja", "campaigns", "rehearse", "2034-12", "--list", "enews").stdout
    assert "外へは1通も送っていません" in ja.replace("\n", "")
    en = ready.run("campaigns", "rehearse", "2034-12", "--list", "enews").stdout
    assert "it would be sent to 5 people" in en
    assert "finished (rehearsal)" in ready.run("campaigns", "list").stdout
    assert "A rehearsal: no mail was sent" in ready.run("campaigns", "status", "2").stdout
