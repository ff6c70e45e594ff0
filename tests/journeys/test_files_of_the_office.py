"""Files that hold people's addresses, as other users of the machine and a power cut see them."""

from __future__ import annotations

import gc
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailer import i18n
from mailer.cli.main import _in_a_sentence as in_a_sentence
from subscribers.database import open_engine
from subscribers.files import being_written

from .conftest import Office


@pytest.fixture(autouse=True)
def _an_open_machine() -> Iterator[None]:
    """The usual umask of Debian: what a program does not close is open to everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_database_and_its_log_are_closed_to_others(tmp_path: Path) -> None:  # F39
    engine = open_engine(f"sqlite:///{tmp_path}/mailer.sqlite")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
        modes = {path.name: mode(path) for path in tmp_path.iterdir()}
    engine.dispose()
    assert set(modes) == {"mailer.sqlite", "mailer.sqlite-wal", "mailer.sqlite-shm"}
    assert set(modes.values()) == {0o600}


def test_what_a_command_writes_about_people_is_closed_to_others(office: Office) -> None:  # F39
    folder = office.folder
    office.run("lists", "add", "enews", "--name", "E", "--language", "ja")
    (folder / "people.csv").write_text("email\nhana@example.org\nno address\n")
    office.run("subscribers", "import", "people.csv", "--list", "enews", "--consent", "x")
    office.run("subscribers", "export", "--out", "out.csv")
    office.run("backup", "office.backup")
    gc.collect()  # engines of earlier commands in this process: the command line has a process for each
    office.run("restore", "office.backup")
    made = {path.name: mode(path) for path in folder.iterdir() if path.is_file()}
    (aside,) = (name for name in made if name.startswith("mailer.sqlite."))
    for name in ("mailer.sqlite", aside, "out.csv", "people.refused.csv", "office.backup"):
        assert made[name] == 0o600, name


def test_an_export_does_not_replace_a_file_unless_told(office: Office) -> None:
    (office.folder / "out.csv").write_text("mine")
    told = office.json("subscribers", "export", "--out", "out.csv", code=1)
    assert told["error"]["code"] == "file_exists"
    assert (office.folder / "out.csv").read_text() == "mine"
    office.run("subscribers", "export", "--out", "out.csv", "--force")
    assert (office.folder / "out.csv").read_text() != "mine"
    assert mode(office.folder / "out.csv") == 0o600


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "out.csv"
    file.write_text("whole")
    with pytest.raises(RuntimeError), being_written(file) as partial:
        partial.write_text("hal")
        raise RuntimeError
    assert [path.read_text() for path in tmp_path.iterdir()] == ["whole"]


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with being_written(tmp_path / "pipe") as partial:
        assert partial == (tmp_path / "pipe").resolve()
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised, being_written(tmp_path / "nowhere" / "b"):
        pass
    assert raised.value.filename == str(tmp_path / "nowhere" / "b")
    with pytest.raises(IsADirectoryError), being_written(tmp_path):
        pass


def test_deliveries_are_written_whole_and_over_nothing_unless_told(ready: Office) -> None:  # F39
    ready.run("campaigns", "send", "2034-12", "--list", "enews")
    write = ("campaigns", "deliveries", "1", "--out", "sent.csv")
    (ready.folder / "sent.csv").write_text("mine")
    assert ready.json(*write, code=1)["error"]["code"] == "file_exists"
    assert (ready.folder / "sent.csv").read_text() == "mine"
    ready.run(*write, "--force")
    assert mode(ready.folder / "sent.csv") == 0o600
    assert "hana@example.org" in (ready.folder / "sent.csv").read_text("utf-8-sig")


def test_what_the_system_says_of_a_file_is_told_in_the_language(office: Office) -> None:
    def told(*arguments: str) -> str:
        return office.run("--lang", "ja", *arguments, code=1).stderr

    assert "nix がありません" in told("restore", "nix")
    assert f"{office.folder}/nix/b がありません" in told("backup", f"{office.folder}/nix/b")
    assert "secrets はフォルダーです" in told("backup", "secrets", "--force")
    assert "許可" not in told("restore", "nix")


def test_a_full_disk_is_told_in_the_language() -> None:
    said = i18n.words("ja")
    with pytest.raises(OSError) as raised, Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")
    raised.value.filename = "out.csv"
    sentence, remedy = said.error(in_a_sentence(raised.value))
    assert "out.csv" in sentence and "空き" in sentence and "空き" in remedy
