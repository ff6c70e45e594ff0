"""`mailer init` at a terminal, as somebody who mistypes answers it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from mailer.cli.setup import write_first_config
from mailer.config import load
from mailer.errors import BadConfig

from .conftest import Office


def answered(folder: Path, *answers: str, lang: str = "en") -> tuple[int, str]:
    """`mailer init` on a terminal of its own, each answer given when a question stands there."""
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-c", "from mailer.cli.main import run; run()", "--lang", lang, "init", "."],
        cwd=folder, env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "dumb"}, stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    shown, left, deadline = b"", list(answers), time.monotonic() + 60
    asked_at = 0
    while time.monotonic() < deadline:
        try:
            shown += os.read(ours, 65_536)
        except OSError:  # the other end is closed
            break
        if left and shown.endswith(b": ") and len(shown) > asked_at:
            os.write(ours, left.pop(0).encode() + b"\n")
            asked_at = len(shown)
    os.close(ours)
    return running.wait(timeout=60), shown.decode("utf-8", "replace")


def test_a_mistyped_answer_is_asked_again_and_nothing_is_written_meanwhile(tmp_path: Path) -> None:
    code, shown = answered(
        tmp_path,
        "Harbour Letter", "Office", "office at example.org", " office@example.org ", "Street 1", "", "x@example.org",
        "", "mail.example.org", "abc", "70000", "465", "me", "secret",
    )  # fmt: skip
    assert code == 0, shown
    assert "is no mail address" in shown
    assert "must be a number" in shown
    assert "at most 65535" in shown
    config = load(tmp_path / "config.toml", {})
    assert (config.sender.email, config.relay.port, config.relay.tls) == (
        "office@example.org",
        465,
        "implicit",
    )
    assert config.relay.password.get_secret_value() == "secret"


def test_with_gmail_the_app_password_is_asked_for_in_the_language(tmp_path: Path) -> None:
    code, shown = answered(
        tmp_path,
        "みなと便り",
        "事務所",
        "office@example.org",
        "住所",
        "",
        "",
        "1",
        "me",
        "abcd efgh",
        lang="ja",
    )
    assert code == 0, shown
    assert "アプリ パスワード" in shown
    assert "送信サーバーのパスワード" not in shown
    assert tomllib.loads((tmp_path / "config.toml").read_text("utf-8"))["relay"]["host"] == "smtp.gmail.com"


def test_a_wrong_answer_from_elsewhere_writes_no_file(tmp_path: Path) -> None:
    wrong = {"sender.email": "nobody", "relay.port": "abc"}
    with pytest.raises(BadConfig) as raised:
        write_first_config(tmp_path, wrong.get)  # type: ignore[arg-type]
    assert {fault.code for fault in raised.value.faults} == {"config.no_address", "config.not_a_number"}
    assert list(tmp_path.iterdir()) == []


def test_a_configuration_that_is_there_is_kept_and_the_way_on_is_told(office: Office) -> None:
    before = (office.folder / "config.toml").read_bytes()
    told = office.json("init", ".", code=1)["error"]
    assert told["code"] == "config_exists"
    assert "mailer migrate" in told["remedy"]
    assert (office.folder / "config.toml").read_bytes() == before


def test_a_new_round_replaces_the_password_and_keeps_the_permanent_key(tmp_path: Path) -> None:
    for password in ("first", "second"):
        (tmp_path / "config.toml").unlink(missing_ok=True)
        write_first_config(tmp_path, lambda key, default: password if key == "relay.password" else default)  # noqa: B023
    assert (tmp_path / "secrets" / "relay_password").read_text() == "second\n"
    assert load(tmp_path / "config.toml", {}).relay.password.get_secret_value() == "second"
