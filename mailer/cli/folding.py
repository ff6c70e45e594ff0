"""Sentences in lines that fit a terminal: full-width signs count two, commands stay whole.

Rich folds at spaces, of which Japanese has none. Used by `sheet`.
"""

import re
from collections.abc import Iterator

from rich.cells import cell_len

# A quoted command, a run of narrow signs, spaces, or one wide sign
_PIECE = re.compile(r"「mailer [^」]*」|“mailer [^”]*”[.,;]?|[^\s\u2e80-\uffef]+|\s+|.")
_NEVER_FIRST = frozenset(
    "。、，．）」』】：；？！ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ"
)  # JIS X 4051, what sentences have of it
_NEVER_LAST = frozenset("（「『【")


def fold(text: str, width: int) -> Iterator[str]:
    """The text in lines of at most `width` columns, each with the indentation of the first.

    A longer piece, such as an address, has a line of its own and is left to the terminal.
    """
    margin = text[: len(text) - len(text.lstrip())]
    line = margin
    for piece in _pieces(text.strip()):
        if line.strip() and cell_len(line + piece.rstrip()) > width:
            yield line.rstrip()
            line = margin
        line += piece if line.strip() else piece.lstrip()
    yield line.rstrip()


def _pieces(text: str) -> Iterator[str]:
    held = ""
    for piece in _PIECE.findall(text):
        if held and piece[0] not in _NEVER_FIRST and held[-1] not in _NEVER_LAST:
            yield held
            held = ""
        held += piece
    if held:
        yield held
