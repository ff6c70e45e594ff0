"""What a server, a file or a backup says is printed, and does not steer the terminal that shows it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mailer.cli.say import Printable, Say
from mailer.i18n import words

from .conftest import Office

ESC = "a\x1b[31mb\x9bc\x07d\u202ee\u2066f\rg\x7fh\udc80i"
CLEAN = "a[31mbcdefghi"


def said(speak: str, *arguments: object, as_json: bool = False) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        getattr(Say(words("en"), as_json), speak)(*arguments)
    return out.getvalue()


@pytest.mark.parametrize("speak", ["text", "note"])
def test_a_sentence_has_no_control_characters(speak: str) -> None:
    assert said(speak, f"{ESC}\nx") == f"{CLEAN}\nx\n"


def test_neither_has_a_table_nor_anything_made_for_the_terminal() -> None:
    assert CLEAN in said("table", ["x"], [[ESC]])
    table = Table()
    table.add_row(Text(ESC))
    shown = said("show", table)
    assert CLEAN in shown
    assert not set(ESC) & set(shown) & set("\x1b\x9b\x07\u202e\u2066\r\x7f")


def test_the_programs_own_colours_stay() -> None:
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="standard").print(Printable(Text("x", style="red")))
    assert out.getvalue() == "\x1b[31mx\x1b[0m\n"


def test_a_json_document_escapes_them_and_says_the_same() -> None:
    printed = said("document", {"x": ESC}, as_json=True)
    assert json.loads(printed) == {"x": ESC}
    assert not set("\x1b\x9b\x07\u202e\u2066\r\x7f") & set(printed)


def test_a_file_name_does_not_steer_the_terminal(office: Office) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from mailer.cli.main import run; run()", "restore", b"no\x1b[2J\xc2\x9b\xff.backup"],
        cwd=office.folder, env={**os.environ, **office.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert b"no[2J.backup" in done.stderr
