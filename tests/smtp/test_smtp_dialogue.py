"""The dialogue without a socket, against the sink's session without a socket: any split of bytes, any replies,
a cut at any octet. What must hold decides whether somebody is lost or mailed twice."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from mailer.smtp import wire
from mailer.smtp.dialogue import Dialogue
from mailer.smtp.errors import LocalFault
from mailer.smtp.events import Closed, Event, Ready, Settled, StartTls, Unusable
from mailer.smtp.model import Envelope, Outcome, Relay
from mailer.smtp.sink import Action, Moment, Options, Sink
from mailer.smtp.sink_session import Session
from mailer.smtp.states import TRANSITIONS, State

RELAY = Relay("r", "localhost", 25, tls="none", depth=3)


class Wire(asyncio.Transport):
    """The server's transport: collects what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.said = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.said += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...


@dataclass
class Talk:
    """One client and one server; `run` moves octets as it is told."""

    sink: Sink
    relay: Relay
    messages: list[wire.Checked]
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client = Dialogue(self.relay, secure=False)
        self.transport = Wire()
        self.server = Session(self.sink)
        self.server.connection_made(self.transport)
        self.next = 0
        self.kept = bytearray()  # written by us, not yet handed to the socket
        self.flying = bytearray()  # handed, not yet with the server
        self.over = False

    def take(self, events: list[Event]) -> None:
        self.events += events
        for each in events:
            match each:
                case Settled(tag=tag, outcome=outcome):
                    assert tag not in self.outcomes, "two outcomes for one message"
                    self.outcomes[tag] = outcome  # type: ignore[index]
                case Closed() | Unusable():
                    self.over = True
        while not self.over and self.client.has_room and self.next < len(self.messages):
            number, self.next = self.next, self.next + 1
            envelope = Envelope(f"b+{number}@a.example", f"p{number}@b.example")
            outcome = self.client.begin(envelope, self.messages[number], number)
            if outcome is not None:
                self.outcomes[number] = outcome
        self.kept += self.client.take()[0]

    def hand(self, size: int) -> None:
        size = min(size, len(self.kept))
        self.flying += self.kept[:size]
        del self.kept[:size]
        self.client.handed += size

    def arrive(self, size: int) -> None:
        octets = bytes(self.flying[:size])
        del self.flying[:size]
        if octets and not self.transport.closed:
            self.server.data_received(octets)

    def hear(self, size: int) -> None:
        octets = bytes(self.transport.said[:size])
        del self.transport.said[:size]
        if octets and not self.over:
            self.take(self.client.receive(octets))

    def shake_hands(self) -> None:
        for _ in range(2):
            self.hear(1 << 30)
            self.hand(1 << 30)
            self.arrive(1 << 30)

    def run(self) -> None:
        """Without further ado, to the end."""
        for _ in range(2_000):
            self.hand(1 << 30)
            self.arrive(1 << 30)
            self.hear(1 << 30)
            if not (self.kept or self.flying or self.transport.said) or self.over:
                break
        if self.transport.closed or self.over:
            self.cut()

    def cut(self) -> None:
        self.over = True
        self.take(self.client.lost("connection_lost"))


OK = (None, None, None, None)
PLANS = st.tuples(
    st.sampled_from([None, None, None, "450 4.7.1 later", "550 5.7.1 not you"]),
    st.sampled_from([None, None, None, "450 4.2.1 later", "550 5.1.1 nobody"]),
    st.sampled_from([None, None, None, "451 4.3.0 later", "554 5.5.1 no"]),
    st.sampled_from([None, None, None, "450 4.7.0 later", "554 5.6.0 spam"]),
)
BODIES = st.sampled_from(
    [b"a: b\r\n\r\nhi\r\n", b".\r\n", b"x\r\n" * 40, b"..\r\n.a\r\n", b"a: b\r\n\r\n.\r\n.\r\n"]
)
STAGES = ("mail", "rcpt", "data", "message")
OFFERS = st.builds(Options, pipelining=st.booleans(), chunking=st.booleans())


def plan_script(plans: list[tuple[str | None, ...]], grants_data_anyway: bool) -> object:
    def script(moment: Moment) -> Action | None:
        if moment.stage == "data" and grants_data_anyway and planned(moment, "rcpt"):
            return Action(say=b"354 go ahead\r\n")  # RFC 2920 §3.1 allows it although nobody was accepted
        line = planned(moment, moment.stage) if moment.stage in STAGES else None
        return Action(say=f"{line}\r\n".encode()) if line else None

    def planned(moment: Moment, stage: str) -> str | None:
        return plans[moment.message - 1][STAGES.index(stage)]

    return script


def expected(plan: tuple[str | None, ...], bdat: bool) -> tuple[str, str]:
    for stage, line in zip(STAGES, plan, strict=True):
        if line and not (bdat and stage == "data"):
            return stage, line
    return "message", "250"


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(PLANS, BODIES), max_size=6), OFFERS, st.booleans(), st.booleans())
def test_each_message_gets_the_reply_that_was_meant_for_it(
    mails: list[tuple[tuple[str | None, ...], bytes]], offers: Options, anyway: bool, pipeline: bool
) -> None:
    plans = [plan for plan, _ in mails]
    sink = Sink(options=offers, script=plan_script(plans, anyway))  # type: ignore[arg-type]
    relay = Relay("r", "localhost", 25, tls="none", depth=3, pipeline=pipeline)
    talk = Talk(sink, relay, [wire.check(body) for _, body in mails])
    talk.run()
    assert not [e for e in talk.events if isinstance(e, Closed)]
    bdat = offers.chunking and offers.pipelining and pipeline
    for number, plan in enumerate(plans):
        stage, line = expected(plan, bdat)
        outcome = talk.outcomes[number]
        assert (outcome.stage, str(outcome.reply)[: len(line)]) == (stage, line)
    accepted = [n for n, plan in enumerate(plans) if expected(plan, bdat)[1] == "250"]
    assert [c.envelope.rcpt_to for c in sink.messages] == [f"p{n}@b.example" for n in accepted]
    assert [c.envelope.mail_from for c in sink.messages] == [f"b+{n}@a.example" for n in accepted]
    assert [c.content for c in sink.messages] == [mails[n][1] for n in accepted]


SIZE = st.sampled_from([0, 1, 7, 40, 200, 1000])
MOVES = st.lists(st.tuples(SIZE, SIZE, SIZE), max_size=40)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(PLANS, BODIES), min_size=1, max_size=5), OFFERS, st.booleans(), MOVES)
def test_a_cut_at_any_octet_leaves_an_outcome_that_is_true(  # F1, F16
    mails: list[tuple[tuple[str | None, ...], bytes]],
    offers: Options,
    anyway: bool,
    moves: list[tuple[int, int, int]],
) -> None:
    sink = Sink(options=offers, script=plan_script([p for p, _ in mails], anyway))  # type: ignore[arg-type]
    talk = Talk(sink, RELAY, [wire.check(body) for _, body in mails])
    talk.shake_hands()
    for handed, arrived, heard in moves:
        talk.hand(handed)
        talk.arrive(arrived)
        talk.hear(heard)
    talk.cut()
    talk.arrive(1 << 30)  # what was in the network still reaches the server
    taken = {c.envelope.rcpt_to for c in sink.messages}
    for number in range(len(mails)):
        outcome = talk.outcomes.get(number)
        has_it = f"p{number}@b.example" in taken
        if outcome is None:
            assert number >= talk.next
            assert not has_it
            continue
        event("uncertain" if outcome.uncertain else outcome.stage)
        if outcome.accepted:
            assert has_it
        elif has_it:
            assert outcome.uncertain, "the server has it and we would send it again"
        if not outcome.end_mark_left:
            assert not has_it


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=80),
    st.lists(
        st.sampled_from(
            [b"250 ok\r\n", b"354 go\r\n", b"550 5.1.1 no\r\n", b"421 bye\r\n", b"250-x\r\n", b"\xff\r\n"]
        ),
        max_size=12,
    ),
    OFFERS,
)
def test_a_server_that_says_anything_never_makes_the_dialogue_stumble(
    noise: bytes, replies: list[bytes], offers: Options
) -> None:
    talk = Talk(Sink(options=offers), RELAY, [wire.check(b"a: b\r\n\r\nhi\r\n")] * 4)
    talk.shake_hands()
    talk.transport.said[:] = b"".join(replies) + noise
    while talk.transport.said and not talk.over:
        talk.hear(7)
        talk.hand(1 << 30)
    talk.cut()
    assert set(talk.outcomes) == set(range(talk.next))
    for outcome in talk.outcomes.values():
        assert not (outcome.accepted and not outcome.end_mark_left)


def test_the_next_envelope_leaves_in_the_same_write_as_the_end_mark_before_it() -> None:
    client = Dialogue(RELAY, secure=False)
    client.receive(b"220 hi\r\n")
    client.take()
    client.receive(b"250-hi\r\n250 PIPELINING\r\n")
    message = wire.check(b"a: b\r\n\r\nhi\r\n")
    client.begin(Envelope("a@a.example", "1@b.example"), message, 1)
    assert client.take()[0].endswith(b"RCPT TO:<1@b.example>\r\nDATA\r\n")
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    client.begin(Envelope("a@a.example", "2@b.example"), message, 2)
    octets, tail = client.take()
    assert octets.startswith(b"a: b\r\n\r\nhi\r\n.\r\nMAIL FROM:<a@a.example>")
    assert octets[-tail:].startswith(b".\r\nMAIL")
    assert not client.has_room


def ready(*offers: str, relay: Relay = RELAY) -> Dialogue:
    client = Dialogue(relay, secure=relay.tls == "implicit")
    lines = ["hi", *offers]
    ehlo = "".join(f"250{'-' if i < len(lines) - 1 else ' '}{line}\r\n" for i, line in enumerate(lines))
    client.receive(b"220 hi\r\n")
    events = client.receive(ehlo.encode())
    assert isinstance(events[-1], Ready)
    client.take()
    return client


MESSAGE = wire.check(b"a: b\r\n\r\nhi\r\n")
ENVELOPE = Envelope("a@a.example", "1@b.example")


@pytest.mark.parametrize(
    ("offers", "envelope", "message", "error"),
    [
        ((), Envelope("a@a.example", "用户@b.example"), MESSAGE, "smtputf8_not_offered"),
        ((), ENVELOPE, wire.check("Subject: é\r\n\r\n".encode()), "8bitmime_not_offered"),
        (("SIZE 5",), ENVELOPE, MESSAGE, "too_large"),
    ],
)
def test_what_this_server_cannot_take_is_said_before_anything_leaves(
    offers: tuple[str, ...], envelope: Envelope, message: wire.Checked, error: str
) -> None:
    client = ready(*offers)
    assert client.begin(envelope, message, 1) == Outcome("mail", None, end_mark_left=False, error=error)
    assert client.take()[0] == b""
    assert client.is_idle


def test_a_421_answers_everything_that_was_under_way() -> None:  # F5
    client = ready("PIPELINING", "CHUNKING")
    for number in range(3):
        client.begin(ENVELOPE, MESSAGE, number)
    client.handed = len(client.take()[0])
    events = client.receive(b"250 ok\r\n250 ok\r\n250 taken\r\n421 4.3.2 going down\r\n")
    outcomes = {e.tag: e.outcome for e in events if isinstance(e, Settled)}
    assert outcomes[0].accepted
    assert [outcomes[n].reply.code for n in (1, 2)] == [421, 421]  # type: ignore[union-attr]
    assert not outcomes[1].uncertain
    assert events[-1] == Closed(None)


def test_an_answer_to_a_message_that_has_not_left_is_not_believed() -> None:
    client = ready("PIPELINING")
    client.begin(ENVELOPE, MESSAGE, 1)
    client.handed = len(client.take()[0])
    client.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    events = client.receive(b"250 have it already\r\n")
    assert [type(e) for e in events] == [Closed]
    (settled,) = client.lost("bad_reply")
    assert settled == Settled(1, Outcome("message", None, end_mark_left=False, error="bad_reply"))


def test_more_replies_than_commands_end_the_connection() -> None:
    client = ready("PIPELINING")
    (event_,) = client.receive(b"250 surprise\r\n")
    assert isinstance(event_, Closed)
    assert event_.error == "bad_reply"


def test_an_empty_letter_is_never_sent_for_a_sender_who_was_refused() -> None:
    client = ready("PIPELINING")
    client.begin(ENVELOPE, MESSAGE, 1)
    client.take()
    events = client.receive(b"550 5.7.1 no\r\n250 rcpt is fine\r\n354 go\r\n")
    assert isinstance(events[0], Settled)
    assert isinstance(events[-1], Closed)
    assert client.take()[0] == b""


def handshake(relay: Relay, *turns: bytes) -> tuple[Dialogue, list[Event], bytes]:
    client = Dialogue(relay, secure=relay.tls == "implicit")
    events: list[Event] = []
    said = b""
    for turn in turns:
        new = client.receive(turn)
        events += new
        if new and isinstance(new[-1], StartTls):
            client.secured()
        said += client.take()[0]
    return client, events, said


def key(events: list[Event]) -> str:
    assert isinstance(events[-1], Unusable)
    return events[-1].problem.key


STARTTLS = Relay("r", "mx.example", 587, tls="starttls")
ACCOUNT = Relay("r", "mx.example", 465, tls="implicit", username="keiko", password="word")
HI = b"220 hi\r\n"


def test_encryption_that_was_asked_for_is_never_given_up() -> None:
    _, events, said = handshake(STARTTLS, HI, b"250-hi\r\n250 PIPELINING\r\n")
    assert key(events) == "relay_tls_not_offered"
    assert b"MAIL" not in said
    assert (
        key(handshake(STARTTLS, HI, b"250 STARTTLS\r\n")[1]) == "relay_tls_not_offered"
    )  # a greeting is no offer
    assert key(handshake(STARTTLS, HI, b"502 what?\r\n")[1]) == "relay_hello"
    assert (
        key(handshake(STARTTLS, HI, b"250-hi\r\n250 STARTTLS\r\n", b"454 no\r\n")[1]) == "relay_tls_refused"
    )


@pytest.mark.parametrize("tail", [b"250 injected\r\n", b"250", b"250-x\r\n250 AUTH PLAIN\r\n"])
def test_text_smuggled_in_before_encryption_ends_the_connection(tail: bytes) -> None:
    _, events, _ = handshake(STARTTLS, HI, b"250-hi\r\n250 STARTTLS\r\n", b"220 go\r\n" + tail)
    assert key(events) == "relay_tls_injection"
    client = Dialogue(STARTTLS, secure=False)
    for turn in (HI, b"250-hi\r\n250 STARTTLS\r\n", b"220 go\r\n"):
        client.receive(turn)
    assert key(client.receive(tail)) == "relay_tls_injection"


def test_what_was_offered_in_clear_counts_no_more_after_encryption() -> None:
    client, events, said = handshake(
        STARTTLS,
        HI,
        b"250-hi\r\n250-PIPELINING\r\n250 STARTTLS\r\n",
        b"220 go\r\n",
        b"250-hi\r\n250 SIZE 9\r\n",
    )
    assert isinstance(events[-1], Ready)
    assert said.count(b"EHLO") == 2
    assert "PIPELINING" not in client.capabilities
    assert "STARTTLS" not in client.capabilities


def test_a_server_that_knows_only_helo_is_served_in_lock_step() -> None:
    client, events, said = handshake(RELAY, HI, b"502 what?\r\n", b"250 hi\r\n")
    assert isinstance(events[-1], Ready)
    assert b"HELO [127.0.0.1]\r\n" in said
    client.begin(ENVELOPE, MESSAGE, 1)
    assert client.take()[0] == b"MAIL FROM:<a@a.example>\r\n"


def test_without_pipelining_each_command_waits_for_the_reply_to_the_one_before() -> None:
    # OpenSMTPD: "500 5.5.1 Invalid command: Pipelining not supported", and it hangs up on the next message.
    client = ready()
    client.begin(ENVELOPE, MESSAGE, 1)
    client.take()
    client.receive(b"250 ok\r\n")
    client.take()
    client.receive(b"550 5.1.1 nobody\r\n")
    client.begin(Envelope("a@a.example", "2@b.example"), MESSAGE, 2)
    assert client.take()[0] == b"RSET\r\n"
    assert not client.has_room
    client.receive(b"250 reset\r\n")
    assert client.take()[0] == b"MAIL FROM:<a@a.example>\r\n"
    client.receive(b"250 ok\r\n")
    assert client.take()[0] == b"RCPT TO:<2@b.example>\r\n"


def test_a_refused_reset_is_said_of_the_message_that_waited_for_it_and_nothing_left() -> None:
    client = ready()
    client.begin(ENVELOPE, MESSAGE, 1)
    client.receive(b"250 ok\r\n550 5.1.1 nobody\r\n")
    client.begin(ENVELOPE, MESSAGE, 2)
    client.take()
    (closed,) = client.receive(b"500 what?\r\n")
    assert isinstance(closed, Closed)
    assert client.lost("bad_reply") == [
        Settled(2, Outcome("mail", None, end_mark_left=False, error="bad_reply"))
    ]


@pytest.mark.parametrize(
    ("offer", "turns", "said"),
    [
        (b"AUTH LOGIN PLAIN", [b"235 in\r\n"], b"AUTH PLAIN AGtlaWtvAHdvcmQ=\r\n"),
        (b"AUTH LOGIN", [b"334 VXNlcg==\r\n", b"334 UGFzcw==\r\n", b"235 in\r\n"], b"AUTH LOGIN\r\na2Vpa28=\r\nd29yZA==\r\n"),
        (b"AUTH=LOGIN PLAIN", [b"504 5.5.4 no\r\n", b"334 \r\n", b"334 \r\n", b"235 in\r\n"], b"AUTH LOGIN\r\na2Vpa28=\r\nd29yZA==\r\n"),
    ],
)  # fmt: skip
def test_signing_in_uses_what_is_offered(offer: bytes, turns: list[bytes], said: bytes) -> None:
    _, events, wrote = handshake(ACCOUNT, HI, b"250-hi\r\n250 " + offer + b"\r\n", *turns)
    assert isinstance(events[-1], Ready)
    assert wrote.endswith(said)


@pytest.mark.parametrize(
    ("offer", "refusal", "expected_key"),
    [
        (b"SIZE 1", b"", "relay_auth_not_offered"),
        (b"AUTH XOAUTH2", b"", "relay_auth_mechanism"),
        (b"AUTH PLAIN", b"535 5.7.8 Username and Password not accepted\r\n", "relay_auth"),
        (b"AUTH PLAIN", b"534 5.7.9 Application-specific password required.\r\n", "relay_auth_app_password"),
        (b"AUTH PLAIN", b"535 5.7.139 SmtpClientAuthentication is disabled\r\n", "relay_auth_disabled"),
        (
            b"AUTH PLAIN",
            b"454 4.7.0 Too many login attempts, please try again later.\r\n",
            "relay_auth_later",
        ),
    ],
)
def test_a_refused_sign_in_says_what_to_do(offer: bytes, refusal: bytes, expected_key: str) -> None:
    turns = [HI, b"250-hi\r\n250 " + offer + b"\r\n"] + ([refusal] if refusal else [])
    _, events, _ = handshake(ACCOUNT, *turns)
    assert key(events) == expected_key
    assert isinstance(events[-1], Unusable)
    assert "word" not in str(events[-1].problem.facts.get("password", ""))
    assert events[-1].problem.remedy


def test_a_password_never_travels_in_clear() -> None:
    relay = Relay("r", "mx.example", 587, tls="none", username="keiko", password="word")
    _, events, said = handshake(relay, HI, b"250-hi\r\n250 AUTH PLAIN\r\n")
    assert key(events) == "relay_auth_plaintext"
    assert b"AUTH" not in said


def test_what_is_no_mail_server_is_called_that() -> None:
    assert key(handshake(RELAY, b"HTTP/1.1 400 Bad Request\r\n")[1]) == "relay_not_smtp"
    assert key(handshake(RELAY, b"554 5.7.1 go away\r\n")[1]) == "relay_greeting"


def test_the_table_of_states_is_whole_and_illegal_moves_raise() -> None:
    assert set(TRANSITIONS) == set(State)
    client = ready()
    client.begin(ENVELOPE, MESSAGE, 1)
    with pytest.raises(LocalFault):
        client.begin(ENVELOPE, MESSAGE, 2)
    with pytest.raises(LocalFault):
        client.quit()
    with pytest.raises(LocalFault):
        client.secured()
