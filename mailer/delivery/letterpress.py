"""From a claimed row to an envelope and its bytes: the press that the sender is given.

Owns which header facts and slot values a delivery gets. Compiles each edition once per list and
keeps it; knows no relay and writes no table. Made by bootstrap, called by the sender in a thread.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from mailer import i18n, media, tokens
from mailer.composer import frozen
from mailer.composer.model import Edition
from mailer.delivery import first_copy
from mailer.delivery.model import Claimed
from mailer.delivery.press import Prepared, Unsendable
from mailer.delivery.routes import NO_LIST
from mailer.errors import HeaderRefused
from mailer.message import build, headers, segments
from mailer.message.dkim import Signer
from mailer.message.headers import Stationery
from mailer.message.return_path import ReturnPath
from mailer.smtp.model import Envelope
from mailer.smtp.wire import Checked
from mailer.tables.composer import edition, issue
from subscribers import address, tables
from subscribers.audience import Recipient
from subscribers.database import reading
from subscribers.errors import BadAddress
from subscribers.model import Address, MailingList

_INVENTED = Recipient(  # a reader that there is not
    0, 0, "reader@example.org", "reader@example.org", "", "K7Q-492", subscribed_on=date(2034, 4, 3)
)
_SAMPLE_LIST = MailingList(0, "sample", {"": ""}, "main", None, "double", True)
_KEPT = 64  # compiled editions of ~60 KB each; a campaign uses one per language and list

Copy = Literal["whole", "text_only", "first_copy"]  # of an edition; the last is the office's own
Key = tuple[int, int | None, Copy]


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What the configuration says about every mail that leaves. Addresses in wire form."""

    sender_email: str
    sender_names: Mapping[str, str]  # by language; "" = for all
    reply_to: str
    base_url: str  # "" = no web server: leaving is a mail
    mailto_home: (
        str  # where mails that ask to leave are read: a mailbox, or the bounce domain (verp); "" = nowhere
    )
    zone: str
    return_path: ReturnPath
    permanent_key: str
    keys: tuple[str, ...]
    signers: tuple[Signer, ...] = ()
    newsletters: Mapping[str, Letterhead] = field(default_factory=dict)  # that have a sender of their own

    def of(self, newsletter: str) -> Letterhead:
        return self.newsletters.get(newsletter, self)

    @property
    def domain(self) -> str:
        return self.sender_email.rpartition("@")[2]

    def sender_name(self, language: str) -> str:
        names = self.sender_names
        return names.get(language) or names.get("") or next(iter(names.values()), "")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose copy is looked at: by default an invented person on an invented list."""

    person: Recipient = _INVENTED
    list_: MailingList = _SAMPLE_LIST


@dataclass(frozen=True, slots=True)
class Form:
    """An edition as one list gets it, with the identity of its newsletter: only the person is missing."""

    head: Letterhead
    letter: build.Compiled


class LetterPress:
    """Holds compiled editions. One per sender: it is used by one thread at a time."""

    def __init__(self, engine: Engine, letterhead: Letterhead) -> None:
        self._engine = engine
        self._head = letterhead
        self._compiled: OrderedDict[Key, Form] = OrderedDict()

    def prepare(self, claimed: Sequence[Claimed], now: datetime) -> list[Prepared]:
        """One result for each row, in order. Raises what makes a whole edition unprintable."""
        missing = {_key(row): row for row in claimed if _key(row) not in self._compiled}
        if missing:
            with reading(self._engine) as connection:
                self._compile_all(connection, list(missing.values()))
        prepared = [self._prepare(row, now) for row in claimed]
        self._forget({_key(row) for row in claimed})
        return prepared

    def _prepare(self, row: Claimed, now: datetime) -> Prepared:
        try:
            return self._message(row, now)
        except (HeaderRefused, BadAddress):
            return Unsendable("bad_address")  # its own header values are the only ones that vary

    def _message(self, row: Claimed, now: datetime) -> tuple[Envelope, Checked]:
        form, person = self._compiled[_key(row)], row.recipient
        head = form.head
        leave: tuple[str, ...] = ()
        if row.notice:
            to, values = row.address or "", {"EMAIL": row.address or "", **(row.slots or {})}
            if row.notice == first_copy.PURPOSE:
                values = _values_for_the_office(head, to, row.language)
            needs_smtputf8 = address.from_wire(to).needs_smtputf8
        elif person is None:
            raise ValueError(f"delivery {row.id} was claimed without its recipient")
        else:
            leave = _ways_to_leave(head, person.subscriber_id, row.list_id or 0)
            to = person.wire
            values = _values(person, row.language, leave[0], _preferences(head, person.subscriber_id))
            needs_smtputf8 = person.needs_smtputf8
        content = form.letter.build(
            values,
            to=to,
            date=now,
            message_id=tokens.message_id(head.permanent_key, row.id, head.domain),
            unsubscribe=leave,
        )
        # `build` promises lines that fit and no leading dot: reading 58 KB again to see it costs 150 µs.
        message = Checked(content, dotted=False, eight_bit=not to.isascii())
        return Envelope(head.return_path.encode(row.id), to, smtputf8=needs_smtputf8), message

    def _forget(self, used: set[Key]) -> None:
        for key in used:
            self._compiled.move_to_end(key)
        while len(self._compiled) > max(_KEPT, len(used)):
            self._compiled.popitem(last=False)

    # ── the header ──────────────────────────────────────────────────────────────────────────────

    def _compile_all(self, connection: Connection, rows: Sequence[Claimed]) -> None:
        found = frozen.load_many(connection, [row.edition_id for row in rows])
        lists = _lists(connection, [row.list_id for row in rows if row.list_id is not None])
        theirs = _newsletters(connection, found) if self._head.newsletters else {}
        for row in rows:
            edition = found[row.edition_id]
            list_ = lists.get(row.list_id) if row.list_id is not None else None
            of_list = list_.newsletter if list_ is not None else NO_LIST
            head = self._head.of(theirs.get(row.edition_id, of_list))
            letter = _compile(connection, head, edition, list_, copy=_key(row)[2])
            self._compiled[_key(row)] = Form(head, letter)


# ── the header ──────────────────────────────────────────────────────────────────────────────────


def _compile(
    connection: Connection,
    head: Letterhead,
    edition: Edition,
    list_: MailingList | None,
    *,
    copy: Copy = "whole",
) -> build.Compiled:
    stationery = _stationery(head, edition, list_)
    if copy == "first_copy":  # as readers will see it, but a mail to one person: nobody leaves a list by it
        edition = replace(edition, subject=first_copy.marked(edition.subject, edition.language))
        stationery = replace(stationery, stream="notice")
    return build.compile(
        edition,
        stationery,
        pictures={one.blob: media.open(connection, one.blob).content for one in edition.pictures},
        signers=head.signers,
        text_only=copy == "text_only",
    )


def _stationery(head: Letterhead, edition: Edition, list_: MailingList | None) -> Stationery:
    language = edition.language
    name = head.sender_name(language)
    if list_ is None or edition.notice:
        return Stationery(name, head.sender_email, head.zone, head.reply_to, stream="notice")
    archive = f"{head.base_url}/archive/{language}/" if head.base_url else ""
    return Stationery(
        name,
        head.sender_email,
        head.zone,
        head.reply_to,
        unsubscribe=_kind_of_leaving(head.base_url),
        list_id=f"{list_.slug}.{head.domain}",
        list_name=list_.name_in(language),
        list_archive=archive,
        archived_at=f"{archive}{edition.issue_slug}/" if archive else "",
        feedback=(
            edition.issue_slug or "",
            language.lower(),
            "campaign",
            headers.feedback_sender(head.domain),
        ),
    )


def _kind_of_leaving(base_url: str) -> Literal["one_click", "page", "mailto"]:
    if not base_url:
        return "mailto"
    # RFC 8058 §3.1 wants https; a test server on http offers its page and no one-click.
    return "one_click" if base_url.startswith("https://") else "page"


# ── the slots ───────────────────────────────────────────────────────────────────────────────────


def _ways_to_leave(head: Letterhead, subscriber_id: int, list_id: int) -> tuple[str, ...]:
    """URIs of List-Unsubscribe, https first (RFC 2369 §3.2)."""
    token = tokens.unsubscribe_token(head.permanent_key, subscriber_id, list_id)
    page = (f"{head.base_url}/u/{token}",) if head.base_url else ()
    # A person reads that mailbox: the token stands in the subject, so that any mail account will do.
    return (*page, tokens.mailto_unsubscribe(head.mailto_home, token, kind="fixed"))


def _values(person: Recipient, language: str, leave: str, preferences: str) -> dict[str, str]:
    return {
        "EMAIL": person.email,
        "NAME": person.name,
        "REFERENCE": person.reference,
        "SINCE": _in_words(language, person.subscribed_on) if person.subscribed_on else "",
        "UNSUBSCRIBE": leave,
        "PREFERENCES": preferences,
    }


def _preferences(head: Letterhead, subscriber_id: int) -> str:
    if not head.base_url:
        return ""
    return f"{head.base_url}/p/{tokens.preferences_token(head.keys, subscriber_id)}"


def _values_for_the_office(head: Letterhead, to: str, language: str) -> dict[str, str]:
    """Of an invented reader whom no link can take off a list: there is no person 0."""
    leave = _ways_to_leave(head, 0, 0)
    return _values(replace(_INVENTED, email=to, wire=to), language, leave[0], _preferences(head, 0))


def sample(
    connection: Connection,
    head: Letterhead,
    edition: Edition,
    at: datetime,
    reader: Reader,
    *,
    text_only: bool = False,
) -> bytes:
    """The message of an edition as this person would get it, to be looked at; it is never sent.

    What is not configured yet is invented. Its links to leave and to the preferences do nothing.
    """
    head = _configured(head)
    return _compile(
        connection, head, edition, reader.list_, copy="text_only" if text_only else "whole"
    ).build(
        sample_values(head, edition.language, reader.person),
        to=reader.person.wire,
        date=at,
        message_id=f"sample@{head.domain}",
        unsubscribe=_ways_that_lead_nowhere(head),
    )


def sample_values(head: Letterhead, language: str, person: Recipient) -> dict[str, str]:
    """The fields of this person as they are sent, without their keys: a file for looking at is passed on."""
    head = _configured(head)
    leave = _ways_that_lead_nowhere(head)[0]
    preferences = f"{head.base_url}/p/sample" if head.base_url else ""
    values = _values(person, language, leave, preferences)
    return {name: segments.value(text) for name, text in values.items()}


def _ways_that_lead_nowhere(head: Letterhead) -> tuple[str, ...]:
    page = (f"{head.base_url}/u/sample",) if head.base_url else ()
    return (*page, tokens.mailto_unsubscribe(head.mailto_home, "sample", kind="fixed"))


def _configured(head: Letterhead) -> Letterhead:
    if head.sender_email:
        return head
    home = "newsletter@example.org"
    return replace(head, sender_email=home, mailto_home=home, return_path=ReturnPath("fixed", home, "-"))


def notice(
    connection: Connection, head: Letterhead, edition: Edition, to: Address, at: datetime
) -> tuple[Envelope, bytes]:
    """One notice past the ledger, for `mailer check`: to whoever sets the program up, not to a subscriber."""
    content = _compile(connection, head, edition, None).build(
        {"EMAIL": to.written}, to=to.wire, date=at, message_id=f"{secrets.token_hex(16)}@{head.domain}"
    )
    return Envelope(head.return_path.encode(0), to.wire, smtputf8=to.needs_smtputf8), content


def _key(row: Claimed) -> Key:
    if row.notice == first_copy.PURPOSE:
        return row.edition_id, row.list_id, "first_copy"
    return row.edition_id, row.list_id, "text_only" if row.recipient and row.recipient.text_only else "whole"


@lru_cache(maxsize=4096)
def _in_words(language: str, day: date) -> str:
    return i18n.words(language).date(day)


def _newsletters(connection: Connection, edition_ids: Iterable[int]) -> dict[int, str]:
    """By edition of an issue; a notice goes by its list."""
    query = (
        sa.select(edition.c.id, issue.c.newsletter)
        .join(issue, issue.c.id == edition.c.issue_id)
        .where(edition.c.id.in_(set(edition_ids)))
    )
    return {row.id: row.newsletter for row in connection.execute(query)}


def _lists(connection: Connection, ids: Sequence[int]) -> dict[int, MailingList]:
    query = sa.select(tables.list_).where(tables.list_.c.id.in_(set(ids)))
    return {
        row.id: MailingList(row.id, row.slug, row.name, row.newsletter, row.language, row.opt_in, row.public)
        for row in connection.execute(query)
    }
