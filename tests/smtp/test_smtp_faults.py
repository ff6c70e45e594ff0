"""What servers do wrong, over real sockets: every outcome tells the truth about what the server may have."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from mailer.smtp.model import Envelope, Outcome, Relay
from mailer.smtp.pool import Pool
from mailer.smtp.sink import Options, Script, Sink
from tests.doubles import fault_server

TEXT = b"Subject: Harbour Letter\r\n\r\n" + (b"x" * 70 + b"\r\n") * 20
GAITS = {
    "lock-step": Options(pipelining=False),
    "data": Options(),
    "bdat": Options(chunking=True),
}


@contextlib.asynccontextmanager
async def talk(script: Script, gait: str = "data", **changes: object) -> AsyncIterator[tuple[Sink, Pool]]:
    async with Sink(options=GAITS[gait], script=script) as sink:
        relay = Relay("r", "localhost", sink.port, tls="none", timeout=timedelta(seconds=20))
        async with Pool(replace(relay, **changes)) as pool:  # type: ignore[arg-type]
            yield sink, pool


async def send(pool: Pool, count: int, text: bytes = TEXT) -> list[Outcome]:
    return await asyncio.gather(
        *(pool.send(Envelope(f"b+{n}@a.example", f"p{n}@b.example"), text) for n in range(count))
    )


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        await asyncio.wait_for(test(), 60)

    asyncio.run(within())


def check_truth(sink: Sink, outcomes: list[Outcome]) -> None:
    """Whoever has it is accepted or uncertain; whoever is accepted has it; nobody has it twice."""
    taken = [c.envelope.rcpt_to for c in sink.messages]
    assert len(taken) == len(set(taken))
    for number, outcome in enumerate(outcomes):
        has_it = f"p{number}@b.example" in taken
        if outcome.accepted:
            assert has_it
        if has_it:
            assert outcome.accepted or outcome.uncertain
        if not outcome.end_mark_left:
            assert not has_it


@pytest.mark.parametrize("gait", GAITS)
@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "body", "message"])
def test_a_connection_cut_at_any_step_leaves_true_outcomes_and_the_rest_goes_on(
    gait: str, stage: str
) -> None:  # F16
    async def main() -> None:
        async with talk(fault_server.drop(stage, message=4), gait) as (sink, pool):
            outcomes = await send(pool, 12)
            check_truth(sink, outcomes)
            lost = [o for o in outcomes if not o.accepted]
            if gait != "bdat":
                # What had not left went again by itself; what may have arrived did not.
                assert len(lost) == (stage in ("body", "message"))
                assert all(o.uncertain for o in lost)
            else:
                assert len(lost) <= 4  # the depth
            assert all(o.error == "connection_lost" for o in lost)

    run(main)


@pytest.mark.parametrize("gait", GAITS)
def test_a_message_taken_without_an_answer_is_uncertain_and_not_sent_again(gait: str) -> None:  # F16
    async def main() -> None:
        async with talk(fault_server.keep_and_drop(message=2), gait) as (sink, pool):
            outcomes = await send(pool, 6)
            check_truth(sink, outcomes)
            assert any(o.uncertain for o in outcomes)
            assert "p1@b.example" in {c.envelope.rcpt_to for c in sink.messages}
            assert outcomes[1].uncertain

    run(main)


def test_a_server_that_answers_after_our_patience_leaves_it_uncertain() -> None:  # F16
    async def main() -> None:
        script = fault_server.keep_and_stall(message=1)
        async with talk(script, timeout=timedelta(seconds=0.2)) as (sink, pool):
            outcomes = await send(pool, 1)
            check_truth(sink, outcomes)
            assert (outcomes[0].uncertain, outcomes[0].error, outcomes[0].stage) == (
                True,
                "timeout",
                "message",
            )
            assert len(sink.messages) == 1

    run(main)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
def test_a_server_that_stalls_before_the_message_is_given_up_and_nothing_has_left(stage: str) -> None:
    async def main() -> None:
        script = fault_server.stall(stage, message=1)
        async with talk(script, "lock-step", timeout=timedelta(seconds=0.3)) as (_, pool):
            (outcome,) = await send(pool, 1)
            assert outcome == Outcome(stage, None, end_mark_left=False, error="timeout")  # type: ignore[arg-type]

    run(main)


@pytest.mark.parametrize("gait", ["data", "bdat"])
def test_a_server_that_stops_reading_in_the_middle_of_a_message_has_not_got_its_end(gait: str) -> None:
    async def main() -> None:
        large = TEXT + (b"y" * 76 + b"\r\n") * 200_000  # 15 MB: more than all socket buffers on the way
        script = fault_server.stall("body", message=1)
        async with talk(script, gait, timeout=timedelta(seconds=0.5)) as (sink, pool):
            (outcome,) = await send(pool, 1, large)
            assert outcome.error == "timeout"
            assert not outcome.end_mark_left
            assert not outcome.uncertain
            assert not sink.messages

    run(main)


@pytest.mark.parametrize("gait", ["data", "bdat"])
def test_a_server_that_hangs_up_in_the_middle_of_a_message_has_not_got_its_end(gait: str) -> None:  # F16
    async def main() -> None:
        large = TEXT + (b"y" * 76 + b"\r\n") * 200_000
        async with talk(fault_server.drop("body"), gait) as (sink, pool):
            (outcome,) = await send(pool, 1, large)
            assert (outcome.error, outcome.end_mark_left) == ("connection_lost", False)
            assert not sink.messages

    run(main)


FAULTS = [
    pytest.param(gait, fault, id=f"{gait}-{fault.__name__}")
    for gait in GAITS
    for fault in (fault_server.garbage, fault_server.endless_reply, fault_server.surplus_reply)
    # The replies of a BDAT transaction all look alike, so one too many in their midst cannot be seen.
    if (gait, fault) != ("bdat", fault_server.surplus_reply)
]


@pytest.mark.parametrize(("gait", "fault"), FAULTS)
@pytest.mark.parametrize("stage", ["mail", "rcpt", "message"])
def test_garbage_drops_the_connection_and_no_outcome_lies(
    gait: str, fault: Callable[..., Script], stage: str
) -> None:
    async def main() -> None:
        async with talk(fault(stage, message=2), gait) as (sink, pool):
            outcomes = await send(pool, 5)
            taken = [c.envelope.rcpt_to for c in sink.messages]
            assert len(taken) == len(set(taken))
            for number, outcome in enumerate(outcomes):
                if f"p{number}@b.example" in taken:
                    assert outcome.accepted or outcome.uncertain
                if outcome.accepted:
                    assert f"p{number}@b.example" in taken

    run(main)


@pytest.mark.parametrize("gait", GAITS)
@pytest.mark.parametrize(
    "line", ["421 4.3.2 going down", "450 4.7.1 Greylisted", "452 4.3.1 full", "550 5.7.26 policy"]
)
@pytest.mark.parametrize("stage", ["mail", "rcpt", "message"])
def test_a_refusal_at_any_stage_comes_back_as_it_was_said(gait: str, line: str, stage: str) -> None:  # F5
    async def main() -> None:
        async with talk(fault_server.reply(stage, line, message=1), gait) as (sink, pool):
            outcomes = await send(pool, 1)
            check_truth(sink, outcomes)
            assert outcomes[0].stage == stage
            assert str(outcomes[0].reply) == line
            assert outcomes[0].end_mark_left is (stage == "message" or gait == "bdat")
            assert not outcomes[0].uncertain
            if not line.startswith("421"):
                assert all(o.accepted for o in await send(pool, 3))

    run(main)


@pytest.mark.parametrize("gait", ["lock-step", "data"])
@pytest.mark.parametrize("line", ["421 4.3.2 going down", "451 4.3.0 not now", "554 5.7.1 policy"])
def test_a_refusal_of_data_comes_back_as_it_was_said_and_nothing_has_left(gait: str, line: str) -> None:  # F5
    async def main() -> None:
        async with talk(fault_server.reply("data", line, message=1), gait) as (sink, pool):
            outcomes = await send(pool, 1)
            check_truth(sink, outcomes)
            assert (outcomes[0].stage, str(outcomes[0].reply)) == ("data", line)
            assert not outcomes[0].end_mark_left

    run(main)


@pytest.mark.parametrize("gait", ["lock-step", "data"])
@pytest.mark.parametrize("fault", [fault_server.garbage, fault_server.endless_reply])
def test_garbage_instead_of_the_answer_to_data_lets_nothing_leave(
    gait: str, fault: Callable[..., Script]
) -> None:  # F16
    async def main() -> None:
        async with talk(fault("data", message=2), gait) as (sink, pool):
            outcomes = await send(pool, 5)
            check_truth(sink, outcomes)
            assert sum(not o.accepted for o in outcomes) <= 1
            assert not any(o.uncertain for o in outcomes)

    run(main)


def test_data_granted_for_nobody_is_ended_by_a_lone_dot() -> None:  # RFC 2920 §3.1
    async def main() -> None:
        script = fault_server.all_of(
            fault_server.reply("rcpt", "550 5.1.1 nobody", message=2),
            fault_server.reply("data", "354 go ahead", message=2),
        )
        async with talk(script) as (sink, pool):
            outcomes = await send(pool, 5)
            assert [o.accepted for o in outcomes] == [True, False, True, True, True]
            assert outcomes[1].stage == "rcpt"
            assert not outcomes[1].end_mark_left
            assert sink.sessions == 1
            check_truth(sink, outcomes)

    run(main)


def test_the_accounts_limit_in_the_middle_comes_back_for_each_as_a_quota() -> None:  # F53
    async def main() -> None:
        async with talk(fault_server.quota_after(30), connections=2) as (sink, pool):
            outcomes = await send(pool, 50)
            assert sum(o.accepted for o in outcomes) == 30
            refused = [o for o in outcomes if not o.accepted]
            assert all(o.reply is not None and o.reply.is_quota for o in refused)
            check_truth(sink, outcomes)

    run(main)


def test_a_message_that_always_cuts_the_connection_is_given_up_and_the_others_arrive() -> None:
    async def main() -> None:
        script = fault_server.drop("rcpt", containing="p3@")
        async with talk(script, connections=2) as (sink, pool):
            outcomes = await send(pool, 12)
            check_truth(sink, outcomes)
            assert not outcomes[3].accepted
            assert not outcomes[3].end_mark_left
            assert sum(o.accepted for o in outcomes) >= 9

    run(main)


def test_a_server_with_helo_only_gets_its_mail() -> None:
    async def main() -> None:
        async with Sink(options=Options(ehlo=False)) as sink:
            async with Pool(Relay("r", "localhost", sink.port, tls="none")) as pool:
                assert all(o.accepted for o in await send(pool, 5))
            assert len(sink.messages) == 5

    run(main)


def test_a_surplus_reply_without_anything_open_ends_that_connection_only() -> None:
    async def main() -> None:
        async with talk(fault_server.surplus_reply("message", message=1), "bdat") as (sink, pool):
            (first,) = await send(pool, 1)
            assert first.accepted
            assert all(o.accepted for o in await send(pool, 5))
            assert len(sink.messages) == 6

    run(main)
