"""Debian's OpenSMTPD in a root of its own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mailer.smtp.sink import Sink
from tests.servers import process, roots
from tests.servers.account import NOBODY, PASSWORD, USERNAME

USERS = {"opensmtpd": 64002, "opensmtpq": 64003}
START = "LD_PRELOAD=/opensmtpd_key.so exec /usr/sbin/smtpd -d"
CONFIGURATION = """\
pki harbour cert "/etc/server.pem"
pki harbour key "/etc/server.pem"
table people file:/etc/people
listen on 127.0.0.1 port {starttls} tls-require pki harbour auth <people> hostname opensmtpd.example
listen on 127.0.0.1 port {implicit} smtps pki harbour auth <people> hostname opensmtpd.example
action "sink" relay host "smtp://127.0.0.1:{relay_port}" helo "opensmtpd.example"
match from any for rcpt-to "{nobody}" reject
match auth from any for any action "sink"
"""


@contextlib.contextmanager
def running(folder: Path, pem: Path, sink: Sink) -> Iterator[process.Ports]:
    """Its ports. What it takes goes on to the sink."""
    root = roots.copy("opensmtpd", "opensmtpd", folder / "root", USERS)
    ports = process.free_ports()
    (root / "var" / "spool").mkdir(exist_ok=True)
    shutil.copy(pem, root / "etc" / "server.pem")
    (root / "etc" / "server.pem").chmod(0o600)
    (root / "etc" / "people").write_text(f"{USERNAME} {_encrypted(root)}\n")
    configuration = root / "etc" / "smtpd.conf"
    configuration.write_text(CONFIGURATION.format(**ports._asdict(), relay_port=sink.port, nobody=NOBODY))
    with process.running(
        ["chroot", root, "/bin/sh", "-c", START], ports.starttls, folder / "start.log", root
    ):
        yield ports


def _encrypted(root: Path) -> str:
    command = ["chroot", str(root), "/usr/libexec/opensmtpd/encrypt", PASSWORD]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
