"""An issue written out as readers will see it, to be opened from a disk without a server.

Owns the files of `OUT/` but `mail.eml`, which is `message`'s. Sends nothing and freezes nothing.
Called by `issues preview`, the demo and the office's preview page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader
from markupsafe import Markup
from sqlalchemy.engine import Connection

from mailer import i18n, media
from mailer.i18n import Words

from . import editions, slots
from .editions import Press, Proof
from .model import Issue

_SINCE: Final = date(2034, 4, 3)  # of the invented reader
_PICTURE: Final = re.compile(r'(?<=src=")(?:cid:[^"]+|[^"]*/media/[0-9a-f]{40}\.\w+)(?=")')
_LABELS: Final = {
    "overview": "Preview",
    "sample": "Fields of the reader show an invented one. Nothing has been sent.",
    "mail": "Mail",
    "text": "Text part",
    "web": "Web version",
    "pictures": "pictures",
    "desk": "On a desk",
    "telephone": "On a telephone, 375 px",
}


@dataclass(frozen=True, slots=True)
class _Shown:
    language: str
    direction: str
    autonym: str
    subject: str
    preheader: str
    html_size: str
    picture_size: str


def preview(
    connection: Connection, issue: Issue, press: Press, out: Path, words: Words | None = None
) -> list[Path]:
    """Write the files below `out` and return their paths. Raises BadIssue before anything is written."""
    files = preview_files(connection, issue, press, words)
    written = []
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        written.append(path)
    return written


def preview_files(
    connection: Connection, issue: Issue, press: Press, words: Words | None = None
) -> Mapping[str, bytes]:
    """`index.html`, and per language `mail.html`, `mail.txt`, `web.html` and the pictures that they show.

    `words`: the language of the overview, by default the site's. Raises BadIssue.
    """
    own = words or i18n.words(press.site_languages[0])
    files: dict[str, bytes] = {}
    shown = []
    for language in issue.languages:
        proof = editions.compose(connection, issue, language, press)
        files |= _of_edition(connection, proof, press)
        shown.append(_summary(proof, own))

    def label(name: str) -> str:
        return own.said(f"preview.{name}", _LABELS[name])

    page = _pages().get_template("preview.html")
    index = page.render(words=own, label=label, slug=issue.slug, editions=shown)
    return {"index.html": index.encode(), **files}


def _of_edition(connection: Connection, proof: Proof, press: Press) -> dict[str, bytes]:
    edition, language = proof.edition, proof.edition.language
    words = i18n.words(language)
    samples = {"SINCE": words.date(_SINCE)}
    if not press.base_url:
        samples["UNSUBSCRIBE"] = "mailto:unsubscribe@example.org"
    cids = {f"cid:{picture.cid}": picture.blob for picture in edition.pictures}
    html, pictures = _local(connection, slots.fill_samples(edition.html, html=True, samples=samples), cids)
    main, more = _local(connection, edition.web or "", {})
    web = _pages().get_template("web.html")
    page = web.render(
        language=language,
        direction=i18n.direction(language),
        title=proof.letter.title,
        main=Markup(main),  # noqa: S704 - composed by `webpage`, escaped there
    )
    texts = {
        "mail.html": html.encode(),
        "mail.txt": slots.fill_samples(edition.text, html=False, samples=samples).encode(),
        "web.html": page.encode(),
    }
    return {f"{language}/{name}": content for name, content in (texts | pictures | more).items()}


def _local(connection: Connection, html: str, cids: Mapping[str, str]) -> tuple[str, dict[str, bytes]]:
    """The HTML with its pictures beside it, and these."""
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    for source in set(_PICTURE.findall(html)):
        blob = media.open(connection, cids.get(source) or source.rpartition("/")[2].partition(".")[0])
        names[source] = f"pictures/{blob.hash}.{media.extension_of(blob.media_type)}"
        files[names[source]] = blob.content
    return _PICTURE.sub(lambda match: names[match[0]], html), files


def _summary(proof: Proof, own: Words) -> _Shown:
    edition = proof.edition
    return _Shown(
        edition.language,
        i18n.direction(edition.language),
        i18n.autonym(edition.language),
        edition.subject,
        proof.letter.preheader,
        own.size(len(edition.html.encode())),
        own.size(proof.album.size_bytes),
    )


@cache
def _pages() -> Environment:
    return Environment(loader=PackageLoader("mailer.composer", "pages"), autoescape=True)
