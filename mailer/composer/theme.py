"""The theme *Mooring*: a letter or a notice becomes one HTML mail, tokens inert.

Owns the Jinja2 environment and the lookup of templates. Knows nothing of the database or of
recipients. Called by `editions` once per edition and language; `inlining` does the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from jinja2 import (
    ChoiceLoader,
    Environment,
    FileSystemLoader,
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

from . import plain_text, slots
from .contrast import Contrast
from .inlining import BadTemplate, inline
from .model import Letter, Surroundings
from .rows import Text, rows
from .theme_settings import Settings
from .view import HERO_SIZE, View, contact_url, phrased

# The theme's own pictures, images/<name>.png: how large they show, in px. The files are twice as large.
DECORATION_SIZES: Final = {"mark": (44, 44), "tide": (600, 36)}
_PARTS: Final = ("/* == block A == */", "/* == block B == */", "/* == Outlook == */")
_GHOST: Final = Markup('cellpadding="0" cellspacing="0" border="0"')  # of tables that only Outlook sees
_BARE: Final = Markup('role="presentation" ') + _GHOST


class Theme:
    """Templates and settings, looked up in the operator's folder, the packaged copy, the checkout.

    Raises BadTheme for an unusable theme.toml, BadTemplate for a template that breaks a rule of every mail.
    """

    def __init__(self, templates_dir: Path | None) -> None:
        package = Path(mailer.__file__).parent
        folders = [templates_dir, package / "templates", package.parent / "templates"]
        self._folders: Final = [folder for folder in folders if folder is not None and folder.is_dir()]
        self._settings: Final = Settings.read(self._folders[::-1])
        self._environment: Final = _environment(self._folders)
        self._sheets: Final[dict[str, _Sheets]] = {}  # by language; two threads at worst make one twice

    def contrasts(self) -> list[Contrast]:
        """How well each text colour stands off each ground it is set on; the gate warns below 4.5."""
        return self._settings.contrasts()

    def decorations(self) -> Mapping[str, bytes]:
        """The theme's own pictures (PNG) by name, to be stored as blobs; shown at DECORATION_SIZES."""
        found = {}
        for name in DECORATION_SIZES:
            paths = (folder / "images" / f"{name}.png" for folder in self._folders)
            if path := next((path for path in paths if path.is_file()), None):
                found[name] = path.read_bytes()
        return found

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
            "decorations": {name: about.decorations.get(name) for name in DECORATION_SIZES},
            "ghost": _GHOST,
            "footer_text": plain_text.legal(about, words),
            "identity": about.identity,
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
        sheet = self._render("theme.css", self._measures(language))
        if any(sheet.count(part) != 1 for part in _PARTS):
            raise BadTemplate("theme.css", f"it must hold each of {', '.join(_PARTS)} once.")
        _, inlined, kept, outlook = re.split("|".join(map(re.escape, _PARTS)), sheet)
        # CSS of a template and of judged settings (theme_settings), no words of authors.
        return _Sheets(*(Markup(_small(css)) for css in (inlined, kept, outlook)))  # noqa: S704


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
    return {"src": shown.src, "height": height, "alt": figure.alt}


def _two_lines(organisation: str) -> list[str]:
    """A network and its office, one below the other: split at the first comma, else at the last space."""
    for sign in ("، ", ", "):
        if sign in organisation:
            return organisation.split(sign, 1)
    first, _, second = organisation.rpartition(" ")
    return [first, second] if first and not organisation.isascii() else [organisation]


# ── the environment ─────────────────────────────────────────────────────────────────────────────


def _environment(folders: list[Path]) -> Environment:
    environment = ImmutableSandboxedEnvironment(
        autoescape=lambda name: name is not None and name.endswith(".html"),
        extensions=[_OneLine],
        loader=ChoiceLoader([FileSystemLoader(folder) for folder in folders]),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"isolate": _isolate, "lang_attributes": _lang_attributes, "phrases": _phrases}
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


def _lang_attributes(language: str) -> Markup:
    """For a run in another language: `lang`, and `dir` because the page may run the other way."""
    return Markup(' lang="{}" dir="{}"').format(language, i18n.direction(language))


@pass_context
def _phrases(context: Context, text: str) -> Markup:
    return phrased(text, str(context["language"]))
