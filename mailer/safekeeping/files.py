"""What both kinds of database share: the refusals, the result."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mailer import migrations
from mailer.campaigns.restored import Frozen
from mailer.errors import Refused


@dataclass(frozen=True, slots=True)
class Made:
    file: Path
    size_bytes: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Restored:
    frozen: Frozen
    revision: str
    set_aside: Path | None  # what stood there before; None: nothing did


def require_known(file: Path, revision: str | None) -> None:
    """Raises Refused for a file without this program's tables and for one of a newer program."""
    if revision is None:
        raise not_a_backup(file)
    if not migrations.knows(revision):
        raise Refused(
            f"{file} was made by a newer version of the program ({revision}).",
            remedy="Update the program, then restore.",
            key="backup_newer", path=str(file), revision=revision,
        )  # fmt: skip


def not_a_backup(file: Path, why: str = "") -> Refused:
    """`why`: sqlite or postgresql, if it is a backup of that kind and the database is of the other."""
    return Refused(
        f"{file} is no backup that can be restored into this database.",
        remedy="Name a file that “mailer backup” made; nothing was touched.",
        key="not_a_backup", path=str(file), reason=why,
    )  # fmt: skip


def in_use() -> Refused:
    return Refused(
        "A process has the database open.",
        remedy="Stop mailer work, mailer serve and every other command, then restore.",
        key="database_in_use",
    )
