"""Which CSS and HTML a main mail client lacks: mailer/composer/checks/clients.toml, made from caniemail's data.

Run it after a new version of the npm package `caniemail` (tests/package.json): python tests/composer/client_table.py
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tests/node_modules/caniemail"
TABLE = ROOT / "mailer/composer/checks/clients.toml"
# Family as we name it → (key in the data, its platforms). Where one of them lacks a thing, the family lacks it.
FAMILIES = {
    "apple-mail": ("apple-mail", ("macos", "ios")),
    "gmail": ("gmail", ("desktop-webmail", "ios", "android")),
    "outlook.windows": ("outlook", ("windows",)),
    "yahoo": ("yahoo", ("desktop-webmail", "ios", "android")),
}
# Titles that name several things, or one in other words.
SEVERAL = {
    "left, right, top, bottom": ("property", "left right top bottom"),
    "gap, column-gap, row-gap": ("property", "gap column-gap row-gap"),
    "block-size & inline-size": ("property", "block-size inline-size"),
    "border-inline & border-block individual logical properties": (
        "property",
        "border-inline-start border-inline-end border-block-start border-block-end",
    ),
    "border-inline & border-block": ("property", "border-inline border-block"),
    "border-radius logical properties": (
        "property",
        "border-start-start-radius border-start-end-radius border-end-start-radius border-end-end-radius",
    ),
    "css column properties": (
        "property",
        "columns column-fill column-rule column-span column-width",
    ),
    "grid-template-* properties": (
        "property",
        "grid-template grid-template-areas grid-template-columns grid-template-rows",
    ),
    "margin-block-start & margin-block-end": ("property", "margin-block-start margin-block-end"),
    "margin-inline & margin-block": ("property", "margin-inline margin-block"),
    "margin-inline-start & margin-inline-end": ("property", "margin-inline-start margin-inline-end"),
    "padding-block-start & padding-block-end": ("property", "padding-block-start padding-block-end"),
    "padding-inline & padding-block": ("property", "padding-inline padding-block"),
    "padding-inline-start & padding-inline-end": ("property", "padding-inline-start padding-inline-end"),
    "lch(), oklch(), lab(), oklab()": ("function", "lch oklch lab oklab"),
    "CSS Variables (Custom Properties)": ("function", "var"),
    "CSS calc() function": ("function", "calc"),
    "HTML5 semantics": (
        "element",
        "article aside details figcaption figure footer header main mark nav section summary time",
    ),
    "Image maps": ("element", "map"),
    "Embedded <svg> image": ("element", "svg"),
    "srcset and sizes attributes": ("attribute", "srcset sizes"),
}
FORMS = {
    "html": (("element", r"<(\w+)> element"), ("attribute", r"([\w-]+) attribute")),
    "css": (
        ("pair", r"([a-z-]+: ?[a-z-]+)"),
        ("function", r"([a-z-]+)\(\)"),  # but lang(), the pseudo-class
        ("unit", r"([a-z]+) unit"),
        ("at-rule", r"@([a-z-]+)"),
        ("property", r"([a-z-]+)(?: shorthand| property| CSS property)?"),
    ),
}


def named(feature: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """(kind, names) of a feature; None for what a linter of a page cannot see or nobody could name."""
    title = feature["title"].strip()
    if title in SEVERAL:
        kind, names = SEVERAL[title]
        return kind, names.split()
    for kind, pattern in FORMS.get(feature["category"], ()):
        if title != "lang()" and (match := re.fullmatch(pattern, title)):
            return kind, [match[1].replace(": ", ":")]
    return None


def lacking(feature: Mapping[str, Any]) -> list[str]:
    """The families in which the newest result says no."""
    found = []
    for family, (key, platforms) in FAMILIES.items():
        tested = feature["stats"].get(key, {})
        newest = [list(tested[platform].values())[-1] for platform in platforms if tested.get(platform)]
        if any(result.split()[0] == "n" for result in newest):
            found.append(family)
    return found


def rows(data: Mapping[str, Any]) -> dict[tuple[str, str], set[str]]:
    """(kind, name) → families. Some names stand in two features."""
    found: dict[tuple[str, str], set[str]] = {}
    for feature in data["data"]:
        families, name = lacking(feature), named(feature)
        if families and name:
            for one in name[1]:
                found.setdefault((name[0], one), set()).update(families)
    return found


def made() -> str:
    """The file as it has to be, from the installed package."""
    data = json.loads((PACKAGE / "data/caniemail.json").read_text("utf-8"))
    version = json.loads((PACKAGE / "package.json").read_text("utf-8"))["version"]
    lines = [
        "# What a main mail client lacks, by kind and name. Made by tests/composer/client_table.py; not written by hand.",
        f"# Source: caniemail.com (Rémi Parmentier and contributors, MIT), by the npm package caniemail {version} (MIT,",
        f"# Avi Goldman, Andrew Powell); data of {data['last_update_date'][:10]}.",
    ]
    found = rows(data)
    for kind in sorted({kind for kind, _ in found}):
        names = sorted(name for one, name in found if one == kind)
        lines += ["", f"[{kind}]", *(f'"{name}" = "{" ".join(sorted(found[kind, name]))}"' for name in names)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(made(), "utf-8")
