"""theme.toml: what an office may choose of the theme, its own file laid over ours.

Owns the form of the settings, their judgement when read, and the type scale of a language. Pictures are
`decorations`' affair, templates `theme`'s. Called by `theme`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import langcodes

from mailer.errors import MailerError

from .contrast import Contrast, ratio

FILE: Final = "theme.toml"
HEADERS: Final = ("nameplate", "compact", "logo")
# Factor of headings, factor of reading text. No choice makes reading text smaller than it is: 16 px in a letter,
# 14 px for a caption are the least that a reader of seventy takes in without glasses at arm's length.
SIZES: Final = {"small": (0.88, 1.0), "normal": (1.0, 1.0), "large": (1.1, 1.125)}
GROUNDS: Final = ("auto", "none")  # or a colour
LOGO_HEIGHT: Final = (
    24,
    96,
)  # px; below it words in a logo cannot be read, above it the letter begins too late
LEAST: Final = {"lead": 16, "body": 16}  # px
LEAST_OF_ANY: Final = 14
WIDEST_AXIS: Final = 290  # px of 536: a name must fit beside it

_COLOUR: Final = re.compile(r"^#[0-9A-Fa-f]{6}$")
_FACE: Final = re.compile(r"^[\w ,'-]+$")  # no quote that ends an attribute, no function, no semicolon
_FACES: Final = ("sans", "serif", "outlook_sans", "outlook_serif")
_DISPLAY: Final = ("name", "h1", "h2", "number", "plate")
_READING: Final = ("h3", "lead", "body", "small", "caption", "button")
_OTHERWISE: Final = "latin"
# Which text the templates set on which ground; a caption may stand in a note, an end date never does.
_USED: Final = {
    "paper": ("ink", "ink2", "link", "accent"),
    "tint": ("ink", "ink2", "link", "accent"),
    "sand": ("ink", "ink2", "link"),
    "outer": ("ink", "ink2", "link"),
    "fill": ("onfill",),
    "plate": ("onplate",),
}


class BadTheme(MailerError):
    """What theme.toml or a picture of the theme says cannot be used. Facts: reason, and what its sentence names."""

    code = "bad_theme"

    def __init__(self, reason: str, sentence: str, **facts: object) -> None:
        super().__init__(
            sentence,
            remedy="Mend it in templates_dir; what is left out keeps its value.",
            key="",
            reason=reason,
            **facts,
        )


class Settings:
    """`layers` are the parsed files, the weakest first."""

    def __init__(self, layers: Sequence[Mapping[str, Any]]) -> None:
        self._all: dict[str, Any] = {}
        for layer in layers:
            if self._all:
                _judge_names(layer, self._all)
            _lay_over(self._all, layer)
        _judge(self._all)

    @classmethod
    def read(cls, folders: Sequence[Path]) -> Settings:
        """From the theme.toml of each folder, the weakest folder first. Raises BadTheme."""
        layers = []
        for path in (folder / FILE for folder in folders):
            try:
                layers += [tomllib.loads(path.read_text("utf-8"))] if path.is_file() else []
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as problem:
                raise BadTheme("broken", f"theme.toml cannot be read: {problem}", detail=problem) from problem
        return cls(layers)

    @cached_property
    def light(self) -> dict[str, str]:
        return {name: pair[0] for name, pair in self._all["colour"].items()}

    @cached_property
    def dark(self) -> dict[str, str]:
        return {name: pair[1] for name, pair in self._all["colour"].items()}

    @property
    def header(self) -> str:
        """One of HEADERS."""
        return str(self._all["header"])

    @property
    def tide(self) -> bool:
        """Is there a strip of picture above the footer?"""
        return bool(self._all["tide"])

    @property
    def logo_height(self) -> int:
        """The most that a logo is shown high, px."""
        return int(self._all["logo"]["height"])

    @property
    def logo_ground(self) -> str:
        """One of GROUNDS, or #RRGGBB."""
        return str(self._all["logo"]["ground"])

    def logo_alt(self, language: str) -> str:
        """What the logo says; "" = the office's name."""
        alt = self._all["logo"]["alt"]
        if isinstance(alt, str):
            return alt
        return str(alt.get(language) or alt.get(language.partition("-")[0], ""))

    def contrasts(self) -> list[Contrast]:
        """Of every pair of text and ground that the theme uses, light then dark. Nobody is judged here."""
        return [
            Contrast(text, ground, scheme, ratio(colours[text], colours[ground]))
            for scheme, colours in (("light", self.light), ("dark", self.dark))
            for ground, texts in _USED.items()
            for text in texts
        ]

    def type(self, language: str) -> dict[str, Any]:
        """The type scale of a language: by its tag, by language and script, by script, else latin."""
        tables: Mapping[str, Any] = self._all["type"]
        full = langcodes.Language.get(language).maximize()
        parts = language.split("-")
        tags = ["-".join(parts[:end]) for end in range(len(parts), 0, -1)]
        names = (*tags, f"{full.language}-{full.script}", full.script or "", _OTHERWISE)
        return self._sized(self._scale(next(name for name in names if name in tables)))

    def _scale(self, name: str) -> dict[str, Any]:
        table = dict(self._all["type"][name])
        like = table.pop("like", _OTHERWISE if name != _OTHERWISE else None)
        return (self._scale(like) if like else {}) | table

    def _sized(self, scale: dict[str, Any]) -> dict[str, Any]:
        display, reading = SIZES[self._all["size"]]
        sized = {name: [round(n * display) for n in scale[name]] for name in _DISPLAY}
        sized |= {name: [round(n * reading) for n in scale[name]] for name in _READING}
        faces = scale["serif"].split(",")
        short = ",".join([*faces[:-1][:2], faces[-1]])  # for digits, which stand in every row of the contents
        axis = min(round(scale["axis"] * reading), WIDEST_AXIS)
        return scale | sized | {"axis": axis, "serif_short": short}


# ── judged when read ────────────────────────────────────────────────────────────────────────────


def _judge_names(layer: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """A slip of the pen in an operator's file must not be silent. A language of its own may be added."""
    sizes = {**known["type"][_OTHERWISE], "like": ""}
    for name in ("colour", "logo", "type"):
        _table(name, layer.get(name, {}))
    for name, table in layer.get("type", {}).items():
        _table(f"type.{name}", table)
    tables: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [("", layer, known)]
    tables += [(f"{name}.", layer.get(name, {}), known[name]) for name in ("colour", "logo")]
    tables += [(f"type.{name}.", table, sizes) for name, table in layer.get("type", {}).items()]
    for where, written, allowed in tables:
        for name in written:
            if name not in allowed:
                raise BadTheme(
                    "unknown",
                    f"theme.toml: there is no setting {where}{name}.",
                    setting=f"{where}{name}",
                )


def _table(setting: str, value: object) -> None:
    if not isinstance(value, dict):
        raise BadTheme("table", f"theme.toml: [{setting}] must be a table.", setting=setting)


def _judge(settings: Mapping[str, Any]) -> None:
    _one_of("header", settings["header"], HEADERS)
    _one_of("size", settings["size"], tuple(SIZES))
    if not isinstance(settings["tide"], bool):
        raise BadTheme("yes_no", "theme.toml: tide must be true or false.", setting="tide")
    _judge_logo(settings["logo"])
    for name, pair in settings["colour"].items():
        if not (isinstance(pair, list) and len(pair) == 2 and all(_COLOUR.match(str(c)) for c in pair)):
            raise BadTheme(
                "colour",
                f'theme.toml: colour.{name} must be two colours, light and dark: ["#RRGGBB", "#RRGGBB"].',
                setting=f"colour.{name}",
            )
    for name, table in settings["type"].items():
        for key, value in table.items():
            _judge_type(f"type.{name}.{key}", key, value, settings["type"])


def _judge_logo(logo: Mapping[str, Any]) -> None:
    least, most = LOGO_HEIGHT
    height = logo["height"]
    if type(height) is not int or not least <= height <= most:
        _range("logo.height", least, most)
    if not _COLOUR.match(str(logo["ground"])):
        _one_of("logo.ground", logo["ground"], (*GROUNDS, "#RRGGBB"))
    alt = logo["alt"]
    texts = list(alt.values()) if isinstance(alt, dict) else [alt]
    if not all(isinstance(text, str) for text in texts):
        raise BadTheme(
            "text",
            'theme.toml: logo.alt must be a text, or one for each language: {ja = "…", en = "…"}.',
            setting="logo.alt",
        )


def _judge_type(setting: str, key: str, value: object, tables: Mapping[str, Any]) -> None:
    if key in _FACES:
        if not (isinstance(value, str) and _FACE.match(value)):
            raise BadTheme(
                "face",
                f"theme.toml: {setting} must be names of fonts, parted by commas, names of several words in '…'.",
                setting=setting,
            )
    elif key == "like":
        _one_of(setting, value, tuple(tables))
    elif key == "serif_weight":
        _one_of(setting, value, (300, 400, 500, 600, 700))
    elif key == "axis":
        if type(value) is not int or not 120 <= value <= WIDEST_AXIS:
            _range(setting, 120, WIDEST_AXIS)
    else:
        _judge_sizes(setting, key, value, 4 if key in ("name", "h1", "h2") else 2)


def _judge_sizes(setting: str, key: str, value: object, count: int) -> None:
    if not (
        isinstance(value, list) and len(value) == count and all(type(n) is int and 0 < n < 200 for n in value)
    ):
        raise BadTheme(
            "sizes",
            f"theme.toml: {setting} must be {count} whole numbers of px: size, line height"
            + (", and both on a telephone." if count == 4 else "."),
            setting=setting,
            count=count,
        )
    least = LEAST.get(key, LEAST_OF_ANY)
    for size, height in zip(value[::2], value[1::2], strict=True):
        if size < least:
            raise BadTheme(
                "too_small",
                f"theme.toml: {setting} must not be smaller than {least} px.",
                setting=setting,
                least=least,
            )
        if height < size * 1.1:
            raise BadTheme(
                "too_tight",
                f"theme.toml: in {setting} the line height must be at least 1.1 times the size.",
                setting=setting,
            )


def _one_of(setting: str, value: object, choices: tuple[object, ...]) -> None:
    if isinstance(value, bool) or value not in choices:
        written = ", ".join(map(str, choices))
        raise BadTheme(
            "choice", f"theme.toml: {setting} must be one of {written}.", setting=setting, choices=written
        )


def _range(setting: str, least: int, most: int) -> None:
    raise BadTheme(
        "range",
        f"theme.toml: {setting} must be a whole number from {least} to {most} (px).",
        setting=setting,
        least=least,
        most=most,
    )


def _lay_over(base: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, dict) and isinstance(base.get(key, {}), dict):
            _lay_over(base.setdefault(key, {}), value)
        else:
            base[key] = value
