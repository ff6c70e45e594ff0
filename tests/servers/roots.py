"""The roots that unpack.sh made: each run gets a copy, with users and devices of its own, as its whole world."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import missing

UNPACKED = Path(__file__).parents[1] / ".servers"


def copy(name: str, package: str, to: Path, users: Mapping[str, int]) -> Path:
    """A copy of the root with these users (name → uid and gid). Only root may call `chroot`."""
    source = UNPACKED / name
    if not (source / ".complete").exists():
        missing(package, f"{package}, unpacked by tests/servers/unpack.sh")
    if os.geteuid() != 0:
        missing(f"{package} run by root", package)
    shutil.copytree(source, to, symlinks=True, dirs_exist_ok=True)
    for folder in ("dev", "etc", "run", "tmp", "var/run"):
        (to / folder).mkdir(parents=True, exist_ok=True)
    (to / "dev" / "null").touch()  # a plain file: making devices is a right of its own
    known = {"root": 0, "mail": 8, "nobody": 65534, **users}
    (to / "etc" / "passwd").write_text("".join(f"{n}:x:{i}:{i}::/:/bin/sh\n" for n, i in known.items()))
    (to / "etc" / "group").write_text("".join(f"{n}:x:{i}:\n" for n, i in known.items()))
    (to / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
    to.chmod(0o755)
    return to
