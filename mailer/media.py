"""Pictures and files as blobs, each once, named by its content.

Owns the tables `blob` and `rendition`. Knows no picture format: width and height are the caller's.
Called by `composer` and, for reading, by `web` and `message`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from .errors import NotFound
from .tables.media import blob, rendition

# What a browser may be told. Everything else, HTML and SVG above all, is served as a mere download (F33).
_EXTENSIONS: Final[Mapping[str, str]] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/heic": "heic",
    "application/pdf": "pdf",
    "text/calendar": "ics",
    "text/csv": "csv",
    "text/plain": "txt",
    "application/zip": "zip",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
}
_TYPES: Final = {extension: media_type for media_type, extension in _EXTENSIONS.items()} | {
    "jpeg": "image/jpeg",
    "heif": "image/heic",
}
UNKNOWN: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class BlobFacts:
    hash: str
    media_type: str
    size_bytes: int
    width: int | None  # pixels
    height: int | None


@dataclass(frozen=True, slots=True)
class Blob(BlobFacts):
    content: bytes


def hash_of(content: bytes) -> str:
    """SHA-256, the first 40 hexadecimal characters: 160 bits are collision-free, and short in an address."""
    return hashlib.sha256(content).hexdigest()[:40]


def media_type_of(name: str) -> str:
    """By the ending, from a closed list; anything else is `application/octet-stream`."""
    return _TYPES.get(name.rpartition(".")[2].lower(), UNKNOWN)


def extension_of(media_type: str) -> str:
    return _EXTENSIONS.get(media_type, "bin")


def address(blob_hash: str, media_type: str) -> str:
    """The path that lives for ever: `/media/<hash>.<ext>`."""
    return f"/media/{blob_hash}.{extension_of(media_type)}"


def save(
    connection: Connection,
    content: bytes,
    media_type: str,
    width: int | None = None,
    height: int | None = None,
    *,
    now: datetime,
) -> str:
    """The hash. The same content again changes nothing: a blob is never edited."""
    name = hash_of(content)
    if exists(connection, name):
        return name
    row = {
        "hash": name,
        "media_type": media_type,
        "size_bytes": len(content),
        "width": width,
        "height": height,
        "content": content,
        "created_at": now,
    }
    _insert_once(connection, blob, row)
    return name


def exists(connection: Connection, blob_hash: str) -> bool:
    return connection.execute(sa.select(blob.c.hash).where(blob.c.hash == blob_hash)).first() is not None


def open(connection: Connection, blob_hash: str) -> Blob:
    """Raises NotFound."""
    row = connection.execute(sa.select(blob).where(blob.c.hash == blob_hash)).mappings().first()
    if row is None:
        raise _missing(blob_hash)
    return Blob(
        row["hash"], row["media_type"], row["size_bytes"], row["width"], row["height"], bytes(row["content"])
    )


def facts(connection: Connection, hashes: Iterable[str]) -> dict[str, BlobFacts]:
    """Of those that exist, without their content."""
    columns = (blob.c.hash, blob.c.media_type, blob.c.size_bytes, blob.c.width, blob.c.height)
    rows = connection.execute(sa.select(*columns).where(blob.c.hash.in_(set(hashes))))
    return {row.hash: BlobFacts(*row) for row in rows}


def remember_rendition(
    connection: Connection,
    source: str,
    recipe: str,
    content: bytes,
    media_type: str,
    size: tuple[int, int],
    *,
    now: datetime,
) -> str:
    """Keep what `recipe` made of the blob `source`; the hash of the result."""
    made = save(connection, content, media_type, *size, now=now)
    _insert_once(connection, rendition, {"source": source, "recipe": recipe, "blob": made})
    return made


def find_rendition(connection: Connection, source: str, recipe: str) -> BlobFacts | None:
    columns = (blob.c.hash, blob.c.media_type, blob.c.size_bytes, blob.c.width, blob.c.height)
    join = rendition.join(blob, blob.c.hash == rendition.c.blob)
    wanted = (rendition.c.source == source) & (rendition.c.recipe == recipe)
    row = connection.execute(sa.select(*columns).select_from(join).where(wanted)).first()
    return BlobFacts(*row) if row else None


def _insert_once(connection: Connection, table: sa.Table, row: Mapping[str, object]) -> None:
    """Two processes may save the same content at the same moment: both are right."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(row).on_conflict_do_nothing())


def _missing(blob_hash: str) -> NotFound:
    return NotFound(f"There is no file {blob_hash}.", key="no_such_blob", hash=blob_hash)
