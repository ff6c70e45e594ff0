"""Several relays in the configuration: what is refused, whose secrets are read, what init asks, how it is checked."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mailer.cli.setup import write_first_config
from mailer.config import load
from mailer.errors import BadConfig
from mailer.smtp import presets

TWO = """
[sender]
email = "enews@example.org"
[relay]
host = "smtp.example.org"
connections = 4
[[relay.more]]
host = "smtp.example.net"
username = "office"
password_file = "second"
"""


def faults(folder: Path, text: str) -> list[str]:
    (folder / "config.toml").write_text(text, "utf-8")
    with pytest.raises(BadConfig) as refused:
        load(folder / "config.toml", {})
    return [fault.code for fault in refused.value.faults]


def test_the_password_of_a_further_relay_may_stand_in_a_file(tmp_path: Path) -> None:  # F39
    (tmp_path / "config.toml").write_text(TWO, "utf-8")
    (tmp_path / "second").write_text("pass wörd\n", "utf-8")
    (more,) = load(tmp_path / "config.toml", {}).relay.more
    assert more.password.get_secret_value() == "pass wörd"
    assert "pass" not in repr(more.password)
    assert more.open_at_once == 1  # gentle: somebody signs in there
    (tmp_path / "second").unlink()
    with pytest.raises(BadConfig) as refused:
        load(tmp_path / "config.toml", {})
    (fault,) = refused.value.faults
    assert fault.code == "config.secret_file" and "relay.more[0].password_file" in fault.where


def test_one_account_twice_a_relay_without_host_and_too_many_processes_are_refused(tmp_path: Path) -> None:
    twice = '[relay]\nhost = "a.example"\n[[relay.more]]\nhost = "A.example"\n'
    assert faults(tmp_path, twice) == ["config.relay_twice"]
    assert faults(tmp_path, '[relay]\nhost = "a.example"\n[[relay.more]]\n') == ["config.relay_without_host"]
    crowd = '[delivery]\nprocesses = 2\n[relay]\nhost = "a.example"\n[[relay.more]]\nhost = "b.example"\nusername = "u"\n'
    assert faults(tmp_path, crowd) == ["config.too_many_processes"]


def test_init_asks_for_the_service_and_leaves_its_limits_to_what_is_known(tmp_path: Path) -> None:  # F18
    asked = []

    def answers(**given: str):  # type: ignore[no-untyped-def]
        def answer(key: str, default: str) -> str:
            asked.append(key)
            return given.get(key.replace(".", "_"), default)

        return answer

    path = write_first_config(tmp_path / "gmail", answers(relay_service="gmail", relay_username="me"))
    assert "relay.host" not in asked and "relay.port" not in asked
    relay = tomllib.loads(path.read_text("utf-8"))["relay"]
    assert (relay["host"], relay["port"], relay["tls"]) == ("smtp.gmail.com", 587, "starttls")
    assert "rates" not in relay and "500 recipients" in path.read_text("utf-8")
    path = write_first_config(tmp_path / "work", answers(relay_service="google-workspace"))
    assert tomllib.loads(path.read_text("utf-8"))["relay"]["rates"] == ["20/minute", "1800/day"]
    given = answers(relay_service="xserver", relay_host="sv1.xserver.jp")
    path = write_first_config(tmp_path / "host", given)
    relay = tomllib.loads(path.read_text("utf-8"))["relay"]
    assert (relay["host"], relay["port"], relay["tls"]) == ("sv1.xserver.jp", 465, "implicit")
    assert presets.for_host(relay["host"]) is not None
    for made in ("gmail", "work", "host"):
        load(tmp_path / made / "config.toml", {})


def test_init_without_a_terminal_names_no_service(tmp_path: Path) -> None:
    path = write_first_config(tmp_path, lambda _key, default: default)
    assert tomllib.loads(path.read_text("utf-8"))["relay"]["rates"] == []
