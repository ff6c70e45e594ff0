"""The whole preview of an issue: the composer's pages, and per language the message itself (mail.eml).

Owns the joining only. Stands here because a message is made on this floor. Called by CLI, demo, pages.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Connection

from mailer.composer import editions
from mailer.composer import preview as pages
from mailer.composer.editions import Press
from mailer.composer.model import Issue
from mailer.delivery import letterpress
from mailer.delivery.letterpress import Letterhead
from mailer.i18n import Words


def preview(
    connection: Connection, issue: Issue, press: Press, head: Letterhead, out: Path, words: Words
) -> list[Path]:
    """Writes OUT/index.html and OUT/<lang>/{mail.html,mail.txt,mail.eml,web.html}. Raises BadIssue."""
    written = pages.preview(connection, issue, press, out, words)
    for language in issue.languages:
        edition = editions.compose_edition(connection, issue, language, press)
        path = out / language / "mail.eml"
        path.write_bytes(letterpress.sample(connection, head.of(issue.newsletter), edition, press.now))
        written.append(path)
    return written
