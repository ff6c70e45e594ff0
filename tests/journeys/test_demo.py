"""`make demo`: everyone eligible gets exactly one message, ledger, catcher and report agree; again and again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def _demo(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-c",
        "from mailer.cli.main import run; run()",
        "demo",
        "--dir",
        str(folder),
        *options,
    ]
    return subprocess.run(
        command, check=False, text=True, capture_output=True, env={**os.environ, "LC_ALL": "C"}
    )


def test_the_demo_sends_once_to_everyone_and_can_be_repeated(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    for _ in range(2):
        done = _demo(home, "--json")
        assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["agrees"] is True
    assert report["accepted"] == report["caught"] == report["campaign"]["total"] > 200
    assert (report["twice"], report["wrong_edition"], report["again"]) == (0, 0, 0)
    assert set(report["editions"]) == {"ja", "en"}
    assert {"pending", "unsubscribed", "suppressed"} <= set(report["excluded"])
    assert len(list((home / "mails").glob("*.eml"))) == report["caught"]
    for name in ("report.html", "preview/index.html", "preview/ja/mail.html", "subscribers.refused.csv"):
        assert (home / name).exists()


def test_the_report_reads_in_both_languages(tmp_path: Path) -> None:
    assert "配信しました" in _demo(tmp_path / "ja", "--lang", "ja").stdout
    assert "Ledger, catcher and this report agree" in _demo(tmp_path / "en", "--lang", "en").stdout


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("important")
    refused = _demo(tmp_path)
    assert refused.returncode == 1
    assert (tmp_path / "thesis.txt").read_text() == "important"
