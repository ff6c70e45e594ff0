"""An import from end to end: read all, sort, refuse doubles, then write in short chunks.

Owns the order of the steps and their result. Nothing is written until the whole file has been read,
so a file that turns out to be no table leaves nothing behind; one killed half-way is run again.
Called by the CLI, pages and the demo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from sqlalchemy.engine import Connection, Engine

from .. import audit, store
from ..database import reading
from ..errors import NoConsent
from ..model import Actor
from . import staging
from .csv_in import Block
from .headings import Columns
from .landing import Chunk, Counts, Landing
from .newcomers import References
from .reasons import RowError
from .refusals import Refusals, RefusedFile
from .rows import RowReader
from .tables_in import Source, Table, open_table
from .writing import settle

# People per transaction: the sender and the pages wait for one of them, 0.2 to 0.4 s on two busy cores.
CHUNK = 10_000

Progress = Callable[
    [int, int, int], None
]  # rows done, bytes done, bytes in all: reading is one half, writing the other


@dataclass(frozen=True, slots=True)
class Declaration:
    """What the office declares: these people agreed, in these words, to be on this list."""

    list_slug: str
    wording: str
    wording_language: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    dry_run: bool = False
    refused: RefusedFile | None = None
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class ImportResult:
    """People are counted once: added, changed, unchanged, kept out or refused."""

    added: int
    changed: int
    unchanged: int
    kept_out: Mapping[str, int]  # unsubscribed | suppressed | erased → people
    refused: list[RowError]  # the first 1,000, by line
    refused_count: int
    left_to_choice: (
        int  # people, counted above too, of whom a field stayed because they had set it themselves
    )
    rows: int  # records of the file below the heading that held anything
    ignored_columns: tuple[str, ...]
    encoding: str | None  # None: XLSX
    delimiter: str | None
    sheet: str | None
    ignored_sheets: tuple[str, ...]
    dry_run: bool


@dataclass(slots=True)
class _Tally:
    """How far it is, for the progress."""

    progress: Progress | None
    bytes_total: int
    rows: int = 0
    bytes_read: int = 0
    settled: int = 0
    people: int = 0
    counts: Counts = field(default_factory=Counts)

    def tell(self) -> None:
        if self.progress:
            share = self.bytes_total * self.settled // self.people if self.people else 0
            self.progress(
                self.settled if self.people else self.rows, (self.bytes_read + share) // 2, self.bytes_total
            )


def import_people(
    engine: Engine,
    source: Source,
    declaration: Declaration,
    options: Options | None = None,
    *,
    by: Actor,
    now: datetime,
    random: Random,
    permanent_key: str,
) -> ImportResult:
    """Put the people of a file on a list. Raises BadTable, UnknownList, NoConsent: then nothing was written.

    A dry run gives the same counts and the same file of refused rows. SQLite and PostgreSQL.
    """
    options = options or Options()
    if not declaration.wording.strip():
        raise NoConsent("An import must say in which words these people agreed.")
    with reading(engine) as connection:
        list_ = store.list_by_slug(connection, declaration.list_slug)
    table, columns = open_table(source)
    landing = Landing(
        list_.id,
        declaration.wording,
        declaration.wording_language,
        source.name,
        by,
        now,
        permanent_key,
        options.dry_run,
    )
    tally = _Tally(options.progress, table.size_bytes)
    with engine.connect() as connection, _tuned(connection), staging.tables(connection):
        with Refusals(columns, options.refused) as refusals, _transaction(connection, writes=False):
            reader = RowReader(columns, split=source.split)
            _read(connection, table, reader, refusals, tally)
            tally.people = staging.sort(connection)
            _refuse_duplicates(connection, table, reader, refusals)
        _write(
            connection, landing, f"list:{list_.slug}", References(random, -(-tally.people // CHUNK)), tally
        )
    counts = tally.counts
    return ImportResult(
        added=counts.added, changed=counts.changed, unchanged=counts.unchanged, kept_out=dict(counts.kept_out),
        refused=refusals.first(), refused_count=refusals.count, left_to_choice=counts.left_to_choice, rows=tally.rows,
        ignored_columns=columns.ignored, encoding=table.encoding, delimiter=table.delimiter, sheet=table.sheet,
        ignored_sheets=table.ignored_sheets, dry_run=options.dry_run,
    )  # fmt: skip


def _read(connection: Connection, table: Table, reader: RowReader, refusals: Refusals, tally: _Tally) -> None:
    for records, broken in _below_heading(table, reader.columns):
        rows, refused, filled = reader.read(records)
        staging.fill(connection, rows)
        refusals.add([*broken, *refused])
        tally.rows += filled + len(broken)
        tally.bytes_read = table.bytes_read()
        tally.tell()
    tally.bytes_read = tally.bytes_total


def _refuse_duplicates(connection: Connection, table: Table, reader: RowReader, refusals: Refusals) -> None:
    """Their cells are read from the file again: few files have any, and keeping all cells costs more."""
    duplicates = staging.duplicates(connection)
    duplicate = next(duplicates, None)
    if duplicate is None:
        return
    for records, _broken in _below_heading(table, reader.columns):
        for line, cells in records:
            while duplicate and duplicate.line == line:
                error = RowError(line, "email", "duplicate", {"other_line": duplicate.other_line})
                refusals.add([(error, reader.cells_of(cells, duplicate.part))])
                duplicate = next(duplicates, None)
    staging.drop_duplicates(connection)


def _write(
    connection: Connection, landing: Landing, subject: str, references: References, tally: _Tally
) -> None:
    interrupted = True
    try:
        for number, first in enumerate(range(1, tally.people + 1, CHUNK)):
            chunk = Chunk(number, first, min(first + CHUNK, tally.people + 1))
            counts = deepcopy(tally.counts)
            with _transaction(connection, writes=not landing.dry_run):
                settle(connection, landing, references, chunk, counts)
            tally.counts = counts
            tally.settled = chunk.end - 1
            tally.tell()
        interrupted = False
    finally:
        if not landing.dry_run:
            counts = tally.counts
            done = {
                "file": landing.source, "added": counts.added, "changed": counts.changed,
                "unchanged": counts.unchanged, "kept_out": dict(counts.kept_out), "interrupted": interrupted,
            }  # fmt: skip
            with _transaction(connection, writes=True):
                audit.record(connection, landing.by, "subscribers.import", subject, landing.now, after=done)


def _below_heading(table: Table, columns: Columns) -> Iterator[Block]:
    for records, broken in table.blocks():
        if records and records[0][0] <= columns.heading_line:
            yield Block(
                [record for record in records if record[0] > columns.heading_line],
                [refused for refused in broken if refused[0].line > columns.heading_line],
            )
        else:
            yield Block(records, broken)


@contextmanager
def _transaction(connection: Connection, *, writes: bool) -> Iterator[None]:
    """SQLite: only a chunk that writes takes the lock of writers; temporary tables need none."""
    connection.execution_options(reading=not writes)
    with connection.begin():
        yield


@contextmanager
def _tuned(connection: Connection) -> Iterator[None]:
    """SQLite: 64 MB of pages instead of 2 while the indexes grow."""
    if connection.dialect.name != "sqlite":
        yield
        return
    raw = connection.connection.cursor()
    before = raw.execute("PRAGMA cache_size").fetchone()[0]
    raw.execute("PRAGMA cache_size=-65536")
    yield  # after a failure the connection is closed, see staging.tables
    raw.execute(f"PRAGMA cache_size={int(before)}")
    raw.close()
