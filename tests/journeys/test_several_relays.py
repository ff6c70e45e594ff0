"""Two newsletters with senders of their own, each over its own relay, and a relay that stands in."""

from __future__ import annotations

import email
import email.policy
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailer.bootstrap import clock_rules, finish_if_begun, open_house
from mailer.campaigns import clock
from mailer.smtp.sink import Sink, running_sink
from subscribers.database import reading
from tests.journeys.conftest import SAMPLE, Office


def harbour(office: Office, tmp_path: Path) -> None:
    """A second newsletter with a list, a reader and an approved issue."""
    office.configure(
        sender__newsletters={"harbour": {"name": "Harbour Notes", "email": "notes@harbour.example"}}
    )
    folder = tmp_path / "h-2034-12"
    shutil.copytree(SAMPLE, folder)
    text = (folder / "issue.toml").read_text("utf-8").replace('slug = "2034-12"', 'slug = "h-2034-12"')
    (folder / "issue.toml").write_text('newsletter = "harbour"\n' + text, "utf-8")
    office.run("lists", "add", "harbour", "--name", "Harbour", "--language", "en", "--newsletter", "harbour")
    (office.folder / "h.csv").write_text("email,language\nmia@example.net,en\n", "utf-8")
    office.run("subscribers", "import", "h.csv", "--list", "harbour", "--consent", "Said yes.")
    office.run("issues", "import", str(folder))
    office.run("issues", "approve", "h-2034-12", "--pass", "unchanged", "--reason", "One sample for two.")


def second_relay(sink: Sink, *senders: str) -> list[dict[str, object]]:
    return [
        {"host": "localhost", "port": sink.port, "tls": "none", "rates": [], "from_addresses": list(senders)}
    ]


def test_each_newsletter_leaves_by_its_own_relay_under_its_own_name(ready: Office, tmp_path: Path) -> None:
    harbour(ready, tmp_path)
    with running_sink(Sink()) as second:
        ready.configure(
            relay__from_addresses=["enews@example.org"],
            relay__more=second_relay(second, "notes@harbour.example"),
        )
        ready.run("campaigns", "send", "h-2034-12", "--list", "harbour", "--wait")
        ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
        checked = ready.json("check")
    (caught,) = second.messages
    mail = email.message_from_bytes(caught.content, policy=email.policy.default)
    assert mail["From"].addresses[0].addr_spec == "notes@harbour.example"
    assert mail["From"].addresses[0].display_name == "Harbour Notes"
    assert mail["Message-ID"].strip("<>").endswith("@harbour.example")
    assert "harbour.harbour.example" in mail["List-Id"]
    assert caught.envelope.mail_from == "notes@harbour.example"
    assert len(ready.sink.messages) == 5
    assert all(b"enews@example.org" in one.content for one in ready.sink.messages)
    relays = [step for step in checked["steps"] if step["step"] == "relay"]
    assert [step["relay"] for step in relays] == ["127.0.0.1", "localhost"]
    assert all(step["passed"] for step in relays)


def test_the_finish_is_reckoned_by_the_limits_of_the_newsletters_own_relay(office: Office) -> None:
    office.configure(
        sender__newsletters={
            "harbour": {"email": "notes@harbour.example"},
            "alone": {"email": "alone@example.net"},
        },
        relay__from_addresses=["enews@example.org"],
        relay__more=[
            {"host": "localhost", "rates": ["1/minute"], "from_addresses": ["notes@harbour.example"]}
        ],
    )
    house = open_house(office.folder / "config.toml", office.environ)
    start = datetime(2034, 12, 20, 0, 0, tzinfo=UTC)
    with reading(house.engine) as connection:
        ends = [finish_if_begun(house, connection, one, 600, start) for one in ("main", "harbour", "alone")]
    house.engine.dispose()
    main, harbours, alone = ends
    assert main is not None and harbours is not None and alone is None
    assert main - start < timedelta(minutes=5) and harbours - start > timedelta(hours=9)


def test_a_sender_that_no_relay_takes_is_refused_in_one_sentence(ready: Office, tmp_path: Path) -> None:
    harbour(ready, tmp_path)
    ready.configure(relay__from_addresses=["enews@example.org"])
    told = ready.json("campaigns", "send", "h-2034-12", "--list", "harbour", "--wait", code=1)
    assert told["error"]["code"] == "no_relay_for_sender"
    assert "notes@harbour.example" in told["error"]["message"]
    ready.run("campaigns", "schedule", "h-2034-12", "--list", "harbour", "--at", "2034-12-20 09:00")
    house = open_house(ready.folder / "config.toml", ready.environ)
    with house.engine.begin() as connection:  # the clock, at that hour
        clock.tick(connection, datetime(2034, 12, 20, 0, 1, tzinfo=UTC), clock_rules(house))
    house.engine.dispose()
    told = ready.run("--lang", "en", "campaigns", "status", "1").stdout
    assert "the sender of the newsletter harbour" in " ".join(told.split())  # 80 columns
    assert ready.json("campaigns", "status", "1")["reason"] == "no_relay_for_sender"


def test_the_second_relay_stands_in_for_one_that_is_down(ready: Office) -> None:  # F5
    with running_sink(Sink()) as second:
        ready.configure(relay__port=1, relay__more=second_relay(second))
        told = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")
        assert told["by_state"] == {"accepted": 5}
        assert len(second.messages) == 5
        checked = ready.json("check", code=1)
    assert [step["passed"] for step in checked["steps"] if step["step"] == "relay"] == [False, True]


def test_check_says_of_which_relay_it_speaks_and_where_its_keys_are(ready: Office) -> None:
    with running_sink(Sink()) as second:
        ready.configure(relay__more=second_relay(second))
        told = ready.run("--lang", "ja", "check", "--to", "staff@example.org").stdout
        assert "staff@example.org に、127.0.0.1 から1通送りました" in told
        down = [{**one, "port": 1, "username": "u", "password": "p"} for one in second_relay(second)]
        ready.configure(relay__more=down)
        told = ready.run("--lang", "ja", "check", code=1).stdout
    assert "localhost（ユーザー名 u）" in told
    assert "[[relay.more]] にあります" in told
