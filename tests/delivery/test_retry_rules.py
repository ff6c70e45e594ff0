"""What follows from an outcome: bytes in, decision out."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mailer.delivery.model import DeliveryState
from mailer.delivery.retry import About, Policy, Tries, decide
from mailer.smtp.model import Outcome
from mailer.smtp.reply import ReplyParser

S = DeliveryState
POLICY = Policy()


def said(line, *, stage="rcpt", left=False):
    (reply,) = ReplyParser().feed(line.encode() + b"\r\n")
    return Outcome(stage, reply, end_mark_left=left or stage == "message")


def judged(outcome, now, *, tries=1, age=timedelta(0), policy=POLICY, random=0.5, domain="docomo.ne.jp"):
    return decide(outcome, Tries(tries, now - age, domain), now, policy, lambda: random)


def test_accepted_is_what_the_server_says_after_the_dot(now):
    assert judged(said("250 2.0.0 ok", stage="message"), now).state is S.ACCEPTED


@pytest.mark.parametrize(
    "line", ["450 4.2.0 greylisted, try again later", "451 4.3.0 temporary failure", "452 4.3.1 insufficient storage",
             "450 4.1.1 unverified", "452 4.2.2 mailbox full"],
)  # fmt: skip
def test_a_temporary_refusal_is_tried_again_later(line, now):  # F5
    decision = judged(said(line), now)
    assert (decision.state, decision.counted) == (S.DEFERRED, True)
    assert decision.due_at == now + timedelta(minutes=5)


def test_the_back_off_doubles_with_jitter_up_to_its_longest(now):  # F5
    outcome = said("451 4.3.0 later")
    waits = [
        (judged(outcome, now, tries=n).due_at - now) / timedelta(minutes=1) for n in (1, 2, 3, 6, 7, 500)
    ]
    assert waits == [5, 10, 20, 160, 240, 240]
    least, most = (judged(outcome, now, random=r).due_at - now for r in (0.0, 0.999999))
    assert least == timedelta(minutes=4)
    assert timedelta(minutes=5.99) < most < timedelta(minutes=6)


def test_patience_ends_counted_from_the_first_try(now):  # F5
    outcome = said("451 4.3.0 later")
    assert judged(outcome, now, tries=9, age=timedelta(hours=71.9)).state is S.DEFERRED
    decision = judged(outcome, now, tries=2, age=timedelta(hours=72))
    assert (decision.state, decision.reason) == (S.REFUSED, "gave_up")


@pytest.mark.parametrize(
    ("line", "stage"), [("550 5.1.1 no such user", "rcpt"), ("550 no such user here", "rcpt"),
                        ("553 5.1.3 bad address syntax", "rcpt"), ("552 5.2.2 mailbox full, over quota", "rcpt"),
                        ("550 5.2.1 mailbox disabled", "data"), ("550 5.1.10 recipient not found", "message"),
                        ("551 user not local", "rcpt")],
)  # fmt: skip
def test_a_refusal_of_the_address_refuses_this_person_only(line, stage, now):  # F6
    decision = judged(said(line, stage=stage), now)
    assert (decision.state, decision.about, decision.reason) == (S.REFUSED, About.PERSON, "address")


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "message"])
@pytest.mark.parametrize(
    "line", ["550 5.4.5 Daily user sending limit exceeded", "421 4.7.28 rate limit", "550 Message quota: hourly sending limit exceeded",
             "452 4.4.5 too many messages", "554 5.1.90 daily limit of recipients reached",
             "554 5.7.1 Message rejected: rate limit exceeded", "554 5.7.1 Your account has been rate limited",
             "554 5.7.1 limit of 200 recipients per hour exceeded", "550 5.7.1 Too many recipients per hour",
             "550 5.7.0 quota exceeded", "550 5.7.1 mailbox rate limit exceeded"],
)  # fmt: skip
def test_a_quota_is_our_affair_and_never_the_persons(line, stage, now):  # F53
    decision = judged(said(line, stage=stage), now, tries=50, age=timedelta(days=30))
    assert (decision.state, decision.about, decision.counted) == (S.QUEUED, About.QUOTA, False)


@pytest.mark.parametrize(
    ("line", "reason"), [("550 5.7.1 sender address rejected", "relay_refuses"), ("553 sender not owned", "relay_refuses"),
                         ("530 5.7.0 authentication required", "relay_refuses"), ("451 4.3.0 not now", "relay_busy")],
)  # fmt: skip
def test_any_refusal_of_mail_makes_the_campaign_wait_and_refuses_nobody(line, reason, now):  # F53
    decision = judged(said(line, stage="mail"), now)
    assert (decision.state, decision.about, decision.reason) == (S.QUEUED, About.RELAY, reason)
    assert not decision.counted


@pytest.mark.parametrize(
    "line", ["550 5.7.26 unauthenticated", "550 5.7.515 access denied, sending domain does not pass", "550 5.7.25 no PTR",
             "553 5.1.8 sender domain not found"],
)  # fmt: skip
def test_a_policy_that_can_only_be_about_us_holds_the_campaign(line, now):
    decision = judged(said(line, stage="message"), now)
    assert (decision.state, decision.about, decision.counted) == (S.QUEUED, About.US, False)


@pytest.mark.parametrize(
    ("line", "stage"), [("550 5.7.1 blocked", "rcpt"), ("554 5.7.1 spam", "message"), ("554 transaction failed: policy", "message"),
                        ("554 5.6.0 bad content", "message"), ("500 5.5.2 syntax", "data")],
)  # fmt: skip
def test_a_policy_reply_to_one_person_stands_in_nobodys_way(line, stage, now):  # F6
    decision = judged(said(line, stage=stage), now)
    assert (decision.state, decision.about, decision.reason) == (S.DEFERRED, About.PERHAPS_US, "policy")
    assert judged(said(line, stage=stage), now, age=timedelta(hours=72)).state is S.REFUSED


def test_an_end_mark_without_a_reply_is_uncertain_and_never_sent_again_unasked(now):  # F16
    lost = Outcome("message", None, end_mark_left=True, error="connection_lost")
    assert judged(lost, now).state is S.UNCERTAIN
    decision = judged(lost, now, policy=Policy(resend_uncertain=True))
    assert decision.state is S.DEFERRED


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "message"])
def test_a_connection_lost_before_the_end_mark_is_tried_again_soon(stage, now):  # F16
    decision = judged(Outcome(stage, None, end_mark_left=False, error="connection_lost"), now)
    assert (decision.state, decision.about) == (S.DEFERRED, About.LINK)
    assert decision.due_at == now + timedelta(seconds=30)


def test_a_server_that_closes_its_session_is_met_again_soon(now):  # F5
    for stage in ("mail", "rcpt"):
        decision = judged(said("421 4.3.2 closing", stage=stage), now)
        assert (decision.state, decision.reason) == (S.DEFERRED, "session_closed")


def test_what_never_was_on_the_wire_is_queued_and_not_counted(now):
    decision = judged(Outcome("connect", None, end_mark_left=False, error="closed"), now)
    assert (decision.state, decision.counted) == (S.QUEUED, False)


def test_an_address_that_needs_smtputf8_is_refused_with_that_reason(now):
    decision = judged(Outcome("mail", None, end_mark_left=False, error="smtputf8_not_offered"), now)
    assert (decision.state, decision.reason) == (S.REFUSED, "needs_smtputf8")


@pytest.mark.parametrize(
    "outcome", [said("552 5.3.4 message too big", stage="mail"), Outcome("mail", None, False, "too_large")]
)
def test_a_message_that_is_too_large_holds_the_campaign(outcome, now):
    decision = judged(outcome, now)
    assert (decision.state, decision.about, decision.reason) == (S.QUEUED, About.US, "too_large")


@pytest.mark.parametrize(
    "line", ["552 5.3.4 message size exceeds limit", "552 5.2.3 message length exceeds administrative limit", "552 5.7.1 mailbox quota exceeded",
             "550 5.7.1 blocked: spam"],
)  # fmt: skip
def test_a_size_a_mailbox_and_a_policy_are_no_quota_of_ours(line, now):
    assert judged(said(line), now).about is not About.QUOTA


@pytest.mark.parametrize("stage", ["rcpt", "data", "message"])
@pytest.mark.parametrize(
    "line", ["421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume", "450 4.7.1 policy, later",
             "451 4.7.650 The mail server has been temporarily rate limited by the destination",
             "450 4.3.2 docomo.ne.jp: too many messages, slow down", "421 4.4.5 Too many messages for this domain, slow down",
             "451 Remote server is busy", "452 4.3.1 Throttled by the recipient's domain",
             "421 4.7.0 too fast"],
)  # fmt: skip
def test_a_domain_that_asks_for_less_is_the_domains_affair(line, stage, now):  # F5
    decision = judged(said(line, stage=stage), now)
    assert (decision.state, decision.about, decision.reason) == (S.DEFERRED, About.DOMAIN, "slowed")
    assert decision.due_at == now + timedelta(minutes=5)
    gone = judged(said(line, stage=stage), now, age=timedelta(hours=72))
    assert (gone.state, gone.reason) == (S.REFUSED, "gave_up")


@pytest.mark.parametrize(
    ("line", "about"), [("450 4.7.1 Greylisted, see …", About.PERSON), ("451 4.7.1 try again later", About.PERSON),
                        ("450 4.2.1 The user is receiving mail too quickly", About.PERSON),
                        ("452 4.2.2 over quota", About.PERSON), ("421 4.3.2 closing", About.LINK), ("421 closing", About.LINK),
                        ("421 4.7.28 unusual rate of mail from your account", About.QUOTA),
                        ("450 4.7.1 <taro@docomo.ne.jp>: policy: rate limit exceeded", About.QUOTA),
                        ("452 4.4.5 too many messages", About.QUOTA), ("451 4.7.1 You have exceeded your messaging limits", About.QUOTA),
                        ("450 4.7.25 cannot find your hostname", About.NOBODY)],
)  # fmt: skip
def test_greylisting_a_mailbox_a_closed_session_and_our_own_limit_slow_no_domain(line, about, now):  # F53
    assert judged(said(line), now).about is about


@pytest.mark.parametrize(
    "line", ["421 4.7.0 too many connections", "450 4.7.1 this domain asks for less, slow down"]
)
def test_at_mail_and_at_the_door_it_stays_the_relays_affair(line, now):
    assert judged(said(line, stage="connect"), now).about is About.RELAY
    assert judged(said(line, stage="mail"), now).about in (About.RELAY, About.LINK)


@pytest.mark.parametrize(
    "line", ["451 4.3.0 local problem", "452 4.3.1 insufficient system storage", "452 Requested action not taken: insufficient system storage",
             "451 Temporary local problem", "454 4.3.0 queue file write error"],
)  # fmt: skip
def test_a_server_that_cannot_just_now_says_nothing_about_the_person(line, now):  # F5
    decision = judged(said(line), now)
    assert (decision.state, decision.about) == (S.DEFERRED, About.NOBODY)
