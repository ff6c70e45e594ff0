"""The pages on a socket: uvicorn in a thread of its own, beside the clock and the senders.

Owns the listening and its end. Called by `mailer serve`.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn

from mailer.bootstrap import House, identities
from mailer.errors import Refused
from mailer.web.pages import Site
from mailer.web.site import create_app


def site_of(house: House, last_tick: Callable[[], datetime | None]) -> Site:
    """What the readers' pages are told. `last_tick`: when the clock of this process last ticked."""
    site = house.config.site
    return Site(
        engine=house.engine,
        base_url=site.base_url,
        zone=site.time_zone,
        languages=tuple(site.languages),
        default_language=site.default_language,
        identities=identities(house.config),
        permanent_key=house.permanent_key,
        keys=house.keys,
        clock=lambda: datetime.now(UTC),
        privacy_url=site.privacy_url,
        last_tick=last_tick,
    )


@contextmanager
def pages(site: Site, bind: str) -> Iterator[str]:
    """Serve until the block ends; gives the URL. Port 0 lets the system choose. Raises Refused if taken.

    A thread, so that a page is answered while the senders are busy, and so that uvicorn leaves the
    signals to the worker.
    """
    listener = _listen(bind)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(site),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="pages")
    thread.start()
    host, port = listener.getsockname()[:2]
    try:
        yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _listen(bind: str) -> socket.socket:
    host, _, port = bind.rpartition(":")
    host = host.strip("[]") or "0.0.0.0"  # noqa: S104 - said so in the configuration
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(port)))
    except OSError as error:
        listener.close()
        raise Refused(
            f"Nothing can listen on {bind}: {error.strerror}.",
            remedy="Another program may use that port; set site.bind to another one.",
            key="cannot_listen", bind=bind, detail=str(error.strerror),
        ) from error  # fmt: skip
    listener.listen(128)
    return listener
