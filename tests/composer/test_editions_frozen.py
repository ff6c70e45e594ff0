"""From an issue to editions: composed, frozen once, never fetched from anywhere."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mailer import media
from mailer.composer import editions, frozen, resources, slots, store
from mailer.composer.editions import Press
from mailer.composer.model import Issue
from mailer.composer.text import folder as folders
from mailer.errors import BadIssue, NotFound
from mailer.tables.composer import edition
from subscribers.model import Actor


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*address: object) -> None:
        raise AssertionError(f"a connection to {address[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_an_edition_holds_inert_tokens_and_addresses_of_our_own(
    sqlite: Engine, stored: Callable[[], Issue], press: Press
) -> None:  # F41
    issue = stored()
    with sqlite.begin() as connection:
        made = editions.compose_edition(connection, issue, "ja", press)
    assert (made.id, made.issue_slug, made.language, made.subject) == (
        0,
        "2034-12",
        "ja",
        "港をつないだ三日間",
    )
    assert made.html.startswith("<!DOCTYPE html>")
    for part in (made.html, made.text):
        assert "@@UNSUBSCRIBE@@" in part
        assert slots.unknown_in(part) == frozenset()
    assert "{{" not in made.html
    assert slots.tokens_in(made.web or "") == frozenset()
    sources = re.findall(r'<img[^>]* src="([^"]*)"', made.html)
    assert all(re.fullmatch(r"https://mail\.example\.org/media/[0-9a-f]{40}\.(png|jpg)", s) for s in sources)
    assert len(sources) == 4  # the mark, the top, one figure, the water
    assert "https://mail.example.org/r/2034-12/ja/garden.pdf" in made.html
    assert "https://mail.example.org/r/2034-12/ja/garden.ics" in made.html
    assert "https://mail.example.org/archive/en/2034-12/" in made.html
    assert made.pictures == ()


def test_an_office_without_a_web_server_sends_whole_letters_without_broken_links(
    sqlite: Engine, stored: Callable[[], Issue], press: Press
) -> None:
    issue = stored()
    with sqlite.begin() as connection:
        made = editions.compose_edition(connection, issue, "ja", replace(press, base_url=""))
        sizes = media.facts(connection, [picture.blob for picture in made.pictures])
    shown = re.findall(r'src="cid:([^"]*)"', made.html)
    assert sorted(shown) == sorted(picture.cid for picture in made.pictures)
    assert len(sizes) == len(made.pictures) == 4
    assert {picture.filename for picture in made.pictures} >= {"mark.png", "hero.png", "forum.jpg"}
    for part in (made.html, made.text):
        for absent in ("/media/", "/r/2034-12", "/archive/", "@@PREFERENCES@@", "garden.pdf", "files/"):
            assert absent not in part
        assert "@@UNSUBSCRIBE@@" in part


def test_a_dated_link_to_another_place_stays_reachable_without_a_web_server(
    sqlite: Engine, folder: Any, stored: Callable[[], Issue], press: Press
) -> None:
    folder.change("ja.md", "files/garden.pdf", "https://files.example.org/garden")
    issue = stored()
    with sqlite.begin() as connection:
        made = editions.compose_edition(connection, issue, "ja", replace(press, base_url=""))
    assert 'href="https://files.example.org/garden"' in made.html


def test_freezing_twice_gives_the_same_editions(
    database: Engine, folder: Any, press: Press, keiko: Actor, now: datetime
) -> None:
    read = folders.read(folder.path)
    with database.begin() as connection:
        store.save(connection, read.issue, read.files, by=keiko, now=now)
        first = editions.freeze(connection, read.issue, press, by=keiko, now=now)
        second = editions.freeze(connection, read.issue, press, by=keiko, now=now)
        assert first == second
        assert list(first) == ["ja", "en"]
        assert connection.execute(sa.select(sa.func.count()).select_from(edition)).scalar_one() == 2
        loaded = editions.load_many(connection, [one.id for one in first.values()])
        assert loaded == {one.id: one for one in first.values()}
        assert (
            editions.load(connection, first["en"].id).facts["title"]
            == "Three days that joined our waterfronts"
        )


def test_an_edition_says_for_which_site_it_was_composed(
    database: Engine, folder: Any, press: Press, keiko: Actor, now: datetime
) -> None:
    read = folders.read(folder.path)
    moved = replace(press, base_url="https://other.example.org")
    with database.begin() as connection:
        issue_id = store.save(connection, read.issue, read.files, by=keiko, now=now)
        first = editions.freeze(connection, read.issue, press, by=keiko, now=now)
        assert frozen.composed_for(connection, issue_id) == {"https://mail.example.org"}
        second = editions.freeze(connection, read.issue, moved, by=keiko, now=now)
        assert frozen.composed_for(connection, issue_id) == {"https://other.example.org"}
        assert {one.id for one in first.values()}.isdisjoint(one.id for one in second.values())
        plain = replace(first["ja"], facts={**first["ja"].facts, "base_url": "https://other.example.org"})
        assert editions.hash_of(plain) != first["ja"].content_hash  # a letter without a link of ours


def test_a_frozen_edition_outlives_changes_of_its_issue(
    sqlite: Engine, folder: Any, stored: Callable[[], Issue], press: Press, keiko: Actor, now: datetime
) -> None:  # F15
    issue = stored()
    with sqlite.begin() as connection:
        first = editions.freeze(connection, issue, press, by=keiko, now=now)
    folder.change("ja.md", "今年最後", "来年最初")
    changed = stored()
    with sqlite.begin() as connection:
        second = editions.freeze(connection, changed, press, by=keiko, now=now)
        kept = editions.load(connection, first["ja"].id)
    assert kept == first["ja"]
    assert second["ja"].id != first["ja"].id
    assert second["en"].id == first["en"].id


def test_freezing_publishes_what_the_mail_links_to(
    sqlite: Engine, stored: Callable[[], Issue], press: Press, keiko: Actor, now: datetime
) -> None:
    issue = stored()
    with sqlite.begin() as connection:
        editions.freeze(connection, issue, press, by=keiko, now=now)
        file = resources.find(connection, "2034-12", "ja", "garden.pdf")
        assert (file.until, file.ends_at) == (date(2035, 1, 31), datetime(2035, 1, 31, 15, tzinfo=UTC))
        assert media.open(connection, file.blob or "").content.startswith(b"%PDF-")
        calendar = resources.find(connection, "2034-12", "en", "garden.ics")
        kept = media.open(connection, calendar.blob or "")
    assert kept.media_type == "text/calendar"
    assert b"SUMMARY:Half-day course" in kept.content


def test_composing_a_hostile_issue_opens_no_connection(
    sqlite: Engine, folder: Any, stored: Callable[[], Issue], press: Press, no_network: None
) -> None:  # F36
    style = "@import url(http://127.0.0.1:9/x.css); <link rel=stylesheet href=http://127.0.0.1:9/y.css>"
    folder.change("issue.toml", 'preheader = "九つの港町から五十二人"', f'preheader = "{style}"')
    folder.change(
        "ja.md",
        "今年最後の便りです。",
        "`<style>@import url(http://127.0.0.1:9/z.css)</style>` &lt;link href='http://127.0.0.1:9/'&gt; {{ 7*7 }} {% import 'os' %}",
    )
    folder.change("ja.md", "海辺ホール", "<script src=http://127.0.0.1:9/></script>")
    issue = stored()
    with sqlite.begin() as connection:
        made = editions.compose_edition(connection, issue, "ja", press)
    assert "<script" not in made.html
    assert "49" not in made.text.split("\n")
    assert "{{ 7*7 }}" in made.text  # F29: no template language for authors
    assert "<link" not in made.html


def test_a_text_with_faults_is_not_composed(
    sqlite: Engine, stored: Callable[[], Issue], press: Press
) -> None:
    issue = stored()
    broken = replace(issue, texts={**issue.texts, "ja": replace(issue.texts["ja"], lead="<b>x</b>")})
    with sqlite.begin() as connection, pytest.raises(BadIssue, match="HTML"):
        editions.compose_edition(connection, broken, "ja", press)


def test_an_edition_that_is_not_there_is_not_found(sqlite: Engine) -> None:
    with sqlite.begin() as connection, pytest.raises(NotFound):
        editions.load(connection, 7)


def test_the_longest_values_are_counted_in_the_size() -> None:  # F43
    text = "<p>@@EMAIL@@</p>"
    assert slots.longest_bytes(text) == len(text) - len("@@EMAIL@@") + 260
    assert slots.tokens_in("a @@EMAIL@@ @@FOO@@ b@@c") == {"EMAIL", "FOO"}
    assert slots.unknown_in("@@EMAIL@@ @@Foo@@") == {"Foo"}
