"""Row 4: the loop that everybody writes first, doing the same work as `mailer work`.

`python -m tests.bench.plain_loop --rounds 3`. For each person: the edition rendered by a compiled Jinja2
template, an EmailMessage of both parts, signed by dkimpy (RSA-2048, relaxed/relaxed), handed to aiosmtplib on
one of 10 connections that are kept open, and a commit to SQLite (WAL, synchronous=FULL).
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

from tests.bench.contest import Lap, Laps, rates
from tests.bench.office import Office
from tests.bench.sending import name as of_work
from tests.bench.tables import Goal, ratio
from tests.bench.transport import CONNECTIONS

LOOP = "EmailMessage + dkimpy + aiosmtplib + a commit each"
_PEOPLE = """
SELECT d.id, s.wire, s.email, s.name, s.reference, e.subject, e.html, e.text
FROM subscriber s JOIN subscription p ON p.subscriber_id = s.id
JOIN edition e ON e.language = CASE WHEN s.languages LIKE 'en%' THEN 'en' ELSE 'ja' END AND e.notice IS NULL
JOIN (SELECT id FROM subscriber) d ON d.id = s.id WHERE s.id <= ? ORDER BY s.id
"""


def contestants(office: Office, port: int, messages: int) -> dict[str, Callable[[], Lap]]:
    return {LOOP: lambda: _loop(office.signing(), port, messages)}


def goals(laps: Laps) -> list[Goal]:
    loop = rates(laps, LOOP)
    return [
        Goal("4", f"{of_work(True, processes)} v the plain loop", ratio(rates(laps, of_work(True, processes)), loop), 40, 60, "{:.0f} ×")
        for processes in (1, 2)
    ]  # fmt: skip


def _loop(office: Office, port: int, messages: int) -> Lap:
    folder = office.config.parent
    command = [sys.executable, "-m", "tests.bench.plain_loop", "send", str(folder), str(port), str(messages)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Lap(**json.loads(done.stdout))


# ── the process that sends ──────────────────────────────────────────────────────────────────────


class _Letter:
    """The edition as a template of Jinja2: compiled once, rendered for each person."""

    def __init__(self, subject: str, html: str, text: str) -> None:
        from jinja2 import Environment

        pages, plain = Environment(autoescape=True), Environment()
        self._subject = subject
        self._html = pages.from_string(_template(html))
        self._text = plain.from_string(_template(text))

    def message(self, to: str, values: dict[str, str], key: bytes) -> bytes:
        import dkim

        mail = EmailMessage(policy=SMTP)
        mail["From"] = "Harbour Cities Network <enews@example.org>"
        mail["To"] = to
        mail["Subject"] = self._subject
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = f"<{values['REFERENCE']}@example.org>"
        mail["List-Unsubscribe"] = f"<{values['UNSUBSCRIBE']}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail.set_content(self._text.render(values))
        mail.add_alternative(self._html.render(values), subtype="html")
        content = mail.as_bytes()
        return dkim.sign(content, b"s1", b"example.org", key, canonicalize=(b"relaxed", b"relaxed")) + content


def _template(edition: str) -> str:
    """Our slots as its variables; what happens to look like Jinja2 (an id selector in a media query) is kept apart."""
    return re.sub(r"@@([A-Z]+)@@", r"{{ \1 }}", re.sub(r"\{(?=[{%#])", "{ ", edition))


async def _send(folder: Path, port: int, messages: int) -> Lap:
    import aiosmtplib

    database = sqlite3.connect(folder / "mailer.sqlite", isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        database.execute(f"PRAGMA {pragma}")
    database.execute("DROP TABLE IF EXISTS plain_loop")
    database.execute("CREATE TABLE plain_loop (id INTEGER PRIMARY KEY, state TEXT, at TEXT, reply TEXT)")
    key = (folder / "dkim.pem").read_bytes()
    people = database.execute(_PEOPLE, (messages,)).fetchall()
    letters: dict[str, _Letter] = {}

    async def some(turns: Iterator[tuple[str, ...]]) -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        async with client:
            for id_, wire, email, person, reference, subject, html, text in turns:
                if subject not in letters:
                    letters[subject] = _Letter(subject, html, text)
                link = f"https://news.example.org/u/{reference.lower()}"
                values = {
                    "EMAIL": email, "NAME": person, "REFERENCE": reference, "SINCE": "2034-04-03",
                    "UNSUBSCRIBE": link, "PREFERENCES": link,
                }  # fmt: skip
                content = letters[subject].message(wire, values, key)
                _, reply = await client.sendmail("bounce@example.org", [wire], content)
                database.execute(
                    "INSERT INTO plain_loop VALUES (?, 'accepted', ?, ?)",
                    (id_, datetime.now(UTC).isoformat(), reply),
                )

    turns, before, started = iter(people), resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    await asyncio.gather(*(some(turns) for _ in range(CONNECTIONS)))
    seconds, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    database.close()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Lap(len(people) / seconds, len(people), 1000 * used / len(people))


if __name__ == "__main__":
    if sys.argv[1:2] == ["send"]:
        print(json.dumps(asdict(asyncio.run(_send(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))))))
    else:
        from tests.bench import throughput

        throughput.main("plain_loop")
