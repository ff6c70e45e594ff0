"""Pictures and files as content-hashed blobs: one backup holds all."""

from __future__ import annotations

import sqlalchemy as sa

from subscribers.database import Utc, metadata

blob = sa.Table(
    "blob",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),  # SHA-256 of the content, hex, first 40 characters
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.Integer, nullable=False),
    sa.Column("width", sa.Integer, nullable=True),  # pixels, pictures only
    sa.Column("height", sa.Integer, nullable=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
)

rendition = sa.Table(
    "rendition",  # what was made of a picture, so that preview and approval resize it once; may be emptied
    metadata,
    sa.Column("source", sa.Text, sa.ForeignKey("blob.hash"), primary_key=True),
    sa.Column("recipe", sa.Text, primary_key=True),  # "1072x600 q82": size in pixels and quality
    sa.Column("blob", sa.Text, sa.ForeignKey("blob.hash"), nullable=False),
)
