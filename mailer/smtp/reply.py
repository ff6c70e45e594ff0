"""What a server says: replies of RFC 5321 §4.2, their enhanced codes (RFC 3463, 2034), and what they are about.

Owns the parser and the facts of one reply (ours, the address's, a quota's). What follows from a fact
(wait, refuse, hold the campaign) is decided in `delivery.retry`. Called by the dialogue and by reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailer.smtp.errors import RemoteFault

# Limits against a server that never ends a reply. RFC 5321 §4.5.3.1.5 gives a line 512 octets; policy texts
# with links reach 1,500, an EHLO answer 30 lines.
LONGEST_LINE_BYTES = 8_192
MOST_LINES = 200

_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")

# Enhanced codes as seen on the wire. Exchange counts a daily limit under 5.1.90, which by its class would be
# "address": the explicit code wins over the class.
_QUOTA_CODES = frozenset(
    {"5.4.5", "4.4.5", "5.4.6", "4.7.28", "5.7.28", "5.1.90", "5.7.232", "5.7.233", "5.7.705", "5.7.708"}
)
_QUOTA_WORDS = re.compile(
    r"(send(ing|er)?|daily|hourly|rate|submission|messaging|messages?|mails?|e-?mails?|outgoing|outbound|smtp|recipients?|user|thread)"
    r"[\w\s-]{0,24}\b(limit|quota|rate|threshold)s?\b[\w\s'-]{0,24}\b(exceed|reach|hit)"
    r"|(exceed\w*|reached|over|hit)\b[\w\s'-]{0,30}\b"
    r"(send(ing|er)?|daily|hourly|rate|messaging|messages?|mails?|e-?mails?|recipient)[\w\s-]{0,20}\b(limit|quota|rate|threshold|per (hour|day|minute|second))"
    r"|(limit|credits?)\s+(has been\s+|was\s+)?exceeded|exceeds? (the |your )?(sending )?limit"
    r"|too (many|much) (messages?|mails?|e-?mails?|recipients (today|(per|this|an) (hour|day|minute)))"
    r"|throttl|rate[\s-]?limit(ed|ing)\b|submissionquotaexceeded"
    r"|\b(limits?|quota|maximum|max)\b[\w\s'-]{0,40}\b(per|an|a|in one) (hour|day|minute|second)\b[\w\s'-]{0,12}\b(exceed|reach|hit)"
    r"|account[\w\s'-]{0,12}\b(limit|quota)s?\b[\w\s'-]{0,24}\b(exceed|reach|hit)"
    r"|(exceeded|reached|hit|over) (a|an|your|its|the) (limit|quota) (for|of|on) (send|mail|message|e-?mail|outgoing|outbound|recipients)"
    r"|送信(数|通数|件数|量)?の?(制限|上限)|通数制限|上限に達し",
    re.IGNORECASE,
)
# Of a class that is no mailbox's (5.7.x, policy), these few words are enough.
_POLICY_QUOTA_WORDS = re.compile(
    r"\bquota\b[\w\s'-]{0,16}\b(exceed|reach)|(exceeded|reached|over) (your|its|the) (limit|quota)"
    r"|\b(rate|hourly|daily)[\w\s-]{0,16}\b(limit|quota)s?\b[\w\s'-]{0,24}\b(exceed|reach|hit)",
    re.IGNORECASE,
)
# A message that is too large also "exceeds the limit".
_SIZE_WORDS = re.compile(r"\bsize\b|\blength\b|too (large|big|long)", re.IGNORECASE)
# Someone's full mailbox also says "quota exceeded": that is the address, never our sending limit.
_MAILBOX_WORDS = re.compile(
    r"mailbox|over\s?quota|storage|disk|inbox|mail box|insufficient space|容量", re.IGNORECASE
)
_OUR_WORDS = re.compile(
    r"\bspam|black\s?list|block\s?list|\bblocked\b|\bbanned\b|reputation|\bdnsbl\b|\brbl\b|spamhaus|barracuda"
    r"|\bspf\b|\bdkim\b|\bdmarc\b|policy|authenticat|not permitted|relay(ing)? (access )?denied|unable to relay"
    r"|not allowed to (send|relay)|sender (address )?(rejected|verify|denied)|not owned by",
    re.IGNORECASE,
)
_GREY_WORDS = re.compile(r"gr[ae]y-?\s?list|try again later|temporarily deferred", re.IGNORECASE)
# A receiver that asks for less at a time, in the words of Yahoo, Microsoft, Gmail, Postfix and Japanese carriers.
_LESS_WORDS = re.compile(
    r"throttl|\brate\b|slow(er|ing)?\b|too (fast|quickly|many|much)|(unexpected|unusual|high) volume|excessive"
    r"|(deferred|delayed) due to|\bbusy\b|overload|制限|混雑|混み合",
    re.IGNORECASE,
)
# Said of the other end, not of our account at the relay.
_OTHER_END = re.compile(
    r"\bdestination\b|\b(recipient|receiving|remote|target)('s)? (domain|e?mail server|server|host|system|mx)\b"
    r"|\b(this|that|the recipient's) domain\b|unexpected volume|\bTSS\d\d|\bRP-0\d\d",
    re.IGNORECASE,
)
_ASKS_LESS = frozenset({421, 450, 451, 452})
# 4.7.x that is about how we sign and name ourselves (RFC 7372, RFC 8616): a slower pace mends nothing.
_IDENTITY = frozenset({"7.8", "7.9", *(f"7.{n}" for n in range(20, 30))})
_ABOUT_ADDRESS = frozenset({"1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "2.0", "2.1", "2.2", "2.4"})
_SENDER_ADDRESS = frozenset({"1.7", "1.8", "1.9"})  # bad address of the sender: ours to mend


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: `code` 200–599, `enhanced` such as "5.1.1" or None, `lines` without the code."""

    code: int
    enhanced: str | None
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The lines in one, without the enhanced code that servers repeat on each of them."""
        if self.enhanced is None:
            return " ".join(line for line in self.lines if line)
        return " ".join(line.removeprefix(self.enhanced).strip() for line in self.lines).strip()

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 300

    @property
    def is_transient(self) -> bool:
        return 400 <= self.code < 500

    @property
    def is_permanent(self) -> bool:
        return self.code >= 500

    @property
    def is_closing(self) -> bool:
        """The server ends the connection; whatever it had not answered is not done. RFC 5321 §3.8, §4.2.3."""
        return self.code == 421

    @property
    def subject(self) -> str | None:
        """Subject and detail of the enhanced code: "1.1" of 5.1.1."""
        return self.enhanced[2:] if self.enhanced else None

    @property
    def is_quota(self) -> bool:
        """Our account has sent what it may for now: wait, whoever the recipient is (F53).

        The words win over the class of policy: servers say "554 5.7.1 … rate limit exceeded".
        """
        if self.code < 400:
            return False
        if self.enhanced in _QUOTA_CODES:
            return True
        if self.is_about_message or _SIZE_WORDS.search(self.text) is not None:
            return False
        is_policy = self.subject is not None and self.subject.startswith("7.")
        if is_policy and _POLICY_QUOTA_WORDS.search(self.text) is not None:
            # "Mailbox quota exceeded" stays somebody's mailbox under whatever class; a mailbox's rate does not.
            return (
                not self._names_a_mailbox
                or re.search(r"\b(rate|hourly|daily)\b", self.text, re.I) is not None
            )
        if self._names_a_mailbox:
            return False
        return _QUOTA_WORDS.search(self.text) is not None

    @property
    def is_about_us(self) -> bool:
        """The refusal concerns the sender, its account or its reputation: never held against the person."""
        if self.code < 400:
            return False
        subject = self.subject
        if self.is_quota or self.code in {421, 530, 534, 535, 538}:
            return True
        if subject is not None:
            return (subject.startswith(("7.", "3.")) and subject != "3.4") or subject in _SENDER_ADDRESS
        return _OUR_WORDS.search(self.text) is not None

    @property
    def is_about_address(self) -> bool:
        """The refusal concerns the recipient's address or mailbox (RFC 3463 X.1.x, X.2.x)."""
        if self.code < 400 or self.is_quota:
            return False
        if self.subject is not None:
            return self.subject in _ABOUT_ADDRESS
        return (
            self.code in {450, 452, 550, 551, 552, 553} and not self.is_about_us and not self.is_about_message
        )

    @property
    def is_about_message(self) -> bool:
        """The refusal concerns size or content (5.2.3, 5.3.4, 5.6.x; 552 in words of size)."""
        if self.code < 400:
            return False
        if self.subject is not None:
            return self.subject in {"2.3", "3.4"} or self.subject.startswith("6.")
        return self.code == 552 and "size" in self.text.lower()

    @property
    def is_greylisting(self) -> bool:
        """A first try that is put off on principle: the same message later is welcome."""
        return self.code in {450, 451} and _GREY_WORDS.search(self.text) is not None

    def slows(self, domain: str) -> bool:
        """The recipient's domain asks us to send it less at a time: its pace is the remedy.

        Not greylisting, not one mailbox, and not the limit of our account (F53), which is told apart by the
        words: a limit is the domain's only if the reply speaks of the other end or names the domain itself.
        A domain inside an address does not name it: servers repeat the recipient in every reply.
        """
        if self.code not in _ASKS_LESS or self.is_greylisting or self.is_about_message:
            return False
        subject = self.subject or ""
        if subject.startswith(("1.", "2.")) or subject in _IDENTITY:
            return False
        asks = _LESS_WORDS.search(self.text) is not None
        named = domain and re.search(rf"(?<![@\w.-]){re.escape(domain)}(?![\w-])", self.text, re.IGNORECASE)
        if asks and (named or _OTHER_END.search(self.text)):
            return True
        return not self.is_quota and (asks or subject.startswith("7."))

    @property
    def is_about_nobody(self) -> bool:
        """A server that cannot just now, whoever the recipient is: no mailbox, no domain, no limit of ours."""
        if not self.is_transient or self.is_greylisting or self.is_about_message or self.is_quota:
            return False
        if self.subject is None and re.search(r"\bsystem\b", self.text, re.IGNORECASE):
            return True  # "452 insufficient system storage" of RFC 5321 is not somebody's full mailbox
        return not self.is_about_address

    @property
    def _names_a_mailbox(self) -> bool:
        if self.subject is not None and self.subject in {"2.1", "2.2"}:
            return True
        return _MAILBOX_WORDS.search(self.text) is not None and not re.search(
            r"send", self.text, re.IGNORECASE
        )


class ReplyParser:
    """Bytes in, replies out, however the bytes were split. Bare LF ends a line too: only we are harmed by it."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []
        self._code = 0

    @property
    def pending(self) -> bool:
        """True in the middle of a reply."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> Iterator[Reply]:
        """Yield each reply that `data` completes. Raises RemoteFault at the first byte that is no reply;
        replies before it have been yielded."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            reply = self._line(line)
            if reply is not None:
                yield reply
        if len(self._rest) > LONGEST_LINE_BYTES:
            raise RemoteFault("bad_reply", "a reply line that does not end")

    def _line(self, line: bytes) -> Reply | None:
        line = line.removesuffix(b"\r")
        code, mark = line[:3], line[3:4]
        if len(line) > LONGEST_LINE_BYTES:
            raise RemoteFault("bad_reply", "a reply line that is too long")
        if len(code) != 3 or not code.isdigit() or code[0] not in b"2345" or mark not in (b"", b" ", b"-"):
            raise RemoteFault("bad_reply", f"no reply: {_readable(line[:80])}")
        number = int(code)
        if self._lines and number != self._code:
            raise RemoteFault("bad_reply", f"two codes in one reply: {self._code} and {number}")
        self._lines.append(_readable(line[4:]))
        if mark == b"-":
            self._code = number
            if len(self._lines) >= MOST_LINES:
                raise RemoteFault("bad_reply", "a reply of too many lines")
            return None
        texts, self._lines = tuple(self._lines), []
        return Reply(number, _enhanced(number, texts), texts)


def _enhanced(code: int, lines: tuple[str, ...]) -> str | None:
    """The enhanced code if it has the class of the reply. RFC 2034 §4 puts it first."""
    found = _ENHANCED.match(lines[0])
    return found[0] if found is not None and int(found[1]) == code // 100 else None


def _readable(line: bytes) -> str:
    """Text for logs and pages: no control characters, so that a reply cannot move a terminal's cursor."""
    text = line.decode("utf-8", "replace").strip()
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
