"""Checks of the files that an issue offers: can a screen reader find its way through a PDF?

Reads none itself (`pdf_structure`). Called by the gate.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Final

from mailer import media
from mailer.composer.model import Finding

from . import pdf_structure
from .case import Case, Check
from .codes import finding

_MOST_BYTES: Final = 50_000_000  # of one that is judged: more is read nowhere else into memory either
_CODES: Final = {
    pdf_structure.UNTAGGED: "pdf_untagged",
    pdf_structure.LOCKED: "pdf_unreadable",
    pdf_structure.UNREADABLE: "pdf_unreadable",
}


def pdfs(case: Case) -> Iterator[Finding]:
    """One finding for all untagged PDFs, one for those that cannot be opened."""
    offered = {
        target: one.blob
        for proof in case.proofs.values()
        for target, one in proof.managed.resources.items()
        if one.blob and target.lower().endswith(".pdf")
    }
    sizes = media.facts(case.connection, offered.values())
    found: dict[str, list[str]] = {}
    for target, blob in offered.items():
        if blob in sizes and sizes[blob].size_bytes <= _MOST_BYTES:
            found.setdefault(kind_of(media.open(case.connection, blob).content), []).append(target)
    for word, code in _CODES.items():
        if word in found:
            paths = tuple(found[word])
            yield finding(code, where=paths[0], paths=paths, count=len(paths), reason=word)


def kind_of(content: bytes, *, seconds: float = pdf_structure.MOST_SECONDS + 5) -> str:
    """A word of `pdf_structure`. Whatever the file holds: it never raises and takes no longer than `seconds`."""
    command = [sys.executable, "-I", pdf_structure.__file__]
    try:
        # Our own program; only its input is a stranger's.
        done = subprocess.run(command, input=content, capture_output=True, timeout=seconds, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return pdf_structure.UNREADABLE
    word = done.stdout.decode("ascii", "replace")
    return word if word == pdf_structure.TAGGED or word in _CODES else pdf_structure.UNREADABLE


CHECKS: Final[tuple[Check, ...]] = (pdfs,)
