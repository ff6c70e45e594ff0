"""Checks of the files that an issue offers: can a screen reader find its way through a PDF?

Reads none itself (`pdf_structure`). Called by the gate.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from time import monotonic
from typing import Final

from mailer import media
from mailer.composer.model import Finding

from . import pdf_structure
from .case import Case, Check
from .codes import finding

_MOST_BYTES: Final = 50_000_000  # of one that is judged: more is read nowhere else into memory either
_SECONDS: Final = pdf_structure.MOST_SECONDS + 5  # for one, with the start of the program
_TOGETHER_SECONDS: Final = 30.0  # for all of an issue: somebody waits for the answer
_MOST_KNOWN: Final = 1000
UNREAD: Final = "unread"
_CODES: Final = {
    pdf_structure.UNTAGGED: "pdf_untagged",
    pdf_structure.LOCKED: "pdf_unreadable",
    pdf_structure.UNREADABLE: "pdf_unreadable",
    UNREAD: "pdf_unreadable",
}
_known: Final[dict[str, str]] = {}  # blob → word: check, preview and approve ask for the same files


def pdfs(case: Case) -> Iterator[Finding]:
    """One finding for all untagged PDFs, one for those that cannot be opened, one for those that time forbade."""
    offered = {
        target: one.blob
        for proof in case.proofs.values()
        for target, one in proof.managed.resources.items()
        if one.blob and target.lower().endswith(".pdf")
    }
    sizes = media.facts(case.connection, offered.values())
    until = monotonic() + _TOGETHER_SECONDS
    found: dict[str, list[str]] = {}
    for target, blob in offered.items():
        if blob in sizes and sizes[blob].size_bytes <= _MOST_BYTES:
            found.setdefault(_word(case, blob, until), []).append(target)
    for word, code in _CODES.items():
        if word in found:
            paths = tuple(found[word])
            yield finding(code, where=paths[0], paths=paths, count=len(paths), reason=word)


def _word(case: Case, blob: str, until: float) -> str:
    if blob in _known:
        return _known[blob]
    left = until - monotonic()
    word = (
        kind_of(media.open(case.connection, blob).content, seconds=min(_SECONDS, left))
        if left > 0
        else UNREAD
    )
    if word != UNREAD:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[blob] = word
    return word


def kind_of(content: bytes, *, seconds: float = _SECONDS) -> str:
    """A word of `pdf_structure`, or UNREAD. Whatever the file holds: never raises, takes no longer than `seconds`."""
    command = [sys.executable, "-I", pdf_structure.__file__]
    try:
        # Our own program; only its input is a stranger's.
        done = subprocess.run(  # noqa: S603
            command,
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return pdf_structure.UNREADABLE if seconds >= _SECONDS else UNREAD
    except OSError:  # no process or no memory left: that is no fault of the file
        return UNREAD
    word = done.stdout.decode("ascii", "replace")
    return word if word == pdf_structure.TAGGED or word in _CODES else pdf_structure.UNREADABLE


CHECKS: Final[tuple[Check, ...]] = (pdfs,)
