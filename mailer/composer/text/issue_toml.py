"""`issue.toml`: slug, number, date, languages and the lines of each edition, in and out.

Owns which keys there are and what may stand in a subject. Opens no file. Called by `folder` and,
for the rules of a subject, by `checks`.
"""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeVar

from subscribers.errors import BadLanguage
from subscribers.language import normalise

from ..model import Issue, IssueText, PictureFacts
from .faults import Faults, near

_T = TypeVar("_T")

FILE: Final = "issue.toml"
_KEYS: Final = (
    "slug",
    "number",
    "date",
    "languages",
    "newsletter",
    "picture",
    "teaser",
    "edition",
    "pictures",
)
_LINES: Final = ("subject", "preheader", "title", "picture_alt")
_PICTURE: Final = ("credit", "people", "consent", "usable_until")
_SLUG: Final = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
_EXAMPLES: Final = {
    "slug": 'slug = "2034-12"',
    "number": 'number = "84"',
    "date": "date = 2034-12-20",
    "languages": 'languages = ["ja", "en"]',
    "newsletter": 'newsletter = "main"',
    "picture": 'picture = "images/hero.jpg"',
    "teaser": "teaser = true",
    "pictures": '[pictures."images/a.jpg"]',
    "credit": 'credit = "Mori Keiko"',
    "people": "people = true",
    "consent": 'consent = "forms of 14 November, folder 7"',
    "usable_until": "usable_until = 2036-03-31",
}
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# RFC 2047 §2; Python 3.11.7 decodes one inside a header value and lets a line break out of it (F35, CVE-2024-6923).
_ENCODED_WORD: Final = re.compile(r"=\?[^?\s]*\?[bq]\?[^?]*\?=", re.I)
_BIDI: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Head:
    """What issue.toml says. A value that could not be read is a harmless stand-in; the fault is noted."""

    slug: str
    number: str
    date: date
    languages: tuple[str, ...]
    newsletter: str
    picture: str | None
    teaser: bool
    texts: Mapping[str, IssueText]  # leads still empty
    pictures: Mapping[str, PictureFacts]


def parse(text: str, faults: Faults) -> Head | None:
    """None if it is no TOML at all. The words of a subject are judged where a text is read (`markdown`)."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        faults.add("bad_toml", FILE, detail=str(error))
        return None
    if _holds_nul(table):
        faults.add("nul_character", FILE)
    for key in table:
        if key not in _KEYS:
            faults.add("unknown_key", FILE, key=key, known=", ".join(_KEYS), **near(key, _KEYS))
    take = _Taker(table, faults)
    languages = take.languages()
    picture = take.string("picture", "") if "picture" in table else ""
    return Head(
        take.slug(),
        take.number(),
        take.date(),
        languages,
        take.string("newsletter", "main") if "newsletter" in table else "main",
        unicodedata.normalize("NFC", picture) or None,
        take.flag("teaser"),
        take.editions(languages),
        _pictures(table.get("pictures", {}), faults),
    )


def _holds_nul(value: object) -> bool:
    """PostgreSQL keeps no NUL, in a text as little as in a key."""
    if isinstance(value, dict):
        return any(_holds_nul(one) for pair in value.items() for one in pair)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\x00" in value


def _pictures(table: object, faults: Faults) -> dict[str, PictureFacts]:
    """[pictures]: one table for each path; `credit` beside them is that of all that have none of their own."""
    where = f"{FILE}: pictures"
    if not isinstance(table, dict):
        faults.add("bad_value", where, key="pictures", reason="picture", example=_EXAMPLES["pictures"])
        return {}
    found: dict[str, PictureFacts] = {}
    for path, entry in table.items():
        if path == "credit":
            found[""] = PictureFacts(credit=_credit(entry, f"{where}.credit", faults))
        elif isinstance(entry, dict):
            found[unicodedata.normalize("NFC", path)] = _picture(entry, f"{where}.{path}", faults)
        else:
            known = "credit, images/…"
            faults.add("unknown_key", where, key=path, known=known, **near(path, ("credit",)))
    return found


def _picture(entry: Mapping[str, object], where: str, faults: Faults) -> PictureFacts:
    def typed(key: str, kind: type[_T]) -> _T | None:
        value = entry.get(key)
        if value is not None and (not isinstance(value, kind) or isinstance(value, datetime)):
            faults.add("bad_value", f"{where}.{key}", key=key, example=_EXAMPLES[key])
            return None
        return value

    for key in entry:
        if key not in _PICTURE:
            faults.add("unknown_key", where, key=key, known=", ".join(_PICTURE), **near(key, _PICTURE))
    return PictureFacts(
        _credit(entry.get("credit", ""), f"{where}.credit", faults),
        typed("people", bool),
        line(typed("consent", str) or "", "consent", f"{where}.consent", faults),
        typed("usable_until", date),
    )


def _credit(value: object, where: str, faults: Faults) -> dict[str, str]:
    """A text, or one for each language."""
    by_language = {"": value} if isinstance(value, str) else value
    if not isinstance(by_language, dict) or not all(isinstance(one, str) for one in by_language.values()):
        faults.add("bad_value", where, key="credit", example=_EXAMPLES["credit"])
        return {}
    for tag in by_language:
        if tag and not is_tag(tag):
            faults.add("bad_language_tag", where, value=tag[:40])
    lines = {lang: line(text, "credit", where, faults) for lang, text in by_language.items()}
    return {lang: text for lang, text in lines.items() if text}


class _Taker:
    def __init__(self, table: Mapping[str, object], faults: Faults) -> None:
        self.table, self.faults = table, faults

    def string(self, key: str, otherwise: str) -> str:
        return self._typed(key, str, "text") or otherwise

    def flag(self, key: str) -> bool:
        return bool(self._typed(key, bool, "flag")) if key in self.table else False

    def slug(self) -> str:
        value = self.string("slug", "")
        if isinstance(self.table.get("slug"), str) and (len(value) > 64 or not _SLUG.match(value)):
            self.faults.add("bad_slug", f"{FILE}: slug", value=value[:80])
        return value

    def number(self) -> str:
        """Text, "84-2"; 84 without quotation marks means the same."""
        value = self.table.get("number")
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        text = line(self.string("number", ""), "number", f"{FILE}: number", self.faults)
        if not text and isinstance(value, str):
            self._bad("number", "text")
        return text

    def date(self) -> date:
        value = self.table.get("date")
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        if isinstance(value, str):
            try:
                return date.fromisoformat(value)
            except ValueError:
                pass
        if value is None:
            self.faults.add("missing_key", FILE, key="date", example=_EXAMPLES["date"])
        else:
            self.faults.add("bad_date", f"{FILE}: date", value=str(value)[:40])
        return date.min

    def languages(self) -> tuple[str, ...]:
        value = self._typed("languages", list, "list") or []
        found: list[str] = []
        for tag in value:
            if language := self._language(tag):
                if language in found:
                    self.faults.add("language_twice", f"{FILE}: languages", language=language)
                else:
                    found.append(language)
        if "languages" in self.table and not value:
            self._bad("languages", "list")
        return tuple(found)

    def _language(self, tag: object) -> str | None:
        where = f"{FILE}: languages"
        try:
            canonical = normalise(str(tag))
        except BadLanguage:
            self.faults.add("bad_language_tag", where, value=str(tag)[:40])
            return None
        if canonical != tag:  # the tag names the file, ja.md: one spelling only
            self.faults.add("bad_language_tag", where, value=str(tag)[:40], reason="near", near=canonical)
        return canonical

    def editions(self, languages: tuple[str, ...]) -> dict[str, IssueText]:
        tables = self._typed("edition", dict, "tables") if "edition" in self.table else {}
        tables = tables or {}
        for language in tables:
            if language not in languages:
                self.faults.add("edition_not_listed", FILE, language=language, **near(language, languages))
        return {
            language: self._edition(language, tables[language])
            for language in languages
            if language in tables
        }

    def _edition(self, language: str, table: object) -> IssueText:
        where = f"{FILE}: edition.{language}"
        if not isinstance(table, dict):
            self.faults.add("missing_edition_table", FILE, language=language)
            return IssueText("")
        for key in table:
            if key not in _LINES:
                self.faults.add("unknown_key", where, key=key, known=", ".join(_LINES), **near(key, _LINES))
        lines: dict[str, str] = {}
        for key in _LINES:
            value = table.get(key, "")
            if not isinstance(value, str):
                self.faults.add(
                    "bad_value",
                    f"{where}.{key}",
                    key=key,
                    reason="text",
                    example=f'{key} = "…"',
                )
                value = ""
            lines[key] = unicodedata.normalize("NFC", value).strip()
        return IssueText(
            lines["subject"],
            lines["preheader"],
            lines["title"],
            lines["picture_alt"] if "picture_alt" in table else None,
        )

    def _typed(self, key: str, kind: type[_T], reason: str) -> _T | None:
        value = self.table.get(key)
        if value is None:
            self.faults.add("missing_key", FILE, key=key, example=_EXAMPLES.get(key, key))
            return None
        if not isinstance(value, kind):
            self._bad(key, reason)
            return None
        return value

    def _bad(self, key: str, reason: str) -> None:
        self.faults.add(
            "bad_value", f"{FILE}: {key}", key=key, reason=reason, example=_EXAMPLES.get(key, key)
        )


def is_tag(text: str) -> bool:
    """`ja` and `zh-Hant` are tags of languages; `README` and `notes` are other files."""
    try:
        return normalise(text) == text
    except BadLanguage:
        return False


def line(value: str, field: str, where: str, faults: Faults) -> str:
    """One line of text for a header or a heading, NFC and trimmed, with what may not stand in it reported."""
    if _CONTROL.search(value):
        faults.add("bad_subject_break", where, field=field)
    if match := _ENCODED_WORD.search(value):
        faults.add("bad_subject_encoded", where, field=field, word=match[0][:40])
    if _BIDI.search(value) and field in ("subject", "title", "number"):
        faults.add("bad_subject_bidi", where, field=field)
    return unicodedata.normalize("NFC", value).strip()


def on_one_line(text: str) -> str:
    """A draft is shown with its faults; a line break in a subject must not become a header field."""
    return _CONTROL.sub(" ", text)


def dump(issue: Issue) -> str:
    """The file's text; `parse` gives the same back. A JSON string is a TOML basic string."""
    rows = [
        f"slug = {_quoted(issue.slug)}",
        f"number = {_quoted(issue.number)}",
        f"date = {issue.date.isoformat()}",
        f"languages = [{', '.join(map(_quoted, issue.languages))}]",
    ]
    rows += [f"newsletter = {_quoted(issue.newsletter)}"] if issue.newsletter != "main" else []
    rows += [f"picture = {_quoted(issue.picture)}"] if issue.picture else []
    rows += ["teaser = true"] if issue.teaser else []
    for language in issue.languages:
        if text := issue.texts.get(language):
            rows += ["", f"[edition.{language}]", *_lines_of(text)]
    if "" in issue.pictures:
        rows += ["", "[pictures]", *_credit_of(issue.pictures[""])]
    for path, facts in issue.pictures.items():
        rows += ["", f"[pictures.{_quoted(path)}]", *_facts_of(facts)] if path else []
    return "\n".join(rows) + "\n"


def _lines_of(text: IssueText) -> list[str]:
    lines = {"subject": text.subject, "preheader": text.preheader, "title": text.title}
    rows = [f"{key} = {_quoted(value)}" for key, value in lines.items() if value or key == "subject"]
    return rows + ([f"picture_alt = {_quoted(text.picture_alt)}"] if text.picture_alt is not None else [])


def _facts_of(facts: PictureFacts) -> list[str]:
    rows = _credit_of(facts)
    rows += [f"people = {str(facts.people).lower()}"] if facts.people is not None else []
    rows += [f"consent = {_quoted(facts.consent)}"] if facts.consent else []
    return rows + ([f"usable_until = {facts.usable_until}"] if facts.usable_until else [])


def _credit_of(facts: PictureFacts) -> list[str]:
    if facts.credit.keys() <= {""}:
        return [f"credit = {_quoted(text)}" for text in facts.credit.values()]
    by_language = ", ".join(f"{_quoted(lang)} = {_quoted(text)}" for lang, text in facts.credit.items())
    return [f"credit = {{ {by_language} }}"]


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
