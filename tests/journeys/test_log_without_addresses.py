"""The log of a whole send tells what happened and names nobody."""

from __future__ import annotations

import json
import re
import signal
import time

from mailer.smtp.sink import Action, Moment
from tests.journeys.conftest import EDITIONS, Office

PASSWORD = "harbour-light-84"


def test_the_log_of_a_send_names_no_address_no_password_and_no_token(ready: Office) -> None:  # F39
    put_off: set[str] = set()

    def quoting(moment: Moment) -> Action | None:
        """Servers that quote the recipient in every way: whole, the local part alone, in a link."""
        command = moment.command.lower()
        if moment.stage == "rcpt" and "luc@" in command:
            return Action(b"550 5.1.1 <luc@example.net>: unknown user luc, https://x.example/?a=luc%40example.net\r\n")  # fmt: skip
        if moment.stage == "rcpt" and "tom@" in command and command not in put_off:
            put_off.add(command)
            return Action(b"451 4.7.1 tom@example.com is greylisted, tom may come back\r\n")
        return None

    ready.sink.script = quoting
    ready.configure(
        relay__password=PASSWORD, delivery__retry_first_seconds=1, delivery__retry_max_seconds=1, log="debug"
    )
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    worker = ready.start("work")
    deadline = time.monotonic() + 60
    while ready.json("campaigns", "status", "1")["state"] != "finished" and time.monotonic() < deadline:
        time.sleep(0.3)
    time.sleep(0.5)
    worker.send_signal(signal.SIGTERM)
    _, written = worker.communicate(timeout=60)
    assert ready.json("campaigns", "status", "1")["by_state"] == {"accepted": 4, "refused": 1}

    lines = [json.loads(line) for line in written.splitlines() if line.startswith("{")]
    told = {line["event"]: line for line in lines}
    assert {"turn", "first_accepted", "campaign_finished"} <= set(told)
    assert told["first_accepted"]["campaign"] == 1
    assert told["campaign_finished"]["by_state"] == {"accepted": 4, "refused": 1}
    assert told["turn"]["level"] == "debug"

    people = [*EDITIONS, "taro..y@mobile.example.ne.jp", "later@example.org", "gone@example.org"]
    secrets = {PASSWORD, *ready.environ.get("MAILER_SECRETS__PERMANENT_KEY", "").split()}
    for message in ready.sink.messages:
        secrets |= set(re.findall(r"/[upc]/([a-z2-7]{16,})", message.content.decode("ascii", "replace")))
    secrets |= {
        path.read_text("utf-8").strip()
        for path in (ready.folder / "secrets").iterdir()
        if path.is_file() and path.stat().st_size
    }
    assert len(secrets) > 3
    for person in people:
        local = person.rpartition("@")[0].strip('"')
        assert person not in written
        assert not re.search(rf"(?<![\w.]){re.escape(local)}(?![\w.])", written), local
    assert not [secret for secret in secrets if secret in written]
