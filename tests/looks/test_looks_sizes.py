"""No edition comes near the size at which Gmail cuts a mail. F43"""

from __future__ import annotations

import pytest

from tests.looks.letters import Post
from tests.looks.sizes import BEGIN, PAGE, sizes

pytestmark = pytest.mark.xdist_group("looks")


def test_twelve_sections_with_24_pictures_stay_below_the_limit(post: Post) -> None:
    for language in ("ja", "en"):
        mail = post.of(f"twelve-{language}")
        assert mail.html.count("<img ") >= 24
        assert sizes(mail)[0] < 90_000, language


def test_every_mail_keeps_a_small_style_block(post: Post) -> None:
    assert {
        mail.name: sizes(mail) for mail in post.mails if sizes(mail)[0] > 90_000 or sizes(mail)[1] > 8_000
    } == {}


def test_the_table_names_every_edition(post: Post) -> None:
    told = PAGE.read_text("utf-8").partition(BEGIN)[2]
    assert [mail.name for mail in post.letters if f"| {mail.name} |" not in told] == []
