"""smtp-server from npm, under Node.js."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

from mailer.smtp.model import Envelope
from mailer.smtp.sink import Caught, Sink
from tests.conftest import missing
from tests.servers.account import NOBODY, PASSWORD, USERNAME
from tests.servers.process import Ports

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "node_modules" / "smtp-server"


@contextlib.contextmanager
def running(folder: Path, pem: Path, sink: Sink) -> Iterator[Ports]:
    """Its ports. What it takes is put into the sink, which nobody connects to."""
    node = shutil.which("node")
    if node is None:
        missing("node", "nodejs")
    if not PACKAGE.is_dir():
        missing("smtp-server", "npm; then run `npm ci` in tests/")
    with (folder / "javascript.log").open("wb") as log:
        process = subprocess.Popen(
            [str(node), str(HERE / "smtp-server.mjs"), str(pem), USERNAME, PASSWORD, NOBODY],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            ports = Ports(**json.loads(process.stdout.readline()))
            threading.Thread(target=_collect, args=(process, sink), daemon=True).start()
            yield ports
        finally:
            process.terminate()
            process.wait()


def _collect(process: subprocess.Popen[bytes], sink: Sink) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        said = json.loads(line)
        for to in said["to"]:
            sink.caught(Caught(Envelope(said["from"], to), base64.b64decode(said["content"])))
