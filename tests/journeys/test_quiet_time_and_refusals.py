"""Quiet time and too many refusals, as the office meets them at the command line."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from tests.doubles import fault_server

from .conftest import Office


def test_an_order_at_a_quiet_time_says_when_it_goes_and_waits_for_it(ready: Office) -> None:
    here = datetime.now(ZoneInfo("Asia/Tokyo"))
    begins, ends = here - timedelta(hours=2), here + timedelta(hours=3)
    ready.configure(delivery__quiet_hours=f"{begins:%H:%M}-{ends:%H:%M}")
    soon = here + timedelta(hours=1)
    order = ("campaigns", "schedule", "2034-12", "--list", "enews", "--at", f"{soon:%Y-%m-%d %H:%M}")
    made = ready.json(*order)
    expected = ends.replace(second=0, microsecond=0)
    assert datetime.fromisoformat(made["quiet_until"]) == expected
    assert "quiet" in ready.run(*order).stdout
    assert "配信しない時間帯" in ready.run("--lang", "ja", *order).stdout

    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    worker = ready.start("work")
    try:
        deadline, status = time.monotonic() + 60, {"waits_reason": None}
        while status["waits_reason"] is None and time.monotonic() < deadline:
            time.sleep(0.2)
            status = ready.json("campaigns", "status", str(made["campaign"]))
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
    assert (status["state"], status["waits_reason"]) == ("sending", "quiet")
    assert datetime.fromisoformat(status["waits_until"]) == expected
    assert datetime.fromisoformat(status["finish"]) > expected.astimezone(UTC)
    assert ready.sink.messages == []
    assert "quiet" in ready.run("campaigns", "status", str(made["campaign"])).stdout

    ready.configure(delivery__quiet_hours="")  # the office decides otherwise
    sent = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    assert sent["by_state"] == {"accepted": 5}


def test_a_relay_that_refuses_everybody_holds_the_campaign_and_a_retry_reaches_everybody(
    ready: Office,
) -> None:  # F7
    ready.sink.script = fault_server.reply("rcpt", "550 5.1.1 no such user")
    held = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait", code=1)
    assert (held["state"], held["reason"]) == ("held", "too_many_refusals")
    assert held["by_state"] == {"refused": 5}
    ident = str(held["campaign"])
    assert "5 of the last 5" in ready.run("campaigns", "status", ident).stdout
    assert "550 5.1.1 no such user" in ready.run("--lang", "ja", "campaigns", "status", ident).stdout
    ready.sink.script = None
    assert ready.json("campaigns", "retry", ident)["queued"] == 5
    sent = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    assert (sent["campaign"], sent["state"], sent["by_state"]) == (
        held["campaign"],
        "finished",
        {"accepted": 5},
    )
