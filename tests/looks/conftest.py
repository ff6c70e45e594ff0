"""One browser and one post for all that is looked at; a worker makes each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.looks import letters
from tests.looks.clients import chromium
from tests.looks.judge import Judge
from tests.looks.layout import Layout, Look, judge_of
from tests.looks.letters import Post
from tests.looks.web import Pages, pages_of
from tests.web.conftest import World, world

__all__ = ["world"]


@pytest.fixture(scope="session")
def post() -> Post:
    return letters.post()


@pytest.fixture(scope="session")
def picture_folder(post: Post, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for name, content in post.pictures.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Closed with its module: while it is open its loop runs, and asyncio.run of other tests in the worker fails."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def layout(browser: Browser, picture_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    return Layout(browser, tmp_path_factory.mktemp("pages"), picture_folder)


@pytest.fixture(scope="module")
def layout_judge(layout: Layout, post: Post) -> Judge[Look]:
    return judge_of(layout, post)


@pytest.fixture
def pages(post: Post, world: World) -> Pages:
    return pages_of(post, world)
