"""Real servers, each started once for the tests of a file, and what they are known to offer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from mailer.smtp.model import Relay
from mailer.smtp.sink import Caught, Sink, running_sink
from tests.journeys.conftest import prepared, ready, sink
from tests.servers import exim, javascript, opensmtpd, postfix
from tests.servers.account import PASSWORD, USERNAME
from tests.servers.process import PATIENCE_SECONDS, Ports
from tests.smtp.conftest import Authority, authority

__all__ = ["authority", "prepared", "ready", "sink"]

Start = Callable[[Path, Path, Sink], AbstractContextManager[Ports]]
START: dict[str, Start] = {
    "postfix": postfix.running,
    "exim": exim.running,
    "opensmtpd": opensmtpd.running,
    "javascript": javascript.running,
}


@dataclass(frozen=True)
class Real:
    """A running server; `sink` holds what came out at its far end."""

    name: str
    ports: Ports
    sink: Sink
    authority: Authority

    def relay(self, **changes: object) -> Relay:
        values = {"connections": 2, "username": USERNAME, "password": PASSWORD, **changes}
        port = self.ports.implicit if values.get("tls") == "implicit" else self.ports.starttls
        return Relay("r", "localhost", port, timeout=timedelta(seconds=60), **values)  # type: ignore[arg-type]

    def arrived(self, to: set[str]) -> list[Caught]:
        """All that came for these people, once each of them has something; then what may come twice had its
        chance, for a server's queue is worked off in order."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = [each for each in self.sink.messages if each.envelope.rcpt_to in to]
            if {each.envelope.rcpt_to for each in found} == to or time.monotonic() > until:
                return found
            time.sleep(0.02)


@pytest.fixture(scope="module")
def hall(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Real]]:
    """Starts a server when it is first asked for; all run until the end of the file."""
    started: dict[str, Real] = {}

    def ask(name: str) -> Real:
        if name not in started:
            folder = tmp_path_factory.mktemp(name)
            pem = folder / "server.pem"
            pem.write_bytes(authority.pem(rsa=name == "opensmtpd").read_bytes())
            sink = stack.enter_context(running_sink(Sink()))
            ports = stack.enter_context(START[name](folder, pem, sink))
            started[name] = Real(name, ports, sink, authority)
        return started[name]

    with ExitStack() as stack:
        yield ask


@pytest.fixture
def real(request: pytest.FixtureRequest, hall: Callable[[str], Real]) -> Real:
    return hall(request.param)
