"""A run of one sign, pasted by accident, costs no minute of work: no check reads a text again and again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SIGNS = 20_000
SECONDS = 20  # of the processor, for every check in both languages; it takes about one
RUNS = [
    "\u00a0", "\u3000", "あ", "ア", "あ。", "-", "0-", ".", ".”", "［", "[", "（", "！［", "1", "1/", "1,000,", "一", "1月1日、",
    "@", "a@", "x \u00a0", "*", "_", "~", "：", "|", "｜ー", "?", "Aa", "Aab ", "縺", "[cid:", "From: ", "](",
]  # fmt: skip

# A child, so that a check that never ends is ended by the kernel and not by the patience of whoever waits.
CHILD = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
from mailer.composer.checks import spelling, texts
from mailer.composer.checks.case import Case
from tests.gate.conftest import NOT_OF_WORDS, unprinted
from tests.gate.writing import issue_of

sign = sys.argv[1]
run = "".join(f"Na{{n:x}}o, " for n in range({SIGNS} // 8)) if sign == "names" else (sign * {SIGNS})[:{SIGNS}]
text = f"# one {{{{#one}}}}\\n\\nx{{run}}x\\n"
issue = issue_of({{"ja": text, "en": text.replace("x", "a ")}})
proofs = {{language: unprinted(issue, language) for language in issue.languages}}
case = Case(None, issue, None, None, proofs, issue.date)
for check in (*texts.CHECKS, *spelling.CHECKS):
    if check.__name__ not in (*NOT_OF_WORDS, "stale", "unchanged"):  # those ask the database
        list(check(case))
"""


@pytest.mark.parametrize("sign", [*RUNS, "names"])
def test_a_run_of_one_sign_is_judged_within_seconds(sign: str) -> None:
    command = [sys.executable, "-c", CHILD, sign]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
