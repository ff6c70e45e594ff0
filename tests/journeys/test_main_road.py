"""The main road by the command line, as staff go it, against a real SMTP server."""

from __future__ import annotations

import email
import email.policy
import re
import signal
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from mailer.i18n import words

from .conftest import EDITIONS, SAMPLE, Office


def _received(office: Office) -> dict[str, email.message.Message]:
    return {m.envelope.rcpt_to: email.message_from_bytes(m.content) for m in office.sink.messages}


def test_each_person_gets_one_message_in_their_language_and_a_second_send_repeats_nobody(
    ready: Office,
) -> None:
    # F54: pressed twice, and sent to a second list that shares people.
    sent = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    assert sent["state"] == "finished"
    assert sent["total"] == len(EDITIONS) == sum(sent["by_state"].values())
    assert sent["by_language"] == {"ja": 4, "en": 1}
    assert sent["by_state"] == {"accepted": 5}
    assert sent["excluded"] == {"pending": 1, "unsubscribed": 1}
    assert {"campaign", "seconds", "messages_per_second"} <= set(sent)
    received = _received(ready)
    assert {to: message["Content-Language"] for to, message in received.items()} == EDITIONS

    again = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    assert again["total"] == 0
    assert again["excluded"]["already_has_it"] == 5
    ready.run("lists", "add", "second", "--name", "Second")
    people = "email\nhana@example.org\nnew@example.org\n"
    (ready.folder / "second.csv").write_text(people)
    ready.run("subscribers", "import", "second.csv", "--list", "second", "--consent", "Said yes at the desk.")
    other = ready.json("campaigns", "send", "2034-12", "--list", "second", "--wait")
    assert other["total"] == 1
    assert Counter(m.envelope.rcpt_to for m in ready.sink.messages).most_common(1)[0][1] == 1
    listed = ready.json("campaigns", "list")
    assert {(one["state"], one["total"]) for one in listed} == {
        ("finished", 5),
        ("finished", 0),
        ("finished", 1),
    }


def test_a_message_names_the_person_and_the_way_to_leave_in_both_parts(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    shown = ready.json("subscribers", "show", "hana@example.org")
    assert {"email", "name", "languages", "subscriptions"} <= set(shown)
    assert shown["subscriptions"][0]["list"] == "enews"
    assert shown["subscriptions"][0]["state"] == "confirmed"
    message = _received(ready)["hana@example.org"]
    text, html = (
        part.get_payload(decode=True).decode() for part in message.walk() if not part.is_multipart()
    )
    leave = re.search(r"<(https://news\.example\.org/u/[a-z2-7]+)>", message["List-Unsubscribe"])
    assert leave is not None
    for part in (text, html):
        assert shown["reference"] in part  # who phones can be found
        assert leave[1] in part
        assert "045-000-0000" in part
        assert "hana@example.org" in part
        assert "@@" not in part
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_an_office_without_a_web_server_sends_pictures_inside_and_no_broken_link(ready: Office) -> None:
    ready.configure(site__base_url="")
    ready.run("issues", "import", str(SAMPLE))  # composed anew, for the new way to live
    ready.run("issues", "approve", "2034-12")
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    message = next(m for m in ready.sink.messages if m.envelope.rcpt_to == "tom@example.com")
    assert len(message.content) < 500_000
    parsed = email.message_from_bytes(message.content)
    html = (
        next(p for p in parsed.walk() if p.get_content_type() == "text/html")
        .get_payload(decode=True)
        .decode()
    )
    cids = {part["Content-ID"].strip().strip("<>") for part in parsed.walk() if part["Content-ID"]}
    sources = set(re.findall(r'src="([^"]+)"', html))
    assert sources == {f"cid:{cid}" for cid in cids}
    links = set(re.findall(r'href="([^"#][^"]*)"', html))
    ours = [
        link for link in links if "/archive/" in link or "/p/" in link or "/r/" in link or "/media/" in link
    ]
    assert not ours
    assert parsed["List-Unsubscribe"].startswith("<mailto:enews@example.org?subject=unsubscribe")
    assert parsed["List-Unsubscribe-Post"] is None
    assert any(link.startswith("mailto:enews@example.org?subject=unsubscribe") for link in links)


def test_an_unscheduled_end_of_the_sender_loses_nobody_and_the_same_command_goes_on(ready: Office) -> None:
    people = "".join(f"reader{n}@example.org\n" for n in range(400))
    (ready.folder / "many.csv").write_text("email\n" + people)
    ready.run("subscribers", "import", "many.csv", "--list", "enews", "--consent", "Said yes.")
    process = ready.start("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    while len(ready.sink.messages) < 50 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    rest = ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    states = rest["by_state"]
    assert states.get("accepted", 0) + states.get("uncertain", 0) == 405 == rest["total"]
    seen = Counter(m.envelope.rcpt_to for m in ready.sink.messages)
    assert max(seen.values()) == 1
    assert len(seen) >= states["accepted"]


def test_sigterm_drains_and_ends_with_0(ready: Office) -> None:
    # F2
    worker = ready.start("work")
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    while len(ready.sink.messages) < 5 and worker.poll() is None:
        time.sleep(0.05)
    worker.send_signal(signal.SIGTERM)
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 0, err
    assert ready.json("campaigns", "status", "1")["state"] in ("finished", "sending")
    assert "hana@example.org" not in err  # ids in the log, no addresses


def test_serve_says_where_it_listens_and_one_click_leaves_the_list(ready: Office) -> None:
    # F22: from the real mail, without cookie or page.
    ready.configure(site__bind="127.0.0.1:0")
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    server = ready.start("serve")
    try:
        assert server.stdout is not None
        first = server.stdout.readline()
        assert first.startswith("listening on http://127.0.0.1:")
        base = first.split()[-1]
        header = _received(ready)["tom@example.com"]["List-Unsubscribe"]
        path = re.search(r"https://news\.example\.org(/u/[a-z2-7]+)", header)
        assert path is not None
        with urllib.request.urlopen(base + path[1]) as page:
            assert page.status == 200
        assert (
            ready.json("subscribers", "show", "tom@example.com")["subscriptions"][0]["state"] == "confirmed"
        )
        with urllib.request.urlopen(base + path[1], data=b"List-Unsubscribe=One-Click") as answer:
            assert answer.status == 200
        shown = ready.json("subscribers", "show", "tom@example.com")
        assert shown["subscriptions"][0]["state"] == "unsubscribed"
        for place in ("/healthz", "/archive/ja/2034-12/", "/archive/en/2034-12/"):
            with urllib.request.urlopen(base + place) as page:
                assert page.status == 200
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)
    assert server.returncode == 0


def test_a_campaign_waits_for_its_time_and_the_clock_launches_it(ready: Office) -> None:
    soon = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(time.time() + 12))
    made = ready.json("campaigns", "schedule", "2034-12", "--list", "enews", "--at", soon)
    assert made["missing"] == []
    worker = ready.start("work")
    try:
        deadline = time.monotonic() + 60
        while len(ready.sink.messages) < 5 and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=60)
    assert len(ready.sink.messages) == 5


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("campaigns", "send", "2034-12", "--list", "enews"), "2034-12"),
        (("issues", "check", "2035-01"), "2035-01"),
        (("subscribers", "show", "nobody@example.org"), "nobody@example.org"),
        (("campaigns", "status", "99"), "99"),
        (("lists", "add", "Bad Slug", "--name", "x"), "Bad Slug"),
        (("campaigns", "schedule", "x", "--list", "enews", "--at", "tomorrow"), "tomorrow"),
        (("schedules", "add", "m", "--list", "enews", "--rule", "whenever"), "whenever"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_sentence_in_either_language(
    office: Office, arguments: tuple[str, ...], told: str
) -> None:
    office.run("lists", "add", "enews", "--name", "E-News")
    for language in ("ja", "en"):
        refused = office.run("--lang", language, *arguments, code=1)
        assert told in refused.stderr
        assert "Traceback" not in refused.stderr
        assert refused.stdout == ""
    document = office.json(*arguments, code=1)
    assert set(document["error"]) >= {"code", "message", "remedy"}


def test_wrong_usage_ends_with_2(office: Office) -> None:
    office.run("campaigns", "send", code=2)
    office.run("nonsense", code=2)


def test_the_help_speaks_both_languages(office: Office) -> None:
    assert "配信" in office.run("--lang", "ja", "--help").stdout
    assert "newsletter" in office.run("--lang", "en", "--help").stdout
    assert words("ja")("cli.campaigns.send.help") in office.run("--lang", "ja", "campaigns", "--help").stdout


def test_check_names_each_step_and_sends_one_real_mail(office: Office) -> None:
    checked = office.json("check", "--to", "staff@example.org")
    assert [step["step"] for step in checked["steps"]][-1] == "relay.message"
    assert all(step["passed"] for step in checked["steps"])
    (mail,) = office.sink.messages
    assert mail.envelope.rcpt_to == "staff@example.org"
    office.configure(relay__port=1)
    failed = office.json("check", "--to", "staff@example.org", code=1)
    assert failed["steps"][-1]["passed"] is False
    assert "127.0.0.1" in failed["steps"][-1]["message"]


def test_preview_writes_every_form_of_every_language(office: Office, tmp_path: Path) -> None:
    office.run("issues", "import", str(SAMPLE))
    office.run("issues", "preview", "2034-12", "--out", "out")
    for language in ("ja", "en"):
        for name in ("mail.html", "mail.txt", "mail.eml", "web.html"):
            assert (tmp_path / "out" / language / name).stat().st_size > 500
    assert (tmp_path / "out" / "index.html").exists()
    eml = email.message_from_bytes(
        (tmp_path / "out" / "ja" / "mail.eml").read_bytes(), policy=email.policy.default
    )
    assert eml["Subject"]


def test_a_campaign_is_paused_resumed_and_cancelled_by_command(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    assert ready.json("campaigns", "pause", "1")["state"] == "paused"
    assert (
        ready.json("campaigns", "send", "2034-12", "--list", "enews", "--wait")["state"] == "finished"
    )  # resumes it
    assert len(ready.sink.messages) == 5
    refused = ready.json("campaigns", "cancel", "1", code=1)
    assert refused["error"]["message"]


def test_a_cancelled_campaign_reaches_nobody(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    cancelled = ready.json("campaigns", "cancel", "1")
    assert (cancelled["state"], cancelled["by_state"]) == ("cancelled", {"cancelled": 5})
    assert ready.sink.messages == []


def test_a_monthly_rule_in_words_names_its_next_dates(ready: Office) -> None:
    made = ready.json("schedules", "add", "monthly", "--list", "enews", "--rule", "最終営業日 9:00")
    dates = ready.json("schedules", "next", "--count", "3")
    assert dates[0]["at"] == made["first"]
    assert len(dates) == 3
    ready.run("schedules", "pause", "monthly")
    assert ready.json("schedules", "list")[0]["active"] is False
