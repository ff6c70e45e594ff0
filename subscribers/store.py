"""Lists and people: add, find, change, erase.

Owns `list` and `subscriber`. Whether someone may be written to is `consent` and `suppression`;
many people at once are `transfer`. Called by the CLI, pages, forms and tests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, TypedDict, Unpack

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from . import address as addresses
from . import audit, reference, suppression, tables
from . import language as languages_
from .database import insert
from .errors import AlreadyThere, BadList, Erased, Suppressed, UnknownList, UnknownSubscriber
from .model import Actor, Address, MailingList, Subscriber, Subscription, SubscriptionState

# One DNS label: the slug stands in /join/<list>/ and as the first label of the List-Id (RFC 2919 §2).
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Fields(TypedDict, total=False):
    """What a person or the office may set about a subscriber."""

    name: str
    languages: Sequence[str]  # any spelling `language.normalise` reads, best first
    time_zone: str | None  # IANA name
    attributes: Mapping[str, str]
    text_only: bool
    paused_until: datetime | None


class ListFields(TypedDict, total=False):
    language: str | None  # the list's default
    opt_in: str  # double | single
    newsletter: str
    public: bool


def add_list(
    connection: Connection,
    slug: str,
    name: Mapping[str, str] | str,
    *,
    by: Actor,
    now: datetime,
    **fields: Unpack[ListFields],
) -> MailingList:
    """`name`: one for all, or a text per language. Raises BadList, BadLanguage, AlreadyThere."""
    if not _SLUG.fullmatch(slug):
        raise BadList(f"{slug!r}: a list's key is lower-case letters, digits and inner hyphens.", list=slug)
    names = {"": name} if isinstance(name, str) else dict(name)
    language = fields.get("language")
    opt_in = fields.get("opt_in", "double")
    if opt_in not in {"double", "single"}:
        raise ValueError(f"opt_in is double or single, not {opt_in!r}")
    list_ = tables.list_
    inserted = connection.execute(
        insert(connection, list_)
        .values(
            slug=slug, name=names, opt_in=opt_in, newsletter=fields.get("newsletter", "main"),
            language=languages_.normalise(language) if language else None,
            public=fields.get("public", True), created_at=now,
        )
        .on_conflict_do_nothing()
        .returning(list_.c.id)
    ).scalar()  # fmt: skip
    if inserted is None:
        raise AlreadyThere(f"There is already a list {slug}.", reason="list", list=slug)
    audit.record(connection, by, "list.add", f"list:{slug}", now, after={"name": names, "opt_in": opt_in})
    return list_by_slug(connection, slug)


def lists(connection: Connection) -> list[MailingList]:
    """All lists in the order in which they were made."""
    return [_list(row) for row in connection.execute(sa.select(tables.list_).order_by(tables.list_.c.id))]


def list_by_slug(connection: Connection, slug: str) -> MailingList:
    """Raises UnknownList."""
    row = connection.execute(sa.select(tables.list_).where(tables.list_.c.slug == slug)).first()
    if row is None:
        raise UnknownList(f"There is no list {slug!r}.", list=slug)
    return _list(row)


def add(
    connection: Connection,
    address: Address,
    *,
    by: Actor,
    now: datetime,
    random: Random,
    permanent_key: str,
    **fields: Unpack[Fields],
) -> Subscriber:
    """A new person, on no list yet. Raises AlreadyThere; Erased and Suppressed, except to the person.

    Whoever was erased or suppressed may come back by their own act (`by.kind == "subscriber"`);
    a suppression stays until someone lifts it.
    """
    if by.kind != "subscriber":
        _refuse_kept_out(connection, address.key, permanent_key)
    values = _columns(fields)
    chosen = sorted(field for field, value in values.items() if value) if by.kind == "subscriber" else []
    row = {
        "reference": fresh_references(connection, random, 1)[0],
        "email": address.written, "wire": address.wire, "address_key": address.key, "domain": address.domain,
        "attributes": {}, "chosen": chosen, "created_at": now, "updated_at": now, **values,
    }  # fmt: skip
    added = connection.execute(
        insert(connection, tables.subscriber)
        .values(row)
        .on_conflict_do_nothing(index_elements=["address_key"])
        .returning(tables.subscriber.c.id)
    ).scalar()
    if added is None:
        raise AlreadyThere(f"{address.written} is already a subscriber.", address=address.written)
    audit.record(
        connection, by, "subscriber.add", f"subscriber:{added}", now, after={"fields": sorted(fields)}
    )
    return get(connection, added)


def get(connection: Connection, subscriber_id: int) -> Subscriber:
    """Raises UnknownSubscriber."""
    found = _read(connection, tables.subscriber.c.id == subscriber_id)
    if found is None:
        raise UnknownSubscriber(f"There is no subscriber {subscriber_id}.", subscriber=subscriber_id)
    return found


def find(connection: Connection, email_or_reference: str) -> Subscriber:
    """By an address in any spelling, or a reference (`k7q492`). Raises UnknownSubscriber, BadAddress."""
    stored = reference.read(email_or_reference)
    if stored is not None:
        found = _read(connection, tables.subscriber.c.reference == stored)
    elif "@" in email_or_reference or "＠" in email_or_reference:
        found = find_address(connection, addresses.parse(email_or_reference.strip()))
    else:
        found = None
    if found is None:
        raise UnknownSubscriber(
            f"There is no subscriber {email_or_reference!r}.", subscriber=email_or_reference
        )
    return found


def find_address(connection: Connection, address: Address) -> Subscriber | None:
    """The person of this address, whatever its spelling."""
    return _read(connection, tables.subscriber.c.address_key == address.key)


def change(
    connection: Connection, subscriber_id: int, *, by: Actor, now: datetime, **fields: Unpack[Fields]
) -> Subscriber:
    """Set these fields. What the person sets stays theirs: an import leaves it alone ever after.

    Raises UnknownSubscriber, BadLanguage.
    """
    subscriber = tables.subscriber
    before = connection.execute(
        sa.select(subscriber).where(subscriber.c.id == subscriber_id).with_for_update()
    ).first()
    if before is None:
        raise UnknownSubscriber(f"There is no subscriber {subscriber_id}.", subscriber=subscriber_id)
    chosen = set(before.chosen)
    values = _columns(fields)
    if by.kind == "import":
        values = {field: value for field, value in values.items() if field not in chosen}
    if by.kind == "subscriber":
        chosen |= set(values)
    changed = {field: value for field, value in values.items() if getattr(before, field) != value}
    if changed or chosen != set(before.chosen):
        connection.execute(
            subscriber.update()
            .where(subscriber.c.id == subscriber_id)
            .values(**changed, chosen=sorted(chosen), updated_at=now)
        )
    if changed:
        # Names of fields only: the audit record outlives an erasure.
        audit.record(
            connection,
            by,
            "subscriber.change",
            f"subscriber:{subscriber_id}",
            now,
            after={"fields": sorted(changed)},
        )
    return get(connection, subscriber_id)


def set_languages(
    connection: Connection, subscriber_id: int, languages: Sequence[str], *, by: Actor, now: datetime
) -> Subscriber:
    """The languages of a person, best first. Raises UnknownSubscriber, BadLanguage."""
    return change(connection, subscriber_id, languages=languages, by=by, now=now)


def erase(
    connection: Connection, subscriber_id: int, *, permanent_key: str, by: Actor, now: datetime
) -> None:
    """Remove the person, their subscriptions, proof and suppression. A keyed hash stays, nothing else.

    Raises UnknownSubscriber.
    """
    subscriber = tables.subscriber
    key = connection.scalar(sa.select(subscriber.c.address_key).where(subscriber.c.id == subscriber_id))
    if key is None:
        raise UnknownSubscriber(f"There is no subscriber {subscriber_id}.", subscriber=subscriber_id)
    for table in (tables.subscription, tables.consent_record):  # does not lean on foreign keys being on
        connection.execute(table.delete().where(table.c.subscriber_id == subscriber_id))
    connection.execute(subscriber.delete().where(subscriber.c.id == subscriber_id))
    connection.execute(tables.suppression.delete().where(tables.suppression.c.address_key == key))
    connection.execute(
        insert(connection, tables.erasure)
        .values(address_hash=suppression.erasure_hash(key, permanent_key), at=now)
        .on_conflict_do_nothing()
    )
    audit.record(connection, by, "subscriber.erase", f"subscriber:{subscriber_id}", now)


def fresh_references(connection: Connection, random: Random, count: int) -> list[str]:
    """`count` references that nobody has, for up to some 10,000 people at once."""
    fresh: dict[str, None] = {}
    while len(fresh) < count:
        drawn = {reference.make(random) for _ in range(count - len(fresh))} - fresh.keys()
        column = tables.subscriber.c.reference
        taken = set(connection.scalars(sa.select(column).where(column.in_(sorted(drawn)))))
        fresh.update(dict.fromkeys(sorted(drawn - taken)))
    return list(fresh)


def _refuse_kept_out(connection: Connection, key: str, permanent_key: str) -> None:
    if suppression.erased(connection, key, permanent_key):
        raise Erased("This person asked to be erased. Only they can come back, by the form.")
    if reason := suppression.reason_of(connection, key):
        raise Suppressed(f"This address must not be mailed ({reason}).", reason=str(reason))


def _columns(fields: Fields) -> dict[str, Any]:
    values: dict[str, Any] = dict(fields)
    if "languages" in fields:
        wanted = [languages_.normalise(language) for language in fields["languages"]]
        values["languages"] = ",".join(dict.fromkeys(wanted))
    if "attributes" in fields:
        values["attributes"] = dict(fields["attributes"])
    return values


def _list(row: sa.Row[Any]) -> MailingList:
    return MailingList(
        id=row.id, slug=row.slug, name=row.name, newsletter=row.newsletter,
        language=row.language, opt_in=row.opt_in, public=row.public,
    )  # fmt: skip


def _read(connection: Connection, condition: sa.ColumnElement[bool]) -> Subscriber | None:
    row = connection.execute(sa.select(tables.subscriber).where(condition)).first()
    if row is None:
        return None
    subscription, list_ = tables.subscription, tables.list_
    theirs = connection.execute(
        sa.select(list_.c.slug, subscription.c.state, subscription.c.since, subscription.c.source)
        .join_from(subscription, list_)
        .where(subscription.c.subscriber_id == row.id)
        .order_by(list_.c.id)
    )
    return Subscriber(
        id=row.id, reference=reference.show(row.reference), email=row.email, name=row.name,
        languages=tuple(row.languages.split(",")) if row.languages else (),
        time_zone=row.time_zone, attributes=row.attributes, text_only=row.text_only,
        paused_until=row.paused_until, created_at=row.created_at,
        subscriptions=tuple(
            Subscription(one.slug, SubscriptionState(one.state), one.since, one.source) for one in theirs
        ),
    )  # fmt: skip
