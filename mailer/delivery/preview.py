"""The whole preview of an issue: per language every form of it and the messages, the pictures, the contact sheet.

Owns whose copy it is and what is written where. Stands here because a message is made on this floor; sends
nothing. Called by the command line and the demo.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.engine import Connection

from mailer.composer import editions
from mailer.composer.editions import Press, Proof
from mailer.composer.model import Issue
from mailer.composer.preview import browser, contact_sheet
from mailer.composer.preview import files as pages
from mailer.composer.preview.browser import NoPictures, Shot
from mailer.composer.preview.contact_sheet import Heading, Leaf, Remark, Sender
from mailer.delivery import letterpress
from mailer.delivery.letterpress import Letterhead, Reader
from mailer.errors import BadIssue, Fault, MailerError
from mailer.i18n import Words
from subscribers import audience, language
from subscribers import store as people
from subscribers.model import MailingList, Subscriber, Subscription, SubscriptionState

_SHOTS: Final[Mapping[str, tuple[str, int, bool, bool]]] = {  # name: page, width, dark, forced
    "mail-375-light.png": ("mail.html", 375, False, False),
    "mail-375-dark.png": ("mail.html", 375, True, False),
    "mail-640-light.png": ("mail.html", 640, False, False),
    "mail-640-dark.png": ("mail.html", 640, True, False),
    "mail-640-forced-dark.png": ("mail.html", 640, False, True),
    "web-1200.png": ("web.html", 1200, False, False),
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """A subscriber whose copy is looked at."""

    reader: Reader
    language: str  # of the edition that they get
    kept_out: str | None  # why they would get none at present: a code of `excluded.…`, or no_list


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be written, and for whose eyes."""

    out: Path
    words: Words  # of the contact sheet
    style: bytes  # of the readers' pages
    chosen: Chosen | None = None
    remarks: Sequence[Remark] = ()
    browser: Path | None = None  # None = no pictures


@dataclass(frozen=True, slots=True)
class Preview:
    files: tuple[Path, ...]  # index.html first
    shots: int
    problem: NoPictures | None  # why there are no pictures though there is a browser


def choose(connection: Connection, issue: Issue, who: str, press: Press) -> Chosen:
    """By address or reference; the edition by the rule of a send. Raises UnknownSubscriber, BadAddress."""
    found = people.find(connection, who)
    subscription, list_ = _subscription(connection, found, issue.newsletter)
    pair = (found.id, list_.id if list_ else None)
    person = audience.recipients(connection, [pair], press.now, ZoneInfo(press.zone))[found.id]
    if person.subscribed_on is None:  # nothing would reach them now; the field shows what is known
        since = subscription.since if subscription else found.created_at
        person = replace(person, subscribed_on=since.astimezone(ZoneInfo(press.zone)).date())
    default = list_.language if list_ else None
    fallbacks = (default, press.site_languages[0], issue.default_language)
    matched = language.match(person.languages, issue.languages, fallbacks)
    kept_out = person.refusal
    if subscription is None:
        kept_out = kept_out or "no_list"
    elif kept_out == "unsubscribed" and subscription.state is SubscriptionState.PENDING:
        kept_out = "pending"
    reader = Reader(person, list_) if list_ else Reader(person)
    return Chosen(reader, matched or issue.default_language, kept_out)


def _subscription(
    connection: Connection, person: Subscriber, newsletter: str
) -> tuple[Subscription, MailingList] | tuple[None, None]:
    """The one that a send would name: of a list of this newsletter, confirmed if there is any such."""
    found = [(one, people.list_by_slug(connection, one.list)) for one in person.subscriptions]
    fitting = [pair for pair in found if pair[1].newsletter == newsletter]
    fitting.sort(key=lambda pair: pair[0].state is not SubscriptionState.CONFIRMED)
    return fitting[0] if fitting else (None, None)


@dataclass(frozen=True, slots=True)
class Laid:
    """What is written already; pictures and the sheet need no database."""

    order: Order
    issue: Issue
    press: Press
    head: Letterhead
    proofs: Sequence[Proof]
    messages: Mapping[str, int]  # by language: bytes of the whole message
    written: Sequence[Path]


def lay_out(connection: Connection, issue: Issue, press: Press, head: Letterhead, order: Order) -> Laid:
    """Writes OUT/<lang>/{mail.html,mail.txt,mail.eml,web.html} and what goes with them.

    A text with faults is shown as far as it can be printed. Raises BadIssue if no language can be.
    """
    head, reader = head.of(issue.newsletter), order.chosen.reader if order.chosen else Reader()
    proofs = _proofs(connection, issue, press, order)
    messages: dict[str, int] = {}
    written: list[Path] = []
    for proof in proofs:
        tongue = proof.edition.language
        values = letterpress.sample_values(head, tongue, reader.person)
        files = pages.edition_files(connection, proof, values)
        for name in ("mail.eml", "mail-text.eml"):
            with contextlib.suppress(MailerError):  # a fault in its text; the gate names it
                files[f"{tongue}/{name}"] = letterpress.sample(
                    connection, head, proof.edition, press.now, reader, text_only=name != "mail.eml"
                )
        messages[tongue] = len(files.get(f"{tongue}/mail.eml", b""))
        written += _write(order.out, files)
    written += _write(order.out, {"site.css": order.style})
    return Laid(order, issue, press, head, proofs, messages, written)


def finish(laid: Laid) -> Preview:
    """Takes the pictures, up to a minute, and writes OUT/index.html. Outside of any transaction."""
    order, issue, press = laid.order, laid.issue, laid.press
    shots, problem = _photographed(order, [proof.edition.language for proof in laid.proofs])
    leaves = [
        _leaf(proof, laid.head, order.out, laid.messages[proof.edition.language], press, shots)
        for proof in laid.proofs
    ]
    heading = Heading(
        issue.slug, issue.number, issue.date, press.now, press.zone,
        press.identity(order.words.language), _notes(order),
    )  # fmt: skip
    sheet = _write(order.out, contact_sheet.files(heading, leaves, order.remarks, order.words))
    return Preview((*sheet, *laid.written, *shots), len(shots), problem)


def _proofs(connection: Connection, issue: Issue, press: Press, order: Order) -> list[Proof]:
    """The chosen reader's edition first. A language that has no text is left out; the gate says so."""
    first = order.chosen.language if order.chosen else issue.default_language
    proofs: list[Proof] = []
    faults: list[Fault] = []
    for tongue in sorted(issue.languages, key=lambda one: one != first):
        try:
            proofs.append(editions.draft(connection, issue, tongue, press)[0])
        except BadIssue as error:
            faults += error.faults
    if not proofs:
        raise BadIssue(faults)
    return proofs


def _leaf(
    proof: Proof, head: Letterhead, out: Path, message_bytes: int, press: Press, shots: Iterable[Path]
) -> Leaf:
    tongue = proof.edition.language
    names = frozenset(path.name for path in shots if path.parent.parent.name == tongue)
    sender = Sender(head.sender_name(tongue), head.sender_email, head.reply_to)
    text = (out / tongue / "mail.txt").read_text("utf-8")
    return contact_sheet.leaf(proof, sender, text, message_bytes, press, names)


def _notes(order: Order) -> list[str]:
    words, chosen = order.words, order.chosen
    if chosen is None:
        return [words("preview.sample")]
    person = chosen.reader.person
    told = [words("preview.chosen", email=person.email, language=words.autonym(chosen.language))]
    if person.text_only:
        told.append(words("preview.text_only"))
    if chosen.kept_out == "no_list":
        told.append(words("preview.no_list"))
    elif chosen.kept_out:
        told.append(words("preview.kept_out", why=words(f"excluded.{chosen.kept_out}")))
    return told


def _write(out: Path, files: Mapping[str, bytes]) -> list[Path]:
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return [out / name for name in files]


def _photographed(order: Order, languages: Iterable[str]) -> tuple[list[Path], NoPictures | None]:
    """Pictures of an earlier preview are taken away first: they would show an earlier text."""
    wanted = dict(_wanted(order.out, languages))
    for path in wanted:
        path.unlink(missing_ok=True)
    if order.browser is None:
        return [], None
    made: list[Path] = []
    try:
        with browser.opened(order.browser) as running:
            for path, shot in wanted.items():
                content = running.picture(shot)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
                made.append(path)
    except NoPictures as problem:
        return made, problem
    return made, None


def _wanted(out: Path, languages: Iterable[str]) -> Iterator[tuple[Path, Shot]]:
    for tongue in languages:
        for name, (page, width, dark, forced) in _SHOTS.items():
            yield out / tongue / "pictures" / name, Shot(out / tongue / page, width, dark, forced)
