"""Pictures for ever, files until their day, nothing that could run in a browser."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime

import pytest

from mailer import media
from mailer.tables.composer import edition

from .conftest import JPEG, NOW, PDF, World, add_issue, add_resource

END = datetime(2035, 1, 31, 15, 0, tzinfo=UTC)  # midnight in Yokohama after the 31st


def keep(world: World, content: bytes, media_type: str, *, shown: bool = True) -> str:
    """The address of a blob, in a frozen edition's HTML or nowhere."""
    with world.engine.begin() as connection:
        blob = media.save(connection, content, media_type, 10, 10, now=NOW)
        address = media.address(blob, media_type)
        if shown:
            add_issue(connection, f"s{blob[:6]}", titles={"ja": "x"})
            connection.execute(
                edition.update()
                .where(edition.c.content_hash == f"s{blob[:6]}ja")
                .values(html=f'<img src="https://mail.example.org{address}">')
            )
    return address


def test_a_picture_of_a_frozen_edition_is_kept_for_ever(world: World) -> None:
    answer = world.client.get(keep(world, JPEG, "image/jpeg"))
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, JPEG, "image/jpeg")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    known = world.client.get(answer.url.path, headers={"If-None-Match": answer.headers["etag"]})
    assert known.status_code == 304


def test_a_picture_that_no_edition_shows_is_not_public(world: World) -> None:
    assert world.client.get(keep(world, JPEG, "image/jpeg", shown=False)).status_code == 404


@pytest.mark.parametrize(
    "media_type", ["image/svg+xml", "text/html", "application/octet-stream", "application/pdf"]
)
def test_what_could_run_is_never_served_as_a_picture(world: World, media_type: str) -> None:  # F33
    address = keep(world, b"<svg onload=alert(1)>", media_type)
    for extension in (address.rpartition(".")[2], "svg", "html", "png", "jpg"):
        assert world.client.get(f"{address.rpartition('.')[0]}.{extension}").status_code == 404


@pytest.mark.parametrize(
    "name", ["x.jpg", "a" * 40, "../" * 3 + "etc/passwd", "A" * 40 + ".jpg", f"{'a' * 40}.jpg"]
)
def test_other_names_are_not_found(world: World, name: str) -> None:
    assert world.client.get(f"/media/{name}").status_code == 404


def out(world: World, name: str = "guide.pdf", **facts: object) -> str:
    with world.engine.begin() as connection:
        add_issue(connection, "2034-12", titles={"ja": "x"}, sent_to=[world.lists["enews"]])
        if "url" not in facts:
            facts = {"content": PDF, **facts}
        add_resource(connection, "2034-12", name, **facts)  # type: ignore[arg-type]
    return f"/r/2034-12/ja/{name}"


def test_a_dated_file_is_a_download_with_its_end_in_the_header(world: World) -> None:
    answer = world.client.get(out(world, until=date(2035, 1, 31), ends_at=END))
    assert (answer.status_code, answer.content) == (200, PDF)
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert parsedate_to_datetime(answer.headers["sunset"]) == END
    assert answer.headers["cache-control"] == "private, max-age=3600"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_cache_does_not_outlive_the_end(world: World) -> None:
    url = out(world, until=date(2035, 1, 31), ends_at=END)
    world.clock.now = END - timedelta(minutes=5)
    assert world.client.get(url).headers["cache-control"] == "private, max-age=300"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_after_its_last_day_a_file_is_gone_and_the_page_says_so(world: World, method: str) -> None:
    url = out(world, until=date(2035, 1, 31), ends_at=END)
    world.clock.now = END - timedelta(seconds=1)
    assert world.client.request(method, url).status_code == 200
    world.clock.now = END
    answer = world.client.request(method, url)
    assert answer.status_code == 410
    if method == "GET":
        assert "日本時間の2035年1月31日（水）でした" in answer.text
        assert "enews@example.org" in answer.text and "/archive/ja/2034-12/" in answer.text
        assert "was available until" in world.client.get(f"{url}?lang=en").text


def test_extending_the_end_revives_a_mailed_link(world: World) -> None:
    from mailer.tables.composer import resource

    url = out(world, until=date(2035, 1, 31), ends_at=END)
    world.clock.now = END + timedelta(days=1)
    assert world.client.get(url).status_code == 410
    with world.engine.begin() as connection:
        connection.execute(resource.update().values(ends_at=END + timedelta(days=28)))
    assert world.client.get(url).status_code == 200


def test_a_dated_link_goes_where_it_was_stored_to_go_and_nowhere_else(world: World) -> None:  # F25
    url = out(world, "apply", url="https://forms.example.com/申込?x=1", until=date(2035, 1, 31), ends_at=END)
    answer = world.client.get(f"{url}?url=https://evil.example", follow_redirects=False)
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://forms.example.com/%E7%94%B3%E8%BE%BC?x=1"
    assert "sunset" in answer.headers


def test_html_and_svg_are_served_as_bytes_without_a_type(world: World) -> None:  # F33
    answer = world.client.get(out(world, "page.html", content=b"<script>", media_type="text/html"))
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")


def test_a_name_in_japanese_reaches_the_reader(world: World) -> None:
    answer = world.client.get(out(world, "手引き.pdf"))
    assert "filename*=UTF-8''%E6%89%8B%E5%BC%95%E3%81%8D.pdf" in answer.headers["content-disposition"]


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=0-3", 206, PDF[:4]),
        ("bytes=1000-", 206, PDF[1000:]),
        ("bytes=-9", 206, PDF[-9:]),
        ("bytes=5-99999", 206, PDF[5:]),
        ("bytes=99999-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=9-3", 416, b""),
        ("bytes=0-1,5-6", 200, PDF),
        ("pages=1-2", 200, PDF),
        ("bytes=-", 200, PDF),
    ],
)
def test_a_broken_download_can_be_taken_up_again(
    world: World, asked: str, status: int, expected: bytes
) -> None:
    answer = world.client.get(out(world), headers={"Range": asked})
    assert (answer.status_code, answer.content) == (status, expected)
    if status == 206:
        assert answer.headers["content-range"].endswith(f"/{len(PDF)}")


def test_a_range_of_an_older_file_gets_the_whole_new_one(world: World) -> None:
    answer = world.client.get(out(world), headers={"Range": "bytes=0-3", "If-Range": '"older"'})
    assert (answer.status_code, answer.content) == (200, PDF)


def test_files_of_an_unsent_issue_are_not_public(world: World) -> None:
    with world.engine.begin() as connection:
        add_issue(connection, "2035-01", titles={"ja": "x"}, state="approved")
        add_resource(connection, "2035-01", "guide.pdf", content=PDF)
    assert world.client.get("/r/2035-01/ja/guide.pdf").status_code == 404


def test_files_of_a_withdrawn_issue_are_gone(world: World) -> None:
    with world.engine.begin() as connection:
        add_issue(connection, "2034-12", titles={"ja": "x"}, sent_to=[1], state="withdrawn")
        add_resource(connection, "2034-12", "guide.pdf", content=PDF)
    assert world.client.get("/r/2034-12/ja/guide.pdf").status_code == 410


@pytest.mark.parametrize("path", ["/r/2034-12/ja/nothing", "/r/2034-12/", "/r/2034-12/ja/", "/r/", "/media/"])
def test_there_is_no_listing(world: World, path: str) -> None:
    out(world)
    assert world.client.get(path).status_code == 404
