"""The issue folder in and out: `issue.toml`, `<lang>.md`, `images/`, `files/`.

Owns what is on disk and its limits; a folder is hostile until read. Writes nothing but the export.
Knows no database. Called by the command line and by the import page.
"""

from __future__ import annotations

import os
import shutil
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mailer import media
from mailer.errors import BadIssue, BadPicture, Fault, MailerError

from .. import images
from ..model import Issue, IssueText, Section, SectionText
from . import issue_toml, manuscript, markdown
from .faults import Faults, Place
from .issue_toml import Head
from .manuscript import Manuscript

# Limits protect the memory of a small machine and the database's backup; ten times what an issue needs.
TEXT_BYTES: Final = 1_000_000
PICTURE_BYTES: Final = 30_000_000  # a 50-megapixel JPEG has 10–25 MB
FILE_BYTES: Final = 50_000_000
FOLDER_BYTES: Final = 300_000_000
MOST_FILES: Final = 500
_HIDDEN: Final = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True, slots=True)
class FolderIssue:
    """An issue and the content of its pictures and files, by path.

    `faults`: what is wrong with its words. A draft may have them; the gate says them again and holds.
    """

    issue: Issue
    files: Mapping[str, bytes]
    faults: tuple[Fault, ...] = ()


def read(path: Path, zone: str = "UTC") -> FolderIssue:
    """Everything of a folder. `zone`: of the times of events.

    Raises BadIssue, with all that is wrong, for a folder that cannot be kept as it is meant: no issue.toml, two
    sections with one key, a damaged picture. Faults of the words come with the issue.
    """
    faults, words = Faults(), Faults()
    if not path.is_dir():
        faults.add("no_issue_folder", str(path), path=str(path))
        raise BadIssue(faults.found)
    files = _files(path, faults)
    head = _head(path, faults)
    texts = _manuscripts(path, head, faults, words)
    if head is not None:
        issue = _assemble(head, texts, files, faults)
        for language, written in texts.items():
            found = markdown.read(issue, language, zone, _places(language, written, issue))[1]
            words.found += [one for one in found if one not in words.found]
    if faults.found or head is None:
        raise BadIssue([*faults.found, *words.found])
    return FolderIssue(issue, files, tuple(words.found))


def write(path: Path, issue: Issue, open_file: Callable[[str], bytes]) -> None:
    """The folder of an issue; `open_file` gives a blob's content. It appears whole or not at all."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise MailerError(
            f"{path} is there already and not empty.",
            remedy="Choose another folder, or empty that one.",
            key="export_not_empty",
            path=str(path),
        )
    part = path.with_name(f".{path.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        (part / issue_toml.FILE).write_text(issue_toml.dump(issue), "utf-8", newline="\n")
        for language in issue.languages:
            (part / f"{language}.md").write_text(_text_of(issue, language), "utf-8", newline="\n")
        for name, blob_hash in issue.files.items():
            target = part / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(open_file(blob_hash))
        if path.exists():
            path.rmdir()
        part.replace(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _text_of(issue: Issue, language: str) -> str:
    by_key = {section.key: section for section in issue.sections}
    text = issue.texts.get(language)
    rows = []
    for key in issue.orders.get(language, ()):
        written = by_key[key].texts[language]
        rows.append((key if by_key[key].keyed else None, written.title, written.body))
    return manuscript.join(text.lead if text else "", rows)


# ── what is on disk ─────────────────────────────────────────────────────────────────────────────


def _files(path: Path, faults: Faults) -> dict[str, bytes]:
    """Pictures and files by their path in NFC; macOS hands out names decomposed (F49)."""
    found: dict[str, bytes] = {}
    names = [p for folder in ("images", "files") for p in _walk(path, path / folder, faults)]
    if len(names) > MOST_FILES:
        faults.add("too_many_files", str(path.name), count=len(names), limit=MOST_FILES)
        return found
    total = 0
    for file in names:
        name = unicodedata.normalize("NFC", file.relative_to(path).as_posix())
        picture = name.startswith("images/")
        content = _bytes(file, name, PICTURE_BYTES if picture else FILE_BYTES, faults)
        if content is None:
            continue
        if name in found:
            faults.add("name_clash", name, path=name)
        found[name] = content
        total += len(content)
        if total > FOLDER_BYTES:
            faults.add(
                "folder_too_large",
                str(path.name),
                size_mb=total // 1_000_000,
                limit_mb=FOLDER_BYTES // 1_000_000,
            )
            return found
        if picture and images.is_picture(name):
            _judge_picture(name, content, faults)
    return found


def _walk(root: Path, folder: Path, faults: Faults) -> list[Path]:
    """Regular files below `folder`. A symbolic link would import what it points to, such as a password file."""
    found: list[Path] = []
    if folder.is_symlink():
        faults.add("symlink", folder.name, path=folder.name)
        return found
    for directory, below, files in os.walk(folder):
        for name in sorted((*below, *files)):
            entry = Path(directory) / name
            if entry.is_symlink():
                shown = entry.relative_to(root).as_posix()
                faults.add("symlink", shown, path=shown)
            elif (
                name in files and not name.startswith(".") and name.lower() not in _HIDDEN and entry.is_file()
            ):
                found.append(entry)
        below[:] = [name for name in sorted(below) if not name.startswith(".")]
    return found


def _bytes(file: Path, name: str, limit: int, faults: Faults) -> bytes | None:
    try:
        if file.is_symlink():
            faults.add("symlink", name, path=name)
            return None
        size = file.stat().st_size
        if size > limit:
            faults.add(
                "file_too_large",
                name,
                path=name,
                size_mb=round(size / 1_000_000, 1),
                limit_mb=limit / 1_000_000,
            )
            return None
        return file.read_bytes()
    except OSError as error:
        faults.add("unreadable", name, path=name, detail=error.strerror or str(error))
        return None


def _judge_picture(name: str, content: bytes, faults: Faults) -> None:
    try:
        images.inspect(content)
    except BadPicture as error:
        faults.add("bad_picture", name, path=name, **images.why(error))


def _text(path: Path, name: str, faults: Faults) -> str | None:
    """UTF-8 with or without BOM, any line ends, as NFC with LF."""
    raw = _bytes(path / name, name, TEXT_BYTES, faults)
    if raw is None:
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        faults.add("not_utf8", name, line=raw[: error.start].count(b"\n") + 1, **_other_encoding(raw))
        return None
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    if "\x00" in text:  # no database keeps it; other control characters are the words' affair
        faults.add("nul_character", f"{name}, line {text[: text.index(chr(0))].count(chr(10)) + 1}")
    return text


def _other_encoding(raw: bytes) -> dict[str, str]:
    try:
        raw.decode("cp932")
    except UnicodeDecodeError:
        return {}
    return {"reason": "cp932"}


# ── what it says ────────────────────────────────────────────────────────────────────────────────


def _head(path: Path, faults: Faults) -> Head | None:
    if not (path / issue_toml.FILE).exists() and not (path / issue_toml.FILE).is_symlink():
        faults.add("no_issue_toml", str(path.name))
        return None
    text = _text(path, issue_toml.FILE, faults)
    return issue_toml.parse(text, faults) if text is not None else None


def _manuscripts(path: Path, head: Head | None, faults: Faults, words: Faults) -> dict[str, Manuscript]:
    """The texts of the languages of issue.toml; a file of another language is reported."""
    found: dict[str, Manuscript] = {}
    languages = head.languages if head else ()
    there = {p.stem: p.name for p in sorted(path.glob("*.md"))}
    for language in languages:
        if language not in there:
            words.add(
                "missing_language_file", "issue.toml: languages", language=language, file=f"{language}.md"
            )
        elif (text := _text(path, there[language], faults)) is not None:
            found[language] = manuscript.split(text)
    for stem, name in there.items():
        if head and stem not in languages and issue_toml.is_tag(stem):
            faults.add("language_not_listed", name, file=name, language=stem)
    return found


def _assemble(
    head: Head, texts: Mapping[str, Manuscript], files: Mapping[str, bytes], faults: Faults
) -> Issue:
    _judge_keys(texts, faults)
    orders: dict[str, tuple[str, ...]] = {}
    rows: dict[str, dict[str, SectionText]] = {}
    keyed: dict[str, bool] = {}
    for language, written in texts.items():
        keys = []
        for position, draft in enumerate(written.sections, 1):
            key = draft.key if draft.key is not None else str(position)
            if key not in keys:  # the second of a pair is a fault by now
                keys.append(key)
                rows.setdefault(key, {})[language] = SectionText(draft.title, draft.body)
                keyed[key] = draft.key is not None
        orders[language] = tuple(keys)
    return Issue(
        head.slug,
        head.number,
        head.date,
        head.languages,
        {lang: replace(head.texts.get(lang, IssueText("")), lead=texts[lang].lead) for lang in texts},
        tuple(Section(key, row, keyed[key]) for key, row in rows.items()),
        orders,
        head.newsletter,
        head.picture,
        head.teaser,
        {name: media.hash_of(content) for name, content in files.items()},
        pictures=head.pictures,
    )


def _judge_keys(texts: Mapping[str, Manuscript], faults: Faults) -> None:
    all_keyed: bool | None = None
    mixed = False
    for language, written in texts.items():
        first: dict[str, int] = {}
        for draft in written.sections:
            where = f"{language}.md, line {draft.line}"
            if all_keyed is None:
                all_keyed = draft.key is not None
            elif all_keyed != (draft.key is not None) and not mixed:
                faults.add("mixed_keys", where)
                mixed = True
            if draft.key is None:
                continue
            if not manuscript.KEY_FORM.match(draft.key):
                faults.add("bad_section_key", where, key=draft.key)
            if draft.key in first:
                faults.add("section_key_twice", where, key=draft.key, first_line=first[draft.key])
            first.setdefault(draft.key, draft.line)


def _places(language: str, written: Manuscript, issue: Issue) -> dict[str | None, Place]:
    file = f"{language}.md"
    places: dict[str | None, Place] = {None: Place(file, written.lead_line)}
    for key, draft in zip(issue.orders[language], _first_of_each(written), strict=True):
        places[key] = Place(file, draft.body_line, draft.line)
    return places


def _first_of_each(written: Manuscript) -> Sequence[manuscript.Draft]:
    seen: dict[str, manuscript.Draft] = {}
    for position, draft in enumerate(written.sections, 1):
        seen.setdefault(draft.key if draft.key is not None else str(position), draft)
    return list(seen.values())
