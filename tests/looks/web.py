"""The web versions as a visitor gets them: served by the application, each language of the sample issue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from playwright.sync_api import Route
from starlette.testclient import TestClient

from mailer.tables.composer import edition
from tests.looks.letters import Post
from tests.web.conftest import World, add_issue


@dataclass  # not frozen: playwright writes on whoever answers
class Pages:
    """`by_path`: the HTML as served. `answer` gives a browser what it asks for, from the application or our post."""

    by_path: Mapping[str, str] = field(repr=False)
    client: TestClient = field(repr=False)
    pictures: Mapping[str, bytes] = field(repr=False)

    def answer(self, route: Route) -> None:
        path = "/" + route.request.url.split("/", 3)[3]
        name = path.rpartition("/")[2]
        if name in self.pictures:
            route.fulfill(body=self.pictures[name])
            return
        got = self.client.get(path)
        route.fulfill(
            status=got.status_code, body=got.content, content_type=got.headers.get("content-type", "")
        )


def pages_of(post: Post, world: World) -> Pages:
    editions = [mail.source for mail in post.letters if mail.name.startswith("sample-")]
    with world.engine.begin() as connection:
        add_issue(
            connection, "2034-12", titles={each.language: each.subject for each in editions},
            sent_to=[world.lists["enews"]],
        )  # fmt: skip
        for each in editions:
            connection.execute(
                edition.update().where(edition.c.language == each.language).values(web=each.web)
            )
    paths = [f"/archive/{each.language}/2034-12/" for each in editions]
    served = {path: world.client.get(path) for path in paths}
    assert {path: got.status_code for path, got in served.items()} == dict.fromkeys(paths, 200)
    return Pages({path: got.text for path, got in served.items()}, world.client, post.pictures)
