"""How a test asks a program that reads mail: lines in, one JSON array out. A missing one is named."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from tests.conftest import missing

JUDGES = Path(__file__).parent


def ask(command: list[str], lines: list[str]) -> list[Any]:
    """Each line goes to its standard input."""
    done = subprocess.run(
        command, input="\n".join(lines), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, list)
    return answer


def perl(script: str) -> list[str]:
    program = shutil.which("perl")
    if (
        not program
        or subprocess.run([program, "-MMIME::Parser", "-e1"], capture_output=True, check=False).returncode
    ):
        missing("MIME::Parser", "libmime-tools-perl")
    return [str(program), str(JUDGES / script)]


def node(script: str) -> list[str]:
    program = shutil.which("node")
    if not program:
        missing("node", "nodejs")
    if not (JUDGES.parent / "node_modules" / "mailparser").is_dir():
        missing("mailparser", "npm; then run `npm ci` in tests/")
    return [str(program), str(JUDGES / script)]
