"""Pictures of pages by a browser that is installed: Chromium, Chrome or Edge, found without configuration.

Owns its start, the few words of its protocol and its end. A folder of its own, no network, no sandbox only for
root, killed by its id. Called by `delivery.preview`; without a browser everything else works.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import selectors
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mailer.errors import MailerError

_NAMES: Final = (
    "chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge", "msedge",
)  # fmt: skip
_PLACES: Final = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_OPTIONS: Final = (
    "--headless", "--remote-debugging-pipe", "--hide-scrollbars", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--no-default-browser-check", "--disable-extensions", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--force-color-profile=srgb", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip
_PATIENCE_SECONDS: Final = 60.0  # for all pictures of a preview; a small office computer needs ten
_TALLEST: Final = 16_000  # px; a longer picture is cut: what a browser paints at once ends at 16,384


class NoPictures(MailerError):
    """The browser is there and does not do what it is asked. Facts: program, problem."""

    code = "no_pictures"


@dataclass(frozen=True, slots=True)
class Shot:
    """A page as it is to be photographed, in its full length."""

    page: Path
    width: int  # CSS px
    dark: bool = False  # the reader's system asks for dark
    forced: bool = False  # the program darkens every page by itself


def find(environ: Mapping[str, str]) -> Path | None:
    """The browser of this machine, or None. Not on Windows, where it cannot be spoken to by a pipe."""
    if not hasattr(os, "posix_spawn"):
        return None
    search = environ.get("PATH", "")
    found = (shutil.which(name, path=search) for name in _NAMES) if search else ()
    path = next(filter(None, found), None) or next((one for one in _PLACES if os.access(one, os.X_OK)), None)
    return Path(path) if path else None


@contextmanager
def opened(program: Path) -> Iterator[Browser]:
    """A running browser; ended, with all that it began, when the block ends. Raises NoPictures."""
    with tempfile.TemporaryDirectory(prefix="mailer-browser-", ignore_cleanup_errors=True) as profile:
        options = [*_OPTIONS, f"--user-data-dir={profile}", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        to_browser, from_browser = _pipe(), _pipe()
        try:
            number = os.posix_spawn(
                program,
                [str(program), *options],
                os.environ,
                # It reads at 3 and writes at 4. A pipe, not a port: nobody else on this machine can join in.
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                    (os.POSIX_SPAWN_DUP2, to_browser[0], 3),
                    (os.POSIX_SPAWN_DUP2, from_browser[1], 4),
                ],
                setpgroup=0,
            )
        except OSError as problem:
            raise _failed(program, problem) from problem
        finally:
            os.close(to_browser[0])
            os.close(from_browser[1])
        try:
            yield Browser(program, to_browser[1], from_browser[0], time.monotonic() + _PATIENCE_SECONDS)
        finally:
            os.close(to_browser[1])
            os.close(from_browser[0])
            with contextlib.suppress(ProcessLookupError):
                os.killpg(number, signal.SIGKILL)
            os.waitpid(number, 0)


class Browser:
    """Speaks the DevTools protocol: JSON, each message ended by NUL."""

    def __init__(self, program: Path, write: int, read: int, until: float) -> None:
        self._program, self._write, self._read, self._until = program, write, read, until
        self._number = 0
        self._rest = b""
        self._heard: set[tuple[str, str]] = set()  # events, by tab

    def picture(self, shot: Shot) -> bytes:
        """PNG of the whole page. Raises NoPictures."""
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        tab = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        scheme = {"name": "prefers-color-scheme", "value": "dark" if shot.dark else "light"}
        self._ask("Page.enable", tab)
        self._ask("Network.enable", tab)
        self._ask(
            "Network.emulateNetworkConditions", tab,
            offline=True, latency=0, downloadThroughput=0, uploadThroughput=0,
        )  # fmt: skip
        self._ask(
            "Emulation.setDeviceMetricsOverride", tab,
            width=shot.width, height=900, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        self._ask("Emulation.setEmulatedMedia", tab, features=[scheme])
        if shot.forced:
            self._ask("Emulation.setAutoDarkModeOverride", tab, enabled=True)
        self._ask("Page.navigate", tab, url=shot.page.resolve().as_uri())
        self._wait_for("Page.loadEventFired", tab)
        size = self._ask("Page.getLayoutMetrics", tab)["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": shot.width, "height": min(size["height"], _TALLEST), "scale": 1}
        taken = self._ask(
            "Page.captureScreenshot",
            tab,
            format="png",
            captureBeyondViewport=True,
            clip=clip,
            optimizeForSpeed=True,
        )
        self._ask("Target.closeTarget", targetId=target)
        return base64.b64decode(taken["data"])

    def _ask(self, method: str, tab: str = "", **parameters: object) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if tab:
            message["sessionId"] = tab
        try:
            os.write(self._write, json.dumps(message).encode() + b"\0")  # far below what a pipe takes at once
        except OSError as problem:
            raise _failed(self._program, problem) from problem
        while (answer := self._next()).get("id") != self._number:
            self._hear(answer)
        if "error" in answer:
            raise _failed(self._program, answer["error"].get("message", method))
        return dict(answer["result"])

    def _wait_for(self, event: str, tab: str) -> None:
        while (event, tab) not in self._heard:
            self._hear(self._next())

    def _hear(self, message: Mapping[str, Any]) -> None:
        self._heard.add((message.get("method", ""), message.get("sessionId", "")))

    def _next(self) -> dict[str, Any]:
        pieces = [self._rest]
        with selectors.DefaultSelector() as selector:
            selector.register(self._read, selectors.EVENT_READ)
            while b"\0" not in pieces[-1]:
                if not selector.select(max(0.0, self._until - time.monotonic())):
                    raise _failed(self._program, "no answer in time")
                piece = os.read(self._read, 1 << 20)
                if not piece:
                    raise _failed(self._program, "it ended by itself")
                pieces.append(piece)
        message, _, self._rest = b"".join(pieces).partition(b"\0")
        return dict(json.loads(message))


def _pipe() -> tuple[int, int]:
    """Both ends above 9, so that neither is overwritten when one becomes 3 or 4."""
    import fcntl  # not on Windows, where `find` finds nothing

    ends = os.pipe()
    try:
        first, second = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    finally:
        for end in ends:
            os.close(end)
    return first, second


def _failed(program: Path, problem: object) -> NoPictures:
    return NoPictures(
        f"{program} made no pictures: {problem}.",
        remedy="All else is written. Run the command again, or add --no-pictures.",
        key="no_pictures", program=str(program), problem=str(problem),
    )  # fmt: skip
