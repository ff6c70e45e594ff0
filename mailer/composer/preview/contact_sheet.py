"""The contact sheet of a preview: one page that shows every language in every form beside each other.

Owns index.html and sheet.css; frames and pictures are files beside it. A page of the staff's, in their language,
without a script. Called by `delivery.preview`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from importlib import resources
from typing import Final

import lxml.html

from mailer import i18n
from mailer.i18n import Words

from ..checks.mails import CLIP_BYTES, MESSAGE_BYTES
from ..editions import Press, Proof
from ..model import Identity
from .files import pages

_FIRST: Final = 6  # findings that are shown; `issues check` tells all
_GLIMPSE: Final = 180  # characters that a list of mails could show at most


@dataclass(frozen=True, slots=True)
class Remark:
    """A finding of the gate, in words."""

    severity: str
    language: str  # "" = of all
    message: str
    place: str


@dataclass(frozen=True, slots=True)
class Sender:
    """As the header of the message says it."""

    name: str
    email: str
    reply_to: str


@dataclass(frozen=True, slots=True)
class Size:
    key: str
    size_bytes: int
    limit_bytes: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """One language on the sheet."""

    language: str
    direction: str
    autonym: str
    sender: Sender
    subject: str
    preheader: str
    glimpse: str  # what a list of mails shows behind the subject
    text: str
    sizes: tuple[Size, ...]
    message: bool  # could it be built?
    shots: frozenset[str]  # names of the pictures that were made


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above all."""

    slug: str
    number: str
    date: date
    made_at: datetime
    zone: str
    identity: Identity
    notes: Sequence[str] = ()  # sentences: whose copy it is, what is missing
    hour: time = time(9)  # at which the lists of mails show it


def leaf(
    proof: Proof, sender: Sender, text: str, message_bytes: int, press: Press, shots: frozenset[str]
) -> Leaf:
    """`text`: filled. `message_bytes`: 0 if it could not be built."""
    edition, preheader = proof.edition, proof.letter.preheader
    sizes = [
        Size("preview.size_html", len(edition.html.encode()), CLIP_BYTES),
        Size("preview.size_message", message_bytes, MESSAGE_BYTES),
        Size("preview.size_pictures", proof.album.size_bytes, press.pictures_budget_bytes),
    ]
    return Leaf(
        edition.language,
        i18n.direction(edition.language),
        i18n.autonym(edition.language),
        sender,
        edition.subject,
        preheader,
        preheader or _beginning(edition.html),
        text,
        tuple(size for size in sizes if size.size_bytes),
        bool(message_bytes),
        shots,
    )


def files(
    heading: Heading, leaves: Sequence[Leaf], remarks: Sequence[Remark], words: Words
) -> dict[str, bytes]:
    """index.html and its style sheet. `words`: of whoever looks at it."""
    number: int | str = int(heading.number) if heading.number.isdecimal() else heading.number
    counts = {level: sum(one.severity == level for one in remarks) for level in ("error", "warning", "note")}
    index = pages().get_template("sheet.html").render(
        words=words,
        heading=heading,
        issue=words("mail.number", number=number),
        leaves=leaves,
        remarks=remarks[:_FIRST],
        further=len(remarks) - _FIRST,
        counts=counts,
        autonym=i18n.autonym,
        dark=any("mail-640-forced-dark.png" in one.shots for one in leaves),
    )  # fmt: skip
    style = resources.files("mailer.composer.preview") / "pages" / "sheet.css"
    return {"index.html": index.encode(), "sheet.css": style.read_bytes()}


def _beginning(html: str) -> str:
    """The first words of the mail: what a list of mails shows where there is no preheader."""
    body = lxml.html.document_fromstring(html).body
    for hidden in body.xpath('.//*[contains(@style, "display:none")]'):
        hidden.drop_tree()
    return " ".join(" ".join(body.itertext()).split())[:_GLIMPSE]
