"""An office as its staff have it: a folder, a configuration, the command line, and a real SMTP server."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mailer.cli.main import main
from mailer.smtp.sink import Sink, running_sink

SAMPLE = Path(__file__).parents[2] / "mailer" / "samples" / "2034-12"


@dataclass
class Office:
    """Runs `mailer` in a folder of its own; `sink` is its relay."""

    folder: Path
    sink: Sink
    environ: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environ = {**os.environ, "LC_ALL": "C", **self.environ}
        return subprocess.Popen(
            [sys.executable, "-c", "from mailer.cli.main import run; run()", *arguments],
            cwd=self.folder, env=environ, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def run(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The same in this process, which spares its start (0.7 s); what is printed is what the command prints."""
        out, err = io.StringIO(), io.StringIO()
        with (
            contextlib.chdir(self.folder),
            mock.patch.dict(os.environ, {"LC_ALL": "C", **self.environ}),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            ended = main(arguments, os.environ)
        done = subprocess.CompletedProcess(arguments, ended, out.getvalue(), err.getvalue())
        assert ended == code, f"mailer {' '.join(arguments)}: {ended}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code).stdout)

    def configure(self, **keys: object) -> None:
        """`configure(site__base_url="…")` through the environment, as the contract says."""
        for key, value in keys.items():
            text = json.dumps(value) if isinstance(value, list | dict) else str(value)
            self.environ[f"MAILER_{key.upper()}"] = text


def _configured(folder: Path, sink: Sink) -> Office:
    made = Office(folder, sink)
    made.configure(
        site__name={"ja": "みなと便り", "en": "Harbour Letter"},
        site__base_url="https://news.example.org",
        sender__email="enews@example.org",
        sender__organisation={
            "ja": "港町都市ネットワーク 横浜事務所",
            "en": "Harbour Cities Network, Yokohama Office",
        },
        sender__postal_address="〒000-0000 神奈川県横浜市中区うみべ通1-2-3",
        sender__phone="045-000-0000",
        sender__contact="enews@example.org",
        relay__host="127.0.0.1",
        relay__port=sink.port,
        relay__tls="none",
        relay__rates=[],
        delivery__safety_window_minutes=0,
    )
    return made


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink(Sink()) as running:
        yield running


@pytest.fixture
def office(tmp_path: Path, sink: Sink) -> Office:
    """A new office whose relay is a sink; nobody on its list yet, no issue."""
    Office(tmp_path, sink).run("init", ".")
    return _configured(tmp_path, sink)


PEOPLE = """\
メールアドレス,氏名,言語,状態
hana@example.org,髙橋 花,ja,
tom@example.com,Tom Hargreaves,en-GB,
taro..y@mobile.example.ne.jp,山﨑 太郎,,
luc@example.net,Luc Fabre,fr,
aoi@港町.example,葵,ja-JP,
later@example.org,Later,en,pending
gone@example.org,Gone,ja,unsubscribed
"""
EDITIONS = {
    "hana@example.org": "ja",
    "tom@example.com": "en",
    '"taro..y"@mobile.example.ne.jp': "ja",
    "luc@example.net": "ja",
    "aoi@xn--j6w43m.example": "ja",
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an office with a list, seven people and the sample issue approved; made once, then copied."""
    folder = tmp_path_factory.mktemp("prepared")
    with running_sink(Sink()) as sink:
        Office(folder, sink).run("init", ".")
        made = _configured(folder, sink)
        made.run("lists", "add", "enews", "--name", "みなと便り", "--language", "ja")
        (folder / "people.csv").write_text(PEOPLE, "utf-8-sig")
        made.run("subscribers", "import", "people.csv", "--list", "enews", "--consent", "受付票で同意")
        made.run("issues", "import", str(SAMPLE))
        made.run("issues", "approve", "2034-12")
    return folder


@pytest.fixture
def ready(prepared: Path, tmp_path: Path, sink: Sink) -> Office:
    """The same with a list, seven people and the sample issue approved."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return _configured(tmp_path, sink)
