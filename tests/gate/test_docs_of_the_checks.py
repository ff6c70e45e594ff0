"""docs/checks.md names every code with its severity, so that nobody has to read the source."""

from __future__ import annotations

import re
from pathlib import Path

from mailer.composer.checks import CODES

PAGE = Path(__file__).parents[2] / "docs/checks.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (yes|no) \| (.+) \|$", re.M)


def test_the_page_and_the_table_of_codes_agree() -> None:
    page = {code: (severity, may == "yes") for code, severity, may, _ in ROW.findall(PAGE.read_text("utf-8"))}
    assert page == {code: (str(one.severity), not one.fixed) for code, one in CODES.items()}


def test_every_check_has_an_example() -> None:
    rows = ROW.findall(PAGE.read_text("utf-8"))
    bare = [code for code, _, _, rest in rows if CODES[code].key.startswith("finding.") and " | " not in rest]
    assert bare == []
