"""The sink made to misbehave on command: each function is a script that does one thing real servers did.

    async with Sink(script=fault_server.reply("rcpt", "550 5.1.1 nobody", message=3)) as sink: …

Scripts combine with `all_of`: the first that has something to say is obeyed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from mailer.smtp.sink import Action, Moment, Script

Numbers = int | Iterable[int] | None


def _is(number: int, wanted: Numbers) -> bool:
    if wanted is None:
        return True
    return number == wanted if isinstance(wanted, int) else number in wanted


def at(
    stage: str,
    action: Action,
    *,
    message: Numbers = None,
    session: Numbers = None,
    times: int | None = None,
    containing: str = "",
) -> Script:
    """`action` at `stage` for these messages (counted over all sessions) and sessions, so many times at most.
    `containing`: only if the command has this in it."""
    left = times

    def script(moment: Moment) -> Action | None:
        nonlocal left
        if moment.stage != stage or not _is(moment.message, message) or not _is(moment.session, session):
            return None
        if containing not in moment.command or left == 0:
            return None
        if left is not None:
            left -= 1
        return action

    return script


def reply(stage: str, line: str, **when: object) -> Script:
    """Another reply than the usual, such as "450 4.7.1 greylisted". Negative ones have their effect."""
    return at(stage, Action(say=f"{line}\r\n".encode()), **when)  # type: ignore[arg-type]


def drop(stage: str, **when: object) -> Script:
    """Cut the connection instead of answering."""
    return at(stage, Action(say=b"", then="drop", keep=False), **when)  # type: ignore[arg-type]


def keep_and_drop(**when: object) -> Script:
    """Take the message, then cut the connection before the reply: the accident that makes doubles."""
    return at("message", Action(say=b"", then="drop"), **when)  # type: ignore[arg-type]


def keep_and_stall(**when: object) -> Script:
    """Take the message, but answer too late for any patience."""
    return at("message", Action(say=b"", then="stall"), **when)  # type: ignore[arg-type]


def stall(stage: str, **when: object) -> Script:
    """Answer nothing more and read nothing more."""
    return at(stage, Action(say=b"", then="stall", keep=False), **when)  # type: ignore[arg-type]


def say_and_drop(stage: str, line: str, **when: object) -> Script:
    """A last word, such as 421."""
    return at(stage, Action(say=f"{line}\r\n".encode(), then="drop", keep=False), **when)  # type: ignore[arg-type]


def garbage(stage: str, octets: bytes = b"\x00\xff<html>what?\r\n", **when: object) -> Script:
    return at(stage, Action(say=octets), **when)  # type: ignore[arg-type]


def endless_reply(stage: str, **when: object) -> Script:
    """A reply of lines without end."""
    return at(stage, Action(say=b"250-and so on\r\n" * 5_000), **when)  # type: ignore[arg-type]


def surplus_reply(stage: str, **when: object) -> Script:
    """Two replies to one command."""
    return at(stage, Action(say=b"250 2.0.0 ok\r\n250 2.0.0 ok\r\n"), **when)  # type: ignore[arg-type]


def closes_after(messages: int) -> Script:
    """421 to the MAIL after so many messages in one session, then the end."""

    def script(moment: Moment) -> Action | None:
        if moment.stage == "mail" and moment.in_session > messages:
            return Action(say=b"421 4.7.0 enough for one connection\r\n", then="drop", keep=False)
        return None

    return script


def limits_connections(most: int) -> Script:
    """Sessions beyond the first `most` are greeted by 421."""

    def script(moment: Moment) -> Action | None:
        if moment.stage == "connect" and moment.session > most:
            return Action(say=b"421 4.7.0 too many connections from your address\r\n", then="drop")
        return None

    return script


def quota_after(messages: int, line: str = "550 5.4.5 Daily user sending limit exceeded") -> Script:
    """A rented account's day is over: every RCPT beyond so many messages is refused (F53)."""

    def script(moment: Moment) -> Action | None:
        if moment.stage == "rcpt" and moment.message > messages:
            return Action(say=f"{line}\r\n".encode())
        return None

    return script


def slow_domain(domain: str, per_minute: int, now: Callable[[], datetime]) -> Script:
    """A receiver behind the relay that takes so many in any minute and answers 421 to the others."""
    taken: deque[datetime] = deque()

    def script(moment: Moment) -> Action | None:
        if moment.stage != "rcpt" or domain not in moment.command:
            return None
        while taken and now() - taken[0] >= timedelta(minutes=1):
            taken.popleft()
        if len(taken) >= per_minute:
            return Action(say=f"421 4.7.0 {domain}: too many messages, slow down\r\n".encode())
        taken.append(now())
        return None

    return script


def all_of(*scripts: Script) -> Script:
    def script(moment: Moment) -> Action | None:
        for each in scripts:
            action = each(moment)
            if action is not None:
                return action
        return None

    return script
