"""The safety net by the command line: the first copy, the words about it, and stop."""

from __future__ import annotations

import re
import time

from .conftest import EDITIONS, Office

DESK = "enews@example.org"


def _recipients(office: Office) -> list[str]:
    return sorted(message.envelope.rcpt_to for message in office.sink.messages)


def _until(condition: object, seconds: float = 60.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < ends, "it never came"
        time.sleep(0.1)


def test_whoever_waits_is_told_how_to_stop_and_a_person_can_open_it_at_once(ready: Office) -> None:
    ready.configure(delivery__safety_window_minutes=10)
    handed_over = ready.run("campaigns", "send", "2034-12", "--list", "enews").stdout
    assert f"on its way to {DESK}" in handed_over
    sending = ready.start("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    _until(lambda: len(ready.sink.messages) == 2)
    _until(lambda: ready.json("campaigns", "status", "1")["safety"]["opens_at"] is not None)
    status = ready.json("campaigns", "status", "1")
    assert (status["state"], status["by_state"]) == ("sending", {"queued": len(EDITIONS)})
    assert (status["safety"]["minutes"], status["safety"]["to"]) == (10, DESK)
    for language in ("ja", "en"):
        said = ready.run("--lang", language, "campaigns", "status", "1").stdout
        assert DESK in said and "mailer campaigns pause 1" in said
    assert _recipients(ready) == [DESK, DESK]
    ready.run("campaigns", "pause", "1")
    _, said = sending.communicate(timeout=60)
    assert sending.returncode == 1
    assert re.search(rf"The first copy has gone to {re.escape(DESK)}; the rest leaves at .*pause 1", said)
    assert _recipients(ready) == [DESK, DESK]

    assert "the rest leaves now" in ready.run("campaigns", "resume", "1").stdout
    sent = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")  # goes on with the same
    assert (sent["campaign"], sent["state"]) == (1, "finished")
    assert _recipients(ready) == sorted([DESK, DESK, *EDITIONS])


def test_a_mistake_in_the_first_copy_is_mended_and_sent_under_the_same_issue(ready: Office) -> None:  # F15
    ready.configure(delivery__safety_window_minutes=10)
    send = ("campaigns", "send", "2034-12", "--list", "enews")
    sending = ready.start(*send, "--wait")
    _until(lambda: len(ready.sink.messages) == 2)
    ready.run("campaigns", "pause", "1")
    sending.communicate(timeout=60)
    refused = ready.run(*send, code=1).stderr
    assert "mailer campaigns resume 1" in refused and "mailer campaigns cancel 1" in refused

    ready.run("issues", "export", "2034-12", "mended")
    text = ready.folder / "mended" / "en.md"
    text.write_text(text.read_text("utf-8").replace("December", "January"), "utf-8")
    assert "mailer campaigns cancel 1" in ready.run("issues", "import", "mended", code=1).stderr
    assert "before any reader" in ready.run("campaigns", "cancel", "1").stdout
    ready.run("issues", "import", "mended")
    ready.run("issues", "approve", "2034-12")
    ready.configure(delivery__safety_window_minutes=0)
    assert ready.json(*send, "--wait")["campaign"] == 2
    assert _recipients(ready) == sorted([DESK, DESK, *EDITIONS])
    tom = next(one for one in ready.sink.messages if one.envelope.rcpt_to == "tom@example.com")
    assert b"January" in tom.content


def test_where_everybody_has_it_send_says_so_and_how_to_send_again(ready: Office) -> None:  # F54
    send = ("campaigns", "send", "2034-12", "--list", "enews")
    ready.run(*send, "--wait")
    for more in ((), ("--wait",)):
        said = ready.run(*send, *more).stdout
        assert "Nobody is left" in said and "has this issue already (5)" in said
        assert "mailer campaigns send 2034-12 --list enews --again" in said
        assert "is ready" not in said
    assert "これから送る相手はいません" in ready.run("--lang", "ja", *send).stdout
    assert _recipients(ready) == sorted(EDITIONS)


def test_a_retry_of_what_is_held_says_that_it_waits_for_a_person(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    ready.run("campaigns", "pause", "1")
    assert "mailer campaigns resume 1" in ready.run("campaigns", "retry", "1").stdout
    assert ready.json("campaigns", "retry", "1")["state"] == "paused"
