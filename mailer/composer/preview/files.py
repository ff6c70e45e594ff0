"""One language of an issue as files that open from a disk without a server: mail, text, web version, pictures.

Owns these files but the messages (`message`'s). Sends nothing and freezes nothing. Called by `delivery.preview`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final, Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from sqlalchemy.engine import Connection

from mailer import i18n, media

from .. import slots
from ..editions import Proof

_PICTURE: Final = re.compile(r'(?<=src=")(?:cid:[^"]+|[^"]*/media/[0-9a-f]{40}\.\w+)(?=")')
_ASKED: Final = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)")
_OFFERED: Final = re.compile(r'(color-scheme(?:" content="|\s*:\s*))(?:light dark|dark light)')

Scheme = Literal["light", "dark"]


def edition_files(connection: Connection, proof: Proof, values: Mapping[str, str]) -> dict[str, bytes]:
    """`<language>/…`: mail.html as it is sent but for its pictures, which lie beside it; mail-light.html and
    mail-dark.html, the same for a reader of that scheme in whatever browser; mail.txt; web.html, which asks for
    `../site.css`. `values`: what stands in the fields of the reader.
    """
    edition, language = proof.edition, proof.edition.language
    cids = {f"cid:{picture.cid}": picture.blob for picture in edition.pictures}
    html, pictures = local(connection, slots.fill(edition.html, values, html=True), cids)
    main, more = local(connection, edition.web or "", {})
    web = pages().get_template("web.html")
    page = web.render(
        language=language,
        direction=i18n.direction(language),
        identity=proof.surroundings.identity,
        title=proof.letter.title,
        main=Markup(main),  # noqa: S704 - composed by `webpage`, escaped there
    )
    texts = {
        "mail.html": html,
        "mail-light.html": in_scheme(html, "light"),
        "mail-dark.html": in_scheme(html, "dark"),
        "mail.txt": slots.fill(edition.text, values, html=False),
        "web.html": page,
    }
    files = {name: text.encode() for name, text in texts.items()} | pictures | more
    return {f"{language}/{name}": content for name, content in files.items()}


def in_scheme(html: str, scheme: Scheme) -> str:
    """The mail as it looks to a reader of this scheme: what asks for it always holds, what asks for the other never."""
    always = {True: "(min-width:0)", False: "(max-width:0)"}
    html = _ASKED.sub(lambda asked: always[asked[1] == scheme], html)
    return _OFFERED.sub(rf"\g<1>{scheme}", html)


def local(connection: Connection, html: str, cids: Mapping[str, str]) -> tuple[str, dict[str, bytes]]:
    """The HTML with its pictures beside it, and these."""
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    for source in set(_PICTURE.findall(html)):
        blob = media.open(connection, cids.get(source) or source.rpartition("/")[2].partition(".")[0])
        names[source] = f"pictures/{blob.hash}.{media.extension_of(blob.media_type)}"
        files[names[source]] = blob.content
    return _PICTURE.sub(lambda match: names[match[0]], html), files


@cache
def pages() -> Environment:
    return Environment(
        loader=PackageLoader("mailer.composer.preview", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
