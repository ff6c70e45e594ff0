"""What follows from an outcome: a pure rule from (outcome, tries so far, time) to a decision.

Owns the back-off and the reading of refusals: about the person, about us, about our quota. Knows no
table and no socket; the facts of one reply are `smtp.reply`'s. Called by the sender for each try.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from mailer.delivery.model import DeliveryState
from mailer.smtp.model import Outcome
from mailer.smtp.reply import Reply

_S = DeliveryState


class About(StrEnum):
    """Whom an outcome concerns beyond this one delivery."""

    PERSON = "person"  # this delivery alone
    QUOTA = "quota"  # our account has sent enough for now: everything waits
    RELAY = "relay"  # the relay refuses us (MAIL, AUTH): everything waits
    US = "us"  # a policy against us, beyond doubt: the campaign is held
    PERHAPS_US = "perhaps_us"  # a policy reply to one person: held if it is not the only one
    LINK = "link"  # the connection broke
    DOMAIN = "domain"  # the recipient's domain asks for a slower pace
    NOBODY = "nobody"  # the server cannot just now: if it is so for everybody, the relay is busy


@dataclass(frozen=True, slots=True)
class Policy:
    first: timedelta = timedelta(minutes=5)  # greylisting wants 1 to 5 minutes
    longest: timedelta = timedelta(hours=4)
    give_up: timedelta = timedelta(
        hours=72
    )  # after the first try; RFC 5321 §4.5.4.1 says 4–5 days for an MTA
    resend_uncertain: bool = False
    lost_link: timedelta = timedelta(seconds=30)  # nobody refused us: soon, under another connection


@dataclass(frozen=True, slots=True)
class Tries:
    """What has been tried for one delivery, this try included."""

    count: int
    first_at: datetime
    domain: str = ""  # of the recipient


@dataclass(frozen=True, slots=True)
class Decision:
    state: DeliveryState
    about: About = About.PERSON
    due_at: datetime | None = None
    counted: bool = True  # False: the try does not use up this person's patience
    reason: str | None = None  # of refused, deferred, uncertain: a word that pages explain


def decide(
    outcome: Outcome, tries: Tries, now: datetime, policy: Policy, random: Callable[[], float]
) -> Decision:
    """The next state of one delivery and whom the outcome concerns. `random` gives [0, 1)."""
    if outcome.accepted:
        return Decision(_S.ACCEPTED)
    if outcome.uncertain:
        if policy.resend_uncertain:
            return _again_soon(tries, now, policy, random, "no_reply")
        return Decision(_S.UNCERTAIN, About.LINK, reason="no_reply")
    if outcome.reply is None:
        return _without_reply(outcome, tries, now, policy, random)
    return _refused(outcome, outcome.reply, tries, now, policy, random)


# What we found out ourselves about one message, before or while handing it over: no later try mends it.
_OURS_TO_MEND = {"smtputf8_not_offered", "8bitmime_not_offered", "too_large"}


def _without_reply(
    outcome: Outcome, tries: Tries, now: datetime, policy: Policy, random: Callable[[], float]
) -> Decision:
    if outcome.error == "smtputf8_not_offered":
        return Decision(_S.REFUSED, reason="needs_smtputf8")
    if outcome.error == "unfit_message":  # one odd name, or every copy: the sender counts
        due_at = now + _back_off(tries.count, policy, random)
        return Decision(_S.DEFERRED, About.PERHAPS_US, due_at=due_at, reason="unfit_message")
    if outcome.error in _OURS_TO_MEND:  # every copy is as large as this one
        return Decision(_S.QUEUED, About.US, due_at=now, counted=False, reason=outcome.error)
    if outcome.error == "closed":  # by us, in mid-way: nobody's fault
        return Decision(_S.QUEUED, due_at=now, counted=False, reason="closed")
    if outcome.stage == "connect":
        return Decision(_S.QUEUED, About.RELAY, due_at=now, counted=False, reason="relay_down")
    return _again_soon(tries, now, policy, random, outcome.error or "connection_lost")


def _refused(
    outcome: Outcome,
    reply: Reply,
    tries: Tries,
    now: datetime,
    policy: Policy,
    random: Callable[[], float],
) -> Decision:
    if outcome.stage not in ("connect", "mail") and reply.slows(tries.domain):
        return _later(About.DOMAIN, "slowed", tries, now, policy, random)
    ours = _about_us(outcome, reply)
    if ours is not None:
        about, reason = ours
        return Decision(_S.QUEUED, about, due_at=now, counted=False, reason=reason)
    if reply.is_closing:  # the end of a session, not of our welcome: many servers take N mails and say 421
        return _again_soon(tries, now, policy, random, "session_closed")
    if reply.is_permanent:
        return _permanent(outcome, reply, tries, now, policy, random)
    about = About.NOBODY if reply.is_about_nobody else About.PERSON
    reason = "greylisted" if reply.is_greylisting else "deferred"
    return _later(about, reason, tries, now, policy, random)


def _later(
    about: About,
    reason: str,
    tries: Tries,
    now: datetime,
    policy: Policy,
    random: Callable[[], float],
) -> Decision:
    """Put off by the back-off; refused when the first try is too long ago."""
    if now - tries.first_at >= policy.give_up:
        return Decision(_S.REFUSED, about, reason="gave_up")
    return Decision(_S.DEFERRED, about, due_at=now + _back_off(tries.count, policy, random), reason=reason)


def _about_us(outcome: Outcome, reply: Reply) -> tuple[About, str] | None:
    """Whom else a refusal stops, if it is beyond doubt about us: nobody is refused for it (F53)."""
    if reply.is_quota:
        return About.QUOTA, "quota"
    if reply.subject in _SURELY_US and outcome.stage != "mail" and reply.is_permanent:
        return About.US, "policy"
    if outcome.stage == "mail" and reply.is_about_message:  # the size, told at MAIL: every copy is as large
        return About.US, "too_large"
    at_the_door = outcome.stage == "connect" or (outcome.stage == "mail" and not reply.is_closing)
    if at_the_door or reply.code in {530, 534, 535, 538}:
        return About.RELAY, "relay_busy" if reply.is_transient else "relay_refuses"
    return None


# 5.7.x that a server says only of the sender: authentication (8, 9), DKIM, SPF, PTR, DMARC, TLS and
# spam rate (20–29, RFC 7372, RFC 8616 and Google's), Microsoft's 5xx–7xx (515: unauthenticated bulk).
_SURELY_US = {f"7.{n}" for n in (0, 8, 9, *range(20, 30), *range(500, 800))} | {"1.7", "1.8", "1.9"}


def _permanent(
    outcome: Outcome,
    reply: Reply,
    tries: Tries,
    now: datetime,
    policy: Policy,
    random: Callable[[], float],
) -> Decision:
    about_content = outcome.stage in ("data", "message") and not reply.is_about_address
    if not (reply.is_about_us or reply.is_about_message or about_content):
        return Decision(_S.REFUSED, reason="address" if reply.is_about_address else "refused")
    # "5.7.1" to one person may be that person's filter, to everybody it is about us: put it off, so
    # that it stands in nobody's way (F6), and let the sender count whether it stays the only one.
    if now - tries.first_at >= policy.give_up:
        return Decision(_S.REFUSED, About.PERHAPS_US, reason="policy")
    due_at = now + _back_off(tries.count, policy, random)
    return Decision(_S.DEFERRED, About.PERHAPS_US, due_at=due_at, reason="policy")


def _again_soon(
    tries: Tries, now: datetime, policy: Policy, random: Callable[[], float], reason: str
) -> Decision:
    """The connection broke: another may hold. Later the longer it goes on, refused when too old."""
    if now - tries.first_at >= policy.give_up:
        return Decision(_S.REFUSED, About.LINK, reason="gave_up")
    soon = min(policy.lost_link * 2 ** min(tries.count - 1, 20), policy.longest)
    return Decision(_S.DEFERRED, About.LINK, due_at=now + _jittered(soon, random), reason=reason)


def _back_off(count: int, policy: Policy, random: Callable[[], float]) -> timedelta:
    """5 min, 10, 20, … up to the longest; ±20 % so that a thousand put off together do not return together."""
    return _jittered(min(policy.first * 2 ** min(count - 1, 20), policy.longest), random)


def _jittered(wait: timedelta, random: Callable[[], float]) -> timedelta:
    return wait * (0.8 + 0.4 * random())
