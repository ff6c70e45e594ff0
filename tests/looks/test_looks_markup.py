"""html-validate reads every mail with the rules of mails, and every web page with all of its rules."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from tests.judges.asking import ask, node
from tests.looks.judge import Judge, crippled
from tests.looks.letters import Post
from tests.looks.web import Pages

pytestmark = [pytest.mark.judge, pytest.mark.xdist_group("looks")]
# What a mail must do and a page must not: styles at the element, comments for Word, attributes for old programs,
# tables that say nothing of <tbody>, roles on a <div> that webmails leave alone where <article> is dropped.
OF_MAILS = ["no-inline-style", "no-conditional-comment", "no-deprecated-attr", "prefer-tbody", "prefer-native-element"]  # fmt: skip


def by_html_validate(cases: Sequence[tuple[str, bool]]) -> list[list[str]]:
    """Each case is (HTML, whether it is a mail)."""
    lines = [json.dumps({"html": html, "off": OF_MAILS if is_mail else []}) for html, is_mail in cases]
    return ask(node("validate.mjs"), lines)


def test_every_mail_and_page_is_valid(post: Post, pages: Pages) -> None:
    good = post.of("sample-en").html
    judge = Judge(
        by_html_validate,
        (good, True),
        {
            "close-order": (crippled(good, "</h1>", "</h2>", 1), True),
            "element-permitted-content": (crippled(good, "</h1>", "<div>a</div></h1>", 1), True),
            "no-inline-style": (good, False),  # a page has all rules
        },
    )
    cases = [(mail.html, True) for mail in post.mails] + [(page, False) for page in pages.by_path.values()]
    names = [mail.name for mail in post.mails] + list(pages.by_path)
    found = dict(zip(names, judge.complaints(cases), strict=True))
    assert {name: complaints for name, complaints in found.items() if complaints} == {}
