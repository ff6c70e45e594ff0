"""The gate on pictures, files and spelling: heavy, without credit or consent, ended, untagged, misspelt."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfWriter
from pypdf.generic import ArrayObject, BooleanObject, DictionaryObject, NameObject
from sqlalchemy.engine import Engine

from mailer.composer import checks
from mailer.composer.checks import SenderFacts, files, pdf_structure, pictures, spelling
from mailer.composer.checks.case import Case
from mailer.composer.editions import Press, Proof, compose
from mailer.composer.model import Edition, Finding, Issue, PictureFacts, Severity
from mailer.composer.pictures import Album, Made
from mailer.composer.resources import Managed
from mailer.composer.text import markdown
from mailer.i18n import words
from tests.conftest import missing

SENDER = SenderFacts("enews@harbour-cities.example", "smtp.harbour-cities.example")
Judge = Callable[..., list[Finding]]


@pytest.fixture
def judge(sqlite: Engine, stored: Callable[[], Issue], press: Press) -> Judge:
    """What the checks of a module say of the folder as it is now; nothing is drawn."""

    def judged(room: Any, *, issue: Issue | None = None, as_of: date | None = None) -> list[Finding]:
        kept = issue or stored()
        proofs = {language: unprinted(kept, language) for language in kept.languages}
        with sqlite.begin() as connection:
            case = Case(connection, kept, press, SENDER, proofs, as_of or kept.date)
            return [found for check in room.CHECKS for found in check(case)]

    return judged


def unprinted(issue: Issue, language: str, album: Album | None = None) -> Proof:
    letter = markdown.letter(issue, language, "Asia/Tokyo")
    edition = Edition(0, issue.slug, None, language, "", letter.subject, "", "", None, (), {})
    return Proof(edition, letter, Managed({}, {}), album or Album({}, 0, True), None)  # type: ignore[arg-type]


def codes(found: list[Finding]) -> list[str]:
    return [one.code for one in found]


def said(one: Finding) -> str:
    """In both languages, so that no fact is missing."""
    return " ".join(part for language in ("ja", "en") for part in checks.describe(one, words(language)))


CREDITED = {"": PictureFacts(credit={"": "Harbour office"})}


# ── pictures ────────────────────────────────────────────────────────────────────────────────────


def test_pictures_without_a_credit_are_one_finding_that_names_them(
    judge: Judge, stored: Callable[[], Issue]
) -> None:
    (found,) = judge(pictures, issue=replace(stored(), pictures={}))
    assert (found.code, found.severity) == ("picture_without_credit", Severity.WARNING)
    assert found.facts["paths"] == ("images/hero.png", "images/forum.jpg")
    assert "images/forum.jpg" in said(found)
    own = {"images/hero.png": PictureFacts(credit={"ja": "森"})}
    (found,) = judge(pictures, issue=replace(stored(), pictures=own))
    assert found.facts["paths"] == ("images/forum.jpg",)
    assert judge(pictures, issue=replace(stored(), pictures=CREDITED)) == []


@pytest.mark.parametrize(
    "caption",
    [
        "The plenary. Photo: Mori",
        "The plenary © Mori",
        "全体会（撮影：森）",
        "全体会　写真提供／横浜市",
        "The plenary (courtesy of Mori)",
    ],
)
def test_a_credit_in_the_caption_is_one(
    judge: Judge, folder: Any, stored: Callable[[], Issue], caption: str
) -> None:
    folder.change("en.md", "The plenary on 12 November", caption)
    own = {"images/hero.png": PictureFacts(credit={"": "x"})}
    assert judge(pictures, issue=replace(stored(), pictures=own)) == []


def test_a_credit_for_all_at_the_end_of_the_letter_is_one(
    judge: Judge, folder: Any, stored: Callable[[], Issue]
) -> None:
    folder.write("en.md", (folder.path / "en.md").read_text("utf-8") + "\nPhotos: Harbour office\n")
    assert judge(pictures, issue=replace(stored(), pictures={})) == []


@pytest.mark.parametrize(
    ("alt", "people"),
    [
        ("Participants around a table", True),
        ("Two children plant a tree", True),
        ("参加者が輪になって話す", True),
        ("山田さんと森さん", True),
        ("記念写真", True),
        ("The hall from above", False),
        ("会場の外観", False),
        ("Students in the library before a map", True),
        ("図書館で話を聞く児童", True),
        ("ポスターの前に立つ学生", True),
        ("Bar chart: participants", False),
        ("A poster that shows children", False),
        ("A chart of participants by city", False),
        ("参加者の数のグラフ", False),
        ("会場を真上から描いた図。参加者が並ぶ", False),
        ("Benches for residents", False),
        ("住民向けの掲示板", False),
        ("A manhole cover with a whale", False),
        ("The mangrove at low tide", False),
        ("人気の菓子店", False),
    ],
)
def test_people_without_a_note_of_consent_are_told(
    judge: Judge, folder: Any, stored: Callable[[], Issue], alt: str, people: bool
) -> None:
    folder.change("en.md", "The hall from above", alt)
    issue = replace(stored(), pictures=CREDITED)
    assert codes(judge(pictures, issue=issue)) == (["picture_without_consent"] if people else [])


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (PictureFacts(people=True), True),
        (PictureFacts(people=True, consent="forms in folder 12"), False),
        (PictureFacts(people=False), False),
        (PictureFacts(consent="asked on the day"), False),
        (PictureFacts(people=True, consent="  "), True),
    ],
)
def test_what_the_office_says_of_people_counts(
    judge: Judge, folder: Any, stored: Callable[[], Issue], facts: PictureFacts, told: bool
) -> None:
    alt = "A drawing of the hall" if facts.people else "Children at play"
    folder.change("en.md", "The hall from above", alt)
    issue = replace(stored(), pictures={**CREDITED, "images/forum.jpg": facts})
    found = judge(pictures, issue=issue)
    assert codes(found) == (["picture_without_consent"] if told else [])
    assert all("images/forum.jpg" in said(one) for one in found)


def test_people_who_are_drawn_according_to_the_other_language_are_drawn(
    judge: Judge, folder: Any, stored: Callable[[], Issue]
) -> None:
    folder.change("en.md", "The hall from above", "Participants in the hall")
    folder.change("ja.md", "上から見た会場", "会場の図")
    assert judge(pictures, issue=replace(stored(), pictures=CREDITED)) == []


def test_a_picture_whose_time_is_over_holds(judge: Judge, stored: Callable[[], Issue]) -> None:
    own = {**CREDITED, "images/hero.png": PictureFacts(usable_until=date(2034, 12, 31))}
    issue = replace(stored(), pictures=own)
    assert judge(pictures, issue=issue, as_of=date(2034, 12, 31)) == []
    (found,) = judge(pictures, issue=issue, as_of=date(2035, 1, 1))
    assert (found.code, found.severity, found.facts["path"]) == (
        "picture_ended",
        Severity.ERROR,
        "images/hero.png",
    )
    assert "2034" in said(found)


@pytest.mark.parametrize(
    ("size_bytes", "shown", "told"),
    [
        (199_000, (536, 300), False),
        (201_000, (536, 300), True),  # kept as PNG: no quality could be stepped down
        (190_000, (252, 189), False),
        (195_000, (168, 126), True),
        (99_000, (44, 44), False),
    ],
)
def test_a_picture_heavier_than_what_it_shows_is_told(
    sqlite: Engine,
    stored: Callable[[], Issue],
    press: Press,
    size_bytes: int,
    shown: tuple[int, int],
    told: bool,
) -> None:
    made = Made("0" * 64, "image/png", size_bytes, shown)
    issue = stored()
    album = Album({"images/forum.jpg@2": made}, size_bytes, True)
    with sqlite.begin() as connection:
        case = Case(connection, issue, press, SENDER, {"en": unprinted(issue, "en", album)}, issue.date)
        found = list(pictures.heavy(case))
    assert codes(found) == (["picture_heavy"] if told else [])
    assert all("images/forum.jpg" in said(one) and "@" not in said(one) for one in found)


def test_a_photograph_that_is_transparent_somewhere_is_found_heavy(
    sqlite: Engine, folder: Any, stored: Callable[[], Issue], press: Press
) -> None:
    noise = Image.effect_noise((1072, 600), 90).convert("RGBA")
    noise.putpixel((0, 0), (0, 0, 0, 0))
    out = io.BytesIO()
    noise.save(out, "PNG")
    folder.write("images/forum.jpg", out.getvalue())
    issue = stored()
    with sqlite.begin() as connection:
        case = Case(
            connection, issue, press, SENDER, {"en": compose(connection, issue, "en", press)}, issue.date
        )
        (found,) = pictures.heavy(case)
    assert "images/forum.jpg" in said(found)


# ── files ───────────────────────────────────────────────────────────────────────────────────────


def pdf(*, tagged: bool, password: str = "", owner: str = "") -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(72, 72)
    if tagged:
        tree = DictionaryObject(
            {NameObject("/Type"): NameObject("/StructTreeRoot"), NameObject("/K"): ArrayObject()}
        )
        writer.root_object[NameObject("/StructTreeRoot")] = tree
        writer.root_object[NameObject("/MarkInfo")] = DictionaryObject(
            {NameObject("/Marked"): BooleanObject(True)}
        )
    if password or owner:
        writer.encrypt(password, owner or None, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


LOOP = b"""%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R/StructTreeRoot 3 0 R>> endobj
2 0 obj <</Type/Pages/Kids[2 0 R]/Count 1/Parent 2 0 R>> endobj
3 0 obj 3 0 R endobj
trailer <</Root 1 0 R/Prev 9>>
startxref
9
%%EOF"""


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (pdf(tagged=True), "tagged"),
        (pdf(tagged=False), "untagged"),
        (pdf(tagged=True, owner="x"), "tagged"),  # may be opened, not changed
        (pdf(tagged=True, password="secret"), "locked"),
        (b"%PDF-1.4 garden", "unreadable"),
        (b"", "unreadable"),
        (pdf(tagged=True)[:200], "unreadable"),
        (b"%PDF-1.7\n" + b"[" * 200_000, "unreadable"),  # nested too deep
        (b"<html>not found</html>", "unreadable"),
    ],
)
def test_a_pdf_says_whether_it_is_tagged(content: bytes, kind: str) -> None:
    assert files.kind_of(content) == kind


def test_a_pdf_that_points_at_itself_does_no_harm() -> None:
    assert files.kind_of(LOOP) in ("untagged", "unreadable")


def test_a_reading_without_end_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text("while True: pass")
    monkeypatch.setattr(pdf_structure, "__file__", str(slow))
    start = time.monotonic()
    assert files.kind_of(b"", seconds=0.5) == files.UNREAD
    assert time.monotonic() - start < 60  # it ended at all


def test_the_reader_takes_no_more_memory_than_it_may() -> None:
    assert pdf_structure.MOST_MEMORY_BYTES <= 1_000_000_000
    assert sys.platform != "linux" or files.kind_of(b"%PDF-1.4\n" + b"0 " * 10_000_000) == "unreadable"


def test_untagged_files_of_both_languages_are_one_finding(
    sqlite: Engine, folder: Any, stored: Callable[[], Issue], press: Press
) -> None:
    def found() -> list[Finding]:
        issue = stored()
        with sqlite.begin() as connection:
            proofs = {language: compose(connection, issue, language, press) for language in issue.languages}
            return list(files.pdfs(Case(connection, issue, press, SENDER, proofs, issue.date)))

    assert found() == []  # the good issue's is tagged
    folder.write("files/garden.pdf", pdf(tagged=False))
    (one,) = found()
    assert (one.code, one.facts["paths"]) == ("pdf_untagged", ("files/garden.pdf",))
    folder.write("files/garden.pdf", pdf(tagged=True, password="x"))
    (one,) = found()
    assert one.code == "pdf_unreadable" and "パスワード" in said(one)
    folder.write("files/garden.pdf", b"%PDF-1.4 cut")
    (one,) = found()
    assert one.code == "pdf_unreadable" and "パスワード" not in said(one)


def test_pdfs_of_an_issue_have_one_time_together_and_are_read_once(
    sqlite: Engine,
    folder: Any,
    stored: Callable[[], Issue],
    press: Press,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder.write("files/garden.pdf", pdf(tagged=False, owner="of this test"))
    issue = stored()

    def found() -> list[Finding]:
        with sqlite.begin() as connection:
            proofs = {language: compose(connection, issue, language, press) for language in issue.languages}
            return list(files.pdfs(Case(connection, issue, press, SENDER, proofs, issue.date)))

    monkeypatch.setattr(files, "_TOGETHER_SECONDS", 0.0)
    (late,) = found()
    assert (late.code, late.facts["reason"]) == ("pdf_unreadable", files.UNREAD)
    assert "時間" in said(late)
    monkeypatch.setattr(files, "_TOGETHER_SECONDS", 30.0)
    assert codes(found()) == ["pdf_untagged"]  # what time forbade is read the next time
    monkeypatch.setattr(sys, "executable", "/no/such/program")
    assert codes(found()) == ["pdf_untagged"]  # and then known
    assert files.kind_of(pdf(tagged=False)) == files.UNREAD


def test_the_gate_can_be_imported_where_processes_have_no_limits() -> None:
    """Windows has no module `resource`; the program that reads a PDF runs there, too."""
    program = (
        "import io, runpy, sys\n"
        "sys.modules['resource'] = None\n"
        "from mailer.composer.checks import pdf_structure\n"
        "sys.stdin = io.TextIOWrapper(io.BytesIO(b'%PDF-1.4 cut'))\n"
        "runpy.run_path(pdf_structure.__file__, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=120, text=True, check=False
    )
    assert done.stdout == "unreadable", done.stderr


# ── spelling ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def dictionaries() -> tuple[str, ...]:
    found = spelling.installed("en")
    if not found:
        missing("hunspell with an English dictionary", "hunspell hunspell-en-gb hunspell-en-us")
    return found


def test_slips_are_told_by_section_with_what_was_meant(
    judge: Judge, folder: Any, dictionaries: tuple[str, ...]
) -> None:
    folder.change("en.md", "The last letter of the year.", "The last leter of the year, please recieve it.")
    folder.change("en.md", "Show routes in words", "Show routes in wrods, with accomodation")
    first, second = judge(spelling)
    assert (first.code, first.severity, first.section) == ("misspelt", Severity.WARNING, None)
    assert first.facts["words"] == ("leter → leer / letter", "recieve → receive / relieve")
    assert second.section == "meeting" and "accomodation → accommodation" in str(second.facts["words"])
    assert "recieve" in said(first)


@pytest.mark.parametrize(
    "sentence",
    [
        "We welcome the colour and the color of organisation and organization.",  # en: both are right
        "Kawasaki, Yokohma and Recieve House met at CITYNET.",  # names
        "We ate onigiri, walked the shotengai and slept in a machiya.",
        "See https://example.org/recieve and recieve@example.org or www.recieve.example.",
        "Placemaking and wayfinding webinars for stakeholders, livestreamed and crowdfunded.",
        "The *recieve* word, `accomodation` in code, 3rd and 2nd, 14thh.",
        "It’s the city’s and the residents’ own; don’t say they won’t.",
        "A bolo here, a bolo there, and one more bolo, plus blurg blurg blurg.",
        "Naïve cafés, façades and a résumé; well-being and follow-up, co-organised e-mails.",
        "A short recap: the how-to, pre-event Q&A, co-design, peer-to-peer, capacity-building and low-lying areas.",
    ],
)
def test_names_terms_and_foreign_words_are_left_alone(
    judge: Judge, folder: Any, dictionaries: tuple[str, ...], sentence: str
) -> None:
    folder.change("en.md", "The last letter of the year.", sentence)
    assert [one.facts["words"] for one in judge(spelling)] == []


def test_without_the_program_or_a_dictionary_it_is_silent(
    judge: Judge, folder: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.change("en.md", "The last letter of the year.", "Please recieve it.")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert judge(spelling) == []


def test_languages_without_spaces_or_capitals_are_not_judged(dictionaries: tuple[str, ...]) -> None:
    assert [spelling.installed(language) for language in ("ja", "zh-Hant", "ar", "th")] == [()] * 4
    assert len(spelling.installed("en-US")) == 1 and "en_US" in spelling.installed("en-US")[0]
    assert spelling.installed("en-NZ") == ()
