"""`/media/<hash>.<ext>`: the pictures of frozen editions, for ever and unchanged.

Serves pictures only, as their very type; SVG and HTML never, whatever somebody uploaded (F33).
"""

from __future__ import annotations

import re
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from mailer import media
from mailer.readers import archive
from mailer.web.pages import Pages, Site
from subscribers.database import reading

_SHOWN: Final = {"image/jpeg", "image/png", "image/gif", "image/webp"}
_NAME: Final = re.compile(r"([0-9a-f]{40})\.([a-z0-9]{2,5})")
_REMEMBERED: Final = 10_000  # hashes known to be public: they stay so, and a page asks for a dozen


def routes(site: Site, pages: Pages) -> APIRouter:
    router = APIRouter()
    public: set[str] = set()

    @router.api_route("/media/{name}", methods=["GET", "HEAD"])
    def picture(name: str, request: Request) -> Response:
        found = _NAME.fullmatch(name)
        if found is None:
            return pages.problem(request, 404)
        blob_hash, extension = found.groups()
        etag = f'"{blob_hash}"'
        if blob_hash in public and request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers={"ETag": etag})
        with reading(site.engine) as connection:
            blob = media.open(connection, blob_hash)
            named_so = blob.media_type in _SHOWN and media.extension_of(blob.media_type) == extension
            if not named_so or (blob_hash not in public and not archive.shows_picture(connection, blob_hash)):
                return pages.problem(request, 404)
        if len(public) < _REMEMBERED:
            public.add(blob_hash)
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "ETag": etag,
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",  # web mail shows it from another origin
        }
        return Response(blob.content, headers=headers, media_type=blob.media_type)

    return router
