"""theme.toml: the colours, faces and sizes of the theme, an operator's laid over ours.

Owns their form and the choice of a type scale for a language. Called by `theme`.
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
_COLOUR: Final = re.compile(r"^#[0-9A-Fa-f]{6}$")
_FACE: Final = re.compile(r"^[\w ,'-]+$")  # no quote that ends an attribute, no function, no semicolon
_FACES: Final = ("sans", "serif", "outlook_sans", "outlook_serif")
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
    """theme.toml of the operator cannot be used. Fact: problem."""

    code = "bad_theme"

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"theme.toml cannot be read: {problem}",
            remedy="Write colours as a pair of #RRGGBB and sizes as numbers of px. What is left out keeps its value.",
            problem=problem,
        )


class Settings:
    """`layers` are the parsed files, the weakest first."""

    def __init__(self, layers: Sequence[Mapping[str, Any]]) -> None:
        self._all: dict[str, Any] = {}
        for layer in layers:
            if self._all:
                self._judge_names(layer)
            _lay_over(self._all, layer)
        self._judge()

    @classmethod
    def read(cls, folders: Sequence[Path]) -> Settings:
        """From the theme.toml of each folder, the weakest folder first. Raises BadTheme."""
        layers = []
        for path in (folder / FILE for folder in folders):
            try:
                layers += [tomllib.loads(path.read_text("utf-8"))] if path.is_file() else []
            except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as problem:
                raise BadTheme(f"{problem}") from problem
        return cls(layers)

    @cached_property
    def light(self) -> dict[str, str]:
        return {name: pair[0] for name, pair in self._all["colour"].items()}

    @cached_property
    def dark(self) -> dict[str, str]:
        return {name: pair[1] for name, pair in self._all["colour"].items()}

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
        for name in (*tags, f"{full.language}-{full.script}", full.script or "", _OTHERWISE):
            if name in tables:
                return self._scale(name)
        raise BadTheme(f"[type.{_OTHERWISE}] is missing.")

    def _scale(self, name: str) -> dict[str, Any]:
        table = dict(self._all["type"][name])
        like = table.pop("like", _OTHERWISE if name != _OTHERWISE else None)
        return (self._scale(like) if like else {}) | table

    def _judge_names(self, layer: Mapping[str, Any]) -> None:
        """A slip of the pen in an operator's file must not be silent. A language of its own may be added."""
        sizes = {**self._all["type"][_OTHERWISE], "like": ""}
        tables = [("", layer, self._all), ("colour.", layer.get("colour", {}), self._all["colour"])]
        tables += [(f"type.{name}.", table, sizes) for name, table in layer.get("type", {}).items()]
        for where, written, known in tables:
            for name in written:
                if name not in known:
                    raise BadTheme(f"there is no setting {where}{name}.")

    def _judge(self) -> None:
        for name, pair in self._all.get("colour", {}).items():
            if not (isinstance(pair, list) and len(pair) == 2 and all(_COLOUR.match(str(c)) for c in pair)):
                raise BadTheme(f"colour.{name} is no pair of #RRGGBB.")
        for name, table in self._all.get("type", {}).items():
            for key, value in table.items():
                if not _is_known(key, value):
                    raise BadTheme(f"type.{name}.{key} has a form that no mail can hold.")


def _is_known(key: str, value: object) -> bool:
    if key in _FACES:
        return isinstance(value, str) and bool(_FACE.match(value))
    if key == "like":
        return isinstance(value, str)
    numbers = value if isinstance(value, list) else [value]
    return all(isinstance(n, int) and 0 < n < 1000 for n in numbers)


def _lay_over(base: dict[str, Any], layer: Mapping[str, Any]) -> None:
    for key, value in layer.items():
        if isinstance(value, dict):
            _lay_over(base.setdefault(key, {}), value)
        else:
            base[key] = value
