"""The frame: health, static files, problems told in the reader's language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from mailer import migrations, worker
from mailer.bootstrap import open_database, open_house
from mailer.config import load
from mailer.demo import world as demo_world
from mailer.web.site import create_app

from .conftest import NOW, Clock, World, site_of


def test_health_tells_a_monitor_what_it_asks(world: World) -> None:
    answer = world.client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "last_tick": None}
    assert answer.headers["cache-control"] == "no-store"
    assert world.client.head("/healthz").status_code == 200


def test_health_fails_when_the_database_does(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/no/such/folder/x.sqlite")
    with TestClient(create_app(site_of(engine, Clock()))) as client:
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["database"]) == (503, "unreachable")


def test_health_knows_the_last_tick(sqlite: Engine) -> None:
    site = replace(site_of(sqlite, Clock()), last_tick=lambda: NOW - timedelta(seconds=3))
    with TestClient(create_app(site)) as client:
        assert client.get("/healthz").json()["last_tick"] == "2034-12-19T23:59:57+00:00"


def test_a_tick_is_told_once_it_has_gone_well(tmp_path: Path) -> None:
    config = demo_world.make(tmp_path / "office", 2525)
    migrations.upgrade(open_database(load(config, {})))
    house = open_house(config, {})
    last = worker.LastTick()
    with TestClient(create_app(replace(site_of(house.engine, Clock()), last_tick=last.at))) as client:
        assert client.get("/healthz").json()["last_tick"] is None
        worker.tick(house, last)
        told = client.get("/healthz").json()["last_tick"]
        assert datetime.fromisoformat(told).tzinfo is not None
        with house.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE schedule RENAME TO another")
        worker.tick(house, last)  # a clock whose ticks fail must not look alive
        assert client.get("/healthz").json()["last_tick"] == told


def test_the_sheet_is_named_by_its_content_and_kept(world: World) -> None:
    page = world.client.get("/archive/ja/").text
    address = re.search(r'<link rel="stylesheet" href="([^"]+)"', page)
    assert address
    sheet = world.client.get(address[1])
    assert sheet.headers["content-type"].startswith("text/css")
    assert "immutable" in sheet.headers["cache-control"]
    assert "http" not in re.sub(r'href\^="http"', "", sheet.text)
    assert world.client.get("/static/000000000000/site.css").status_code == 404
    assert world.client.get("/static/x/../../site.py").status_code == 404


def test_a_wrong_address_is_answered_with_a_page_in_the_readers_language(world: World) -> None:
    page = world.client.get("/nothing/here", headers={"Accept-Language": "en"})
    assert page.status_code == 404
    assert "Page not found" in page.text and 'href="/archive/en/"' in page.text
    assert "ページが見つかりません" in world.client.get("/nothing", headers={"Accept-Language": "ja"}).text


def test_a_wrong_method_is_answered_with_a_page(world: World) -> None:
    answer = world.client.post("/archive/ja/")
    assert answer.status_code == 405
    assert answer.headers["allow"]


def test_our_own_fault_shows_no_inner_thing(world: World) -> None:
    with world.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE campaign_edition")
    answer = world.client.get("/archive/ja/")
    assert answer.status_code == 500
    assert "sqlite" not in answer.text.lower() and "Traceback" not in answer.text
    assert answer.headers["content-security-policy"]


def test_there_is_no_description_of_the_application(world: World) -> None:
    for path in ("/docs", "/openapi.json", "/redoc"):
        assert world.client.get(path).status_code == 404


def test_no_page_sets_a_cookie(world: World) -> None:
    for path in ("/archive/ja/", f"/u/{world.token('miho')}", "/nothing"):
        assert "set-cookie" not in world.client.get(path).headers


def test_without_a_public_address_pages_work_and_name_no_host(sqlite: Engine) -> None:
    with TestClient(create_app(site_of(sqlite, Clock(), base_url=""))) as client:
        page = client.get("/archive/ja/")
    assert page.status_code == 200 and "canonical" not in page.text
