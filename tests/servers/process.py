"""Programs that are not ours as processes of a test: a port, a start, an end by process id."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple


class Ports(NamedTuple):
    """Where a server listens: encrypted after STARTTLS (587), and from the first octet (465)."""

    starttls: int
    implicit: int


PATIENCE_SECONDS = 60.0  # for a busy machine; nothing is measured by it


def free_port() -> int:
    """A loopback port that the system chose; servers that cannot tell theirs are given this one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports() -> Ports:
    return Ports(free_port(), free_port())


def greets(port: int) -> bool:
    """True if an SMTP server speaks there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as trial:
            said = trial.recv(3) == b"220"
            trial.sendall(b"QUIT\r\n")
            return said
    except OSError:
        return False


@contextlib.contextmanager
def running(command: Sequence[str | Path], port: int, log: Path, root: Path | None = None) -> Iterator[None]:
    """The program in a process group of its own until the block ends; `root`: the folder that is its /."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            list(map(str, command)),
            stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _await(process, port, log)
            yield
        finally:
            _end(process, root)


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not greets(port):
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"{process.args!r} does not serve:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes], root: Path | None) -> None:
    process.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for left in _inside(root) if root is not None else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(left, signal.SIGKILL)


def _inside(root: Path) -> list[int]:
    """Processes whose / is this folder or lies in it: certainly ours, even if they left the group."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/root"):
        with contextlib.suppress(OSError):
            if entry.readlink().is_relative_to(root):
                found.append(int(entry.parent.name))
    return found
