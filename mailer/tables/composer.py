"""An issue is rows of text per section and language; an edition is frozen and never edited."""

from __future__ import annotations

import sqlalchemy as sa

from subscribers.database import Id, Json, Utc, metadata

issue = sa.Table(
    "issue",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("slug", sa.Text, nullable=False, unique=True),
    sa.Column("newsletter", sa.Text, nullable=False, server_default="main"),
    sa.Column("number", sa.Text, nullable=False),  # text: "84", "84-2"
    sa.Column("date", sa.Date, nullable=False),
    sa.Column("languages", sa.Text, nullable=False),  # "ja,en": the first is the default edition
    sa.Column("state", sa.Text, nullable=False),  # draft | review | approved | sent | withdrawn
    sa.Column("teaser", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("picture", sa.Text, nullable=True),  # path in the folder: "images/hero.png"
    sa.Column("created_at", Utc, nullable=False),
    sa.Column("updated_at", Utc, nullable=False),
    sa.Column(
        "pictures", Json, nullable=True
    ),  # {path: {credit, people, consent, usable_until}}; "" = of all
    sa.CheckConstraint("state IN ('draft', 'review', 'approved', 'sent', 'withdrawn')", name="state"),
)

issue_text = sa.Table(
    "issue_text",
    metadata,
    sa.Column("issue_id", Id, sa.ForeignKey("issue.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("language", sa.Text, primary_key=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("preheader", sa.Text, nullable=False, server_default=""),
    sa.Column("title", sa.Text, nullable=False, server_default=""),  # "" = the subject
    sa.Column("picture_alt", sa.Text, nullable=True),
    sa.Column("lead", sa.Text, nullable=False, server_default=""),  # Markdown before the first heading
    sa.Column("written_against", Json, nullable=True),  # {other language: hash of its text then}
)

section = sa.Table(
    "section",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("issue_id", Id, sa.ForeignKey("issue.id", ondelete="CASCADE"), nullable=False),
    sa.Column("key", sa.Text, nullable=False),  # ties the languages together
    sa.Column("keyed", sa.Boolean, nullable=False),  # false: written without {#key}, the key is its position
    sa.Column("position", sa.Integer, nullable=False),
    sa.UniqueConstraint("issue_id", "key"),
)

section_text = sa.Table(
    "section_text",
    metadata,
    sa.Column("section_id", Id, sa.ForeignKey("section.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("language", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),  # in this language's file: the order may differ
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),  # Markdown below the heading
    sa.Column("written_against", Json, nullable=True),  # {other language: hash of its text then}
)

issue_file = sa.Table(
    "issue_file",
    metadata,
    sa.Column("issue_id", Id, sa.ForeignKey("issue.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),  # "images/a.jpg", "files/slides.pdf"
    sa.Column("blob", sa.Text, sa.ForeignKey("blob.hash"), nullable=False),
)

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("issue_id", Id, sa.ForeignKey("issue.id", ondelete="CASCADE"), nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),  # of the issue as it was approved
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("passed", Json, nullable=False),  # [{code, reason}]: findings passed with a reason
)

edition = sa.Table(
    "edition",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("issue_id", Id, sa.ForeignKey("issue.id"), nullable=True),  # null: a notice
    sa.Column("notice", sa.Text, nullable=True),  # its name: "confirm"
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("content_hash", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),  # inlined, with slot tokens
    sa.Column("text", sa.Text, nullable=False),  # with slot tokens
    sa.Column("web", sa.Text, nullable=True),  # the web version's <main>, semantic, without slots
    sa.Column("pictures", Json, nullable=False),  # [{cid, blob, media_type, filename}]: embedded ones only
    sa.Column("facts", Json, nullable=False),  # {title, preheader, number, date, slug, contents: […]}
    sa.Column("created_at", Utc, nullable=False),
    sa.CheckConstraint("(issue_id IS NULL) <> (notice IS NULL)", name="issue_or_notice"),
)
sa.Index(
    "uq_edition_issue_id_language_content_hash",
    edition.c.issue_id,
    edition.c.language,
    edition.c.content_hash,
    unique=True,
)

issue_edition = sa.Table(
    "issue_edition",  # which edition of each language was frozen last: what a launch sends
    metadata,
    sa.Column("issue_id", Id, sa.ForeignKey("issue.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("language", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),  # the order of the issue's languages
    sa.Column("edition_id", Id, sa.ForeignKey("edition.id"), nullable=False),
)

resource = sa.Table(
    "resource",  # what /r/<issue>/<lang>/<name> serves; stays when the issue is edited later
    metadata,
    sa.Column("issue_slug", sa.Text, primary_key=True),
    sa.Column("language", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),  # "slides.pdf", or a link's own short name
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("blob", sa.Text, sa.ForeignKey("blob.hash"), nullable=True),
    sa.Column("url", sa.Text, nullable=True),
    sa.Column("until", sa.Date, nullable=True),  # last day, inclusive, in the site's zone
    sa.Column("ends_at", Utc, nullable=True),  # the first moment when it is over
    sa.CheckConstraint("(blob IS NULL) <> (url IS NULL)", name="blob_or_url"),
)
