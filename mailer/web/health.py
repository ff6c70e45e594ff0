"""`/healthz`: does this process serve, does the database answer, when did the clock last tick?

For a monitor, so JSON and never cached. Shows nothing that a stranger may not know.
"""

from __future__ import annotations

import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from mailer.web.pages import Pages, Site
from subscribers.database import reading


def routes(site: Site, pages: Pages) -> APIRouter:
    router = APIRouter()

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    def healthz() -> Response:
        try:
            with reading(site.engine) as connection:
                connection.execute(sa.select(1))
            database = "ok"
        except SQLAlchemyError:
            database = "unreachable"
        ticked = site.last_tick()
        answer = {
            "status": "ok" if database == "ok" else "failing",
            "database": database,
            "last_tick": ticked.isoformat() if ticked else None,
        }
        return JSONResponse(answer, 200 if database == "ok" else 503, {"Cache-Control": "no-store"})

    return router
