"""Other programs of a benchmark: sinks, `mailer work`, single senders; what they cost, read from /proc.

CPU is counted between two looks, so that the start of an interpreter is in nobody's figure. Only processes
that were started here are ended.
"""

from __future__ import annotations

import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contest import Lap
from tests.bench.office import Office

_TICK = os.sysconf("SC_CLK_TCK")
PATIENCE = 600.0  # seconds; a benchmark that takes longer has failed


def program(name: str) -> str:
    """Path of a program of Postfix. Raises SystemExit with the package to install."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise SystemExit(f"{name} is not installed (Debian package postfix)")
    return found


def as_nobody() -> list[str]:
    return ["-u", "nobody"] if os.geteuid() == 0 else []


@contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class SmtpSink:
    port: int
    pid: int


@contextmanager
def smtp_sink() -> Iterator[SmtpSink]:
    """Postfix's sink (C, PIPELINING, no CHUNKING)."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program("smtp-sink"), *as_nobody(), f"127.0.0.1:{port}", "256"]
    with ended(subprocess.Popen(command, stdout=subprocess.DEVNULL, text=True)) as process:
        _await_port(port)
        yield SmtpSink(port, process.pid)


@contextmanager
def told_port(*module: str) -> Iterator[int]:
    """A server that is a module of ours and prints "listening on 127.0.0.1:PORT"; its port."""
    command = [sys.executable, "-m", *module]
    with ended(subprocess.Popen(command, stdout=subprocess.PIPE, text=True)) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline().rpartition(":")[2])


def _await_port(port: int) -> None:
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise SystemExit("smtp-sink does not listen")


def smtp_source(port: int, messages: int, size_bytes: int, connections: int) -> Lap:
    """Postfix's generator (C, one command a round trip)."""
    command = [
        program("smtp-source"), "-s", str(connections), "-l", str(size_bytes), "-m", str(messages),
        "-f", "bounce@example.org", "-t", "reader@example.org", f"127.0.0.1:{port}",
    ]  # fmt: skip
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Lap(messages / seconds, messages, 1000 * used / messages)


# ── senders ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Running:
    """A process with the children it has started."""

    process: subprocess.Popen[str]

    def pids(self) -> list[int]:
        return _tree(self.process.pid)

    def cpu(self) -> float:
        """Seconds, user and system, of all of them until now."""
        return sum(cpu_of(pid) for pid in self.pids())

    def settle_down(self, processes: int) -> None:
        """Until so many processes are there and all are idle: imports are over."""
        give_up = time.monotonic() + 60
        while time.monotonic() < give_up:
            before = self.cpu()
            time.sleep(0.3)
            if len(self.pids()) >= processes and before > 0 and self.cpu() - before <= 2 / _TICK:
                return
        raise SystemExit("the senders do not come to rest")


@contextmanager
def work(office: Office, processes: int) -> Iterator[Running]:
    """`mailer work` as an operator starts it, idle."""
    command = [sys.executable, "-c", "from mailer.cli.main import run; run()", "--config", str(office.config), "work"]  # fmt: skip
    environ = office.also(delivery__processes=processes).environ
    with _quiet(command, environ) as running:
        running.settle_down(processes)
        yield running


@contextmanager
def one_sender(office: Office) -> Iterator[Running]:
    """A sender process as `work` starts them beside itself."""
    command = [sys.executable, "-m", "mailer.worker", str(office.config), str(os.getpid())]
    with _quiet(command, office.environ) as running:
        yield running


@contextmanager
def _quiet(command: list[str], environ: dict[str, str]) -> Iterator[Running]:
    log = Path(environ.get("BENCH_LOG", os.devnull)).open("a", encoding="utf-8")  # noqa: SIM115
    with log, ended(subprocess.Popen(command, env=environ, stderr=log, stdout=log, text=True)) as process:
        yield Running(process)


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in children for one in _tree(int(child)))]


def cpu_of(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICK


def peak_memory_mb(pid: int) -> float:
    """Largest resident size that the process ever had, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
