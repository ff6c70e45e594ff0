"""What a benchmark ran on: the machine, the programs and their versions."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.backends.openssl import backend

from tests.bench.servers import postgresql

LIBRARIES = ("sqlalchemy", "cryptography", "aiosmtplib", "dkimpy", "psycopg")


def told() -> list[tuple[str, str]]:
    """(what, which), the load of the last minute included: others at work are the first thing to know."""
    with postgresql() as server:
        server_version = server.version()
    return [
        ("when", datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")),
        ("code", _said("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty")),
        ("processor", f"{os.cpu_count()} × {_processor()}"),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("load at the start", f"{os.getloadavg()[0]:.1f}"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("SQLite", f"{sqlite3.sqlite_version} (WAL, synchronous=FULL)"),
        ("PostgreSQL", server_version),
        ("Postfix", _said("/usr/sbin/postconf", "-dh", "mail_version")),
        ("OpenSSL", backend.openssl_version_text()),
        *((name, version(name)) for name in LIBRARIES),
    ]


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip() or "unknown"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
