"""The name of a sender process, and whether the process of a name is gone.

A name holds what makes a process number trustworthy: the boot, the PID namespace and the start time. Where
/proc is missing nobody is ever called gone, and leases decide.
"""

from __future__ import annotations

import os
import socket
import uuid
from pathlib import Path

_PROC = Path("/proc")


def own_name() -> str:
    """ "host:pid:start@boot", the same for the whole life of this process."""
    pid = os.getpid()
    place = _place()
    return f"{socket.gethostname()}:{pid}:{_started(pid) or uuid.uuid4().hex[:8]}@{place or 'unknown'}"


def is_dead(name: str) -> bool:
    """True only if that process ran in this boot and this PID namespace, and no longer does."""
    who, _, place = name.rpartition("@")
    if place != _place():
        return False
    _, pid, started = who.rsplit(":", 2)
    return not pid.isdigit() or _started(int(pid)) != started


def _place() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """Clock ticks from boot to the start of the process; "" if there is none, or only a zombie."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]
