"""`/u/TOKEN`: nothing happens by looking, everything happens by one POST."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from mailer import tokens
from mailer.tables.delivery import delivery
from subscribers import store, tables

from .conftest import KEIKO, KEY, NOW, World, build

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def test_opening_the_link_in_any_way_changes_nothing(world: World) -> None:  # F21
    before = world.rows()
    url = f"/u/{world.token('miho')}"
    for method in ("GET", "HEAD", "OPTIONS", "GET"):
        for query in ("", "?lang=en", "?auto=yes", "?what=all", "?jo=1"):
            world.client.request(method, url + query)
    assert world.rows() == before


def test_the_page_has_a_button_and_says_whose_address_it_is(world: World) -> None:
    page = world.client.get(f"/u/{world.token('miho')}")
    assert page.status_code == 200
    assert "m••••@city.example.jp" in page.text
    assert "miho@" not in page.text
    assert '<form class="plain" method="post">' in page.text
    assert 'value="list" checked' in page.text
    assert 'value="all"' in page.text
    assert "研修と募集のお知らせ" in page.text


def test_a_reader_of_one_list_has_one_button_and_no_choice(world: World) -> None:
    page = world.client.get(f"/u/{world.token('nadia')}")
    assert page.text.count('type="submit"') == 1
    assert "radio" not in page.text


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click"),
        (
            "multipart/form-data; boundary=x",
            '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n',
        ),
        ("multipart/form-data", "no boundary at all"),
        ("text/plain", ""),
        ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click&what=all"),
    ],
)
def test_one_click_takes_the_person_off_the_right_list_only(
    world: World, content_type: str, body: str
) -> None:  # F22
    answer = world.client.post(
        f"/u/{world.token('miho')}", content=body.encode(), headers={"Content-Type": content_type}
    )
    assert answer.status_code == 200
    assert "location" not in answer.headers and "set-cookie" not in answer.headers
    assert world.state("miho", "enews") == "unsubscribed"
    assert world.state("miho", "training") == "confirmed"


def test_one_click_twice_and_in_chunks_is_harmless(world: World) -> None:  # F22
    def chunks() -> object:
        yield b"List-Unsubscribe="
        yield b"One-Click"

    url = f"/u/{world.token('alan')}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert world.client.post(url, content=chunks(), headers=headers).status_code == 200  # type: ignore[arg-type]
    before = world.rows()
    assert world.client.post(url, data=ONE_CLICK).status_code == 200
    assert world.rows() == before
    assert world.state("alan", "enews") == "unsubscribed"


def test_a_huge_body_is_not_read_and_still_works(world: World) -> None:
    answer = world.client.post(f"/u/{world.token('alan')}", content=b"x" * 5_000_000)
    assert answer.status_code == 200
    assert world.state("alan", "enews") == "unsubscribed"


def test_the_token_in_upper_case_is_the_same_token(world: World) -> None:
    assert world.client.post(f"/u/{world.token('alan').upper()}", data=ONE_CLICK).status_code == 200
    assert world.state("alan", "enews") == "unsubscribed"


@pytest.mark.parametrize("token", ["x", "a" * 26, "%00", "a" * 3000])
def test_a_wrong_token_is_not_found_and_changes_nothing(world: World, token: str) -> None:
    before = world.rows()
    assert world.client.get(f"/u/{token}").status_code == 404
    assert world.client.post(f"/u/{token}", data=ONE_CLICK).status_code == 404
    assert world.rows() == before


def test_a_token_in_the_body_is_ignored(world: World) -> None:  # F22
    world.client.post(
        f"/u/{world.token('alan')}",
        data={**ONE_CLICK, "token": world.token("miho"), "email": "miho@city.example.jp"},
    )
    assert world.state("alan", "enews") == "unsubscribed"
    assert world.state("miho", "enews") == "confirmed"


def test_a_preferences_token_cannot_unsubscribe(world: World) -> None:  # F23
    token = tokens.preferences_token([KEY], world.people["miho"])
    assert world.client.post(f"/u/{token}", data=ONE_CLICK).status_code == 404


def test_one_click_works_for_someone_who_has_been_erased(world: World) -> None:  # F22
    token = world.token("miho")
    with world.engine.begin() as connection:
        store.erase(connection, world.people["miho"], permanent_key=KEY, by=KEIKO, now=NOW)
    assert world.client.post(f"/u/{token}", data=ONE_CLICK).status_code == 200
    page = world.client.get(f"/u/{token}?lang=en")
    assert page.status_code == 200 and "not registered" in page.text
    assert world.client.post(f"/u/{token}", data={"what": "list"}).status_code == 200


def test_a_person_leaves_one_list_and_reads_what_happened(world: World) -> None:
    page = world.client.post(f"/u/{world.token('miho')}", data={"what": "list"})
    assert page.status_code == 200
    assert "「みなと便り」の配信をやめました" in page.text
    assert "2034年12月20日（水）9:00（日本時間）に受け付けました" in page.text
    assert "ほかの配信（研修と募集のお知らせ）は続きます" in page.text
    assert world.state("miho", "training") == "confirmed"


def test_a_person_leaves_everything(world: World) -> None:
    page = world.client.post(f"/u/{world.token('miho')}", data={"what": "all"})
    assert "すべての配信をやめました" in page.text
    assert (world.state("miho", "enews"), world.state("miho", "training")) == ("unsubscribed", "unsubscribed")
    again = world.client.get(f"/u/{world.token('miho')}")
    assert "すでにすべてやめています" in again.text and "submit" not in again.text


def test_the_page_speaks_the_readers_language_and_can_be_switched(world: World) -> None:
    token = world.token("alan")
    assert '<html lang="en"' in world.client.get(f"/u/{token}").text
    assert "Stop Harbour Letter" in world.client.get(f"/u/{token}").text
    assert '<html lang="ja"' in world.client.get(f"/u/{token}?lang=ja").text
    nobody = f"/u/{world.token('nadia')}"  # no preference: the browser's, then the site's
    assert '<html lang="en"' in world.client.get(nobody, headers={"Accept-Language": "en-US,en;q=0.9"}).text
    assert '<html lang="ja"' in world.client.get(nobody, headers={"Accept-Language": "fr"}).text


def test_token_pages_are_not_stored_not_found_by_search_and_tell_no_other_site(world: World) -> None:
    page = world.client.get(f"/u/{world.token('miho')}")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-robots-tag"] == "noindex"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert not re.search(r'(?:src|href)="https?://(?!mail\.example\.org)', page.text)


def test_what_is_queued_for_this_list_is_skipped_at_once(world: World) -> None:  # F10
    with world.engine.begin() as connection:
        for number, on in enumerate(("enews", "training")):
            connection.execute(
                sa.text(
                    "INSERT INTO campaign (id, state, at, \"by\", created_at) VALUES (:id, 'sending', :at, 'x', :at)"
                ),
                {"id": number + 1, "at": datetime(2034, 12, 20, tzinfo=UTC).replace(tzinfo=None)},
            )
            connection.execute(
                delivery.insert().values(
                    campaign_id=number + 1, subscriber_id=world.people["miho"], list_id=world.lists[on],
                    state="queued", due_at=NOW,
                )
            )  # fmt: skip
    world.client.post(f"/u/{world.token('miho')}", data=ONE_CLICK)
    with world.engine.connect() as connection:
        states = connection.scalars(sa.select(delivery.c.state).order_by(delivery.c.campaign_id)).all()
    assert list(states) == ["skipped", "queued"]


def test_leaving_works_on_both_databases(database: sa.Engine) -> None:
    for world in build(database):
        assert world.client.post(f"/u/{world.token('miho')}", data=ONE_CLICK).status_code == 200
        assert world.state("miho", "enews") == "unsubscribed"
        with world.engine.connect() as connection:
            acts = connection.scalars(sa.select(tables.consent_record.c.act)).all()
        assert "withdrawn" in acts
