"""`/p/TOKEN`: what a reader sets stays theirs, and looking changes nothing."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from mailer import tokens
from mailer.readers import preferences
from mailer.tables.delivery import delivery
from mailer.web.site import create_app
from subscribers import consent, store, suppression, tables
from subscribers.model import Actor, Subscriber

from .conftest import KEIKO, KEY, KEYS, NOW, World, build, site_of

IMPORT = Actor("import", "people.csv")
SITE = ("ja", "en")


def link(world: World, person: str, *, keys: tuple[str, ...] = KEYS, expires: datetime | None = None) -> str:
    return f"/p/{tokens.preferences_token(keys, world.people[person], expires=expires)}"


def person(world: World, name: str) -> Subscriber:
    with world.engine.connect() as connection:
        return store.get(connection, world.people[name])


def text(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html.partition("<main")[2])))


# ── the rule, on both databases ─────────────────────────────────────────────────────────────────


def test_what_a_person_sets_is_never_overwritten_by_an_import(database: sa.Engine) -> None:
    for world in build(database):
        miho = world.people["miho"]
        with database.begin() as connection:
            saved = preferences.save(connection, miho, first="en", text_only=True, offered=SITE, now=NOW)
        assert saved == preferences.Saved(first="en", text_only=True)
        with database.begin() as connection:
            store.change(connection, miho, languages=["ja"], text_only=False, by=IMPORT, now=NOW)
        after = person(world, "miho")
        assert (after.languages, after.text_only) == (("en", "ja"), True)


def test_saving_again_changes_nothing_and_says_so(database: sa.Engine) -> None:
    for world in build(database):
        for expected in (preferences.Saved("en", True), preferences.Saved()):
            with database.begin() as connection:
                saved = preferences.save(
                    connection, world.people["miho"], first="en", text_only=True, offered=SITE, now=NOW
                )
            assert saved == expected


def test_the_page_is_told_every_list_with_its_state(database: sa.Engine) -> None:
    for world in build(database):
        miho = world.people["miho"]
        with database.begin() as connection:
            reader = preferences.reader(connection, miho, NOW)
            assert reader is not None
            assert preferences.leave(connection, reader, "training", now=NOW)
            assert not preferences.leave(connection, reader, "staff", now=NOW)  # never on it
            reader = preferences.reader(connection, miho, NOW)
        assert reader is not None
        assert [(on.slug, str(on.state)) for on in reader.lists] == [
            ("enews", "confirmed"),
            ("training", "unsubscribed"),
        ]
        with database.connect() as connection:
            withdrawn = connection.execute(
                sa.select(tables.consent_record.c.source, tables.consent_record.c.by).where(
                    tables.consent_record.c.act == "withdrawn"
                )
            ).all()
        assert [tuple(row) for row in withdrawn] == [("preferences", "subscriber")]


def test_whoever_reads_a_variety_is_not_asked_about_the_same_edition_twice() -> None:
    found = [
        (one.tag, one.language, one.rank, one.written) for one in preferences.choices(["en-GB", "fr"], SITE)
    ]
    assert found == [("en-GB", "en", 1, True), ("fr", "fr", 2, False), ("ja", "ja", None, True)]
    assert [one.tag for one in preferences.choices(["zh-Hans"], ["zh-Hant"])] == ["zh-Hans", "zh-Hant"]


# ── the page ────────────────────────────────────────────────────────────────────────────────────


def test_opening_the_link_in_any_way_changes_nothing(world: World) -> None:  # F21
    before = world.rows()
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        for query in ("", "?lang=en", "?do=save&text_only=yes&first=en", "?leave=enews", "?leave=*"):
            world.client.request(method, link(world, "miho") + query)
    assert world.rows() == before


def test_the_page_shows_what_is_set_and_the_whole_address_nowhere(world: World) -> None:
    page = world.client.get(link(world, "miho"))
    assert page.status_code == 200
    assert "m••••@city.example.jp" in page.text and "miho@" not in page.text
    assert 'name="first" value="ja" checked' in page.text and 'name="first" value="en">' in page.text
    assert 'name="text_only" value="yes">' in page.text
    assert "2034年12月20日に登録" in page.text
    assert "「研修と募集のお知らせ」をやめる" in page.text
    assert "<script" not in page.text and 'style="' not in page.text


def test_the_page_is_not_stored_not_found_by_search_and_tells_no_other_site(world: World) -> None:
    for page in (
        world.client.get(link(world, "miho")),
        world.client.post(link(world, "miho"), data={"do": "save"}),
        world.client.get(link(world, "miho", expires=NOW)),
    ):
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-robots-tag"] == "noindex"
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "set-cookie" not in page.headers
        assert not re.search(r'(?:src|href)="https?://(?!mail\.example\.org)', page.text)


def test_the_page_speaks_the_readers_language_and_can_be_switched(world: World) -> None:
    assert '<html lang="en"' in world.client.get(link(world, "alan")).text
    assert '<html lang="ja"' in world.client.get(f"{link(world, 'alan')}?lang=ja").text
    changed = world.client.post(f"{link(world, 'miho')}?lang=ja", data={"do": "save", "first": "en"})
    assert '<html lang="ja"' in changed.text  # the language of the page is not that of the letter


def test_a_save_answers_with_the_same_page_and_says_what_changed(world: World) -> None:
    page = world.client.post(
        f"{link(world, 'miho')}?lang=ja", data={"do": "save", "first": "en", "text_only": "yes"}
    )
    assert page.status_code == 200 and not page.history
    said = text(page.text)
    assert (
        "変更を保存しました" in said
        and "これからは English をいちばんに" in said
        and "文字だけのメールで" in said
    )
    assert 'value="en" checked' in page.text and 'name="text_only" value="yes" checked' in page.text
    assert (person(world, "miho").languages, person(world, "miho").text_only) == (("en", "ja"), True)
    again = world.client.post(
        f"{link(world, 'miho')}?lang=en", data={"do": "save", "first": "en", "text_only": "yes"}
    )
    assert "Everything was so already" in text(again.text)
    back = world.client.post(f"{link(world, 'miho')}?lang=en", data={"do": "save", "first": "en"})
    assert "pictures and design again" in text(back.text)


def test_whoever_has_chosen_no_language_is_not_made_to(world: World) -> None:
    page = world.client.get(f"{link(world, 'nadia')}?lang=en")
    assert "checked" not in page.text and "You have not chosen yet and get it in 日本語" in text(page.text)
    world.client.post(link(world, "nadia"), data={"do": "save", "text_only": "yes"})
    assert (person(world, "nadia").languages, person(world, "nadia").text_only) == ((), True)


def test_a_finer_spelling_and_further_languages_are_kept(world: World) -> None:
    with world.engine.begin() as connection:
        store.set_languages(connection, world.people["alan"], ["en-GB", "fr", "ja"], by=KEIKO, now=NOW)
    page = world.client.get(link(world, "alan")).text
    assert page.index('value="en-GB" checked') < page.index('value="fr"') < page.index('value="ja"')
    assert "At present we do not write in this language" in page
    world.client.post(link(world, "alan"), data={"do": "save", "first": "ja"})
    assert person(world, "alan").languages == ("ja", "en-GB", "fr")


@pytest.mark.parametrize("first", ["xx", "ja,en", "", "日本語", "../", "en\n"])
def test_a_language_that_is_not_offered_is_not_stored(world: World, first: str) -> None:
    assert world.client.post(link(world, "miho"), data={"do": "save", "first": first}).status_code == 200
    assert person(world, "miho").languages == ("ja",)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", ""),
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
        ("application/x-www-form-urlencoded", "leave=staff"),
        ("application/x-www-form-urlencoded", "leave=nothing"),
        ("application/x-www-form-urlencoded", "do=erase"),
        ("text/plain", "do=save&text_only=yes"),
        ("multipart/form-data", "do=save"),
        ("application/x-www-form-urlencoded", "do=save&text_only=yes&x=%FF" + "&a=b" * 50),
    ],
)
def test_what_the_page_does_not_offer_is_refused_and_changes_nothing(
    world: World, content_type: str, body: str
) -> None:
    before = world.rows()
    answer = world.client.post(link(world, "miho"), content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400 and "<h1>" in answer.text
    assert world.rows() == before


def test_a_person_leaves_one_list_by_its_own_button(world: World) -> None:
    for _ in range(2):  # pressed twice: the same answer
        page = world.client.post(link(world, "miho"), data={"leave": "training"})
        said = text(page.text)
        assert "「研修と募集のお知らせ」の配信をやめました" in said
        assert "2034年12月20日に停止" in said and "「みなと便り」をやめる" in said
    assert (world.state("miho", "enews"), world.state("miho", "training")) == ("confirmed", "unsubscribed")
    assert person(world, "miho").languages == ("ja",)


def test_a_person_leaves_everything(world: World) -> None:
    page = world.client.post(link(world, "miho"), data={"leave": "*"})
    assert "すべての配信をやめました" in page.text and 'name="leave"' not in page.text
    assert (world.state("miho", "enews"), world.state("miho", "training")) == ("unsubscribed", "unsubscribed")


def test_what_is_queued_for_the_list_is_skipped_at_once(world: World) -> None:  # F10
    with world.engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO campaign (id, state, at, \"by\", created_at) VALUES (1, 'sending', :at, 'x', :at)"
            ),
            {"at": NOW.replace(tzinfo=None)},
        )
        connection.execute(
            delivery.insert().values(
                campaign_id=1, subscriber_id=world.people["miho"], list_id=world.lists["enews"],
                state="queued", due_at=NOW,
            )
        )  # fmt: skip
    world.client.post(link(world, "miho"), data={"leave": "enews"})
    with world.engine.connect() as connection:
        assert connection.scalar(sa.select(delivery.c.state)) == "skipped"


# ── who may open it ─────────────────────────────────────────────────────────────────────────────


def test_other_tokens_do_not_open_it(world: World) -> None:  # F23
    miho, enews = world.people["miho"], world.lists["enews"]
    before = world.rows()
    for token in (
        world.token("miho"),
        tokens.unsubscribe_token(KEYS[0], miho, enews),
        tokens.confirm_token(KEYS, miho, enews),
        tokens.preferences_token([KEY], miho),  # of the permanent key
        tokens.seal(KEYS, tokens.Purpose.PREFERENCES, (miho, enews)),
        "x",
        "a" * 3000,
        "%00",
    ):
        assert world.client.get(f"/p/{token}").status_code == 404
        assert world.client.post(f"/p/{token}", data={"leave": "*"}).status_code == 404
    assert world.rows() == before


def test_a_link_of_an_older_key_and_in_upper_case_still_opens(world: World) -> None:
    assert world.client.get(link(world, "miho", keys=KEYS[1:])).status_code == 200
    token = tokens.preferences_token(KEYS, world.people["miho"]).upper()
    assert world.client.get(f"/p/{token}").status_code == 200


def test_an_expired_link_is_told_kindly_and_changes_nothing(world: World) -> None:
    url = f"{link(world, 'miho', expires=NOW)}?lang=en"
    before = world.rows()
    for page in (world.client.get(url), world.client.post(url, data={"leave": "*"})):
        assert page.status_code == 410 and "This link has ended" in page.text
    assert world.rows() == before
    assert world.client.get(link(world, "miho", expires=NOW + timedelta(seconds=1))).status_code == 200


def test_an_erased_person_finds_a_kind_page(world: World) -> None:
    url = f"{link(world, 'miho')}?lang=en"
    with world.engine.begin() as connection:
        store.erase(connection, world.people["miho"], permanent_key=KEY, by=KEIKO, now=NOW)
    before = world.rows()
    for page in (world.client.get(url), world.client.post(url, data={"do": "save", "first": "en"})):
        assert page.status_code == 200 and "not registered" in page.text
    assert world.rows() == before


# ── the page tells the truth ────────────────────────────────────────────────────────────────────


def test_whoever_gets_nothing_at_present_is_told_so(world: World) -> None:
    with world.engine.begin() as connection:
        store.change(
            connection, world.people["nadia"], paused_until=NOW + timedelta(days=30), by=KEIKO, now=NOW
        )
        suppression.add(connection, "alan@port.example.com", "bounced", by=KEIKO, now=NOW)
        consent.unsubscribe(connection, world.people["miho"], None, source="staff", by=KEIKO, now=NOW)
    assert "Paused until 19 January 2035" in world.client.get(f"{link(world, 'nadia')}?lang=en").text
    assert "At present we send nothing" in world.client.get(link(world, "alan")).text
    world.clock.now = NOW + timedelta(days=31)
    assert "Paused until" not in world.client.get(f"{link(world, 'nadia')}?lang=en").text


def test_names_are_text_and_never_markup(world: World) -> None:
    with world.engine.begin() as connection:
        connection.execute(tables.list_.update().values(name={"": "<b>&</b>"}))
    page = world.client.post(link(world, "miho"), data={"leave": "enews"}).text
    assert "<b>&</b>" not in page and "&lt;b&gt;&amp;&lt;/b&gt;" in page


def test_a_site_of_one_language_asks_for_none(sqlite: sa.Engine) -> None:
    from dataclasses import replace

    for world in build(sqlite):
        site = replace(site_of(sqlite, world.clock), languages=("ja",))
        with TestClient(create_app(site)) as client:
            page = client.get(link(world, "miho")).text
        assert 'type="radio"' not in page and 'name="text_only"' in page
