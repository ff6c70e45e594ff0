"""`/u/TOKEN`: leaving. A page with a button for people, one-click POST (RFC 8058) for mail programs.

A GET changes nothing, whoever or whatever opens it (F21). The token stands in the path and says
which person and which list; no cookie, no session, no script.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import PlainTextResponse, Response

from mailer import tokens
from mailer.readers import leaving
from mailer.readers.leaving import OnList, Reader
from mailer.web import forms
from mailer.web.pages import NO_STORE, Pages, Site
from subscribers.database import reading


def routes(site: Site, pages: Pages) -> APIRouter:
    router = APIRouter()

    @router.api_route("/u/{token}", methods=["GET", "HEAD"])
    def ask(token: str, request: Request) -> Response:
        found = tokens.read_unsubscribe(site.permanent_key, token)
        if found is None:
            return pages.problem(request, 404)
        with reading(site.engine) as connection:
            reader = leaving.reader(connection, *found)
        if reader is None:
            return _gone(pages, request)
        language = _language(pages, request, reader)
        return pages.page(
            "unsubscribe",
            language,
            headers=NO_STORE,
            switch=pages.switch(request, language),
            reader=reader,
            here=leaving.text_of(reader.here.name, language),
            others=_names(reader.others, language),
        )

    @router.post("/u/{token}")
    def leave(token: str, request: Request, body: Annotated[bytes, Depends(forms.body)]) -> Response:
        found = tokens.read_unsubscribe(site.permanent_key, token)
        if found is None:
            return pages.problem(request, 404)
        what = _what(request, body)
        subscriber_id, list_id = found
        now = site.clock()
        with site.engine.begin() as connection:
            reader = leaving.reader(connection, *found)
            leaving.leave(
                connection,
                subscriber_id,
                None if what == "all" else list_id,
                source="page" if what else "one_click",
                now=now,
            )
        if what is None:  # a mail program: an answer, no page, no redirect
            return PlainTextResponse("OK\n", headers=NO_STORE)
        if reader is None:
            return _gone(pages, request)
        language = _language(pages, request, reader)
        return pages.page(
            "unsubscribed",
            language,
            headers=NO_STORE,
            reader=reader,
            everything=what == "all",
            here=leaving.text_of(reader.here.name, language),
            others=[] if what == "all" else _names(reader.others, language),
            at=now,
        )

    return router


def _what(request: Request, body: bytes) -> str | None:
    """`list` or `all` from our own form; None for a mail program, however odd its body is."""
    sent = forms.fields(request, body)
    if sent is None or "List-Unsubscribe" in sent:
        return None
    return sent["what"] if sent.get("what") in ("list", "all") else None


def _language(pages: Pages, request: Request, reader: Reader) -> str:
    return pages.language(request, [*reader.languages, *filter(None, [reader.here.language])])


def _names(lists: tuple[OnList, ...], language: str) -> list[str]:
    return [leaving.text_of(on.name, language) for on in lists]


def _gone(pages: Pages, request: Request) -> Response:
    """The person has been erased: there is nobody left to write to, and nothing to ask."""
    language = pages.language(request)
    return pages.page("gone", language, headers=NO_STORE, switch=pages.switch(request, language))
