"""The office's first copy goes ahead, and nothing else leaves before its window is over."""

from __future__ import annotations

import asyncio
import email
import email.policy
from dataclasses import dataclass, replace
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import sqlalchemy as sa

from mailer import tokens
from mailer.campaigns import clock, launch, orders, reasons, restored, store
from mailer.campaigns.model import Campaign, CampaignKind, CampaignState, Order
from mailer.composer import store as issues
from mailer.composer.model import IssueState
from mailer.delivery import first_copy, forecast, ledger
from mailer.delivery.forecast import Limits
from mailer.delivery.letterpress import Letterhead, LetterPress
from mailer.delivery.model import HAS_OR_AWAITS, DeliveryState
from mailer.errors import Refused
from mailer.i18n import words
from mailer.message.return_path import ReturnPath
from mailer.readers import archive, leaving
from mailer.smtp.sink import Action, Sink
from mailer.tables.delivery import MAY_HAVE_ARRIVED, delivery
from subscribers import address, tables
from tests.delivery.press_room import MovedClock, PlainPress, recipients, relay_of, sender_to
from tests.doubles import fault_server

from .conftest import BASE_URL, KEIKO, NOW, RULES, Office

DESK = "enews@office.example.jp"
NET = replace(RULES, safety_minutes=10, office=address.parse(DESK))
ORDER = Order("2034-12", ("enews",))
READERS = sorted(f"{name}@example.org" for name in ("alan", "both", "jean", "miho"))
MINUTE = timedelta(minutes=1)
HEAD = Letterhead(
    "enews@example.org", {"": "みなと便り"}, "", BASE_URL, "enews@example.org", "Asia/Tokyo",
    ReturnPath("fixed", "enews@example.org", "k"), "k", ("key",),
)  # fmt: skip


@dataclass
class Press:
    """The office's sender: a relay that is a sink, a clock that the test moves."""

    office: Office
    sink: Sink
    clock: MovedClock
    name: str = "host:1:a@test"

    async def round(self, at: timedelta = timedelta(0)) -> list[str]:
        """Let it send what may leave at NOW + at; who got something in this round, in order."""
        self.clock.time = NOW + at
        before = len(self.sink.messages)
        press = LetterPress(self.office.engine, HEAD)
        sender = sender_to(self.office.engine, relay_of(self.sink), self.clock, press=press, name=self.name)
        async with asyncio.timeout(60):
            for _ in range(2):  # what the first round opened at once leaves in the second
                await sender.send_batch()
        return [message.envelope.rcpt_to for message in self.sink.messages[before:]]

    def letters(self) -> dict[str, list[EmailMessage]]:
        found: dict[str, list[EmailMessage]] = {}
        for one in self.sink.messages:
            letter = email.message_from_bytes(one.content, policy=email.policy.default)
            assert isinstance(letter, EmailMessage)
            found.setdefault(one.envelope.rcpt_to, []).append(letter)
        return found


def play(office: Office, scene: Any, script: Any = None) -> None:
    async def journey() -> None:
        async with Sink(script=script) if script else Sink() as sink:
            await scene(Press(office, sink, MovedClock(NOW, still=True)))

    asyncio.run(journey())


def send(office: Office, rules: launch.Rules = NET, **more: Any) -> Campaign:
    with office.begin() as connection:
        return orders.send(connection, replace(ORDER, **more), rules, by=KEIKO, now=NOW)


def now_stands(office: Office, campaign_id: int) -> Campaign:
    with office.begin() as connection:
        return store.get(connection, campaign_id)


def steer(office: Office, verb: str, campaign_id: int, at: timedelta) -> None:
    with office.begin() as connection:
        getattr(store, verb)(connection, campaign_id, by=KEIKO, now=NOW + at)


@pytest.fixture
def approved(office: Office) -> Office:
    office.approved()
    return office


def test_the_rest_leaves_when_the_window_after_the_first_copies_is_over(approved: Office) -> None:
    async def scene(press: Press) -> None:
        made = send(approved)
        assert (made.safety_minutes, made.opens_at, made.is_closed(NOW)) == (10, None, True)
        assert await press.round(2 * MINUTE) == [DESK, DESK]
        assert now_stands(approved, made.id).opens_at == NOW + 12 * MINUTE
        assert await press.round(12 * MINUTE - timedelta(seconds=1)) == []
        assert sorted(await press.round(12 * MINUTE)) == READERS
        assert now_stands(approved, made.id).state is CampaignState.FINISHED

    play(approved, scene)


def test_the_first_copy_is_what_readers_get_but_for_its_mark_and_its_links(approved: Office) -> None:
    async def scene(press: Press) -> None:
        send(approved)
        await press.round()
        await press.round(10 * MINUTE)
        letters = press.letters()
        office = {letter["Content-Language"]: letter for letter in letters[DESK]}
        readers = {"ja": letters["miho@example.org"][0], "en": letters["alan@example.org"][0]}
        assert {language: letter["Subject"] for language, letter in office.items()} == {
            "ja": "[最初の1通] 件名",
            "en": "[First copy] Subject",
        }
        for language, letter in office.items():
            assert not {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"} & set(letter.keys())
            mine, theirs = (_plain(one, to) for one, to in ((letter, DESK), (readers[language], None)))
            assert mine == theirs

    play(approved, scene)


def _plain(letter: EmailMessage, to: str | None) -> list[str]:
    """The words of the text part; who it is for, the number and the links of one's own left out."""
    body = letter.get_body(("plain",))
    assert body is not None
    own = (to or letter["To"], "/u/", "/p/", "-")
    return [line for line in body.get_content().splitlines() if not any(word in line for word in own)]


def test_no_link_of_the_first_copy_takes_anybody_off_a_list(approved: Office) -> None:
    async def scene(press: Press) -> None:
        send(approved)
        await press.round()
        body = press.letters()[DESK][0].get_body(("plain",))
        assert body is not None
        found = [word.split("/u/")[1].strip("<>") for word in body.get_content().split() if "/u/" in word]
        assert found
        whom = tokens.read_unsubscribe("k", found[0])
        assert whom is not None
        with approved.begin() as connection:
            assert leaving.reader(connection, *whom) is None
            assert leaving.leave(connection, *whom, source="page", now=NOW) == 0
            states = set(connection.scalars(sa.select(tables.subscription.c.state)))
        assert states == {"confirmed", "pending"}

    play(approved, scene)


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_stopping_in_the_window_stops_the_rest(approved: Office, verb: str) -> None:
    async def scene(press: Press) -> None:
        made = send(approved)
        await press.round()
        steer(approved, verb, made.id, 9 * MINUTE)
        assert await press.round(timedelta(hours=3)) == []
        if verb == "pause":
            steer(approved, "resume", made.id, timedelta(hours=3))
            assert now_stands(approved, made.id).opens_at == NOW + 10 * MINUTE  # it was over anyhow
            assert sorted(await press.round(timedelta(hours=3))) == READERS

    play(approved, scene)


def test_resuming_within_the_window_opens_at_once_because_a_person_has_decided(approved: Office) -> None:
    async def scene(press: Press) -> None:
        made = send(approved)
        await press.round()
        steer(approved, "pause", made.id, MINUTE)
        steer(approved, "resume", made.id, 2 * MINUTE)
        assert now_stands(approved, made.id).opens_at == NOW + 2 * MINUTE
        assert sorted(await press.round(2 * MINUTE)) == READERS

    play(approved, scene)


@pytest.mark.parametrize("reply", ["550 5.1.1 No such user", "554 5.7.1 Rejected by content rules"])
def test_an_office_that_gets_no_copy_holds_the_campaign_and_says_why(approved: Office, reply: str) -> None:
    async def scene(press: Press) -> None:
        made = send(approved)
        assert await press.round() == []
        held = now_stands(approved, made.id)
        assert (held.state, held.reason) == (CampaignState.HELD, "first_copy_failed")
        assert reply in str(held.reason_facts["reply"])
        for language in ("ja", "en"):
            said = reasons.in_words(held, words(language), "Asia/Tokyo")
            assert DESK in said and reply in said and "日本語" in said
        assert await press.round(timedelta(hours=1)) == []
        steer(approved, "resume", made.id, timedelta(hours=1))
        assert set(READERS) <= set(await press.round(timedelta(hours=1)))

    play(approved, scene, fault_server.reply("rcpt", reply, containing=DESK))


def test_a_copy_that_waits_keeps_the_campaign_closed(approved: Office) -> None:
    async def scene(press: Press) -> None:
        made = send(approved)
        for hours in range(3):
            assert await press.round(timedelta(hours=hours)) == []
        waiting = now_stands(approved, made.id)
        assert (waiting.state, waiting.opens_at) == (CampaignState.SENDING, None)

    play(approved, scene, fault_server.reply("rcpt", "451 4.7.1 Come back later", containing=DESK))


def test_a_copy_whose_sender_died_is_uncertain_and_holds_the_campaign(approved: Office) -> None:  # F1
    async def scene(press: Press) -> None:
        made = send(approved)
        with (
            approved.begin() as connection
        ):  # as a process leaves it that is killed while the end mark leaves
            connection.execute(
                delivery.update()
                .where(delivery.c.notice_key == f"first_copy:{made.id}:ja")
                .values(state="attempting", attempts=1, lease_until=NOW - MINUTE)
            )
        assert await press.round() == [DESK]
        held = now_stands(approved, made.id)
        assert (held.state, held.reason) == (CampaignState.HELD, "first_copy_failed")
        assert held.reason_facts["language"] == "ja"
        for language, unknown in (("ja", "分かりません"), ("en", "It is not known whether")):
            said = reasons.in_words(held, words(language), "Asia/Tokyo")
            assert unknown in said and "sender_lost" not in said and "accepted" not in said
            assert f"mailer campaigns cancel {made.id}" in said

    play(approved, scene)


def test_an_edition_that_cannot_be_printed_is_told_at_the_first_copy(approved: Office) -> None:
    class Broken(PlainPress):
        def prepare(self, claimed: Any, now: Any) -> Any:
            raise RuntimeError("ink")

    async def scene(press: Press) -> None:
        made = send(approved)
        sender = sender_to(approved.engine, relay_of(press.sink), press.clock, press=Broken())
        await sender.send_batch()
        held = now_stands(approved, made.id)
        assert (held.state, held.reason) == (CampaignState.HELD, "first_copy_failed")
        assert (held.reason_facts["reply"], held.reason_facts["why"]) == ("", "press_failed")
        for language in ("ja", "en"):
            assert "press_failed" not in reasons.in_words(held, words(language), "Asia/Tokyo")

    play(approved, scene)


def test_a_restart_and_a_second_process_within_the_window_change_nothing(approved: Office) -> None:  # F1 F4
    async def scene(press: Press) -> None:
        send(approved)
        other = replace(press, name="host:2:b@test")
        got = await asyncio.gather(press.round(), other.round())
        assert recipients(press.sink) == [DESK, DESK]
        assert got
        send(approved)  # pressed twice (F54)
        for minute in (3, 6, 9):
            assert await replace(press, name=f"host:{minute}:x@test").round(minute * MINUTE) == []
        await asyncio.gather(press.round(10 * MINUTE), other.round(10 * MINUTE))
        assert recipients(press.sink) == sorted([DESK, DESK, *READERS])

    play(approved, scene)


def test_a_retry_has_no_window_of_its_own(approved: Office) -> None:
    async def scene(press: Press) -> None:
        made = send(approved)
        await press.round()
        await press.round(10 * MINUTE)
        with approved.begin() as connection:
            connection.execute(
                delivery.update()
                .where(delivery.c.subscriber_id == approved.people["miho"])
                .values(state="refused")
            )
            store.retry(connection, made.id, uncertain=False, by=KEIKO, now=NOW + 20 * MINUTE)
        assert await press.round(20 * MINUTE) == ["miho@example.org"]

    play(approved, scene)


def test_the_same_letter_sent_again_has_no_second_window(approved: Office) -> None:
    async def scene(press: Press) -> None:
        send(approved)
        await press.round()
        await press.round(10 * MINUTE)
        assert send(approved, again=True).safety_minutes == 0
        assert sorted(await press.round(20 * MINUTE)) == READERS

    play(approved, scene)


def test_without_a_window_or_without_readers_there_is_no_first_copy(approved: Office) -> None:
    async def scene(press: Press) -> None:
        assert send(approved, RULES).safety_minutes == 0
        assert sorted(await press.round()) == READERS
        nobody = send(approved)  # all of them have it
        assert (nobody.state, nobody.safety_minutes) == (CampaignState.FINISHED, 0)
        assert await press.round(MINUTE) == []

    play(approved, scene)


@pytest.mark.parametrize("kind", list(CampaignKind))
def test_issues_and_corrections_have_a_net_tests_and_rehearsals_have_none(
    small_office: Office, kind: CampaignKind
) -> None:
    small_office.approved()
    with_net = kind in (CampaignKind.REGULAR, CampaignKind.CORRECTION)
    assert bool(send(small_office, kind=kind).safety_minutes) == with_net


def test_a_net_without_an_address_is_refused_with_a_remedy(small_office: Office) -> None:
    small_office.approved()
    with pytest.raises(Refused) as caught:
        send(small_office, replace(NET, office=None))
    assert caught.value.key == "no_office_address"
    assert small_office.campaigns() == []


def test_the_predicted_finish_counts_the_window(approved: Office) -> None:
    async def scene(press: Press) -> None:
        made = send(approved)
        for at, least in ((0, 10), (2, 12), (5, 12)):
            with approved.begin() as connection:
                standing = ledger.counts(connection, made.id)
                ends = forecast.finish(connection, made.id, standing, Limits("relay"), NOW + at * MINUTE)
            assert ends is not None and NOW + least * MINUTE < ends < NOW + (least + 1) * MINUTE
            await press.round(2 * MINUTE)

    play(approved, scene)


def test_the_clock_spreads_the_net_too(approved: Office) -> None:
    async def scene(press: Press) -> None:
        with approved.begin() as connection:
            orders.schedule(connection, ORDER, NOW + MINUTE, by=KEIKO, now=NOW)
            clock.tick(connection, NOW + MINUTE, NET)
        assert await press.round(MINUTE) == [DESK, DESK]
        assert await press.round(5 * MINUTE) == []

    play(approved, scene)


def test_the_purpose_of_a_first_copy_is_a_word_of_the_ledger(approved: Office) -> None:
    made = send(approved)
    with approved.begin() as connection:
        assert first_copy.sent_to(connection, made.id) == DESK
        rows = connection.execute(sa.select(delivery.c.notice).where(delivery.c.campaign_id.is_(None)))
        assert {row.notice for row in rows} == {first_copy.PURPOSE}


# ── a mistake that the office found in its first copy ───────────────────────────────────────────


def test_a_mistake_in_the_first_copy_is_mended_under_the_same_issue(approved: Office) -> None:  # F15
    async def scene(press: Press) -> None:
        made = send(approved)
        await press.round()
        steer(approved, "pause", made.id, MINUTE)
        with pytest.raises(Refused) as caught:
            approved.save(text="直しました。")
        assert caught.value.key == "issue_can_be_stopped"
        assert f"mailer campaigns cancel {made.id}" in str(caught.value.remedy)

        steer(approved, "cancel", made.id, 2 * MINUTE)
        stopped = now_stands(approved, made.id)
        assert (stopped.state, stopped.reason) == (CampaignState.CANCELLED, "nobody_got_it")
        for language in ("ja", "en"):
            assert "2034-12" in reasons.in_words(stopped, words(language), "Asia/Tokyo")
        with approved.begin() as connection:
            assert issues.load(connection, "2034-12").state is IssueState.DRAFT
            assert archive.languages_of(connection, "2034-12") == []
            assert not archive.is_out(connection, "2034-12")
        with pytest.raises(Refused) as caught:
            send(approved)  # the same text by mistake: a person approves first
        assert caught.value.key == "issue_not_approved"

        approved.save(text="直しました。")
        approved.approve()
        second = send(approved)
        assert (second.id != made.id, second.is_closed(NOW)) == (True, True)
        assert sorted(set(await press.round(3 * MINUTE))) == [DESK]
        assert sorted(await press.round(13 * MINUTE)) == READERS
        body = press.letters()["miho@example.org"][0].get_body(("plain",))
        assert body is not None and "直しました。" in body.get_content()
        with approved.begin() as connection:
            assert issues.load(connection, "2034-12").state is IssueState.SENT
            assert {one.language for one in archive.languages_of(connection, "2034-12")} == {"ja", "en"}

    play(approved, scene)


def test_a_first_copy_without_an_answer_is_not_said_to_have_failed(approved: Office) -> None:  # F1
    def script(moment: Any) -> Any:
        return Action(drop=True) if moment.stage == "message" else None

    async def scene(press: Press) -> None:
        made = send(approved)
        await press.round()
        held = now_stands(approved, made.id)
        assert (held.state, held.reason_facts["state"]) == (CampaignState.HELD, "uncertain")
        for language in ("ja", "en"):
            assert "no_reply" not in reasons.in_words(held, words(language), "Asia/Tokyo")
        steer(approved, "cancel", made.id, MINUTE)
        approved.save(text="直しました。")
        approved.approve()
        assert send(approved).is_closed(NOW)  # a net of its own

    play(approved, scene, script)


@pytest.mark.parametrize("stop", ["pause", "hold"])
@pytest.mark.parametrize("hours", [0, 3])
def test_what_was_stopped_in_its_window_is_not_opened_by_ordering_it_again(
    approved: Office, stop: str, hours: int
) -> None:
    async def scene(press: Press) -> None:
        made = send(approved)
        await press.round()
        with approved.begin() as connection:
            if stop == "pause":
                store.pause(connection, made.id, by=KEIKO, now=NOW + MINUTE)
            else:
                store.hold(connection, made.id, first_copy.FAILED, by=KEIKO, now=NOW + MINUTE)
        with pytest.raises(Refused) as caught, approved.begin() as connection:
            orders.send(connection, ORDER, NET, by=KEIKO, now=NOW + timedelta(minutes=2, hours=hours))
        assert caught.value.key == "stopped_in_window"
        assert f"mailer campaigns resume {made.id}" in str(caught.value.remedy)
        assert await press.round(timedelta(hours=hours)) == []
        steer(approved, "resume", made.id, timedelta(hours=hours))
        steer(
            approved, "pause", made.id, timedelta(hours=hours)
        )  # a person has opened it: send goes on again
        with approved.begin() as connection:
            orders.send(connection, ORDER, NET, by=KEIKO, now=NOW + timedelta(hours=hours))
        assert sorted(await press.round(timedelta(hours=hours))) == READERS

    play(approved, scene)


@pytest.mark.parametrize("state", ["attempting", "uncertain", "accepted", "bounced", "complained"])
def test_one_reader_who_may_have_it_binds_the_text(approved: Office, state: str) -> None:  # F15
    made = send(approved)
    with approved.begin() as connection:
        who = delivery.c.subscriber_id == approved.people["miho"]
        connection.execute(delivery.update().where(who).values(state=state))
    with pytest.raises(Refused) as caught:
        approved.save(text="直しました。")
    assert caught.value.key == "issue_has_begun"
    steer(approved, "cancel", made.id, MINUTE)
    assert now_stands(approved, made.id).reason is None
    with pytest.raises(Refused):
        approved.save(text="直しました。")
    with approved.begin() as connection:
        assert issues.load(connection, "2034-12").state is IssueState.SENT
        assert archive.languages_of(connection, "2034-12") != []


def test_a_campaign_of_a_backup_binds_the_text_although_it_knows_of_no_reader(approved: Office) -> None:  # F9
    made = send(approved)
    with approved.begin() as connection:
        restored.freeze(connection, by=KEIKO, now=NOW + MINUTE)
    steer(approved, "cancel", made.id, 2 * MINUTE)
    with pytest.raises(Refused) as caught:
        approved.save(text="直しました。")
    assert caught.value.key == "issue_has_begun"


def test_the_states_that_may_have_arrived_are_those_that_a_cancel_does_not_stop() -> None:
    stopped = {DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.DEFERRED}
    assert set(MAY_HAVE_ARRIVED) == {str(state) for state in set(HAS_OR_AWAITS) - stopped}
