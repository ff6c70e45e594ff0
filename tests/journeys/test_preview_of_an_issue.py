"""`issues preview`: every form of every language in files, as an invented reader or a chosen subscriber gets it."""

from __future__ import annotations

import email
import email.message
import email.policy
import os
import re
import shutil
from pathlib import Path
from typing import Any

import lxml.html
import pytest
from PIL import Image

from mailer import config, tokens
from mailer.composer.preview import browser
from tests.conftest import missing
from tests.journeys.conftest import SAMPLE, Office

FORMS = {
    "mail.html",
    "mail-light.html",
    "mail-dark.html",
    "mail.txt",
    "mail.eml",
    "mail-text.eml",
    "web.html",
}
SHOTS = {
    "mail-375-light.png": 375, "mail-375-dark.png": 375, "mail-640-light.png": 640, "mail-640-dark.png": 640,
    "mail-640-forced-dark.png": 640, "web-1200.png": 1200,
}  # fmt: skip


def changed_issue(office: Office, file: str, old: str, new: str) -> None:
    folder = office.folder / "changed"
    shutil.copytree(SAMPLE, folder, dirs_exist_ok=True)
    text = (folder / file).read_text("utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), "utf-8")
    office.run("issues", "import", str(folder))


def preview(office: Office, *more: str) -> tuple[Path, Any]:
    told = office.json("issues", "preview", "2034-12", "--out", "out", "--no-pictures", *more)
    return office.folder / "out", told


def message(path: Path) -> email.message.EmailMessage:
    found = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(found, email.message.EmailMessage)
    return found


def content(part: Any) -> str:
    return str(part.get_payload(decode=True).decode())


def sheet(out: Path) -> lxml.html.HtmlElement:
    return lxml.html.document_fromstring((out / "index.html").read_bytes())


@pytest.mark.parametrize("base_url", ["https://news.example.org", ""])
def test_every_form_is_written_and_opens_from_a_disk(ready: Office, base_url: str) -> None:
    ready.configure(site__base_url=base_url)
    out, told = preview(ready)
    assert told["index"] == "out/index.html"
    assert all((ready.folder / name).is_file() for name in told["files"])
    for language in ("ja", "en"):
        assert {path.name for path in (out / language).iterdir()} == FORMS | {"pictures"}
        for name in ("mail.html", "mail-light.html", "mail-dark.html", "web.html"):
            page = (out / language / name).read_text("utf-8")
            assert "@@" not in page
            for source in re.findall(r' src="([^"]*)"', page):
                assert (out / language / source).is_file()
    for address in sheet(out).xpath("//@src | //a/@href[not(starts-with(., '#'))] | //link/@href"):
        assert (out / address).is_file()


def test_what_is_looked_at_is_what_is_sent(ready: Office) -> None:
    """A preview that fills its fields in a way of its own shows another mail than people get."""
    out, _ = preview(ready, "--subscriber", "hana@example.org")
    for language in ("ja", "en"):
        plain, markup = message(out / language / "mail.eml").iter_parts()
        sent = re.sub(r'"[^"]*/media/([0-9a-f]{40}\.\w+)"', r'"pictures/\1"', content(markup))
        assert sent.split() == (out / language / "mail.html").read_text("utf-8").split()
        assert content(plain).split() == (out / language / "mail.txt").read_text("utf-8").split()
        alone = message(out / language / "mail-text.eml")
        assert alone.get_content_type() == "text/plain"
        assert content(alone) == content(plain)


def test_a_chosen_subscriber_is_seen_in_every_field(ready: Office) -> None:
    out, told = preview(ready, "--subscriber", "Tom@Example.com")
    shown = ready.json("subscribers", "show", "tom@example.com")
    assert told["language"] == "en"
    for name in ("mail.html", "mail.txt"):
        text = (out / "en" / name).read_text("utf-8")
        assert "tom@example.com" in text
        assert shown["reference"] in text
        assert "reader@example.org" not in text
    eml = message(out / "en" / "mail.eml")
    assert eml["To"] == "tom@example.com"
    assert "enews." in eml["List-Id"]
    page = sheet(out)
    assert page.xpath("//p[@class='whose']/@lang")[:2] == ["en", "ja"]  # theirs first
    assert "tom@example.com" in page.xpath("string(//div[@class='page-head'])")


@pytest.mark.parametrize(
    ("who", "language", "said"),
    [
        ("luc@example.net", "ja", ""),  # reads neither: the list's language, as in a send
        ("later@example.org", "en", "not confirmed yet"),
        ("gone@example.org", "ja", "unsubscribed"),
    ],
)
def test_a_person_who_would_get_nothing_is_told_apart(
    ready: Office, who: str, language: str, said: str
) -> None:
    out, told = preview(ready, "--subscriber", who)
    assert told["language"] == language
    head = sheet(out).xpath("string(//div[@class='page-head'])")
    assert ("gets nothing" in head) == bool(said)
    assert said in head


def test_an_unknown_subscriber_is_refused_before_anything_is_written(ready: Office) -> None:
    done = ready.run("issues", "preview", "2034-12", "--out", "out", "--subscriber", "no@example.org", code=1)
    assert "no@example.org" in done.stderr
    assert not (ready.folder / "out").exists()


@pytest.mark.parametrize("base_url", ["https://news.example.org", ""])
def test_no_file_of_a_preview_holds_a_live_key(ready: Office, base_url: str) -> None:
    """A preview is passed round: whoever presses “unsubscribe” in it must not take somebody off the list."""
    ready.configure(site__base_url=base_url)
    out, _ = preview(ready, "--subscriber", "hana@example.org")
    secret = config.load(ready.folder / "config.toml", ready.environ).secrets
    texts = []
    for path in out.rglob("*.*"):
        if path.suffix == ".eml":
            eml = message(path)
            texts += [
                str(eml.items()),
                *(content(part) for part in eml.walk() if part.get_content_maintype() == "text"),
            ]
        elif path.suffix in (".html", ".txt"):
            texts.append(path.read_text("utf-8"))
    assert "unsubscribe" in " ".join(texts)
    assert tokens.find_unsubscribe(secret.permanent_key.get_secret_value(), texts) is None
    assert re.findall(r"/[up]/(?!sample\b)\w+", " ".join(texts)) == []


def test_a_text_with_faults_is_shown_with_what_the_gate_says(office: Office) -> None:
    changed_issue(office, "ja.md", "\n# ", "\n<b>太字</b>\n\n# ")
    out, told = preview(office, "--lang", "ja")
    assert told["findings"] > 0
    note = sheet(out).xpath("//section[contains(@class, 'note')]")[0]
    assert note.get("data-state") == "error"
    assert "このままでは承認できません" in note.text_content()
    assert "mailer issues check 2034-12" in note.text_content()
    assert (out / "ja" / "mail-dark.html").is_file()


def test_hostile_words_are_only_words_on_the_sheet(office: Office) -> None:
    hostile = "<script>alert(1)</script>'><img src=x onerror=alert(2)>"
    changed_issue(office, "issue.toml", 'preheader = "', f'preheader = "{hostile}')
    out, _ = preview(office)
    page = sheet(out)
    assert page.xpath("//script | //img[@onerror] | //@style") == []
    assert any(hostile in text for text in page.xpath("//bdi/text()"))


def test_a_missing_preheader_is_shown_as_lists_show_it(office: Office) -> None:
    toml = (SAMPLE / "issue.toml").read_text("utf-8")
    line = re.search(r"(?m)^preheader = .*\n", toml)
    assert line
    changed_issue(office, "issue.toml", line[0], "")
    out, _ = preview(office)
    glimpses = sheet(out).xpath("//p[contains(@class, 'lent')]")
    assert len(glimpses) == 3
    assert glimpses[0].text_content().strip()


def test_no_browser_is_told_in_one_line(ready: Office) -> None:
    ready.environ["PATH"] = ""
    done = ready.run("issues", "preview", "2034-12", "--out", "out")
    if Path("/Applications").is_dir():
        pytest.skip("on a Mac browsers are found without PATH")
    assert "Chromium was not found" in done.stdout
    assert not list((ready.folder / "out").rglob("mail-375*.png"))
    japanese = ready.run("--lang", "ja", "issues", "preview", "2034-12", "--out", "out")
    assert "Chromium が見つからない" in japanese.stdout


def test_a_browser_that_breaks_costs_only_the_pictures(ready: Office) -> None:
    broken = ready.folder / "bin" / "chromium"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    old = ready.folder / "out" / "ja" / "pictures" / "mail-375-light.png"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"of an earlier text")
    ready.environ["PATH"] = str(broken.parent)
    done = ready.run("issues", "preview", "2034-12", "--out", "out")
    assert "made no pictures" in done.stderr
    assert (ready.folder / "out" / "index.html").is_file()
    assert not old.exists()


@pytest.mark.browser
def test_with_a_browser_there_are_pictures_in_full_length(ready: Office) -> None:
    if browser.find(os.environ) is None:
        missing("chromium", "chromium")
    told = ready.json("issues", "preview", "2034-12", "--out", "out")
    assert told["pictures"] == 2 * len(SHOTS)
    brightness = {}
    for name, width in SHOTS.items():
        with Image.open(ready.folder / "out" / "ja" / "pictures" / name) as image:
            assert image.width == width
            assert image.height > 3000
            brightness[name] = image.convert("L").resize((1, 1)).getpixel((0, 0))
    for width in (375, 640):
        assert brightness[f"mail-{width}-light.png"] > 150 > brightness[f"mail-{width}-dark.png"]
    assert brightness["mail-640-forced-dark.png"] < 150
    page = sheet(ready.folder / "out")
    assert len(page.xpath("//section[@id='forced']//img[@loading='lazy']")) == 2
