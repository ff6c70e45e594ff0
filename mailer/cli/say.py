"""How the command line speaks: one language, one document with --json, progress for what takes long.

Owns the printing and nothing else. Every command takes a Say.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Table

from mailer.i18n import Words

# What steers a terminal instead of being read: C0 (but line break and tab), DEL, C1, the bidi embeddings, overrides
# and isolates of Unicode (CVE-2021-42574), and halves of surrogate pairs, which no encoding can print.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Without what steers a terminal: a server's reply or a file's name must not write there (ESC)."""
    return _UNPRINTABLE.sub("", text)


@dataclass(frozen=True)
class Printable:
    """Something made for the terminal, its text as `printable` leaves it; colours and bars stay."""

    inner: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self.inner, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


@dataclass(frozen=True)
class Say:
    """`words` in the person's language; with `as_json` nothing but one document goes to stdout."""

    words: Words
    as_json: bool

    def line(self, key: str, **facts: object) -> None:
        """A sentence of the catalogue on stdout (silent with --json)."""
        self.text(self.words(key, **facts))

    def text(self, text: str) -> None:
        if not self.as_json:
            Console(highlight=False, soft_wrap=True).print(escape(printable(text)))

    def note(self, text: str) -> None:
        """A sentence on stderr: what a person should know and no program should read."""
        Console(stderr=True, highlight=False, soft_wrap=True).print(escape(printable(text)))

    @property
    def colon(self) -> str:
        return "：" if self.words.source == "ja" else ": "

    def joined(self, *sentences: str) -> str:
        """Sentences in a row. In Japanese no space parts them, but each needs its 。"""
        told = [sentence for sentence in sentences if sentence]
        if self.words.source != "ja":
            return " ".join(told)
        ended = [one if one.endswith(("。", "？", "！")) else f"{one}。" for one in told[:-1]]
        return "".join(ended + told[-1:])

    def document(self, document: Any) -> None:
        """The one JSON document (only with --json)."""
        if self.as_json:
            text = json.dumps(document, ensure_ascii=False, indent=2, default=_plain) + "\n"
            text = _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # the same document
            if isinstance(sys.stdout, io.TextIOWrapper):  # UTF-8 whatever the locale says: RFC 8259 §8.1
                sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
            sys.stdout.write(text)

    def table(
        self, headings: Sequence[str], rows: Sequence[Sequence[object]], *, right: Sequence[int] = ()
    ) -> None:
        """A quiet table: no frame, numbers to the right. Widths count full-width signs as two."""
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False, header_style="bold")
        for index, heading in enumerate(headings):
            table.add_column(escape(heading), justify="right" if index in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(escape(self.cell(value)) for value in row))
        Console(highlight=False).print(table)

    def show(self, what: RenderableType) -> None:
        """Something made for the terminal, on stdout (silent with --json)."""
        if not self.as_json:
            Console(highlight=False).print(Printable(what))

    def cell(self, value: object) -> str:
        if isinstance(value, bool) or value is None:
            return "" if value is None else self.words("word.yes" if value else "word.no")
        return f"{value:,}" if isinstance(value, int) else printable(str(value))

    @contextmanager
    def progress(self, key: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A bar on stderr, shown on a terminal only; call the result with what is done so far."""
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(escape(self.words(key)), total=total)
            yield lambda done: bar.update(task, completed=done)

    def place(self, where: str) -> str:
        """`ja.md, line 12` in the person's language; other places stand as they are."""
        found = re.fullmatch(r"(.+), line (\d+)", where)
        return self.words("word.place", file=found[1], line=int(found[2])) if found else where

    @contextmanager
    def busy(self, key: str) -> Iterator[None]:
        """Words on stderr while something takes a second or more; on a terminal only."""
        console = Console(stderr=True)
        with console.status(escape(self.words(key))) if console.is_terminal else nullcontext():
            yield


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
