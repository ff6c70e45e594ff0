"""People written to a file: CSV and XLSX that come back in as they went out, JSON for programs.

Owns the columns of an export and its guard against formulas (F34). Reads only. Called by the CLI and
pages.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, BinaryIO

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .. import reference, store
from ..model import MailingList, SubscriptionState
from ..tables import subscriber, subscription, suppression
from .cells import guard
from .headings import FIELDS, LISTS, SUPPRESSED
from .reasons import bad_table
from .xlsx_in import LAST_ROW

FORMS = ("csv", "xlsx", "json")
UNSUBSCRIBED = str(SubscriptionState.UNSUBSCRIBED)
_BEST = [str(SubscriptionState.CONFIRMED), str(SubscriptionState.PENDING), UNSUBSCRIBED]
_BATCH = 1_000  # rows held at once


def export(connection: Connection, *, list_slug: str | None = None, out: BinaryIO, form: str = "csv") -> int:
    """Write the people of a list with their state on it, or everybody with all their lists. How many.

    `out` stays open. In CSV and XLSX whoever is suppressed stands as unsubscribed, so that no other
    system that reads the file writes to them; everybody's `state` without a list is the best of theirs.
    Raises UnknownList, BadTable (too many rows for XLSX).
    """
    if form not in FORMS:
        raise ValueError(f"form is one of {', '.join(FORMS)}, not {form!r}")
    of_list = store.list_by_slug(connection, list_slug) if list_slug else None
    query = _query(of_list)
    count = sa.select(sa.func.count()).select_from(query.subquery())
    if form == "xlsx" and (connection.scalar(count) or 0) >= LAST_ROW:
        raise bad_table("too_many_rows", limit=LAST_ROW)
    people = _people(connection, query, of_list)
    if form == "json":
        return write_json(map(_document, people), out)
    names = _attribute_names(connection)
    heading = [*FIELDS, *(f"attr.{name}" for name in names), SUPPRESSED, *([] if of_list else [LISTS])]
    rows = (_cells(person, names, with_lists=of_list is None) for person in people)
    return (write_csv if form == "csv" else _write_xlsx)([heading], rows, out)


def _query(of_list: MailingList | None) -> sa.Select[Any]:
    """In the order in which they came."""
    barred = suppression.c.address_key == subscriber.c.address_key
    query = sa.select(
        subscriber.c.id, subscriber.c.reference, subscriber.c.email, subscriber.c.name, subscriber.c.languages,
        subscriber.c.time_zone, subscriber.c.attributes, suppression.c.reason.label("suppressed"),
    ).outerjoin(suppression, barred).order_by(subscriber.c.id)  # fmt: skip
    if of_list:
        on_list = sa.and_(
            subscription.c.subscriber_id == subscriber.c.id, subscription.c.list_id == of_list.id
        )
        query = query.add_columns(subscription.c.state).join(subscription, on_list)
    return query


def _people(
    connection: Connection, query: sa.Select[Any], of_list: MailingList | None
) -> Iterator[dict[str, Any]]:
    """As a stream."""
    slugs = {one.id: one.slug for one in store.lists(connection)}
    result = connection.execute(query, execution_options={"yield_per": _BATCH})
    for rows in result.partitions():
        theirs = {} if of_list else _subscriptions(connection, [row.id for row in rows], slugs)
        for row in rows:
            person = dict(row._mapping)
            person["lists"] = {of_list.slug: row.state} if of_list else theirs.get(row.id, {})
            yield person


def _subscriptions(
    connection: Connection, ids: Sequence[int], slugs: dict[int, str]
) -> dict[int, dict[str, str]]:
    found = connection.execute(
        sa.select(subscription.c.subscriber_id, subscription.c.list_id, subscription.c.state)
        .where(subscription.c.subscriber_id.in_(ids))
        .order_by(subscription.c.list_id)
    )
    theirs: dict[int, dict[str, str]] = {}
    for person, of_list, state in found:
        theirs.setdefault(person, {})[slugs[of_list]] = state
    return theirs


def _attribute_names(connection: Connection) -> list[str]:
    """Every attribute that anybody has."""
    if connection.dialect.name == "sqlite":
        names = sa.func.json_each(subscriber.c.attributes).table_valued("key")
        query = sa.select(names.c.key).select_from(subscriber.join(names, sa.true())).distinct()
    else:
        query = sa.select(sa.func.jsonb_object_keys(subscriber.c.attributes)).distinct()
    return sorted(connection.scalars(query))


def _cells(person: dict[str, Any], names: Sequence[str], *, with_lists: bool) -> list[str]:
    attributes, lists = person["attributes"], person["lists"]
    suppressed = person["suppressed"] or ""
    state = min(lists.values(), key=_BEST.index, default="")
    cells = [
        person["email"], person["name"], person["languages"], person["time_zone"] or "",
        UNSUBSCRIBED if suppressed else state,
        *(str(attributes.get(name, "")) for name in names),
        suppressed,
        *([", ".join(f"{slug}: {state}" for slug, state in lists.items())] if with_lists else []),
    ]  # fmt: skip
    return [guard(cell) for cell in cells]


def write_csv(heading: Iterable[list[str]], rows: Iterable[list[str]], out: BinaryIO) -> int:
    """UTF-8 with its mark, so that Excel reads it; CRLF as RFC 4180 has it. How many; the caller guards cells."""
    text = io.TextIOWrapper(out, "utf-8-sig", newline="")
    try:
        writer = csv.writer(text)
        writer.writerows(heading)
        return sum(1 for row in rows if writer.writerow(row))
    finally:
        text.detach()  # flushes, and leaves `out` open


def _write_xlsx(heading: Iterable[list[str]], rows: Iterable[list[str]], out: BinaryIO) -> int:
    from openpyxl import Workbook
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    workbook = Workbook(write_only=True)  # rows go to a temporary file, not to memory
    sheet = workbook.create_sheet("subscribers")
    people = -1
    for row in chain(heading, rows):
        people += 1
        sheet.append([ILLEGAL_CHARACTERS_RE.sub("", cell) for cell in row])
    workbook.save(out)
    return people


def _document(person: dict[str, Any]) -> dict[str, Any]:
    return {
        "email": person["email"], "reference": reference.show(person["reference"]), "name": person["name"],
        "languages": person["languages"].split(",") if person["languages"] else [],
        "time_zone": person["time_zone"], "attributes": person["attributes"],
        "subscriptions": [{"list": slug, "state": state} for slug, state in person["lists"].items()],
        "suppressed": person["suppressed"],
    }  # fmt: skip


def write_json(documents: Iterable[Mapping[str, Any]], out: BinaryIO) -> int:
    """One array, an object a line. How many."""
    count = 0
    for shown in documents:
        out.write((",\n" if count else "[\n").encode() + json.dumps(shown, ensure_ascii=False).encode())
        count += 1
    out.write(b"\n]\n" if count else b"[]\n")
    return count
