"""SpamAssassin with the rules that it brings, without any network: its score of each message and the rules hit."""

from __future__ import annotations

import mailbox
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from tests.conftest import missing

MOST: Final = 1.0  # points; 5.0 are spam to most receivers
# Every SpamAssassin knows this one.
GTUBE: Final = (
    b"Subject: hello\r\nFrom: a@a.example\r\n\r\n"
    b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"
)
# As the reader's server would write it: what comes from this machine would be trusted, and score a point less.
# The address is a public one, since SpamAssassin knows those of documentation; nobody is asked about it.
HOP = (
    b"Received: from relay.harbour.example (relay.harbour.example [8.8.8.8])\r\n"
    b"\tby mx.reader.example with ESMTPS; %s\r\n"
)


class Verdict(NamedTuple):
    score: float
    rules: str


def bare(message: bytes) -> bytes:
    """Without fields that every honest mail has: what a judge that is awake scores higher."""
    cut, count = re.subn(rb"\r\n(?:Date|Message-ID|MIME-Version|To): [^\r]*", b"", message, count=4)
    assert count, "there was nothing to take away"
    return cut


def by_spamassassin(messages: Sequence[bytes]) -> list[Verdict]:
    """In one run: its start takes most of the three seconds."""
    program = shutil.which("spamassassin")
    if program is None:
        missing("spamassassin", "spamassassin")
    with tempfile.TemporaryDirectory() as folder:
        box = mailbox.mbox(Path(folder) / "box")
        for number, message in enumerate(messages):  # numbered: they come back in order of their dates
            box.add((b"X-Number: %d\r\n" % number + HOP % _date(message) + message).replace(b"\r\n", b"\n"))
        box.close()
        done = subprocess.run(
            [str(program), "-L", "-t", "--nocreate-prefs", "--cf=report_safe 0", "--cf=use_bayes 0", "--mbox", f"{folder}/box"],
            capture_output=True, check=True, env={**os.environ, "HOME": folder}, timeout=300,
        )  # fmt: skip
        (Path(folder) / "marked").write_bytes(done.stdout)
        box = mailbox.mbox(Path(folder) / "marked")
        marked = {int(str(each["X-Number"])): str(each["X-Spam-Status"]) for each in box}
    assert len(marked) == len(messages), done.stderr.decode(errors="replace")
    return [_verdict(re.sub(r"\s+", " ", status)) for _, status in sorted(marked.items())]


def _date(message: bytes) -> bytes:
    found = re.search(rb"(?m)^Date: (.*)\r$", message)
    return found[1] if found is not None else b"Wed, 20 Dec 2034 09:00:05 +0900"


def _verdict(status: str) -> Verdict:
    found = re.search(r"score=(-?[\d.]+) .*?tests=(.*?) autolearn", status)
    assert found is not None, status
    return Verdict(float(found[1]), found[2])
