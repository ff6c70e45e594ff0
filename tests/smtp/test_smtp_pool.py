"""The pool over real sockets against the sink: concurrency, gaits, TLS, signing in, limits, closing."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mailer.errors import RelayProblem
from mailer.smtp.model import Envelope, Outcome, Relay
from mailer.smtp.pool import Pool
from mailer.smtp.sink import Action, Moment, Options, Script, Sink
from tests.doubles import fault_server
from tests.smtp.conftest import Authority

TEXT = b"Subject: Harbour Letter\r\n\r\nDear reader,\r\n.\r\n..two dots\r\n"


def relay_to(sink: Sink, **changes: object) -> Relay:
    relay = Relay("r", "localhost", sink.port, tls="none", connections=3, timeout=timedelta(seconds=20))
    return replace(relay, **changes)  # type: ignore[arg-type]


async def send(pool: Pool, count: int, text: bytes = TEXT) -> list[Outcome]:
    return await asyncio.gather(
        *(pool.send(Envelope(f"b+{n}@a.example", f"p{n}@b.example"), text) for n in range(count))
    )


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        await asyncio.wait_for(test(), 60)  # a hang becomes a failure

    asyncio.run(within())


async def until(true: Callable[[], object]) -> None:
    while not true():  # noqa: ASYNC110 - what is awaited here has no event of its own
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("chunking", [False, True])
@pytest.mark.parametrize("pipeline", [False, True])
def test_many_senders_share_few_connections_and_each_message_arrives_once_as_it_was(
    chunking: bool, pipeline: bool
) -> None:
    async def main() -> None:
        async with Sink(options=Options(chunking=chunking)) as sink:
            async with Pool(relay_to(sink, pipeline=pipeline)) as pool:
                outcomes = await send(pool, 200)
            assert all(o.accepted for o in outcomes)
            assert sorted(c.envelope.rcpt_to for c in sink.messages) == sorted(
                f"p{n}@b.example" for n in range(200)
            )
            assert {c.content for c in sink.messages} == {TEXT}
            assert all(c.envelope.mail_from[2:-10] == c.envelope.rcpt_to[1:-10] for c in sink.messages)
            assert 1 <= sink.most_sessions <= 3
            assert not sink.open_sessions

    run(main)


def test_one_message_opens_one_connection_and_the_next_uses_it() -> None:
    async def main() -> None:
        async with Sink() as sink, Pool(relay_to(sink)) as pool:
            assert pool.capabilities is None
            for _ in range(3):
                assert all(o.accepted for o in await send(pool, 1))
            assert sink.sessions == 1
            assert pool.capabilities is not None
            assert "PIPELINING" in pool.capabilities

    run(main)


def test_a_message_larger_than_all_buffers_arrives_whole() -> None:
    async def main() -> None:
        text = b"Subject: large\r\n\r\n" + b"x" * 76 + b"\r\n"
        text += (b"y" * 76 + b"\r\n") * 60_000  # 4.7 MB
        for chunking in (False, True):
            async with Sink(options=Options(chunking=chunking)) as sink, Pool(relay_to(sink)) as pool:
                assert [o.accepted for o in await send(pool, 4, text)] == [True] * 4
                assert {c.content for c in sink.messages} == {text}

    run(main)


def test_smuggling_is_refused_before_anything_leaves() -> None:  # F48
    async def main() -> None:
        async with Sink() as sink, Pool(relay_to(sink)) as pool:
            with pytest.raises(ValueError, match="bare"):
                await send(pool, 1, b"a: b\r\n\r\nhi\n.\nMAIL FROM:<x@y>\r\n")
            assert sink.sessions == 0

    run(main)


def test_one_refused_recipient_does_not_stop_the_others() -> None:  # F6
    async def main() -> None:
        for options in (Options(), Options(chunking=True), Options(pipelining=False)):
            script = fault_server.reply("rcpt", "550 5.1.1 nobody", containing="p7@")
            async with Sink(options=options, script=script) as sink, Pool(relay_to(sink)) as pool:
                outcomes = await send(pool, 20)
            refused = [n for n, o in enumerate(outcomes) if not o.accepted]
            assert refused == [7]
            assert (outcomes[7].stage, outcomes[7].error) == ("rcpt", None)
            assert outcomes[7].reply is not None
            assert outcomes[7].reply.is_about_address
            assert len(sink.messages) == 19

    run(main)


def test_with_a_password_pipelining_waits_until_the_first_message_has_worked() -> None:
    heard: list[tuple[str, int]] = []

    def note(moment: Moment) -> Action | None:
        heard.append((moment.stage, moment.message))
        return None

    async def main() -> None:
        options = Options(users={"keiko": "word"})
        async with Sink(options=options, script=note) as sink:
            relay = relay_to(sink, username="keiko", password="word", connections=1)
            async with Pool(relay) as pool:
                assert all(o.accepted for o in await send(pool, 3))
            # Lock-step shows in nothing but time; what shows is that message 2 began only after message 1 was through.
            assert heard.index(("message", 1)) < heard.index(("mail", 2))

    run(main)


def test_with_a_password_bdat_too_waits_until_the_first_message_has_worked() -> None:
    async def main() -> None:
        options = Options(users={"keiko": "word"}, chunking=True)
        async with Sink(options=options, script=lambda moment: None) as sink:
            async with Pool(relay_to(sink, username="keiko", password="word", connections=1)) as pool:
                assert all(o.accepted for o in await send(pool, 4))
            said = [line.partition(" ")[0] for line in sink.commands]
        assert said[2:6] == ["MAIL", "RCPT", "DATA", "MAIL"]
        assert said.count("BDAT") == 3

    run(main)


@pytest.mark.parametrize("mechanisms", ["PLAIN", "LOGIN", "LOGIN PLAIN"])
def test_encrypted_and_signed_in_mail_goes_through(authority: Authority, mechanisms: str) -> None:
    async def main() -> None:
        for implicit in (False, True):
            options = Options(
                starttls=not implicit,
                implicit_tls=implicit,
                tls_context=authority.server(),
                users={"keiko": "pass wörd"},
                mechanisms=mechanisms,
            )
            async with Sink(options=options) as sink:
                tls = "implicit" if implicit else "starttls"
                relay = relay_to(sink, tls=tls, username="keiko", password="pass wörd")
                async with Pool(relay, authority.client) as pool:
                    large = TEXT + (b"z" * 70 + b"\r\n") * 10_000
                    assert all(o.accepted for o in await send(pool, 30, large))
                assert len(sink.messages) == 30

    run(main)


def test_a_server_that_drops_pipelining_after_encryption_is_followed(authority: Authority) -> None:
    async def main() -> None:
        options = Options(
            starttls=True,
            tls_context=authority.server(),
            after_tls=lambda offers: [o for o in offers if o != "PIPELINING"],
        )
        async with (
            Sink(options=options) as sink,
            Pool(relay_to(sink, tls="starttls"), authority.client) as pool,
        ):
            assert all(o.accepted for o in await send(pool, 10))
            assert pool.capabilities is not None
            assert "PIPELINING" not in pool.capabilities

    run(main)


async def refusal(relay: Relay, context: ssl.SSLContext | None = None) -> RelayProblem:
    async with Pool(relay, context) as pool:
        results = await asyncio.gather(
            *(pool.send(Envelope("a@a.example", f"{n}@b.example"), TEXT) for n in range(3)),
            return_exceptions=True,
        )
    for result in results:
        assert isinstance(result, RelayProblem)
        assert result.remedy
        assert "{" not in result.sentence + result.remedy
    assert isinstance(results[0], RelayProblem)
    return results[0]


def test_each_way_in_which_encryption_fails_has_its_own_sentence(authority: Authority) -> None:
    async def main() -> None:
        for implicit in (False, True):
            tls = "implicit" if implicit else "starttls"

            async def against(context: ssl.SSLContext, client: ssl.SSLContext | None) -> str:
                options = Options(starttls=not implicit, implicit_tls=implicit, tls_context=context)  # noqa: B023
                async with Sink(options=options) as sink:
                    return (await refusal(relay_to(sink, tls=tls), client)).key  # noqa: B023

            assert (
                await against(authority.server(name="mx.other.example"), authority.client)
                == "relay_certificate_name"
            )
            assert (
                await against(authority.server(expired=True), authority.client) == "relay_certificate_expired"
            )
            assert await against(authority.server(), None) == "relay_certificate"
        async with Sink() as plain:
            assert (await refusal(relay_to(plain, tls="implicit"))).key == "relay_tls_wrong_kind"
            assert (await refusal(relay_to(plain, tls="starttls"))).key == "relay_tls_not_offered"
        options = Options(implicit_tls=True, tls_context=authority.server())
        async with Sink(options=options) as encrypted:
            impatient = relay_to(encrypted, tls="starttls", timeout=timedelta(seconds=0.3))
            assert (await refusal(impatient)).key == "relay_silent"

    run(main)


def test_no_server_no_name_and_no_greeting_are_told_apart() -> None:
    async def main() -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        assert (await refusal(Relay("r", "127.0.0.1", port, tls="none"))).key == "relay_refused"
        problem = await refusal(Relay("r", "no-such-host.invalid", 587))
        assert problem.key in {"relay_dns", "relay_timeout"}
        assert problem.facts["host"] == "no-such-host.invalid"
        script = fault_server.stall("connect")
        async with Sink(script=script) as sink:
            assert (await refusal(relay_to(sink, timeout=timedelta(seconds=0.2)))).key == "relay_silent"
        async with Sink(script=fault_server.say_and_drop("connect", "554 5.7.1 not you")) as sink:
            problem = await refusal(relay_to(sink))
            assert problem.key == "relay_greeting"
            assert problem.facts["reply"] == "554 5.7.1 not you"

    run(main)


def test_a_wrong_password_stops_everything_without_leaving_a_message() -> None:
    async def main() -> None:
        async with Sink(options=Options(users={"keiko": "word"})) as sink:
            problem = await refusal(relay_to(sink, username="keiko", password="Tr0ub4dor", connections=1))
            assert (problem.key, sink.begun) == ("relay_auth", 0)
            assert "Tr0ub4dor" not in f"{problem.facts} {problem}"  # F39

    run(main)


def test_a_password_is_not_sent_unencrypted_to_another_machine() -> None:
    async def main() -> None:
        relay = Relay("r", "mx.example", 25, tls="none", username="keiko", password="word")
        assert (await refusal(relay)).key == "relay_auth_plaintext"

    run(main)


def test_a_server_that_limits_connections_is_served_with_those_it_grants() -> None:
    async def main() -> None:
        async with Sink(script=fault_server.limits_connections(1)) as sink:
            async with Pool(relay_to(sink, connections=4)) as pool:
                assert all(o.accepted for o in await send(pool, 1))
                assert all(o.accepted for o in await send(pool, 40))
            assert sink.accepted == 41

    run(main)


@pytest.mark.parametrize("options", [Options(), Options(chunking=True), Options(pipelining=False)])
def test_a_server_that_closes_after_some_messages_loses_and_doubles_nobody(options: Options) -> None:
    async def main(script: Script | None, most: int) -> None:
        async with Sink(options=options, script=script) as sink:
            async with Pool(relay_to(sink, connections=2, messages_per_connection=most)) as pool:
                outcomes = await send(pool, 40)
            taken = [c.envelope.rcpt_to for c in sink.messages]
            assert len(taken) == len(set(taken))
            for number, outcome in enumerate(outcomes):
                assert outcome.accepted == (f"p{number}@b.example" in taken)
                assert not outcome.uncertain
            assert len(taken) == 40
            assert sink.sessions > 2

    run(lambda: main(fault_server.closes_after(5), 0))
    run(lambda: main(None, 5))


def test_an_idle_connection_says_goodbye_and_a_new_one_is_made_when_needed() -> None:
    async def main() -> None:
        async with Sink(script=lambda moment: None) as sink:
            async with Pool(relay_to(sink, idle=timedelta(seconds=0.05))) as pool:
                await send(pool, 1)
                await until(lambda: not pool.connections)
                assert sink.commands[-1] == "QUIT"
                assert all(o.accepted for o in await send(pool, 1))
            assert sink.sessions == 2

    run(main)


def test_closing_finishes_what_is_under_way_and_returns_what_was_not_begun() -> None:  # F2
    async def main() -> None:
        async with Sink(script=lambda moment: None) as sink:
            pool = Pool(relay_to(sink, connections=1))
            sending = asyncio.ensure_future(send(pool, 30))
            await until(lambda: sink.accepted >= 3)
            await pool.close()
            outcomes = await sending
            taken = {c.envelope.rcpt_to for c in sink.messages}
            assert {f"p{n}@b.example" for n, o in enumerate(outcomes) if o.accepted} == taken
            rest = [o for o in outcomes if not o.accepted]
            assert {(o.error, o.end_mark_left) for o in rest} <= {("closed", False)}
            assert sink.commands[-1] == "QUIT"
            late = await pool.send(Envelope("a@a.example", "late@b.example"), TEXT)
            assert (late.stage, late.error) == ("connect", "closed")

    run(main)


def test_a_close_that_takes_too_long_can_be_cut_and_no_sender_waits_for_ever() -> None:  # F2
    async def main() -> None:
        async with Sink(script=fault_server.keep_and_stall(message=1)) as sink:
            pool = Pool(relay_to(sink, connections=1))
            sending = asyncio.ensure_future(send(pool, 3))
            await until(lambda: sink.messages)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(pool.close(), 0.05)
            pool.abort()
            outcomes = await sending
            assert [o.uncertain for o in outcomes] == [True, False, False]
            assert {o.error for o in outcomes} == {"closed"}

    run(main)


def test_a_cancelled_task_takes_its_waiting_message_back() -> None:
    async def main() -> None:
        async with Sink(script=fault_server.stall("mail", session=1)) as sink:
            pool = Pool(relay_to(sink, connections=1, timeout=timedelta(seconds=5)))
            tasks = [asyncio.ensure_future(send(pool, 1)) for _ in range(3)]
            await until(lambda: sink.begun)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for session in tuple(sink.open_sessions):
                session.drop()
            await pool.close()
            assert sink.begun == 1
            assert not sink.messages

    run(main)
