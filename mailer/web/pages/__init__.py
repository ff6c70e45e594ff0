"""Pages: one template each, filled with words and facts. The Site is what they all know.

Owns rendering, the choice of a reader's language and the static files. Knows no table.
Called by the routes of this room.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from importlib import resources
from typing import Any, Final

import jinja2
from fastapi import APIRouter, Request
from markupsafe import Markup, escape
from sqlalchemy.engine import Engine
from starlette.responses import Response

from mailer.composer.look.view import contact_url
from mailer.composer.model import Identity
from mailer.i18n import Words, autonym, words
from subscribers.language import match

_TYPES: Final = {"css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
_STATIC: Final = ("site.css", "mark.svg")
NO_STORE: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


@dataclass(frozen=True)
class Site:
    """Everything the pages are told: plain values, an engine, a clock."""

    engine: Engine
    base_url: str  # "" = none of its own; canonical addresses are then left out
    zone: str  # IANA
    languages: tuple[str, ...]  # of the letter, as configured
    default_language: str
    identities: Mapping[str, Identity]  # per language; at least the default one
    permanent_key: str
    keys: tuple[str, ...]  # secrets.keys, the newest first
    clock: Callable[[], datetime]
    privacy_url: str = ""
    last_tick: Callable[[], datetime | None] = field(default=lambda: None)

    def identity(self, language: str) -> Identity:
        found = match([language], list(self.identities), [self.default_language]) or next(
            iter(self.identities)
        )
        return self.identities[found]

    def absolute(self, path: str) -> str:
        return f"{self.base_url}{path}"


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """One choice of the language switch, named in itself."""

    language: str
    url: str
    current: bool

    @property
    def name(self) -> str:
        return autonym(self.language)


class Pages:
    def __init__(self, site: Site) -> None:
        self.site = site
        self.templates = jinja2.Environment(
            loader=jinja2.PackageLoader("mailer.web", "pages"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.globals |= {"static": self.static_address, "contact_url": contact_url, "told": told}

    def page(
        self,
        name: str,
        language: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        switch: Sequence[LanguageLink] = (),
        **facts: Any,
    ) -> Response:
        """`pages/<name>.html` in a language. `switch`: this page in the other languages."""
        html = self.templates.get_template(f"{name}.html").render(
            words=words(language),
            language=language,
            site=self.site,
            identity=self.site.identity(language),
            switch=switch,
            **facts,
        )
        return Response(html, status, dict(headers or {}), media_type="text/html")

    def problem(self, request: Request, status: int, headers: Mapping[str, str] | None = None) -> Response:
        """A page that says what happened and where to go on. Never a bare number."""
        language = self.language(request)
        said = words(language)
        kind = str(status) if f"web.problem_{status}_title" in said else "other"
        if status == 404 and request.url.path.startswith(("/u/", "/p/")):
            kind = "token"  # whoever wants to leave must not be stuck at a broken link
        return self.page(
            "problem",
            language,
            status=status,
            headers={**NO_STORE, **(headers or {})},
            title=said(f"web.problem_{kind}_title"),
            switch=self.switch(request, language),
            text=said(f"web.problem_{kind}", contact=self.site.identity(language).contact),
        )

    def language(self, request: Request, preferred: Sequence[str] = ()) -> str:
        """?lang= if it is one of ours, else what the person prefers, else what the browser asks for."""
        asked = request.query_params.get("lang", "")
        wanted = [asked, *preferred] if asked else [*preferred]
        found = match(wanted, self.site.languages) if wanted else None
        return (
            found
            or match(_accepted(request), self.site.languages, [self.site.default_language])
            or (self.site.languages[0])
        )

    def switch(self, request: Request, current: str) -> list[LanguageLink]:
        """The same address in each language of the site, by ?lang=."""
        path = request.url.path
        return [LanguageLink(lang, f"{path}?lang={lang}", lang == current) for lang in self.site.languages]

    # ── static files ────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _files(self) -> dict[str, tuple[bytes, str]]:
        folder = resources.files("mailer.web") / "static"
        contents = {name: (folder / name).read_bytes() for name in _STATIC}
        return {
            name: (content, hashlib.sha256(content).hexdigest()[:12]) for name, content in contents.items()
        }

    def static_address(self, name: str) -> str:
        """Named by its content, so that it may be kept for ever and is new when it changes."""
        return f"/static/{self._files[name][1]}/{name}"

    def static_routes(self) -> APIRouter:
        router = APIRouter()

        @router.api_route("/static/{version}/{name}", methods=["GET", "HEAD"])
        def static(version: str, name: str, request: Request) -> Response:
            if name not in self._files or version != self._files[name][1]:
                return self.problem(request, 404)
            kept = {"Cache-Control": "public, max-age=31536000, immutable"}
            return Response(self._files[name][0], headers=kept, media_type=_TYPES[name.rpartition(".")[2]])

        return router


def told(said: Words, key: str, **facts: object) -> Markup:
    """A sentence with elements in it: facts that are Markup stay so, everything else is escaped.

    Where an element stands in its sentence is each language's own affair.
    """
    elements = {name: value for name, value in facts.items() if isinstance(value, Markup)}
    places = {name: f"\ue000{number}\ue001" for number, name in enumerate(elements)}
    text = str(escape(said(key, **{**facts, **places})))
    for name, place in places.items():
        text = text.replace(place, str(elements[name]))
    return Markup(text)  # noqa: S704 - escaped above


def _accepted(request: Request) -> list[str]:
    """Languages of the browser, best first. RFC 9110 §12.5.4; what cannot be read is passed over."""
    weighed: list[tuple[float, str]] = []
    for part in request.headers.get("accept-language", "")[:500].split(","):
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag and tag != "*" and quality > 0:
            weighed.append((-quality, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda pair: pair[0])]


__all__ = ["NO_STORE", "LanguageLink", "Pages", "Site", "Words"]
