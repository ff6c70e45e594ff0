"""Blobs: once each, named by their content, never edited."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mailer import media
from mailer.errors import NotFound
from mailer.tables.media import blob


def test_the_same_content_is_kept_once(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        first = media.save(connection, b"abc", "image/png", 3, 1, now=now)
        assert media.save(connection, b"abc", "text/plain", now=now) == first
        assert connection.execute(sa.select(sa.func.count()).select_from(blob)).scalar_one() == 1
        kept = media.open(connection, first)
    assert (kept.content, kept.media_type, kept.size_bytes, kept.width, kept.height) == (
        b"abc",
        "image/png",
        3,
        3,
        1,
    )
    assert len(first) == 40


def test_what_is_not_there_is_not_found(database: Engine) -> None:
    with database.begin() as connection:
        with pytest.raises(NotFound):
            media.open(connection, "0" * 40)
        assert media.facts(connection, ["0" * 40]) == {}


def test_a_rendition_is_found_by_source_and_recipe(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        source = media.save(connection, b"large", "image/png", now=now)
        made = media.remember_rendition(
            connection, source, "10x10 q82", b"small", "image/jpeg", (10, 10), now=now
        )
        again = media.remember_rendition(
            connection, source, "10x10 q82", b"small", "image/jpeg", (10, 10), now=now
        )
        assert made == again
        found = media.find_rendition(connection, source, "10x10 q82")
        assert found is not None
        assert (found.hash, found.width) == (made, 10)
        assert media.find_rendition(connection, source, "20x20 q82") is None


@pytest.mark.parametrize("name", ["x.svg", "x.html", "x.HTM", "x.xml", "x.js", "x.exe", "x"])
def test_what_a_browser_might_run_is_a_mere_download(name: str) -> None:  # F33
    assert media.media_type_of(name) == "application/octet-stream"


def test_an_address_ends_with_the_type() -> None:
    assert media.address("0" * 40, media.media_type_of("写真.JPG")) == f"/media/{'0' * 40}.jpg"
    assert media.address("0" * 40, media.media_type_of("x.svg")).endswith(".bin")
