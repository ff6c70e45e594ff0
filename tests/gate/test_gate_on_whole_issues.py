"""Issues of other offices pass; the same issue with twelve faults is told of each, in both languages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy.engine import Engine

from mailer import i18n
from mailer.composer import checks, store
from mailer.composer.checks import SenderFacts
from mailer.composer.editions import Press
from mailer.composer.look.theme import Theme
from mailer.composer.model import Finding, Identity, Severity
from mailer.composer.text import folder as folders
from subscribers.model import Actor

HERE = Path(__file__).parent / "issues"
SAMPLE = Path(__file__).parents[2] / "mailer/samples/2034-12"
NAMES = ("farmland", "library", "museum")
SENDER = SenderFacts("letter@office.example", "smtp.office.example")
Gate = Callable[[Path], list[Finding]]


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (1200, 675), "#7A8B6F").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def desk(tmp_path: Path) -> Callable[[str], Path]:
    """A copy of an issue folder with the pictures and files that its texts name."""

    def copy(name: str) -> Path:
        path = tmp_path / name
        shutil.copytree(HERE / name, path)
        written = "".join(text.read_text("utf-8") for text in path.glob("*.md"))
        for file in set(re.findall(r"\((images/[\w.-]+|files/[\w.-]+)", written)):
            (path / file).parent.mkdir(exist_ok=True)
            guide = SAMPLE / "files/rain-garden-guide.pdf"
            (path / file).write_bytes(picture() if file.startswith("images/") else guide.read_bytes())
        return path

    return copy


@pytest.fixture
def gate(sqlite: Engine, keiko: Actor, now: datetime) -> Gate:
    """The whole gate, as `issues check` asks it."""
    office = Identity(
        "たより", "港の事務局", "Harbour Office", "en", "横浜市中区海辺通1-2-3", "", "letter@office.example"
    )
    press = Press(
        Theme(None), "https://mail.office.example", "Asia/Tokyo", {"ja": office, "en": office}, 350_000, ("ja", "en"), now
    )  # fmt: skip

    def judged(path: Path) -> list[Finding]:
        read = folders.read(path, "Asia/Tokyo")
        with sqlite.begin() as connection:
            store.save(connection, read.issue, read.files, by=keiko, now=now)
            issue = store.load(connection, read.issue.slug)
            return checks.check(connection, issue, press, SENDER)

    return judged


def said(found: list[Finding]) -> list[tuple[str, str, object]]:
    return [(one.code, one.where, dict(one.facts)) for one in found]


@pytest.mark.parametrize("name", NAMES)
def test_an_issue_of_another_office_passes(desk: Callable[[str], Path], gate: Gate, name: str) -> None:
    found = gate(desk(name))
    assert said([one for one in found if one.severity is Severity.ERROR]) == []
    assert len([one for one in found if one.severity is Severity.WARNING]) <= 3, said(found)


# (file, what stands there, what a tired person made of it, the code, where it is told)
FAULTS = [
    ("ja.md", "5月31日（木）で使えなく", "5月31日（水）で使えなく", "weekday_wrong", "ja.md, #card"),
    ("ja.md", "# 春の読み聞かせ {#story}\n", "# 春の読み聞かせ {#story}\n\n＃　お話の時間\n", "full_width_marks", "ja.md, #story"),
    ("ja.md", "ダウンロードは4月30日（月）まで", "ダウンロードは4月20日（金）まで", "date_disagrees", "ja.md, #course"),
    ("ja.md", "講座には48人", "講座には43人", "number_differs", "en.md, #course"),
    ("ja.md", "来館者は9万8千人", "来館者は9万8千人（要確認）", "placeholder_text", "ja.md, #figures"),
    ("ja.md", "緑町3丁目4番5号", "緑町\u200b3丁目4番5号", "invisible_character", "ja.md, #contact"),
    ("ja.md", "[お問い合わせフォーム]", "[こちら]", "link_text_empty_words", "ja.md, #contact"),
    ("en.md", "https://www.aoba-library.example/en/card/", "#", "dead_link", "en.md, #card"),
    ("en.md", "![Children sit around a librarian who holds a picture book open]", "![]", "missing_alt", "en.md, #story"),
    ("en.md", "{until=2035-04-30}", "{until=2035-05-30}", "until_differs", "en.md, #course"),
    ("en.md", "*Small Kitchen Science* is", "** Small Kitchen Science ** is", "markdown_left", "en.md, #staff"),
    ("en.md", "[contact form](https", "[contact form] (https", "markdown_left", "en.md, #contact"),
]  # fmt: skip


def test_twelve_faults_are_each_told_with_their_place_in_both_languages(
    desk: Callable[[str], Path], gate: Gate
) -> None:
    path = desk("library")
    for file, old, new, _, _ in FAULTS:
        text = (path / file).read_text("utf-8")
        assert old in text
        (path / file).write_text(text.replace(old, new, 1), "utf-8")
    found = gate(path)
    missed = [
        (code, where)
        for _, _, _, code, where in FAULTS
        if not any(one.code == code and one.where.startswith(where) for one in found)
    ]
    assert len(FAULTS) == 12 and missed == []
    wanted = {code for _, _, _, code, _ in FAULTS}
    # The sentence that disagrees with its link also disagrees with the other language; a link too few is counted.
    also = {"date_differs", "counts_differ"}
    assert {one.code for one in found if one.severity is not Severity.NOTE} - wanted - also == set()
    for language in ("ja", "en"):
        told = [checks.describe(one, i18n.words(language)) for one in found]
        assert all(message and remedy for message, remedy in told)
