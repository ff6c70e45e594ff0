"""The folder: read whole or refused with everything that is wrong with it."""

from __future__ import annotations

import struct
import unicodedata
import zlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mailer import media
from mailer.composer.model import IssueState
from mailer.composer.text import folder as folders
from mailer.errors import BadIssue, Fault, MailerError


def faults(folder: Any) -> list[Fault]:
    """Of a folder that is refused, or kept as a draft with faults in its words."""
    try:
        return list(folders.read(folder.path).faults)
    except BadIssue as refused:
        return list(refused.faults)


def only(folder: Any) -> Fault:
    found = faults(folder)
    assert len(found) == 1, found
    return found[0]


def test_a_good_folder_is_read_in_both_languages(folder: Any) -> None:
    issue = folders.read(folder.path).issue
    assert (issue.slug, issue.number, issue.date) == ("2034-12", "84", date(2034, 12, 20))
    assert issue.languages == ("ja", "en")
    assert [s.key for s in issue.sections] == ["meeting", "garden"]
    assert issue.texts["ja"].lead.startswith("今年最後")
    assert issue.sections[1].texts["en"].title == "Our rain garden guide"
    assert set(issue.files) == {"images/hero.png", "images/forum.jpg", "files/garden.pdf"}
    assert issue.state is IssueState.DRAFT


def test_what_is_written_is_read_back_the_same(folder: Any, tmp_path: Path) -> None:
    first = folders.read(folder.path)
    contents = {first.issue.files[name]: content for name, content in first.files.items()}
    folders.write(tmp_path / "out", first.issue, contents.__getitem__)
    second = folders.read(tmp_path / "out")
    assert second == first


def test_an_export_never_overwrites_a_folder(folder: Any, tmp_path: Path) -> None:
    read = folders.read(folder.path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(MailerError, match="not empty"):
        folders.write(tmp_path / "out", read.issue, lambda _hash: b"")
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"


def test_an_export_that_fails_leaves_nothing_behind(folder: Any, tmp_path: Path) -> None:
    issue = folders.read(folder.path).issue

    def broken(_hash: str) -> bytes:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        folders.write(tmp_path / "out", issue, broken)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["2034-12"]


def test_all_faults_are_told_at_once(folder: Any) -> None:
    folder.remove("en.md")
    folder.change("issue.toml", "number", "nummer")
    folder.change("ja.md", "![上から見た会場](images/forum.jpg", "![上から見た会場](images/forun.jpg")
    found = {fault.code: fault for fault in faults(folder)}
    assert set(found) == {"missing_language_file", "unknown_key", "missing_key", "picture_not_found"}
    assert found["picture_not_found"].where == "ja.md, line 5"
    assert "images/forum.jpg" in found["picture_not_found"].sentence
    assert "number" in found["unknown_key"].sentence  # did you mean


@pytest.mark.parametrize(
    ("name", "old", "new", "code", "where"),
    [
        ("issue.toml", 'subject = "Three', 'sub = "Three', "unknown_key", "issue.toml: edition.en"),
        ("issue.toml", 'slug = "2034-12"', 'slug = "2034/12"', "bad_slug", "issue.toml: slug"),
        ("issue.toml", 'slug = "2034-12"', 'slug = ""', "bad_slug", "issue.toml: slug"),
        ("issue.toml", 'slug = "2034-12"', 'slug = ["2034-12"]', "bad_value", "issue.toml: slug"),
        ("issue.toml", "date = 2034-12-20", 'date = "20 December"', "bad_date", "issue.toml: date"),
        ("issue.toml", "date = 2034-12-20", "date = 2034-12-20T09:00:00", "bad_date", "issue.toml: date"),
        ("issue.toml", "date = 2034-12-20", "date = 2034-13-20", "bad_toml", "issue.toml"),
        ("issue.toml", '["ja", "en"]', '["ja", "en", "ja"]', "language_twice", "issue.toml: languages"),
        ("issue.toml", '["ja", "en"]', '["ja", "EN_gb"]', "bad_language_tag", "issue.toml: languages"),
        ("issue.toml", "[edition.en]", "[edition.fr]", "edition_not_listed", "issue.toml"),
        ("issue.toml", "Three days", "Three\\ndays", "bad_subject_break", "issue.toml: edition.en.subject"),
        ("issue.toml", "Three days", "Three\\u0085days", "bad_subject_break", "issue.toml: edition.en.subject"),
        ("issue.toml", "Three days", "=?utf-8?q?=0D=0ABcc?= x", "bad_subject_encoded", "issue.toml: edition.en.subject"),
        ("issue.toml", "Three days", "Three \\u202edays", "bad_subject_bidi", "issue.toml: edition.en.subject"),
        ("issue.toml", "Three days", "@@EMAIL@@", "slot_in_text", "issue.toml: edition.en.subject"),
        ("issue.toml", 'picture = "images/hero.png"', 'picture = "../hero.png"', "picture_not_found", "issue.toml: picture"),
        ("en.md", "{#garden}", "{#meeting}", "section_key_twice", "en.md, line 14"),
        ("en.md", " {#garden}", "", "mixed_keys", "en.md, line 14"),
        ("en.md", "{#garden}", "{#Garden 2}", "bad_section_key", "en.md, line 14"),
        ("en.md", "The last letter", "<b>The</b> last letter", "raw_html", "en.md, line 1"),
        ("en.md", "The last letter of the year.", "<div>\nx\n</div>", "raw_html", "en.md, line 1"),
        ("en.md", "## Three", "<!-- hidden -->\n\n## Three", "raw_html", "en.md, line 7"),
        ("en.md", "https://example.org/report", "javascript:alert(1)", "forbidden_link", "en.md, line 12"),
        ("en.md", "https://example.org/report", "JAVA&#115;cript:alert(1)", "forbidden_link", "en.md, line 12"),
        ("en.md", "https://example.org/report", "data:text/html,x", "forbidden_link", "en.md, line 12"),
        ("en.md", "images/forum.jpg", "../../etc/passwd", "path_outside", "en.md, line 5"),
        ("en.md", "images/forum.jpg", "/etc/passwd", "path_outside", "en.md, line 5"),
        ("en.md", "images/forum.jpg", "images/%2e%2e/x.jpg", "path_outside", "en.md, line 5"),
        ("en.md", "images/forum.jpg", "https://example.org/x.jpg", "remote_picture", "en.md, line 5"),
        ("en.md", "files/garden.pdf", "files/graden.pdf", "file_not_found", "en.md, line 16"),
        ("en.md", "files/garden.pdf", "files/../../x", "path_outside", "en.md, line 16"),
        ("en.md", "2035-01-31", "31-01-2035", "bad_until", "en.md, line 16"),
        ("en.md", "The last letter", "The last\u0085 letter", "control_character", "en.md, line 1"),
        ("en.md", "The last letter", "The last\x00 letter", "control_character", "en.md, line 1"),
    ],
)  # fmt: skip
def test_a_fault_has_a_code_and_its_place(
    folder: Any, name: str, old: str, new: str, code: str, where: str
) -> None:
    folder.change(name, old, new)
    found = [fault for fault in faults(folder) if fault.code == code]
    assert [fault.where for fault in found[:1]] == [where], faults(folder)
    assert found[0].sentence
    assert found[0].remedy


def test_a_missing_edition_table_is_told(folder: Any) -> None:
    folder.write("issue.toml", (folder.path / "issue.toml").read_text().split("[edition.en]")[0])
    assert (only(folder).code, only(folder).where) == ("empty_subject", "issue.toml: edition.en.subject")


def test_no_folder_and_no_issue_toml_are_told(folder: Any, tmp_path: Path) -> None:
    with pytest.raises(BadIssue, match="no folder"):
        folders.read(tmp_path / "nowhere")
    folder.remove("issue.toml")
    assert only(folder).code == "no_issue_toml"


def test_a_text_of_a_language_that_is_not_listed_is_told(folder: Any) -> None:
    folder.write("fr.md", "Bonjour")
    folder.write("README.md", "not a language")
    assert only(folder).code == "language_not_listed"


def test_a_shift_jis_file_is_named_as_such(folder: Any) -> None:
    folder.write("ja.md", "港の便り".encode("cp932"))
    fault = only(folder)
    assert (fault.code, fault.facts["reason"]) == ("not_utf8", "cp932")
    assert "Shift JIS" in fault.sentence


def test_symbolic_links_are_never_followed(folder: Any, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root:x:0")
    (folder.path / "files" / "harmless.txt").symlink_to(secret)
    (folder.path / "images" / "deep").symlink_to(tmp_path)
    folder.remove("en.md")
    (folder.path / "en.md").symlink_to(secret)
    assert {(f.code, f.where) for f in faults(folder)} == {
        ("symlink", "files/harmless.txt"),
        ("symlink", "images/deep"),
        ("symlink", "en.md"),
    }


def bomb(width: int, height: int) -> bytes:
    """A valid PNG header of many pixels; its body would be tiny compressed."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 9))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(("size", "megapixels"), [((10_000, 6_000), "60"), ((12_000, 9_000), "108")])
def test_a_picture_of_sixty_megapixels_is_refused_before_it_is_decoded(
    folder: Any, size: tuple[int, int], megapixels: str
) -> None:  # F37
    folder.write("images/forum.jpg", bomb(*size))
    fault = only(folder)
    assert (fault.code, fault.where) == ("bad_picture", "images/forum.jpg")
    assert f"{megapixels} megapixels" in fault.sentence


def test_a_picture_bomb_beyond_every_measure_is_refused_too(folder: Any) -> None:  # F37
    folder.write("images/forum.jpg", bomb(200_000, 200_000))
    assert "megapixels" in only(folder).sentence


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0 torn"])
def test_what_is_no_picture_is_refused(folder: Any, content: bytes) -> None:
    folder.write("images/forum.jpg", content)
    assert only(folder).code == "bad_picture"


def test_a_picture_that_was_cut_off_while_copying_is_refused(folder: Any) -> None:
    whole = (folder.path / "images/forum.jpg").read_bytes()
    folder.write("images/forum.jpg", whole[: len(whole) // 2])
    fault = only(folder)
    assert fault.code == "bad_picture"
    assert "damaged" in fault.sentence


def test_a_file_that_is_too_large_is_told_and_not_read(folder: Any) -> None:
    with (folder.path / "files" / "film.mp4").open("wb") as file:
        file.truncate(folders.FILE_BYTES + 1)
    assert only(folder).code == "file_too_large"


def test_names_decomposed_by_macos_are_found(folder: Any) -> None:  # F49
    name = "images/ガイド.jpg"
    folder.write(unicodedata.normalize("NFD", name), (folder.path / "images/forum.jpg").read_bytes())
    folder.change("ja.md", "images/forum.jpg", unicodedata.normalize("NFC", name))
    assert name in folders.read(folder.path).issue.files


def test_texts_are_composed_and_keep_their_full_width_forms(folder: Any) -> None:  # F49
    folder.change("ja.md", "今年最後", unicodedata.normalize("NFD", "ガ") + "１２３髙﨑𠮷①㈱〜😀")
    lead = folders.read(folder.path).issue.texts["ja"].lead
    assert lead.startswith("ガ１２３髙﨑𠮷①㈱〜😀")


def test_line_ends_and_a_byte_order_mark_change_nothing(folder: Any) -> None:
    plain = folders.read(folder.path)
    text = (folder.path / "ja.md").read_text("utf-8")
    folder.write("ja.md", b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert folders.read(folder.path) == plain


def test_hidden_files_of_computers_stay_behind(folder: Any) -> None:
    folder.write("images/.DS_Store", b"x")
    folder.write("images/Thumbs.db", b"x")
    assert len(folders.read(folder.path).files) == 3


def test_sections_without_keys_are_tied_by_their_position(folder: Any) -> None:
    for name in ("ja.md", "en.md"):
        folder.change(name, " {#meeting}", "")
        folder.change(name, " {#garden}", "")
    issue = folders.read(folder.path).issue
    assert [(s.key, s.keyed, sorted(s.texts)) for s in issue.sections] == [
        ("1", False, ["en", "ja"]),
        ("2", False, ["en", "ja"]),
    ]


def test_a_section_may_stand_in_one_language_and_in_another_order(folder: Any) -> None:
    folder.write(
        "en.md", "# Guide {#garden}\n\ntext\n\n# Only here {#extra}\n\ntext\n\n# Meeting {#meeting}\n\nx\n"
    )
    issue = folders.read(folder.path).issue
    assert [s.key for s in issue.sections] == ["meeting", "garden", "extra"]
    assert issue.orders["en"] == ("garden", "extra", "meeting")
    assert set(issue.sections[2].texts) == {"en"}


def test_hashes_in_the_issue_are_those_of_the_contents(folder: Any) -> None:
    read = folders.read(folder.path)
    assert {name: media.hash_of(content) for name, content in read.files.items()} == read.issue.files


# ── a draft may have faults in its words ────────────────────────────────────────────────────────


def test_faults_of_the_words_keep_nobody_from_keeping_a_draft(folder: Any) -> None:
    folder.remove("en.md")
    folder.change("issue.toml", 'subject = "港をつないだ三日間"', 'subject = "港を\\u0007つないだ"')
    folder.change("ja.md", "images/forum.jpg", "images/forun.jpg")
    read = folders.read(folder.path)
    assert {one.code for one in read.faults} == {
        "missing_language_file",
        "bad_subject_break",
        "picture_not_found",
    }
    assert set(read.issue.texts) == {"ja"}


def test_a_folder_that_cannot_be_kept_as_it_is_meant_is_refused_with_all_its_faults(folder: Any) -> None:
    folder.change("issue.toml", 'slug = "2034-12"', 'slug = "20 34"')
    folder.change("ja.md", "images/forum.jpg", "images/forun.jpg")
    with pytest.raises(BadIssue) as caught:
        folders.read(folder.path)
    assert {one.code for one in caught.value.faults} == {"bad_slug", "picture_not_found"}


PICTURES = """
[pictures."images/forum.jpg"]
credit = { "ja" = "森 恵子", "en" = "Mori Keiko" }
people = true
consent = "forms of 14 November, folder 7"
usable_until = 2036-03-31
"""


def test_what_is_known_of_a_picture_is_read_and_written_back(folder: Any, tmp_path: Path) -> None:
    folder.write("issue.toml", (folder.path / "issue.toml").read_text() + PICTURES)
    first = folders.read(folder.path)
    facts = first.issue.picture_facts("images/forum.jpg")
    assert (facts.credit_in("en"), facts.people, facts.consent) == (
        "Mori Keiko",
        True,
        "forms of 14 November, folder 7",
    )
    assert facts.usable_until == date(2036, 3, 31)
    assert first.issue.picture_facts("images/hero.png").credit_in("ja") == "Harbour office"
    contents = {first.issue.files[name]: content for name, content in first.files.items()}
    folders.write(tmp_path / "out", first.issue, contents.__getitem__)
    assert folders.read(tmp_path / "out") == first


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("people = 1", "bad_value"),
        ("usable_until = 2036-03-31T10:00:00", "bad_value"),
        ("credit = { japanese1234 = 'x' }", "bad_language_tag"),
        ("usable_until = true", "bad_value"),
        ("credits = 'x'", "unknown_key"),
        ("credit = 3", "bad_value"),
    ],
)
def test_a_wrong_fact_of_a_picture_is_told(folder: Any, line: str, code: str) -> None:
    toml = f'{(folder.path / "issue.toml").read_text()}\n[pictures."images/forum.jpg"]\n{line}\n'
    folder.write("issue.toml", toml)
    fault = only(folder)
    assert (fault.code, fault.where.startswith("issue.toml: pictures.images/forum.jpg")) == (code, True)


def test_facts_of_a_picture_that_is_not_there_are_told_once(folder: Any) -> None:
    folder.write(
        "issue.toml",
        f'{(folder.path / "issue.toml").read_text()}\n[pictures."images/forun.jpg"]\npeople = false\n',
    )
    assert (only(folder).code, only(folder).where) == ("picture_not_found", "issue.toml: pictures")


@pytest.mark.parametrize(
    "line",
    [
        'picture = "images/a\\u0000.png"',
        '[pictures."images/a\\u0000.png"]',
        '[pictures]\ncredit = { "j\\u0000" = "x" }',
    ],
)
def test_a_nul_is_refused_wherever_it_stands(folder: Any, line: str) -> None:
    toml = (folder.path / "issue.toml").read_text().replace('picture = "images/hero.png"\n', "")
    lines = [one for one in toml.split("\n") if not one.startswith("pictures.credit")]
    text = "\n".join([line, *lines] if line.startswith("picture =") else [*lines, line])
    folder.write("issue.toml", text)
    with pytest.raises(BadIssue) as caught:
        folders.read(folder.path)
    assert "nul_character" in {one.code for one in caught.value.faults}
