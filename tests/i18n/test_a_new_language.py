"""Adding a language is one file: docs/languages.md, step by step, with nothing else touched."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mailer import i18n
from mailer.composer.notices import NOTICES

ROOT = Path(__file__).parents[2]
OF_STAFF = {kind.name for kind in NOTICES.values() if kind.audience == "staff"}

# Asked in a process of its own, of the copy.
_ASK = """
import json
from mailer import i18n
from mailer.composer import notice_samples
from mailer.composer.look import theme
from mailer.composer.notices import NOTICES
from mailer.composer.model import Identity, Surroundings
from datetime import date

tag = "{tag}"
about = Surroundings(
    issue_slug="", number="", date=date(2034, 12, 20),
    identity=Identity("Letter", "Office", "", "en", "1 Street", "", "office@example.org"), zone="Asia/Tokyo",
    base_url="https://example.org", web_url="", others=(), pictures={{}}, decorations={{}}, resource_urls={{}},
    calendar_urls={{}},
)
drawn = {{}}
for kind in NOTICES.values():
    if tag in kind.languages:
        values = kind.values(notice_samples.samples(kind.name, tag))
        drawn[kind.name] = theme.Theme(None).render_notice(kind.name, i18n.words(tag), about, values)
print(json.dumps({{
    "source": i18n.words(tag).source, "autonym": i18n.autonym(tag), "direction": i18n.direction(tag),
    "date": i18n.words(tag).date(date(2034, 12, 20)), "drawn": drawn,
}}))
"""


def written(entries: dict[str, str]) -> str:
    groups: dict[str, list[str]] = {}
    for key, text in entries.items():
        group, _, name = key.partition(".")
        groups.setdefault(group, []).append(f"{json.dumps(name)} = {json.dumps(text, ensure_ascii=False)}")
    return "\n\n".join("\n".join([f"[{group}]", *lines]) for group, lines in groups.items()) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tag", "autonym", "direction", "day"),
    [("fr", "Français", "ltr", "20 décembre 2034"), ("he", "עברית", "rtl", "20 דצמבר 2034")],
)
def test_one_file_is_all_that_a_new_language_needs(
    tmp_path: Path, tag: str, autonym: str, direction: str, day: str
) -> None:
    for name in ("mailer", "subscribers", "templates"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    entries = {
        key: entry["text"] if key.startswith(("style.", "date.", "zone.")) else f"¤{entry['text']}"
        for key, entry in i18n.catalogue("en").items()
        if key.partition(".")[0] in ("style", "date", "zone", "mail", "web")
        and not (key.startswith("mail.") and key.split(".")[1] in OF_STAFF)
    }
    (tmp_path / "mailer" / "locales" / f"{tag}.toml").write_text(written(entries), "utf-8")

    asked = subprocess.run(
        [sys.executable, "-c", _ASK.format(tag=tag)],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    told = json.loads(asked.stdout)

    assert (told["source"], told["autonym"], told["direction"]) == (tag, autonym, direction)
    assert told["date"] == day
    assert set(told["drawn"]) == set(NOTICES) - OF_STAFF
    for subject, html, text in told["drawn"].values():
        assert subject.startswith("¤")
        assert f'lang="{tag}" dir="{direction}"' in html and "¤" in text
