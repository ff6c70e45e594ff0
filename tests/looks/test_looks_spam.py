"""Every edition and every notice scores below one point with SpamAssassin's local rules; spam does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mailer.message.build import compile
from tests.judges.spam import GTUBE, MOST, bare, by_spamassassin
from tests.looks.judge import Judge
from tests.looks.letters import Mail, Post
from tests.message.samples import NOTICE, NOW, PARTICULARS, STATIONERY, VALUES

pytestmark = [pytest.mark.judge, pytest.mark.xdist_group("servers")]


def scores(messages: Sequence[bytes]) -> list[list[str]]:
    return [[f"spam: {verdict}"] if verdict.score >= MOST else [] for verdict in by_spamassassin(messages)]


def wire(mail: Mail) -> bytes:
    """As it leaves, unsigned: without a network nobody asks for a key."""
    stationery = NOTICE if mail.is_notice else replace(STATIONERY, sender_name="Harbour Letter")
    compiled = compile(mail.source, stationery)
    values = {name: VALUES[name] for name in compiled.slots}
    particulars = {**PARTICULARS, "date": NOW} | ({"unsubscribe": ()} if mail.is_notice else {})
    return compiled.build(values, **particulars)  # type: ignore[arg-type]


def test_every_edition_and_notice_scores_below_one_point(post: Post) -> None:
    # the letters of twelve sections are no editions that anybody sends: their words repeat
    mails = [mail for mail in post.mails if not mail.name.startswith(("worst", "twelve"))]
    good = wire(post.of("sample-en"))
    judge = Judge(scores, good, {"spam/bare": bare(good), "spam/gtube": GTUBE})
    complaints = judge.complaints([wire(mail) for mail in mails])
    assert {m.name: said for m, said in zip(mails, complaints, strict=True) if said} == {}
