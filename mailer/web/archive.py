"""`/archive/…`: what has been sent, as good web pages, per language. Public from the launch on.

Owns the page around an edition; the article in it was frozen with the mail. Drafts are nowhere here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from html import unescape
from itertools import groupby
from typing import Final

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from mailer.i18n import words
from mailer.readers import archive
from mailer.readers.archive import Published
from mailer.web.pages import NO_STORE, LanguageLink, Pages, Site
from subscribers.database import reading
from subscribers.language import match

_CACHE: Final = "public, max-age=300"
_OPEN_GRAPH: Final = {"ja": "ja_JP", "en": "en_GB", "ar": "ar_AR", "zh-Hant": "zh_TW"}
_PICTURE: Final = re.compile(r'<img src="([^"]+)" width="(\d+)" height="(\d+)" alt="([^"]*)"')


def routes(site: Site, pages: Pages) -> APIRouter:
    router = APIRouter()

    @router.api_route("/archive/", methods=["GET", "HEAD"])
    def negotiate(request: Request) -> Response:
        headers = {"Vary": "Accept-Language", "Cache-Control": "no-cache"}
        return RedirectResponse(f"/archive/{pages.language(request)}/", 302, headers)

    @router.api_route("/archive/{language}/", methods=["GET", "HEAD"])
    def listing(language: str, request: Request) -> Response:
        with reading(site.engine) as connection:
            entries = archive.published(connection, language)
            there = archive.archive_languages(connection)
            beginnings = archive.beginnings(connection, entries)
        if not entries and language not in site.languages:
            return pages.problem(request, 404)
        shown = dict.fromkeys([*site.languages, *sorted(there)])
        links = [LanguageLink(lang, f"/archive/{lang}/", lang == language) for lang in shown]
        page = pages.page(
            "archive",
            language,
            headers={"Cache-Control": _CACHE},
            switch=links,
            years=[(year, list(group)) for year, group in groupby(entries, lambda entry: entry.date.year)],
            pictures={key: found[1] for key, text in beginnings.items() if (found := _PICTURE.search(text))},
            alternates=links,
            canonical=f"/archive/{language}/",
        )
        return _unless_known(request, page)

    @router.api_route("/archive/{language}/{slug}/", methods=["GET", "HEAD"])
    def issue(language: str, slug: str, request: Request) -> Response:
        with reading(site.engine) as connection:
            editions = archive.languages_of(connection, slug)
            entry = next((e for e in editions if e.language == language), None)
            if entry is None:
                return _elsewhere(pages, request, editions, language)
            if entry.withdrawn:
                return _withdrawn(pages, request, language)
            article = archive.web_version(connection, entry.edition_id)
            older, newer = archive.neighbours(archive.published(connection, language), slug)
        links = [LanguageLink(e.language, _address(e), e.language == language) for e in editions]
        page = pages.page(
            "issue",
            language,
            headers={"Cache-Control": _CACHE, **({} if entry.listed else {"X-Robots-Tag": "noindex"})},
            switch=links,
            alternates=links,
            default=links[0].url,
            entry=entry,
            number=_number(entry),
            article=Markup(article),  # noqa: S704 - frozen by the composer, sanitised there
            picture=_picture(site, article),
            older=older,
            newer=newer,
            canonical=_address(entry),
            locale=_OPEN_GRAPH.get(language, language.replace("-", "_")),
            locales=[_OPEN_GRAPH.get(e.language, e.language) for e in editions if e.language != language],
        )
        return _unless_known(request, page)

    pages.templates.globals["issue_address"] = _address
    pages.templates.globals["issue_number"] = _number
    return router


def _address(entry: Published) -> str:
    return f"/archive/{entry.language}/{entry.slug}/"


def _number(entry: Published) -> str:
    number: int | str = int(entry.number) if entry.number.isdecimal() else entry.number
    return words(entry.language)("mail.number", number=number)


def _picture(site: Site, article: str) -> dict[str, str] | None:
    """The first picture of the article, for og:image; absolute as the standard wants it."""
    found = _PICTURE.search(article)
    if found is None or not (site.base_url or found[1].startswith("http")):
        return None
    url = found[1] if found[1].startswith("http") else site.absolute(found[1])
    return {"url": url, "alt": unescape(found[4])}


def _elsewhere(pages: Pages, request: Request, editions: Sequence[Published], language: str) -> Response:
    """No such issue; or one that exists in other languages, which are offered."""
    there = [edition for edition in editions if not edition.withdrawn]
    if not there:
        return pages.problem(request, 404)
    spoken = match([language], pages.site.languages) or pages.language(request)
    links = [LanguageLink(edition.language, _address(edition), False) for edition in there]
    return pages.page("elsewhere", spoken, status=404, headers=NO_STORE, editions=there, links=links)


def _withdrawn(pages: Pages, request: Request, language: str) -> Response:
    said = words(language)
    return pages.page(
        "problem",
        language,
        status=410,
        headers=NO_STORE,
        title=said("web.withdrawn_title"),
        text=said("web.withdrawn"),
    )


def _unless_known(request: Request, page: Response) -> Response:
    """304 where the reader has this very page already."""
    etag = f'"{hashlib.sha256(page.body).hexdigest()[:20]}"'
    page.headers["ETag"] = etag
    if request.headers.get("if-none-match") == etag:
        kept = {name: page.headers[name] for name in ("ETag", "Cache-Control")}
        return Response(status_code=304, headers=kept)
    return page
