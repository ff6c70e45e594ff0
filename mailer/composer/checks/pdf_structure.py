"""Is this PDF tagged? A program of its own: reads a PDF from standard input and prints one word.

A stranger's PDF can keep a reader busy for ever or take all memory: here it has limits of its own, and `files`
waits only so long. Imports nothing of ours.
"""

from __future__ import annotations

import io
import sys
from typing import Any, Final

# The structure stands beside the pages, so even a book takes under a second and 100 MB.
MOST_SECONDS: Final = 10
MOST_MEMORY_BYTES: Final = 1_000_000_000
TAGGED, UNTAGGED, LOCKED, UNREADABLE = "tagged", "untagged", "locked", "unreadable"


def structure(content: bytes) -> str:
    """Tagged: it has a tree of its structure that is not marked as a draft (ISO 32000-1 §14.7, §14.8)."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(content))
    if reader.is_encrypted and not reader.decrypt(""):
        return LOCKED
    root: Any = reader.root_object
    marks: Any = root.get("/MarkInfo")
    marks = marks.get_object() if marks is not None else {}
    tree: Any = root.get("/StructTreeRoot")
    tree = tree.get_object() if tree is not None else None
    return TAGGED if tree and tree.get("/K") is not None and marks.get("/Marked", True) else UNTAGGED


def _limit() -> None:
    """Windows knows no such limits: there it is `files` alone that ends what takes too long."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY_BYTES, MOST_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))


if __name__ == "__main__":
    _limit()
    try:
        word = structure(sys.stdin.buffer.read())
    except Exception:  # noqa: BLE001 - pypdf raises whatever a broken file leads it to
        word = UNREADABLE
    sys.stdout.write(word)
