"""A send as the office watches it: status, the live view, and the file of who got what."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailer.smtp.sink import Action, Moment
from tests.journeys.conftest import Office

REFUSED = "<luc@example.net>: Recipient address rejected: user luc unknown"
PUT_OFF = "greylisted, tom@example.com try again in 60 s"


def faults(moment: Moment) -> Action | None:
    """Luc is unknown; Tom is put off at first."""
    if moment.stage != "rcpt":
        return None
    if "luc@" in moment.command:
        return Action(f"550 5.1.1 {REFUSED}\r\n".encode())
    if "tom@" in moment.command:
        return Action(f"451 4.7.1 {PUT_OFF}\r\n".encode())
    return None


def once(moment: Moment, seen: set[str]) -> Action | None:
    answer = faults(moment)
    if answer is not None and "tom@" in moment.command:
        if moment.command in seen:
            return None
        seen.add(moment.command)
    return answer


@pytest.fixture
def sent(ready: Office) -> Office:
    """Sent to five people: Tom gets it at the second try, Luc is refused."""
    seen: set[str] = set()
    ready.sink.script = lambda moment: once(moment, seen)
    ready.configure(delivery__retry_first_seconds=1, delivery__retry_max_seconds=1)
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    return ready


def test_the_status_tells_domains_rates_and_last_words_without_an_address(sent: Office) -> None:  # F39
    said = sent.json("campaigns", "status", "1")
    assert said["by_state"] == {"accepted": 4, "refused": 1}
    domains = {one["domain"]: one for one in said["by_domain"]}
    assert (domains["example.net"]["people"], domains["example.net"]["refused"]) == (1, 1)
    assert sum(one["people"] for one in said["by_domain"]) == said["total"] == 5
    replies = {one["code"]: one for one in said["last_replies"]}
    assert replies[550]["enhanced"] == "5.1.1"
    assert (replies[550]["times"], replies[550]["domain"]) == (1, "example.net")
    assert replies[451]["text"] == "greylisted, ‹address› try again in 60 s"
    assert said["finish"] is None
    assert said["rate_now"] > 0
    assert said["slowed_domains"] == []
    for language in ("ja", "en"):
        shown = sent.run("--lang", language, "campaigns", "status", "1").stdout
        assert "example.net" in shown
        assert "5.1.1" in shown
        assert not re.search(r"\b(luc|tom)\b|@", shown)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_sheet_fits_80_columns_and_keeps_commands_whole(ready: Office, language: str) -> None:
    from rich.cells import cell_len

    seen: set[str] = set()
    ready.sink.script = lambda moment: once(moment, seen)
    ready.configure(delivery__retry_first_seconds=1, delivery__retry_max_seconds=1)
    ready.configure(delivery__safety_window_minutes=30)
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    waiting = ready.run("--lang", language, "campaigns", "status", "1").stdout
    assert "mailer campaigns pause 1" in waiting
    ready.run("campaigns", "pause", "1")
    ready.run("campaigns", "resume", "1")
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    sent = ready.run("--lang", language, "campaigns", "status", "1").stdout
    assert "港町.example" in sent
    for line in [*waiting.splitlines(), *sent.splitlines()]:
        assert cell_len(line.rstrip()) <= 80, line


@pytest.mark.parametrize("end", ["paused", "scheduled"])
def test_no_end_is_promised_while_nothing_leaves(ready: Office, end: str) -> None:
    if end == "paused":
        ready.configure(relay__rates=["2/hour"])
        ready.run("campaigns", "send", "2034-12", "--list", "enews")
        assert ready.json("campaigns", "status", "1")["finish"]
        ready.run("campaigns", "pause", "1")
    else:
        ready.run("campaigns", "schedule", "2034-12", "--list", "enews", "--at", "2034-12-20 09:00")
    said = ready.json("campaigns", "status", "1")
    assert (said["state"], said["finish"]) == (end, None)
    shown = ready.run("--lang", "ja", "campaigns", "status", "1").stdout
    assert "見込み" not in shown
    assert ("2034年12月20日（水）9:00（日本時間）に始めます。" in shown) == (end == "scheduled")


def test_a_scheduled_campaign_says_when_quiet_time_lets_it_go(ready: Office) -> None:
    ready.configure(delivery__quiet_hours="22:00-10:30")
    ready.run("campaigns", "schedule", "2034-12", "--list", "enews", "--at", "2034-12-20 09:00")
    shown = ready.run("campaigns", "status", "1").stdout
    assert "9:00" in shown
    assert "10:30" in shown


def test_an_interrupted_send_says_that_sending_here_has_stopped(ready: Office) -> None:
    ready.configure(relay__rates=["2/hour"])
    code, shown = on_a_terminal(ready, "campaigns", "send", "2034-12", "--list", "enews", "--wait", until="Waiting until")  # fmt: skip
    assert code == 1
    assert "Sending here has stopped." in shown
    assert "Expected to finish" not in shown.rpartition("Campaign 1 (2034-12): sending")[2]


def test_looking_on_without_a_terminal_is_a_line_for_each_change_and_one_document(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    ready.run("campaigns", "pause", "1")
    lines = ready.run("campaigns", "status", "1", "--watch", code=1).stdout
    assert "Campaign 1 (2034-12): paused, 5 open." in lines
    assert ready.json("campaigns", "status", "1", "--watch", code=1)["state"] == "paused"
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    assert "finished, 0 open." in ready.run("campaigns", "status", "1", "--watch").stdout


def on_a_terminal(office: Office, *arguments: str, until: str = "", columns: int = 80) -> tuple[int, str]:
    """Run `mailer` on a terminal of its own; Ctrl-C once `until` is shown. Exit code and what was shown."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, **office.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm", "COLUMNS": str(columns), "LINES": "50"}  # fmt: skip
    running = subprocess.Popen(
        [sys.executable, "-c", "from mailer.cli.main import run; run()", *arguments],
        cwd=office.folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown, deadline, stopped = b"", time.monotonic() + 60, False
    while time.monotonic() < deadline:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
        shown += piece
        if until and not stopped and until in shown.decode("utf-8", "replace"):
            running.send_signal(signal.SIGINT)
            stopped = True
    os.close(ours)
    return running.wait(timeout=60), re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode("utf-8", "replace"))


def test_on_a_terminal_the_send_is_seen_live_and_the_sheet_stays(ready: Office) -> None:
    code, shown = on_a_terminal(ready, "campaigns", "send", "2034-12", "--list", "enews", "--wait")
    assert code == 0
    assert "━" in shown
    assert "Campaign 1 (2034-12): finished" in shown
    assert len(ready.sink.messages) == 5


def test_ctrl_c_ends_the_looking_and_not_the_campaign(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    code, shown = on_a_terminal(ready, "campaigns", "status", "1", "--watch", until="━")
    assert code == 1
    assert "Traceback" not in shown
    assert ready.json("campaigns", "status", "1")["state"] == "sending"


# ── who got what ────────────────────────────────────────────────────────────────────────────────


def rows_of(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_the_file_says_of_each_person_what_became_of_their_copy(sent: Office) -> None:
    told = sent.run("campaigns", "deliveries", "1", "--out", "sent.csv").stdout
    assert "5 lines" in told
    rows = {row["address"]: row for row in rows_of(sent.folder / "sent.csv")}
    assert rows["luc@example.net"]["state"] == "refused"
    assert (rows["luc@example.net"]["reply code"], rows["luc@example.net"]["enhanced code"]) == (
        "550",
        "5.1.1",
    )
    assert rows["luc@example.net"]["reply"].endswith("user luc unknown")
    assert rows["tom@example.com"]["attempts"] == "2"
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", rows["tom@example.com"]["settled"]
    )  # as Excel reads it
    assert rows["tom@example.com"]["relay"] == "127.0.0.1"
    assert rows["aoi@港町.example"]["domain"] == "港町.example"
    assert re.fullmatch(r"\w{3}-\w{3}", rows["tom@example.com"]["reference"])
    sent.run("--lang", "ja", "campaigns", "deliveries", "1", "--state", "refused", "--out", "refused.csv")
    (refused,) = rows_of(sent.folder / "refused.csv")
    assert (refused["メールアドレス"], refused["状態"]) == ("luc@example.net", "拒否")


def test_each_attempt_is_a_line_of_its_own_if_wanted(sent: Office) -> None:
    sent.run("campaigns", "deliveries", "1", "--attempts", "--out", "tries.csv")
    rows = rows_of(sent.folder / "tries.csv")
    tom = [(row["attempt"], row["state"], row["reply code"]) for row in rows if row["address"] == "tom@example.com"]  # fmt: skip
    assert tom == [("1", "deferred", "451"), ("2", "accepted", "250")]
    assert [row["state"] for row in rows if row["address"] == "hana@example.org"] == ["accepted"]


def test_as_json_it_is_one_array_with_the_codes(sent: Office) -> None:
    done = sent.start("campaigns", "deliveries", "1", "--json")
    out, _ = done.communicate(timeout=60)
    rows = json.loads(out)
    assert done.returncode == 0
    assert {row["state"] for row in rows} == {"accepted", "refused"}
    assert {row["address"] for row in rows} >= {"aoi@港町.example", "luc@example.net"}
    done = sent.start("campaigns", "deliveries", "1", "--state", "refused")
    assert done.communicate(timeout=60)[0].count("\n") == 2


def test_a_file_as_json_is_json(sent: Office) -> None:
    told = sent.json("campaigns", "deliveries", "1", "--state", "refused", "--out", "refused.json")
    (row,) = json.loads((sent.folder / "refused.json").read_text("utf-8"))
    assert (told["rows"], row["state"], row["domain"]) == (1, "refused", "example.net")


@pytest.mark.parametrize("state", ["accepted", "受け付け"])
def test_a_state_is_named_by_its_code_or_as_the_file_says_it(sent: Office, state: str) -> None:
    sent.run("--lang", "ja", "campaigns", "deliveries", "1", "--state", state, "--out", "some.csv")
    assert {row["状態"] for row in rows_of(sent.folder / "some.csv")} == {"受け付け"}


def test_an_erased_person_is_a_line_without_a_name(sent: Office) -> None:  # F39
    sent.run("subscribers", "erase", "luc@example.net")
    sent.run("campaigns", "deliveries", "1", "--state", "refused", "--out", "refused.csv")
    content = (sent.folder / "refused.csv").read_text("utf-8-sig")
    (row,) = rows_of(sent.folder / "refused.csv")
    assert (row["reference"], row["address"], row["state"]) == ("", "", "refused")
    assert "luc@" not in content


def test_a_reply_that_looks_like_a_formula_is_no_formula(ready: Office) -> None:  # F34
    ready.sink.script = lambda moment: (
        Action(b'550 5.1.1 =HYPERLINK("http://x.example")\r\n') if "tom@" in moment.command else None
    )
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    ready.run("campaigns", "deliveries", "1", "--state", "refused", "--out", "refused.csv")
    (row,) = rows_of(ready.folder / "refused.csv")
    assert row["reply"].startswith("'=HYPERLINK")


def test_an_export_is_on_record_and_an_unknown_state_is_wrong_usage(sent: Office) -> None:
    from mailer.bootstrap import open_house
    from subscribers import tables

    for language, named in (("en", "refused"), ("ja", "拒否（refused）")):
        wrong = sent.run("--lang", language, "campaigns", "deliveries", "1", "--state", "lost", code=2).stderr
        assert "--state" in wrong
        assert named in wrong
    sent.run("--as", "keiko", "campaigns", "deliveries", "1", "--out", "all.csv")
    house = open_house(sent.folder / "config.toml", sent.environ)
    with house.engine.begin() as connection:
        records = connection.execute(
            tables.audit_record.select().where(tables.audit_record.c.action == "campaign.export")
        ).all()
    house.engine.dispose()
    assert [(one.by, one.subject) for one in records] == [("staff:keiko", "campaign:1")]
