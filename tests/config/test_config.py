"""The configuration: all faults at once, each key explained, secrets from files, environment above the file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mailer.config import Config, example, load
from mailer.config.load import keys
from mailer.errors import BadConfig
from mailer.i18n import words

ROOT = Path(__file__).parents[2]


def _written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text, "utf-8")
    return path


def test_an_empty_file_is_a_whole_configuration(tmp_path: Path) -> None:
    config = load(_written(tmp_path, ""), {})
    assert config.database.url == "sqlite:///mailer.sqlite"
    assert config.site.languages == ["ja", "en"]
    assert config.delivery.safety_window_minutes == 10


def test_five_faults_are_told_at_once_each_with_file_key_and_remedy(tmp_path: Path) -> None:
    path = _written(
        tmp_path,
        """
        [site]
        time_zone = "Asia/Yokohama"
        lanugages = ["ja"]
        [relay]
        port = "smtp"
        tls = "maybe"
        rates = ["20 a minute"]
        [sender]
        email = "no address"
        """,
    )
    with pytest.raises(BadConfig) as caught:
        load(path, {})
    told = {fault.where: fault for fault in caught.value.faults}
    assert set(told) == {
        "config.toml: site.time_zone",
        "config.toml: site.lanugages",
        "config.toml: relay.port",
        "config.toml: relay.tls",
        "config.toml: relay.rates[0]",
        "config.toml: sender.email",
    }
    assert told["config.toml: site.lanugages"].remedy == "Did you mean “languages”?"
    assert "none, starttls, implicit" in told["config.toml: relay.tls"].sentence


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_fault_has_its_sentence_in_both_languages(tmp_path: Path, language: str) -> None:
    path = _written(
        tmp_path, '[site]\ntime_zone = "X"\nname = 3\n[relay]\nport = 0\nnone = 1\n[dkim]\ndomain = "a"\n'
    )
    with pytest.raises(BadConfig) as caught:
        load(path, {"MAILER_SITE__LANGUAGES": "[ja"})
    said = words(language)
    for fault in caught.value.faults:
        assert f"error.{fault.code}" in said, fault.code
        assert said.error(fault)[0]


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as caught:
        load(_written(tmp_path, "[site\n"), {})
    assert "line 1" in str(caught.value)


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as caught:
        load(tmp_path / "config.toml", {})
    assert "mailer init" in str(caught.value)


def test_the_environment_stands_above_the_file(tmp_path: Path) -> None:
    path = _written(tmp_path, '[relay]\nhost = "a.example.org"\nport = 25\n')
    environ = {
        "MAILER_RELAY__HOST": "b.example.org",
        "MAILER_RELAY__RATES": '["20/minute"]',
        "MAILER_DELIVERY__SAFETY_WINDOW_MINUTES": "0",
        "MAILER_CONFIG": "not a key",
    }
    config = load(path, environ)
    assert (config.relay.host, config.relay.port) == ("b.example.org", 25)
    assert config.relay.rates == ["20/minute"]
    assert config.delivery.safety_window_minutes == 0


def test_a_secret_may_stand_in_a_file_of_its_own_and_is_never_printed(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    (tmp_path / "keys").write_text("new\nold\n")
    path = _written(tmp_path, '[relay]\npassword_file = "password"\n[secrets]\nkeys_file = "keys"\n')
    config = load(path, {})
    assert config.relay.password.get_secret_value() == "s3cret"
    assert [key.get_secret_value() for key in config.secrets.keys] == ["new", "old"]
    assert "s3cret" not in repr(config)


def test_a_wrong_secret_is_not_repeated_in_the_fault(tmp_path: Path) -> None:
    # F39: a fault that quotes the value puts the password into logs and tickets.
    with pytest.raises(BadConfig) as caught:
        load(_written(tmp_path, "[relay]\npassword = 123456\n"), {})
    assert "123456" not in str(caught.value)


def test_text_may_be_one_string_or_a_table_by_language(tmp_path: Path) -> None:
    config = load(_written(tmp_path, '[site]\nname = { ja = "みなと便り", en = "Harbour Letter" }\n'), {})
    assert config.site.name == {"ja": "みなと便り", "en": "Harbour Letter"}


def test_the_example_file_is_what_the_program_says() -> None:
    assert (ROOT / "config.example.toml").read_text("utf-8") == example()


def test_every_key_is_in_the_example_with_its_default_and_one_line_in_both_languages(tmp_path: Path) -> None:
    for key, field in keys():
        assert field.description and " / " in field.description and "\n" not in field.description, key
    assert load(ROOT / "config.example.toml", {}) == Config(folder=ROOT)
    assert set(tomllib.loads(example())) == set(Config.model_fields) - {"folder"}


def test_the_environment_stands_above_a_secret_file_and_a_password_keeps_its_signs(tmp_path: Path) -> None:
    # An office that overrides by the environment got the file's password, and lost its spaces.
    (tmp_path / "password").write_text("pass word {two}\n")
    path = _written(tmp_path, '[relay]\npassword_file = "password"\n')
    assert load(path, {}).relay.password.get_secret_value() == "pass word {two}"
    for given in ("from env", "{x", "[y"):
        config = load(path, {"MAILER_RELAY__PASSWORD": given})
        assert config.relay.password.get_secret_value() == given
    (tmp_path / "other").write_text("third")
    config = load(path, {"MAILER_RELAY__PASSWORD_FILE": "other"})
    assert config.relay.password.get_secret_value() == "third"


def test_sender_processes_share_the_connections_of_the_machine(tmp_path: Path) -> None:
    path = _written(tmp_path, '[relay]\nusername = "me"\n[delivery]\nprocesses = 2\n')
    with pytest.raises(BadConfig) as caught:
        load(path, {})
    assert caught.value.faults[0].code == "config.too_many_processes"


def test_what_is_read_but_not_obeyed_yet_is_named(tmp_path: Path) -> None:
    assert load(_written(tmp_path, ""), {}).not_in_force() == []
    set_ = load(_written(tmp_path, '[bounces]\nimap_host = "imap.example.org"\n'), {})
    assert set_.not_in_force() == ["bounces.imap_host"]


def test_limits_of_domains_are_kept_as_the_ledger_names_them(tmp_path: Path) -> None:
    text = '[delivery]\ndomain_rates = { "DoCoMo.ne.jp" = ["60/minute"], "日本語.jp" = ["5/minute", "100/day"] }\n'
    config = load(_written(tmp_path, text), {})
    assert config.delivery.domain_rates == {
        "docomo.ne.jp": ["60/minute"],
        "xn--wgv71a119e.jp": ["5/minute", "100/day"],
    }


@pytest.mark.parametrize(
    ("text", "where", "code"),
    [
        ('domain_rates = { "a@b.jp" = ["1/day"] }', "domain_rates", "no_domain"),
        ('domain_rates = { "no dots" = ["1/day"] }', "domain_rates", "no_domain"),
        ('quiet_hours = "22:00-22:00"', "quiet_hours", "always_quiet"),
        ('quiet_hours = "24:00-07:00"', "quiet_hours", "no_hours"),
        ('quiet_days = ["mon","tue","wed","thu","fri","sat","sun"]', "quiet_days", "always_quiet"),
    ],
)
def test_limits_and_quiet_time_that_cannot_be_are_told(
    tmp_path: Path, text: str, where: str, code: str
) -> None:
    with pytest.raises(BadConfig) as caught:
        load(_written(tmp_path, f"[delivery]\n{text}\n"), {})
    (fault,) = caught.value.faults
    assert (fault.where, fault.code) == (f"config.toml: delivery.{where}", f"config.{code}")
    for language in ("ja", "en"):
        assert all(words(language).error(fault))
