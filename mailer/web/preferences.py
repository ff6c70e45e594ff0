"""`/p/TOKEN`: a reader's own settings, and leaving. Stands at the foot of every mail.

A GET changes nothing. A POST answers with the same page, which says first what has changed; sending
it again is harmless. The token says who; no cookie, no session, no script.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from markupsafe import Markup
from sqlalchemy.engine import Connection
from starlette.responses import Response

from mailer import tokens
from mailer.i18n import Words, autonym, words
from mailer.readers import leaving, preferences
from mailer.readers.preferences import Reader
from mailer.web import forms
from mailer.web.pages import NO_STORE, Pages, Site, told
from subscribers.database import reading

_ALL: Final = "*"  # instead of a list's slug, which never holds one


@dataclass(frozen=True)
class _Done:
    """What a POST has brought about: the news of the page."""

    saved: preferences.Saved | None = None
    left: str | None = None  # slug, or _ALL
    at: datetime | None = None


def routes(site: Site, pages: Pages) -> APIRouter:
    router = APIRouter()

    def opened(token: str) -> tokens.Opened | None:
        found = tokens.open_sealed(site.keys, tokens.Purpose.PREFERENCES, token, site.clock())
        return found if found and len(found.numbers) == 1 else None

    @router.api_route("/p/{token}", methods=["GET", "HEAD"])
    def show(token: str, request: Request) -> Response:
        found = opened(token)
        if found is None:
            return pages.problem(request, 404)
        if found.expired:
            return _ended(pages, request, "expired", 410)
        with reading(site.engine) as connection:
            reader = preferences.reader(connection, found.numbers[0], site.clock())
        return _page(pages, request, reader, None)

    @router.post("/p/{token}")
    def act(token: str, request: Request, body: Annotated[bytes, Depends(forms.body)]) -> Response:
        found = opened(token)
        if found is None:
            return pages.problem(request, 404)
        if found.expired:
            return _ended(pages, request, "expired", 410)
        sent = forms.fields(request, body) or {}
        now = site.clock()
        with site.engine.begin() as connection:
            reader = preferences.reader(connection, found.numbers[0], now)
            done = _do(connection, site, reader, sent, now) if reader else None
            after = preferences.reader(connection, found.numbers[0], now)
        if reader and done is None:
            return pages.problem(request, 400)
        return _page(pages, request, after, done)

    return router


def _do(
    connection: Connection, site: Site, reader: Reader, sent: Mapping[str, str], now: datetime
) -> _Done | None:
    """None: nothing that our page offers was asked for, and nothing was changed."""
    if slug := sent.get("leave"):
        left = preferences.leave(connection, reader, None if slug == _ALL else slug, now=now)
        return _Done(left=slug, at=now) if left else None
    if sent.get("do") != "save":
        return None
    saved = preferences.save(
        connection,
        reader.subscriber_id,
        first=sent.get("first"),
        text_only="text_only" in sent,
        offered=site.languages,
        now=now,
    )
    return _Done(saved=saved, at=now)


def _page(pages: Pages, request: Request, reader: Reader | None, done: _Done | None) -> Response:
    if reader is None:
        return _ended(pages, request, "gone", 200)
    site = pages.site
    lists = [*filter(None, (on.language for on in reader.active))]
    language = pages.language(request, [*reader.languages, *lists])
    said, zone = words(language), ZoneInfo(site.zone)
    names = {on.slug: leaving.text_of(on.name, language) for on in reader.lists}
    title, news = _news(said, site, names, done)
    default = preferences.without_choice(reader, site.languages, site.default_language)
    return pages.page(
        "preferences",
        language,
        headers=NO_STORE,
        switch=pages.switch(request, language),
        reader=reader,
        title=title,
        news=news,
        choices=preferences.choices(reader.languages, site.languages),
        default=default,
        named=_named,
        lists=[
            (on, names[on.slug], said(f"web.prefs_{on.state}", since=said.date(on.since.astimezone(zone))))
            for on in reader.lists
        ],
        everything=_ALL,
        paused_until=reader.paused_until and said.date(reader.paused_until.astimezone(zone)),
    )


def _news(
    said: Words, site: Site, names: Mapping[str, str], done: _Done | None
) -> tuple[str, list[str | Markup]]:
    """The page's heading, and below it what has changed."""
    if done is None:
        return said("web.prefs_title"), []
    if done.left is not None and done.at is not None:
        everything = done.left == _ALL
        title = said("web.left_title_all") if everything else said("web.left_title", list=names[done.left])
        return title, [said("web.left_at", at=said.moment(done.at, site.zone))]
    saved = done.saved or preferences.Saved()
    news: list[str | Markup] = []
    if saved.first is not None:
        # The person's tag may be finer than the edition's: en-GB is “English” here, as in the choice.
        news.append(told(said, "web.prefs_now_first", language=_named(_called(saved.first, site))))
    if saved.text_only is not None:
        news.append(said("web.prefs_now_text" if saved.text_only else "web.prefs_now_designed"))
    return (said("web.prefs_saved"), news) if news else (said("web.prefs_same"), [])


def _named(language: str) -> Markup:
    """A language in itself, so marked that it is also spoken so."""
    return Markup('<bdi lang="{}">{}</bdi>').format(language, autonym(language))


def _called(tag: str, site: Site) -> str:
    return preferences.choices([tag], site.languages)[0].language


def _ended(pages: Pages, request: Request, name: str, status: int) -> Response:
    """`gone`: the person has been erased. `expired`: the link is too old."""
    language = pages.language(request)
    return pages.page(name, language, status=status, headers=NO_STORE, switch=pages.switch(request, language))
