"""Promises about the whole: what a sender loads, and that the papers say what is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_sender_process_loads_no_web_framework_no_lxml_no_pillow_no_typer() -> None:
    # 60 MB a process; a machine of two cores runs two of them and a database.
    script = "import sys, mailer.worker; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not {"fastapi", "lxml", "PIL", "typer", "premailer", "cssutils"} & set(loaded)


def test_every_path_that_the_papers_link_to_is_there() -> None:
    for paper in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")):
        words = re.sub(
            r"```.*?```|`[^`\n]*`", "", paper.read_text("utf-8"), flags=re.S
        )  # what is typed is no link
        for target in re.findall(r"\]\(([^)#]+)", words):
            if "://" not in target:
                assert (paper.parent / target).exists(), f"{paper.name}: {target}"


def test_every_table_and_state_word_of_the_code_is_in_the_glossary() -> None:
    from mailer.campaigns.model import CampaignState
    from mailer.composer.model import IssueState
    from mailer.delivery.model import DeliveryState
    from subscribers.model import SubscriptionState

    glossary = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    for states in (CampaignState, IssueState, DeliveryState, SubscriptionState):
        for state in states:
            assert re.search(rf"\b{state}\b", glossary), state


def test_every_command_of_the_papers_exists() -> None:
    from typer.main import get_command

    from mailer.cli.main import _app
    from mailer.cli.say import Say
    from mailer.i18n import words

    root = get_command(_app(Say(words("en"), False), {}))
    known = {name: set(getattr(command, "commands", {})) for name, command in root.commands.items()}  # type: ignore[attr-defined]
    for paper in (ROOT / "README.md", ROOT / "docs" / "operating.md"):
        for line in re.findall(r"^(?:\.venv/bin/)?mailer ([a-z].*)$", paper.read_text("utf-8"), re.MULTILINE):
            command, rest = line.split()[0], line.split()[1:]
            assert command in known, line
            if known[command]:
                assert rest and rest[0] in known[command], line


def test_the_picture_of_the_states_is_the_table_of_moves() -> None:
    from mailer.delivery.model import TRANSITIONS

    paper = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    drawn = set(re.findall(r"^  (\w+) --> (\w+)", paper, re.MULTILINE))
    assert drawn == {(str(before), str(after)) for before, moves in TRANSITIONS.items() for after in moves}
