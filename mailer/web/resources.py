"""`/r/<issue>/<lang>/<name>`: dated files and links of a sent mail, which cannot be edited any more.

Before the end: the file as an inert download, or a redirect to the stored target. After it: 410
with a page in the reader's language, for HEAD too. Nothing before the issue is out.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from mailer import media
from mailer.composer import resources as composed
from mailer.composer.model import Resource
from mailer.i18n import words
from mailer.readers import archive
from mailer.web.pages import NO_STORE, Pages, Site
from subscribers.database import reading
from subscribers.language import match

_LONGEST_CACHE: Final = timedelta(hours=1)  # so that an end that is moved is seen soon
_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


def routes(site: Site, pages: Pages) -> APIRouter:
    router = APIRouter()

    @router.api_route("/r/{issue}/{language}/{name}", methods=["GET", "HEAD"])
    def dated(issue: str, language: str, name: str, request: Request) -> Response:
        now = site.clock()
        with reading(site.engine) as connection:
            found = composed.find(connection, issue, language, name)
            if not archive.is_out(connection, issue):
                return pages.problem(request, 404)
            if (found.ends_at is not None and now >= found.ends_at) or archive.is_withdrawn(
                connection, issue
            ):
                return _ended(site, pages, request, found, (issue, language))
            blob = media.open(connection, found.blob) if found.blob else None
        headers = _dated_headers(found.ends_at, now)
        if blob is None:
            return Response(status_code=302, headers={**headers, "Location": _ascii(found.url or "")})
        return _file(blob, name, request, headers)

    return router


def _dated_headers(ends_at: datetime | None, now: datetime) -> dict[str, str]:
    """Sunset: RFC 8594. A cache may not outlive the end."""
    if ends_at is None:
        return {"Cache-Control": f"private, max-age={int(_LONGEST_CACHE.total_seconds())}"}
    age = int(min(_LONGEST_CACHE, ends_at - now).total_seconds())
    return {"Cache-Control": f"private, max-age={age}", "Sunset": format_datetime(ends_at, usegmt=True)}


def _ascii(url: str) -> str:
    return quote(url, safe=":/?#[]@!$&'()*+,;=%~")


def _file(blob: media.Blob, name: str, request: Request, headers: dict[str, str]) -> Response:
    """Never shown in place: whatever it holds, it runs nowhere (F33)."""
    etag = f'"{blob.hash}"'
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    headers |= {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Robots-Tag": "noindex",
    }
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    media_type = media.UNKNOWN if blob.media_type.startswith(("text/html", "image/svg")) else blob.media_type
    span = _span(request, etag, blob.size_bytes)
    if span is None:
        return Response(blob.content, headers=headers, media_type=media_type)
    first, last = span
    if first > last:
        headers["Content-Range"] = f"bytes */{blob.size_bytes}"
        return Response(status_code=416, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{blob.size_bytes}"
    return Response(blob.content[first : last + 1], 206, headers, media_type=media_type)


def _span(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """One range, as (first, last); (1, 0) if it lies outside; None: the whole. RFC 9110 §14.1.2.

    Several ranges at once are answered with the whole, which is allowed and cannot be abused.
    """
    found = _RANGE.fullmatch(request.headers.get("range", "").strip())
    if found is None or request.headers.get("if-range", etag) != etag:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:  # the last n bytes
        return (max(size - int(last), 0), size - 1) if int(last) else (1, 0)
    return (int(first), min(int(last), size - 1) if last else size - 1) if int(first) < size else (1, 0)


def _ended(site: Site, pages: Pages, request: Request, found: Resource, edition: tuple[str, str]) -> Response:
    """410 with who to ask and where to read on. RFC 9110 §15.5.11."""
    issue, written_in = edition
    known = match([written_in], site.languages)
    language = pages.language(request, [known] if known else [])
    said = words(language)
    return pages.page(
        "ended",
        language,
        status=410,
        headers=NO_STORE,
        switch=pages.switch(request, language),
        label=found.label,
        written_in=written_in,
        issue=issue,
        until=said.date(found.until, "weekday") if found.until else "",
        zone=said.zone_name(site.zone, found.ends_at) if found.ends_at else "",
    )
