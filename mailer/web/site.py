"""The readers' web application: assembled here, with its security headers and its table of errors.

Owns HTTP alone. Rules live in the rooms below, words in i18n. Called by `mailer serve`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from mailer.errors import MailerError, NotFound, Refused
from mailer.web import archive, health, media, preferences, public, resources
from mailer.web.pages import Pages, Site
from subscribers.errors import SubscriberError, UnknownList, UnknownSubscriber

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

# What a rule refuses, as HTTP says it. Anything else that is raised is our fault: 500.
STATUS: Final[Mapping[type[Exception], int]] = {
    NotFound: 404,
    UnknownList: 404,
    UnknownSubscriber: 404,
    Refused: 409,
    MailerError: 400,
    SubscriberError: 400,
}


def create_app(site: Site) -> FastAPI:
    """The application for one house. Nothing is opened until a request comes."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    pages = Pages(site)
    for room in (public, preferences, archive, media, resources, health):
        app.include_router(room.routes(site, pages))
    app.include_router(pages.static_routes())

    @app.api_route("/", methods=["GET", "HEAD"])
    def home() -> Response:
        return RedirectResponse("/archive/", status_code=302)

    def refused(request: Request, error: Exception) -> Response:
        status = next(code for kind, code in STATUS.items() if isinstance(error, kind))
        return pages.problem(request, status)

    def http_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it below
        return pages.problem(request, error.status_code, headers=error.headers)

    headers = security_headers(site.base_url)

    def our_fault(request: Request, error: Exception) -> Response:
        return pages.problem(request, 500, headers=headers)  # starlette answers it outside the middleware

    app.add_exception_handler(MailerError, refused)
    app.add_exception_handler(SubscriberError, refused)
    app.add_exception_handler(HTTPException, http_problem)
    app.add_exception_handler(Exception, our_fault)
    app.add_middleware(SecurityHeaders, headers=headers)
    return app


def security_headers(base_url: str) -> dict[str, str]:
    """What every answer needs. The site's own origin is named too: frozen pictures carry it."""
    parts = urlsplit(base_url)
    here = f"'self' {parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src {here}; img-src {here}; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Frame-Options": "DENY",
    }


class SecurityHeaders:
    """Sets them, unless the answer has set its own."""

    def __init__(self, app: Callable[..., Awaitable[None]], headers: Mapping[str, str]) -> None:
        self.app = app
        self.headers = headers

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)
