"""An issue folder on disk that a test can spoil."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, BooleanObject, DictionaryObject, NameObject
from sqlalchemy.engine import Engine

from mailer.composer import store
from mailer.composer.editions import Press
from mailer.composer.look.theme import Theme
from mailer.composer.model import Identity, Issue
from mailer.composer.text import folder as folders
from subscribers.model import Actor

TOML = """\
slug = "2034-12"
number = "84"
date = 2034-12-20
languages = ["ja", "en"]
picture = "images/hero.png"
pictures.credit = "Harbour office"

[edition.ja]
subject = "港をつないだ三日間"
preheader = "九つの港町から五十二人"
picture_alt = "朝の港"

[edition.en]
subject = "Three days that joined our waterfronts"
picture_alt = "Morning in the harbour"
"""

JA = """\
今年最後の便りです。**強調。**次の文。

# 実務者が集まりました {#meeting}

![上から見た会場](images/forum.jpg "十一月十二日の全体会")

## 三つの約束

1. ことばで示す
2. 座れる場所をつくる

[報告書を読む](https://example.org/report){.button} [一覧](https://example.org/list){.button}

# 雨庭の手引き {#garden}

[小さな雨庭](files/garden.pdf){until=2035-01-31}

::: event {start="2035-02-18 14:00" end="17:00" place="海辺ホール"}
## 半日講座
- 定員: 会場30人
:::
"""

EN = """\
The last letter of the year.

# Practitioners met {#meeting}

![The hall from above](images/forum.jpg "The plenary on 12 November")

## Three commitments

1. Show routes in words
2. Give people a place to sit

[Read the report](https://example.org/report){.button} [List](https://example.org/list){.button}

# Our rain garden guide {#garden}

[Small rain gardens](files/garden.pdf){until=2035-01-31}

::: event {start="2035-02-18 14:00" end="17:00" place="Umibe Hall"}
## Half-day course
- Places: 30
:::
"""


def picture(size: tuple[int, int] = (800, 450), form: str = "PNG", colour: str = "#1A4F70") -> bytes:
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, form)
    return out.getvalue()


@cache
def tagged_pdf() -> bytes:
    """One empty page with a tree of its structure, as a word processor exports it."""
    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    tree = DictionaryObject(
        {NameObject("/Type"): NameObject("/StructTreeRoot"), NameObject("/K"): ArrayObject()}
    )
    writer.root_object[NameObject("/StructTreeRoot")] = tree
    writer.root_object[NameObject("/MarkInfo")] = DictionaryObject(
        {NameObject("/Marked"): BooleanObject(True)}
    )
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.write("issue.toml", TOML)
        self.write("ja.md", JA)
        self.write("en.md", EN)
        self.write("images/hero.png", picture((1200, 520)))
        self.write("images/forum.jpg", picture((1072, 600), "JPEG"))
        self.write("files/garden.pdf", tagged_pdf())

    def write(self, name: str, content: str | bytes) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    def change(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new, 1))

    def remove(self, name: str) -> None:
        (self.path / name).unlink()


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A good issue in Japanese and English, in a folder `2034-12`."""
    return Folder(tmp_path / "2034-12")


@pytest.fixture
def picture_bytes() -> Callable[..., bytes]:
    return picture


def identities() -> dict[str, Identity]:
    ja, en = "港町都市ネットワーク 横浜事務所", "Harbour Cities Network, Yokohama Office"
    address = "1-2-3 Umibe-dori, Naka-ku, Yokohama 000-0000, Japan"
    return {
        "ja": Identity(
            "みなと便り", ja, en, "en", "横浜市中区海辺通1-2-3", "045-000-0000", "enews@example.org"
        ),
        "en": Identity("Harbour Letter", en, ja, "ja", address, "+81 45 000 0000", "enews@example.org"),
    }


@pytest.fixture
def press(now: datetime) -> Press:
    """A press with a web server; `dataclasses.replace(press, base_url="")` is the office without one."""
    theme = _theme()
    return Press(theme, "https://mail.example.org", "Asia/Tokyo", identities(), 350_000, ("ja", "en"), now)


@cache
def _theme() -> Theme:
    return Theme(None)


@pytest.fixture
def stored(sqlite: Engine, folder: Folder, keiko: Actor, now: datetime) -> Callable[[], Issue]:
    """Reads the folder as it is now into the database and gives the issue."""

    def store_now() -> Issue:
        read = folders.read(folder.path, "Asia/Tokyo")
        with sqlite.begin() as connection:
            store.save(connection, read.issue, read.files, by=keiko, now=now)
            return store.load(connection, read.issue.slug)

    return store_now
