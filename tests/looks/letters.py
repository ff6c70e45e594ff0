"""What is judged: each edition, the longest and meanest letter, a teaser, and every notice in every language.

Composed on the road that editions take, with pictures that were really made; filled for one reader.
A notice or a catalogue that is added is judged without a word here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.pool import StaticPool

from mailer import i18n, media
from mailer.composer import editions, notice_samples, notices, store
from mailer.composer.editions import Press
from mailer.composer.look.theme import Theme
from mailer.composer.model import Edition, Issue
from mailer.composer.text import folder
from mailer.tables import metadata
from subscribers.model import Actor
from tests.looks import worst
from tests.theme import samples

LANGUAGES = tuple(samples.IDENTITIES)
NOW = datetime(2034, 12, 20, tzinfo=UTC)
SINCE = date(2033, 4, 3)
BUDGET_BYTES = 350_000
_BY = Actor("staff", "keiko")


@dataclass(frozen=True)
class Mail:
    """One mail as a reader gets it. `source` has its slots still open, as it is stored."""

    name: str
    language: str
    html: str = field(repr=False)
    source: Edition = field(repr=False)

    @property
    def is_notice(self) -> bool:
        return self.source.notice is not None


@dataclass(frozen=True)
class Post:
    """All that is judged; `pictures` by file name as addresses end: `<hash>.<ext>`."""

    mails: tuple[Mail, ...]
    pictures: Mapping[str, bytes] = field(repr=False)

    def of(self, name: str) -> Mail:
        return next(mail for mail in self.mails if mail.name == name)

    @property
    def letters(self) -> list[Mail]:
        return [mail for mail in self.mails if not mail.is_notice]

    @property
    def notices(self) -> list[Mail]:
        return [mail for mail in self.mails if mail.is_notice]


def post(only: Mapping[str, Issue] | None = None) -> Post:
    """Everything, or `only` these issues and no notice."""
    engine = sa.create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.begin() as connection:
        mails = tuple(_mails(connection, only))
        blobs = connection.execute(sa.text("SELECT hash, media_type, content FROM blob"))
        pictures = {f"{row[0]}.{media.extension_of(row[1])}": bytes(row[2]) for row in blobs}
    engine.dispose()
    return Post(mails, pictures)


def _mails(connection: Connection, only: Mapping[str, Issue] | None) -> Iterator[Mail]:
    press = Press(
        Theme(None), samples.BASE, samples.ZONE, samples.IDENTITIES, BUDGET_BYTES, LANGUAGES, NOW,
        {language: f"{samples.BASE}/privacy/{language}" for language in LANGUAGES},
    )  # fmt: skip
    files = folder.read(samples.SAMPLE, samples.ZONE).files
    for name, issue in (only or issues(files)).items():
        store.save(connection, issue, files, by=_BY, now=NOW)
        for language in issue.languages:
            made = editions.compose_edition(connection, issue, language, press)
            yield _filled(f"{name}-{language}", made)
    for name, kind in notices.NOTICES.items() if only is None else ():
        for language in kind.languages:
            values = notice_samples.samples(name, language)
            made = editions.compose_notice(connection, name, language, press, values)
            yield _filled(f"{name}-{language}", made)


def issues(files: Mapping[str, bytes]) -> dict[str, Issue]:
    sample = samples.issue()
    return {
        "sample": sample,
        "teaser": replace(sample, slug="2034-12-teaser", teaser=True, languages=("ja", "en")),
        "twelve": worst.twelve(sample),
        "worst": worst.worst(sample),
    }


def _filled(name: str, made: Edition) -> Mail:
    html = made.html
    for token, value in {**samples.READER, "@@SINCE@@": i18n.words(made.language).date(SINCE)}.items():
        html = html.replace(token, value)
    return Mail(name, made.language, html, made)


def for_browser(html: str, pictures: Path) -> str:
    """With pictures from the disk."""
    return html.replace(f"{samples.BASE}/media/", f"{pictures.as_uri()}/")
