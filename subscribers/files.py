"""Files that hold people's addresses: for their owner alone, and whole or not there at all.

Owns how such a file is made, before anything stands in it. Knows nothing of what is written. Called by
the database, the import, safekeeping and the commands that export.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FOR_ITS_OWNER = 0o600


def make_private(file: Path) -> None:
    """An empty file that nobody else reads, not for a moment. Raises FileExistsError."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FOR_ITS_OWNER))


@contextmanager
def being_written(file: Path) -> Iterator[Path]:
    """A private file beside it, durable and renamed at the end: `file` is never half.

    A terminal or a pipe is written as it is. An OSError names `file`, not the one beside it.
    """
    asked, file = file, file.resolve()  # a link stays a link
    if file.exists() and not (file.is_file() or file.is_dir()):
        yield file
        return
    partial = file.with_name(file.name + ".partial")
    try:
        if file.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(asked))
        partial.unlink(missing_ok=True)
        make_private(partial)
        yield partial
        put(partial, file)
    except OSError as error:
        if error.filename is None or str(error.filename) == str(partial):  # None: a write on a full disk
            error.filename = str(asked)
        raise
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def put(source: Path, target: Path) -> None:
    """Rename, with the content durable before and the name after."""
    sync(source)
    source.replace(target)
    sync(target.parent)


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
