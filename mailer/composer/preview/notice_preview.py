"""All notices as files that open from a disk, with invented values, and one page that shows them.

For an office that changes its theme or adds a language. Owns these files; sends nothing. Called by
`notices preview`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from sqlalchemy.engine import Connection

from mailer import i18n
from mailer.i18n import Words
from subscribers.language import match

from .. import editions
from ..editions import Press
from ..model import Identity
from ..notice_samples import BASE, samples
from ..notices import NOTICES, STAFF_LANGUAGES, NoticeKind
from .files import in_scheme, local, pages

_SCHEMES: Final = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Leaf:
    """One notice in one language. `stem` + .html, .txt, -light.html, -dark.html are its files."""

    name: str
    language: str
    direction: str
    autonym: str
    identity: Identity
    subject: str
    text: str

    @property
    def stem(self) -> str:
        return f"{self.language}/{self.name}"


def shown(kind: NoticeKind, press: Press) -> Sequence[str]:
    """The languages in which this office would send a notice; none if it needs a web server and there is none."""
    if kind.needs_web and not press.base_url:
        return ()
    spoken = [one for one in press.site_languages if match([one], kind.languages)]
    return spoken or ([STAFF_LANGUAGES[0]] if kind.audience == "staff" else [])


def preview_files(connection: Connection, press: Press, words: Words) -> tuple[dict[str, bytes], list[Leaf]]:
    """The files by name, index.html first, and what they show. `words`: of whoever looks at them."""
    files: dict[str, bytes] = {}
    leaves = []
    for kind in NOTICES.values():
        for language in shown(kind, press):
            leaf, its = _of(connection, kind, language, press)
            leaves.append(leaf)
            files |= its
    groups = [(name, [leaf for leaf in leaves if leaf.name == name]) for name in NOTICES]
    index = pages().get_template("notices.html").render(
        words=words,
        identity=press.identity(words.language),
        groups=[(NOTICES[name], its) for name, its in groups if its],
    )  # fmt: skip
    style = resources.files("mailer.composer.preview") / "pages" / "sheet.css"
    return {"index.html": index.encode(), "sheet.css": style.read_bytes(), **files}, leaves


def _of(
    connection: Connection, kind: NoticeKind, language: str, press: Press
) -> tuple[Leaf, dict[str, bytes]]:
    identity = press.identity(language)
    values = samples(kind.name, language, web=bool(press.base_url))
    values = {name: value.replace(BASE, press.base_url or BASE) for name, value in values.items()}
    if "letter" in values:
        values["letter"] = identity.newsletter
    edition = editions.compose_notice(connection, kind.name, language, press, values)
    cids = {f"cid:{picture.cid}": picture.blob for picture in edition.pictures}
    html, pictures = local(connection, edition.html, cids)
    leaf = Leaf(
        kind.name,
        language,
        i18n.direction(language),
        i18n.autonym(language),
        identity,
        edition.subject,
        edition.text,
    )
    texts = {f"{leaf.stem}-{scheme}.html": in_scheme(html, scheme) for scheme in _SCHEMES}
    texts |= {f"{leaf.stem}.html": html, f"{leaf.stem}.txt": edition.text}
    files = {name: text.encode() for name, text in texts.items()}
    return leaf, files | {f"{language}/{name}": content for name, content in pictures.items()}
