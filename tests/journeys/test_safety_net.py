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
