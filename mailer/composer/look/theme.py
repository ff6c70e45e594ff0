"""The theme *Mooring*: a letter or a notice becomes one HTML mail, tokens inert.

Owns the Jinja2 environment and the lookup of templates. Knows nothing of the database or of
recipients. Called by `editions` once per edition and language; `inlining` does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PrefixLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    pass_context,
)
from jinja2.ext import Extension
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

import mailer
from mailer import i18n
from mailer.i18n import Words

from .. import slots
from ..model import Letter, Surroundings
from . import decorations, plain_text
from .contrast import Contrast
from .decorations import Decoration
from .inlining import BadTemplate, inline
from .rows import Text, rows
from .theme_settings import BadTheme, Settings
from .view import HERO_SIZE, View, contact_url, phrased

# Three sheets in one file, each from its sign to the next; what stands before the first belongs to block A.
_PART: Final = re.compile(r"/\* == (block A|block B|Outlook) == \*/")
_PARTS: Final = ("block A", "block B", "Outlook")
_OWN_SHEET: Final = "own.css"  # an operator's few rules, laid behind ours
_BLOCKS: Final = frozenset(("figure", "gallery", "buttons", "rule", "table", "resource", "note", "event"))
_GHOST: Final = Markup('cellpadding="0" cellspacing="0"')  # of tables that only Outlook sees
_BARE: Final = Markup('role="presentation" ') + _GHOST


class Theme:
    """Templates and settings, looked up in the operator's folder, the packaged copy, the checkout.

    Raises BadTheme for an unusable theme.toml, BadTemplate for a template that breaks a rule of every mail.
    """

    def __init__(self, templates_dir: Path | None) -> None:
        package = Path(mailer.__file__).parent
        ours = [folder for folder in (package / "templates", package.parent / "templates") if folder.is_dir()]
        if templates_dir is not None and not templates_dir.is_dir():
            raise BadTheme("no_folder", f"There is no folder {templates_dir}.", path=templates_dir)
        own = [templates_dir] if templates_dir is not None else []
        self._folders: Final = [*own, *ours]
        self._settings: Final = Settings.read(self._folders[::-1])
        if self._settings.header == "logo" and not decorations.find(self._folders, "logo"):
            raise BadTheme("no_logo", 'theme.toml: header = "logo" needs images/logo.png in templates_dir.')
        self._own_blocks: Final = _own_blocks(own)
        self._environment: Final = _environment(self._folders, ours)
        self._sheets: Final[dict[str, _Sheets]] = {}  # by language; two threads at worst make one twice

    def contrasts(self) -> list[Contrast]:
        """How well each text colour stands off each ground it is set on; the gate warns below 4.5."""
        return self._settings.contrasts()

    @cached_property
    def decorations(self) -> Mapping[str, Decoration]:
        """The theme's own pictures by name, to be stored as blobs. Raises BadTheme for one that cannot be used."""
        return decorations.decorations(self._folders, self._settings)

    def render_issue(
        self, letter: Letter, surroundings: Surroundings, words: Words, *, today: date | None = None
    ) -> str:
        """The whole HTML of one edition. `today` decides which resources have ended (default: the issue's date)."""
        view = View.of(letter, surroundings, words, today)
        return self._page("issue.html", view.language, words, surroundings, _letter_facts(view))

    def render_notice(
        self, name: str, words: Words, surroundings: Surroundings, values: Mapping[str, str]
    ) -> tuple[str, str, str]:
        """(subject, html, text) of notices/<name>.*; `values` are what those templates ask for, plain or tokens."""
        own: dict[str, Any] = {"values": dict(values), "tokens": slots.tokens_in(" ".join(values.values()))}
        known = self._facts(words.source, words, surroundings) | own
        own["subject"] = " ".join(self._render(f"notices/{name}.subject", known).split())
        text = self._render(f"notices/{name}.txt", known | own).strip() + "\n"
        return (
            own["subject"],
            self._page(f"notices/{name}.html", words.source, words, surroundings, own),
            text,
        )

    def _page(
        self, template: str, language: str, words: Words, about: Surroundings, own: Mapping[str, Any]
    ) -> str:
        sheets = self._sheets.get(language)
        if sheets is None:
            sheets = self._sheets[language] = self._sheets_of(language)
        html = self._render(template, {**self._facts(language, words, about), **own, "css": sheets})
        rtl = i18n.direction(language) == "rtl"
        return inline(html, template, kept=sheets.kept, rtl=rtl, tokens=own.get("tokens", ()))

    def _render(self, name: str, facts: Mapping[str, Any]) -> str:
        try:
            return self._environment.get_template(name).render(facts)
        except TemplateSyntaxError as problem:
            raise BadTemplate(f"{problem.name}, line {problem.lineno}", problem.message or "") from problem
        except TemplateNotFound as problem:
            raise BadTemplate(str(problem.name or name), "the file is not there.") from problem
        except RecursionError as problem:
            raise BadTemplate(name, f"it extends itself; write mooring/{name} to extend ours.") from problem
        except (TemplateError, TypeError, LookupError) as problem:
            raise BadTemplate(name, str(problem)) from problem

    def _facts(self, language: str, words: Words, about: Surroundings) -> dict[str, Any]:
        """What every template may use; an issue and a notice add their own."""
        return {
            **self._measures(language),
            "about": about,
            "bare": _BARE,
            "contact_url": contact_url(about.identity.contact),
            "date": about.date,
            "decorations": {name: about.decorations.get(name) for name in ("mark", "logo", "tide")},
            "ghost": _GHOST,
            "footer_text": plain_text.legal(about, words),
            "header": self._settings.header,
            "identity": about.identity,
            "logo_alt": self._settings.logo_alt(language) or about.identity.organisation,
            "own_blocks": self._own_blocks,
            "organisation_lines": _two_lines(about.identity.organisation),
            "preheader": "",
            "separator": Markup(" &nbsp;&#183;&nbsp; "),
            "words": words,
        }

    def _measures(self, language: str) -> dict[str, Any]:
        """What the sheets of a language depend on."""
        base, rtl = language.partition("-")[0].lower(), i18n.direction(language) == "rtl"
        return {
            "colour": self._settings.light,
            "dark": self._settings.dark,
            "digits": "arab" if i18n.words(language).number(1) == "١" else "latn",
            "direction": i18n.direction(language),
            "end": "left" if rtl else "right",
            "language": language,
            "phrases": base == "ja",
            "plain_emphasis": rtl or base in ("ja", "zh", "ko"),  # scripts that know no italics
            "start": "right" if rtl else "left",
            "type": self._settings.type(language),
        }

    def _sheets_of(self, language: str) -> _Sheets:
        measures = self._measures(language)
        parts = self._parts_of("theme.css", measures)
        if parts.keys() != set(_PARTS):
            raise BadTemplate("theme.css", f"it must hold each of {', '.join(_PARTS)}.")
        if any((folder / _OWN_SHEET).is_file() for folder in self._folders):
            own = self._parts_of(_OWN_SHEET, measures)
            parts = {name: css + own.get(name, "") for name, css in parts.items()}
        # CSS of a template and of judged settings (theme_settings), no words of authors.
        return _Sheets(*(Markup(_small(parts[name])) for name in _PARTS))  # noqa: S704

    def _parts_of(self, name: str, measures: Mapping[str, Any]) -> dict[str, str]:
        sheet = self._render(name, measures)
        if "<" in sheet:
            raise BadTemplate(name, "there is no < in a style sheet.")
        first, *rest = _PART.split(sheet)
        parts = dict(zip(rest[::2], rest[1::2], strict=True))
        if len(parts) * 2 < len(rest):
            raise BadTemplate(name, "a part begins twice.")
        if first.strip():
            parts["block A"] = first + parts.get("block A", "")
        return parts


@dataclass(frozen=True, slots=True)
class _Sheets:
    """theme.css of one language: for premailer, for the head as it is, for Outlook's engine."""

    inlined: Markup
    kept: Markup
    outlook: Markup


def _small(css: str) -> str:
    """Without comments and spaces that carry nothing; ` !important` keeps its space (Gmail, Outlook)."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    css = re.sub(r"\s*([{};,])\s*", r"\1", " ".join(css.split()))
    return re.sub(r"(?<=\w): (?=\S)", ":", css).replace(";}", "}")


def _letter_facts(view: View) -> dict[str, Any]:
    letter, about = view.letter, view.about
    opening = rows(view, letter.lead)
    first = opening[0].items if opening and isinstance(opening[0], Text) else []
    opening = opening[1:] if first else opening
    anchor = about.web_url if view.teaser else ""
    numbers = [view.words.section_number(position) for position in range(1, len(letter.sections) + 1)]
    numbered = list(zip(numbers, letter.sections, strict=True))
    return {
        "contents": [
            {"number": number, "url": f"{anchor}#{section.key}", "title": view.html(section.title)}
            for number, section in numbered
        ],
        "credit": view.credit(letter.credit),
        "hero": _hero(view),
        "lead_rows": opening,
        "number": view.number,
        "opening": first,
        "others": view.others(),
        "preheader": letter.preheader,
        "sections": []
        if view.teaser
        else [
            {
                "key": section.key,
                "number": number,
                "title": view.heading(section.title),
                "rows": rows(view, section.blocks, section.key),
            }
            for number, section in numbered
        ],
        "sentence_space": "" if view.language.partition("-")[0] in ("ja", "zh") else " ",
        "shares": view.shares(),
        "subject": letter.subject,
        "teaser": view.teaser,
        "title": view.phrases(view.title),
        "web_url": about.web_url,
    }


def _hero(view: View) -> dict[str, Any] | None:
    figure = view.letter.picture
    shown = view.picture(figure) if figure else None
    if figure is None or shown is None:
        return None
    height = round(shown.height * HERO_SIZE[0] / shown.width)
    return {"src": shown.src, "height": height, "alt": figure.alt, "credit": view.credit(figure.credit)}


def _two_lines(organisation: str) -> list[str]:
    """A network and its office, one below the other: split at the first comma, else at the last space."""
    for sign in ("، ", ", "):
        if sign in organisation:
            return organisation.split(sign, 1)
    first, _, second = organisation.rpartition(" ")
    return [first, second] if first and not organisation.isascii() else [organisation]


# ── the environment ─────────────────────────────────────────────────────────────────────────────


def _own_blocks(own: list[Path]) -> frozenset[str]:
    """Which blocks an operator draws: blocks/note.html and so on. A name that no block has must not be silent."""
    names = frozenset(path.stem for folder in own for path in folder.glob("blocks/*.html"))
    for name in sorted(names - _BLOCKS):
        raise BadTemplate(
            f"blocks/{name}.html", f"there is no such block; there are {', '.join(sorted(_BLOCKS))}."
        )
    return names


def _environment(folders: list[Path], ours: list[Path]) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=lambda name: name is not None and name.endswith(".html"),
        extensions=[_OneLine],
        # mooring/… is always the packaged one: an operator's issue.html may extend mooring/issue.html and meets itself never.
        loader=ChoiceLoader([FileSystemLoader(folders), PrefixLoader({"mooring": FileSystemLoader(ours)})]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "address": _address,
        "isolate": _isolate,
        "lang_attributes": _lang_attributes,
        "phrases": _phrases,
    }
    environment.globals["words_in"] = _words_in
    return environment


_CODE: Final = re.compile(r"(\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\})", re.S)
_BREAK: Final = re.compile(r"[ \t]*\n\s*")


class _OneLine(Extension):
    """Line breaks and indents of .html templates vanish; one inside words becomes a space.

    Whitespace between inline-block columns would be a gap on the page, and everywhere it is weight.
    What an author wrote is untouched. A comment keeps the count of lines for error messages.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        if name is None or not name.endswith(".html"):
            return source
        return "".join(
            part if part.startswith("{") else _BREAK.sub(_joined, part) for part in _CODE.split(source)
        )


def _joined(match: re.Match[str]) -> str:
    text, start, end = match.string, match.start(), match.end()
    between_words = start > 0 and end < len(text) and text[start - 1] != ">" and text[end] != "<"
    return f"{' ' if between_words else ''}{{#{chr(10) * match[0].count(chr(10))}#}}"


# Latin words and telephone numbers inside Arabic: each a run of its own, or brackets and plus signs wander.
_LATIN_RUN: Final = re.compile(
    r"([A-Za-z0-9+][\w .,+\-/@:()#]*[A-Za-z][\w .,+\-/@:()#]*[\w)]|\+?[0-9][0-9 ()\-]{5,}[0-9])", re.A
)
_OTHER_WAY: Final = Markup('<bdi dir="ltr">{}</bdi>')
_AS_IT_IS: Final = Markup("{}")
_PERSONAL: Final = re.compile(r"(@@(?:EMAIL|REFERENCE)@@)")


@pass_context
def _isolate(context: Context, text: str) -> Markup:
    """Text with line breaks kept; in a right-to-left page what is written the other way stands in <bdi>."""
    pieces = [text]
    if context["direction"] == "rtl":
        pieces = (_PERSONAL if _PERSONAL.search(text) else _LATIN_RUN).split(text)
    runs = ((_OTHER_WAY if i % 2 else _AS_IT_IS).format(run) for i, run in enumerate(pieces))
    return Markup("").join(runs).replace("\n", Markup("<br>"))


_RIGHT_TO_LEFT: Final = re.compile("[\u0590-\u08ff]")
_JAPANESE: Final = re.compile("[\u3041-\u30ff〒県]")
_HAN: Final = re.compile("[\u3400-\u9fff]")


@pass_context
def _address(context: Context, text: str) -> Markup:
    """A postal address; one that fell back to another language is one run of that, in its own order."""
    base, other = str(context["language"]).partition("-")[0].lower(), ""
    if _JAPANESE.search(text):
        other = "ja" if base != "ja" else ""
    elif _HAN.search(text):
        other = "zh" if base not in ("ja", "zh") else ""
    elif context["direction"] == "rtl" and text and not _RIGHT_TO_LEFT.search(text):
        other = "en"
    if not other:
        return _isolate(context, text)
    return Markup('<bdi lang="{}" dir="ltr">{}</bdi>').format(other, text).replace("\n", Markup("<br>"))


def _words_in(language: str) -> Words | None:
    """The words of another language, for a line that its readers must understand; None if nobody wrote them."""
    found = i18n.words(language)
    return found if found.source.partition("-")[0] == language.partition("-")[0].lower() else None


def _lang_attributes(language: str) -> Markup:
    """For a run in another language: `lang`, and `dir` because the page may run the other way."""
    return Markup(' lang="{}" dir="{}"').format(language, i18n.direction(language))


@pass_context
def _phrases(context: Context, text: str) -> Markup:
    return phrased(text, str(context["language"]))
