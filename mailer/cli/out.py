"""A file that a command exports: not over another one unless told, whole, for its owner alone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mailer.errors import Refused
from subscribers.files import being_written


@contextmanager
def out_file(file: Path, *, force: bool) -> Iterator[BinaryIO]:
    """`file` is there when the block ends well. Raises Refused if one is there already (unless `force`)."""
    if file.is_file() and not force:
        raise Refused(
            f"{file} is already there and was not touched.",
            remedy="Name another file, or overwrite it with --force.",
            key="file_exists", path=str(file),
        )  # fmt: skip
    with being_written(file) as partial, partial.open("wb") as handle:
        yield handle
