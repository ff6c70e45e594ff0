"""A reader's own settings: which language first, plain text only, and what they receive.

Owns no table; the store keeps what is set, `leaving` takes people off lists. What the person sets
stays theirs: no import overwrites it. Called by the web.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mailer.readers import leaving
from subscribers import store, suppression, tables
from subscribers.language import match
from subscribers.model import Actor, SubscriptionState


@dataclass(frozen=True, slots=True)
class OnList:
    slug: str
    name: Mapping[str, str]  # per language; "" = for all
    language: str | None  # the list's default
    state: SubscriptionState
    since: datetime  # of this state

    @property
    def active(self) -> bool:
        return self.state is not SubscriptionState.UNSUBSCRIBED


@dataclass(frozen=True, slots=True)
class Reader:
    """What the page may show to whoever holds the link, which may have been forwarded."""

    subscriber_id: int
    masked: str  # "m••••@city.example.jp"
    languages: tuple[str, ...]  # BCP 47, best first
    text_only: bool
    paused_until: datetime | None  # None: not paused, or no longer
    kept_out: bool  # suppressed: nothing is sent, whatever the lists say
    lists: tuple[OnList, ...]  # every list that the person is or was on

    @property
    def active(self) -> tuple[OnList, ...]:
        return tuple(on for on in self.lists if on.active)


@dataclass(frozen=True, slots=True)
class Choice:
    """One language that may come first."""

    tag: str  # what is stored: the person's own spelling (en-GB) where they have one
    language: str  # what it is called
    rank: int | None  # 1 = first; None: the person has not named it
    written: bool  # the letter is written in it


@dataclass(frozen=True, slots=True)
class Saved:
    """What a save changed; None = it was so before."""

    first: str | None = None  # the language that now comes first
    text_only: bool | None = None


def reader(connection: Connection, subscriber_id: int, now: datetime) -> Reader | None:
    """None: this person has been erased."""
    subscriber, subscription, list_ = tables.subscriber, tables.subscription, tables.list_
    person = connection.execute(sa.select(subscriber).where(subscriber.c.id == subscriber_id)).first()
    if person is None:
        return None
    rows = connection.execute(
        sa.select(list_.c.slug, list_.c.name, list_.c.language, subscription.c.state, subscription.c.since)
        .join_from(list_, subscription)
        .where(subscription.c.subscriber_id == subscriber_id)
        .order_by(list_.c.id)
    )
    paused = person.paused_until is not None and person.paused_until > now
    return Reader(
        subscriber_id,
        leaving.mask(person.email),
        _split(person.languages),
        person.text_only,
        person.paused_until if paused else None,
        suppression.is_suppressed(connection, person.address_key),
        tuple(
            OnList(row.slug, row.name, row.language, SubscriptionState(row.state), row.since) for row in rows
        ),
    )


def choices(preferred: Sequence[str], offered: Sequence[str]) -> list[Choice]:
    """The person's languages in their order, then the others in which the letter is written.

    Who reads en-GB is not asked about en as well: it is the same edition.
    """
    found: dict[str, Choice] = {}
    for tag in preferred:
        language = match([tag], offered)
        called = language or tag
        found.setdefault(called, Choice(tag, called, len(found) + 1, language is not None))
    for language in offered:
        found.setdefault(language, Choice(language, language, None, True))
    return list(found.values())


def without_choice(reader: Reader, offered: Sequence[str], default: str) -> str | None:
    """The edition that comes to someone who has named no language: the list's default, else the site's."""
    return match([], offered, [*(on.language for on in reader.active[:1]), default])


def save(
    connection: Connection,
    subscriber_id: int,
    *,
    first: str | None,
    text_only: bool,
    offered: Sequence[str],
    now: datetime,
) -> Saved:
    """Put `first` before the person's other languages and set the form of the mails. Again is harmless.

    `first`: the tag of one of the `choices`; anything else, and None, leaves the languages alone.
    Raises UnknownSubscriber.
    """
    subscriber = tables.subscriber
    before = connection.execute(
        sa.select(subscriber.c.languages, subscriber.c.text_only)
        .where(subscriber.c.id == subscriber_id)
        .with_for_update()
    ).first()
    wished: store.Fields = {"text_only": text_only}
    languages = _split(before.languages) if before else ()
    if first in {choice.tag for choice in choices(languages, offered)}:
        wished["languages"] = [first, *(tag for tag in languages if tag != first)]
    after = store.change(connection, subscriber_id, by=Actor("subscriber"), now=now, **wished)
    return Saved(
        first=after.languages[0] if after.languages != languages else None,
        text_only=text_only if before and before.text_only != text_only else None,
    )


def leave(connection: Connection, reader: Reader, slug: str | None, *, now: datetime) -> bool:
    """Off this list, or off all (None), as by the link for leaving. False: never on such a list."""
    list_id = None
    if slug is not None:
        if slug not in {on.slug for on in reader.lists}:
            return False
        list_id = store.list_by_slug(connection, slug).id
    leaving.leave(connection, reader.subscriber_id, list_id, source="preferences", now=now)
    return True


def _split(languages: str) -> tuple[str, ...]:
    return tuple(filter(None, languages.split(",")))
