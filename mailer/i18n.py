"""Every word a person reads, in their language: catalogues, dates, numbers, names of languages.

Owns `mailer/locales/<lang>.toml` and how a key with facts becomes a sentence. Knows no HTML and
no rules. Called by every room that speaks to readers or operators; the text stays out of them.
"""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from datetime import time as Clock  # noqa: N812 - `Words.time` is the better owner of the name
from functools import cache
from importlib import resources
from typing import Any, Final
from zoneinfo import ZoneInfo

import langcodes
from babel import Locale, dates, lists, numbers
from babel.core import UnknownLocaleError

from mailer.errors import Fault, MailerError
from subscribers.errors import SubscriberError
from subscribers.language import match

FALLBACK: Final = "en"
_FORMS: Final = ("zero", "one", "two", "few", "many", "other")  # CLDR plural categories
_RTL_SCRIPTS: Final = {"Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa"}
_DIGITS: Final = {"arab": str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")}
_AUTONYMS: Final = {
    "zh-Hant": "繁體中文",
    "zh-Hans": "简体中文",
}  # as their readers write it; CLDR: 中文 (繁體)
_ROMAN: Final = (
    (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip

Entry = Mapping[str, str]  # {"text": …} or {"one": …, "other": …}, perhaps "remedy" and "by"


def catalogues() -> tuple[str, ...]:
    """Languages that have a file, sorted."""
    folder = resources.files("mailer") / "locales"
    return tuple(sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def catalogue(language: str) -> Mapping[str, Entry]:
    """One file, flat: `[error.bad_rule] text = …` and `[error] bad_rule = "…"` are both `error.bad_rule`."""
    path = resources.files("mailer") / "locales" / f"{language}.toml"
    entries: dict[str, Entry] = {}
    for group, names in tomllib.loads(path.read_text("utf-8")).items():
        for name, value in names.items():
            entries[f"{group}.{name}"] = {"text": value} if isinstance(value, str) else value
    return entries


@cache
def words(language: str) -> Words:
    """The words of the nearest catalogue (`ja-JP` → ja, `zh-TW` → zh-Hant, `fr` → en)."""
    return Words(language, match([language], catalogues()) or FALLBACK)


def direction(language: str) -> str:
    """`rtl` or `ltr`, by the script that the language is written in."""
    try:
        script = langcodes.Language.get(language).maximize().script
    except ValueError:
        return "ltr"
    return "rtl" if script in _RTL_SCRIPTS else "ltr"


@cache
def autonym(language: str) -> str:
    """The language's name in itself: 日本語, English, العربية. Of an unknown one, its tag."""
    if language in _AUTONYMS:
        return _AUTONYMS[language]
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return language
    name = locale.get_display_name(locale.language if not locale.script and not locale.territory else locale)
    return f"{name[:1].upper()}{name[1:]}" if name else language


class Words:
    """The words of one language. A key or a fact that is missing raises LookupError: a test's affair.

    Placeholders are bare names with an optional format: `{email}`, `{people:n}` (grouped number),
    `{size:bytes}`, languages `{other:language}`, dates `{date:long|weekday|short|day|month}`, moments `{at:time|moment}`, codes that have
    words of their own `{state:state.campaign}`, words of an author `{title:quoted}`; of a list each item is said so.
    """

    def __init__(self, language: str, source: str) -> None:
        self.language: Final = language
        self.source: Final = source  # the catalogue; dates follow it too, so that no sentence mixes two
        self.locale: Final = Locale.parse(source.replace("-", "_"))
        self._entries: Final = catalogue(source)
        self._rest: Final = catalogue(FALLBACK)

    def __call__(self, key: str, /, **facts: object) -> str:
        entry = self._entry(key)
        return self._fill(self._form(entry, facts), facts)

    def __contains__(self, key: str) -> bool:
        return key in self._entries or key in self._rest

    def remedy(self, key: str, /, **facts: object) -> str:
        """What to do about it; "" where nothing can be advised."""
        return self._fill(self._entry(key).get("remedy", ""), facts)

    def said(self, key: str, otherwise: str, **facts: object) -> str:
        """The catalogue's sentence, else `otherwise`: an error must be told even if its words are missing."""
        try:
            return self(key, **facts)
        except LookupError:
            return otherwise

    def error(self, error: MailerError | SubscriberError | Fault) -> tuple[str, str]:
        """(sentence, remedy) of an error in this language, else the error's own English."""
        if isinstance(error, MailerError):
            key, sentence, remedy = error.key, error.sentence, error.remedy
        elif isinstance(error, Fault):
            key, sentence, remedy = error.code, error.sentence, error.remedy
        else:
            key, sentence, remedy = error.code, str(error), ""
        reasoned = f"error.{key}.{error.facts.get('reason', '')}"
        key = reasoned if reasoned in self else f"error.{key}"
        try:
            return self(key, **error.facts), self.remedy(key, **error.facts)
        except LookupError:
            return sentence, remedy

    # ── dates, numbers, lists ───────────────────────────────────────────────────────────────────

    def date(self, value: date, style: str = "long") -> str:
        """long 20 December 2034 · weekday Wednesday, 20 … · short 20 Dec 2034 · day 20 December · month."""
        pattern = self._entry(f"date.{style}")["text"]
        return self._digits(dates.format_date(value, pattern, locale=self.locale))

    def time(self, value: datetime | Clock) -> str:
        """24 hours, without a leading zero: 9:00."""
        return self._digits(f"{value.hour}:{value.minute:02}")

    def time_range(self, start: datetime | Clock, end: datetime | Clock) -> str:
        return self("date.time_range", start=self.time(start), end=self.time(end))

    def moment(self, value: datetime, zone: str | None = None, *, style: str = "weekday") -> str:
        """Date and time of an aware moment in `zone` (IANA name), with the zone's name; without one, as it is."""
        if zone is None:
            return self("date.moment", date=self.date(value, style), time=self.time(value))
        local = value.astimezone(ZoneInfo(zone))
        plain = self("date.moment", date=self.date(local, style), time=self.time(local))
        return self("date.with_zone", moment=plain, zone=self.zone_name(zone, value))

    def zone_name(self, zone: str, at: datetime | None = None) -> str:
        """日本時間, JST: as the catalogue says, else the zone's own abbreviation or CLDR's name."""
        if (key := f"zone.{zone}") in self._entries:
            return self(key)
        if self.source == FALLBACK and at is not None:
            short = at.astimezone(ZoneInfo(zone)).tzname() or ""
            if short.isalpha():
                return short
        return dates.get_timezone_name(ZoneInfo(zone), locale=self.locale)

    def weekday(self, number: int) -> str:
        """Name of a day of the week, 0 = Monday: Tuesday, 火曜日."""
        return str(self.locale.days["stand-alone"]["wide"][number])

    def number(self, value: float) -> str:
        system = self._entry("style.digits")["text"]
        return self._digits(numbers.format_decimal(value, locale=self.locale, numbering_system=system))

    def size(self, size_bytes: int) -> str:
        """`840 KB`, `2.4 MB`, decimal units, as a reader's own computer says it."""
        if size_bytes < 1_000_000:
            return f"{self.number(max(1, round(size_bytes / 1000)))} KB"
        return f"{self.number(round(size_bytes / 1_000_000, 1))} MB"

    def join(self, items: Sequence[str]) -> str:
        """A, B and C · A、B、C."""
        return str(lists.format_list(items, locale="en_GB" if self.source == FALLBACK else self.locale))

    def section_number(self, position: int) -> str:
        """The number of section `position` (1 …) in this language's style: 1, I., ١."""
        style = self._entry("style.section_number")["text"]
        if style == "roman":
            return f"{_roman(position)}."
        return self._digits(str(position))

    def autonym(self, language: str | None = None) -> str:
        return autonym(language or self.language)

    def language_name(self, tag: str) -> str:
        """Its name in this language, for the middle of a sentence: Japanese, 日本語. Of an unknown one, its tag."""
        try:
            return Locale.parse(tag.replace("-", "_")).get_display_name(self.locale) or tag
        except (ValueError, UnknownLocaleError):
            return tag

    @property
    def direction(self) -> str:
        return direction(self.source)

    # ── how a sentence is filled ────────────────────────────────────────────────────────────────

    def _entry(self, key: str) -> Entry:
        entry = self._entries.get(key) or self._rest.get(key)
        if entry is None:
            raise LookupError(f"no words for {key!r} in {self.source} or {FALLBACK}")
        return entry

    def _form(self, entry: Entry, facts: Mapping[str, object]) -> str:
        if "other" not in entry:
            return entry["text"]
        count = facts[entry.get("by", "count")]
        category = self.locale.plural_form(count) if isinstance(count, int | float) else "other"
        return entry.get(category, entry["other"])

    def _fill(self, text: str, facts: Mapping[str, object]) -> str:
        return _Formatter(self).vformat(text, (), facts)

    def _digits(self, text: str) -> str:
        table = _DIGITS.get(self._entry("style.digits")["text"])
        return text.translate(table) if table else text

    def shown(self, value: object, style: str) -> str:
        """One fact as it stands in a sentence; `style` is what follows the colon."""
        match value:
            case datetime():
                said = self.time(value) if style == "time" else self.moment(value, style=_date_style(style))
            case date():
                said = self.date(value, style or "long")
            case Clock():
                said = self.time(value)
            case int() | float() if not isinstance(value, bool):
                said = self._number(value, style)
            case list() | tuple() | set() | frozenset():
                said = self.join([self.shown(item, style) for item in _ordered(value)])
            case _ if style == "language":
                said = self.language_name(str(value))
            case _ if style == "quoted":
                said = self("quote.author", text=str(value))
            case _:
                key = f"{style}.{value}"  # {state:state.campaign}: a code, said in this language
                said = self(key) if style and key in self else str(value)
        return said

    def _number(self, value: float, style: str) -> str:
        if style == "bytes":
            return self.size(int(value))
        return self.number(value) if style == "n" or isinstance(value, float) else self._digits(str(value))


class _Formatter(string.Formatter):
    """str.format without attributes, indexes or positions: a catalogue cannot reach into a fact."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        if not field_name.isidentifier():
            raise LookupError(f"a placeholder is a bare name, not {field_name!r}")
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return self._words.shown(value, format_spec)


def _date_style(style: str) -> str:
    return "weekday" if style in ("", "moment") else style


def _ordered(items: Iterable[object]) -> Iterable[object]:
    return sorted(items, key=str) if isinstance(items, set | frozenset) else items


def _roman(number: int) -> str:
    sign = ""
    for value, letters in _ROMAN:
        count, number = divmod(number, value)
        sign += letters * count
    return sign
