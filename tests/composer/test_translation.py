"""A text remembers what it was written against."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from mailer.composer import store, translation
from mailer.composer.text import folder as folders
from mailer.errors import NotFound
from subscribers.model import Actor

Part = tuple[str | None, str]


@pytest.fixture
def after_import(
    database: Engine, folder: Any, keiko: Actor, now: datetime
) -> Callable[[], dict[Part, tuple[str, ...]]]:
    """Takes the folder in as it is and says what is stale then."""

    def take_in() -> dict[Part, tuple[str, ...]]:
        read = folders.read(folder.path, "Asia/Tokyo")
        with database.begin() as connection:
            store.save(connection, read.issue, read.files, by=keiko, now=now)
            return translation.stale(connection, store.load(connection, "2034-12"))

    return take_in


def test_a_new_issue_is_fresh(after_import: Any) -> None:
    assert after_import() == {}


def test_a_text_left_alone_while_the_other_language_changed_is_stale(after_import: Any, folder: Any) -> None:
    after_import()
    folder.change("ja.md", "ことばで示す", "絵とことばで示す")
    assert after_import() == {("meeting", "en"): ("ja",)}
    assert after_import() == {("meeting", "en"): ("ja",)}  # importing again is not looking at it
    folder.change("en.md", "Show routes in words", "Show routes in pictures and words")
    assert after_import() == {}


def test_a_subject_counts_with_the_lead(after_import: Any, folder: Any) -> None:
    after_import()
    folder.change("issue.toml", "Three days that joined our waterfronts", "Three days in the harbour")
    assert after_import() == {(None, "ja"): ("en",)}


def test_two_languages_changed_together_were_written_against_each_other(
    after_import: Any, folder: Any
) -> None:
    after_import()
    folder.change("ja.md", "ことばで示す", "絵で示す")
    folder.change("en.md", "Show routes in words", "Show routes in pictures")
    assert after_import() == {}


def test_a_section_that_is_added_later_makes_nothing_stale(after_import: Any, folder: Any) -> None:
    folder.change("en.md", "# Our rain garden guide {#garden}", "# Our rain garden guide {#extra}")
    after_import()
    folder.change("en.md", "# Our rain garden guide {#extra}", "# Our rain garden guide {#garden}")
    assert after_import() == {}


def test_somebody_who_looked_again_may_leave_the_text_as_it_is(
    after_import: Any, folder: Any, database: Engine, keiko: Actor, now: datetime
) -> None:
    after_import()
    folder.change("ja.md", "ことばで示す", "絵とことばで示す")
    folder.change("ja.md", "今年最後の便りです。", "今年最後のお便りです。")
    assert set(after_import()) == {(None, "en"), ("meeting", "en")}
    with database.begin() as connection:
        issue = store.load(connection, "2034-12")
        assert translation.looked_at(connection, issue, "en", "meeting", by=keiko, now=now) == 1
        assert set(translation.stale(connection, issue)) == {(None, "en")}
        assert translation.looked_at(connection, issue, "en", "garden", by=keiko, now=now) == 0
        assert translation.looked_at(connection, issue, "en", translation.EVERYTHING, by=keiko, now=now) == 1
        assert translation.stale(connection, issue) == {}
        with pytest.raises(NotFound):
            translation.looked_at(connection, issue, "en", "nowhere", by=keiko, now=now)


def test_an_approval_outlives_a_second_look(
    after_import: Any, database: Engine, keiko: Actor, now: datetime
) -> None:
    after_import()
    with database.begin() as connection:
        issue = store.load(connection, "2034-12")
        store.approve(connection, issue, by=keiko, now=now)
        translation.looked_at(connection, issue, "en", translation.EVERYTHING, by=keiko, now=now)
        assert store.approval(connection, "2034-12") is not None
