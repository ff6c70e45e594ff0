"""Servers that are not ours: aiosmtpd (no PIPELINING), and Postfix's smtp-sink where it is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Iterator
from datetime import timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink as NoHandler
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, Session
from aiosmtpd.smtp import Envelope as Received

from mailer.smtp.check import probe
from mailer.smtp.model import Envelope, Outcome, Relay
from mailer.smtp.pool import Pool
from tests.conftest import missing
from tests.smtp.conftest import Authority

TEXT = b"Subject: Harbour Letter\r\n\r\nDear reader,\r\n.\r\n..two dots\r\n"


class Handler(NoHandler):
    def __init__(self) -> None:
        super().__init__()
        self.received: list[tuple[str, list[str], bytes]] = []

    async def handle_RCPT(  # noqa: N802 - its name in aiosmtpd
        self, server: SMTP, session: Session, envelope: Received, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody@"):
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Received) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.received.append((envelope.mail_from or "", list(envelope.rcpt_tos), envelope.content))
        return "250 2.0.0 taken"


def sign_in(server: SMTP, session: Session, envelope: Received, mechanism: str, data: object) -> AuthResult:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=(data.login, data.password) == (b"keiko", b"word"), handled=False)


@pytest.fixture
def other(authority: Authority) -> Iterator[tuple[Handler, int]]:
    handler = Handler()
    controller = Controller(
        handler,
        hostname="127.0.0.1",
        port=_free_port(),
        tls_context=authority.server(),
        require_starttls=True,
        auth_required=True,
        authenticator=sign_in,
        enable_SMTPUTF8=True,
    )
    controller.start()
    yield handler, controller.port
    controller.stop()


def _free_port() -> int:
    with socket.socket() as probe_socket:  # aiosmtpd does not tell which port the system chose
        probe_socket.bind(("127.0.0.1", 0))
        port: int = probe_socket.getsockname()[1]
        return port


def relay(port: int, **changes: object) -> Relay:
    values: dict[str, object] = {"username": "keiko", "password": "word", "connections": 2} | changes
    return Relay("r", "localhost", port, tls="starttls", timeout=timedelta(seconds=20), **values)  # type: ignore[arg-type]


async def send(pool: Pool, *addresses: str) -> list[Outcome]:
    return await asyncio.gather(*(pool.send(Envelope("a@a.example", to), TEXT) for to in addresses))


def test_another_server_gets_each_message_once_over_tls_with_password(
    other: tuple[Handler, int], authority: Authority
) -> None:
    handler, port = other

    async def main() -> None:
        async with Pool(relay(port), authority.client) as pool:
            people = [f"p{n}@b.example" for n in range(25)] + ["nobody@b.example", "münchen@b.example"]
            outcomes = await send(pool, *people)
        assert [o.accepted for o in outcomes] == [True] * 25 + [False, True]
        assert outcomes[25].stage == "rcpt"
        assert sorted(to[0] for _, to, _ in handler.received) == sorted(set(people) - {"nobody@b.example"})
        assert {content for _, _, content in handler.received} == {TEXT}

    asyncio.run(main())


def test_another_server_is_probed_without_being_sent_anything(
    other: tuple[Handler, int], authority: Authority
) -> None:
    handler, port = other

    async def main() -> None:
        context = authority.client
        found = await probe(relay(port), sender="a@a.example", address="p@b.example", tls_context=context)
        assert found.passed
        found = await probe(
            relay(port), sender="a@a.example", address="nobody@b.example", tls_context=context
        )
        assert found.problem is not None
        assert found.problem.key == "relay_rcpt"
        found = await probe(
            relay(port, password="bad"), sender="a@a.example", address="p@b.example", tls_context=context
        )
        assert found.problem is not None
        assert found.problem.key == "relay_auth"
        assert not handler.received

    asyncio.run(main())


def test_postfixs_sink_takes_pipelined_mail() -> None:
    program = shutil.which("smtp-sink", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        missing("smtp-sink", "postfix")
    assert program is not None

    async def main() -> None:
        port = _free_port()
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        server = await asyncio.create_subprocess_exec(program, *user, f"127.0.0.1:{port}", "100")
        try:
            for _ in range(100):
                with_connection = await asyncio.to_thread(_answers, port)
                if with_connection:
                    break
                await asyncio.sleep(0.05)
            async with Pool(Relay("r", "127.0.0.1", port, tls="none", connections=3)) as pool:
                assert all(o.accepted for o in await send(pool, *(f"p{n}@b.example" for n in range(100))))
                assert pool.capabilities is not None
                assert "PIPELINING" in pool.capabilities
        finally:
            server.kill()
            await server.wait()

    asyncio.run(main())


def _answers(port: int) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0
