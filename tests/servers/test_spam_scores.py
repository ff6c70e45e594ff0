"""The sample issue as it leaves is no spam to SpamAssassin's local rules, and spam is."""

from __future__ import annotations

import re

import pytest

from tests.journeys.conftest import EDITIONS, Office
from tests.judges.spam import by_spamassassin

pytestmark = [pytest.mark.judge, pytest.mark.xdist_group("servers")]
MOST = 1.0  # points; 5.0 are spam to most receivers
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"  # every SpamAssassin knows it


def test_both_editions_score_low_and_a_crippled_copy_does_not(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    sent = {EDITIONS[each.envelope.rcpt_to]: each.content for each in ready.sink.messages}
    assert set(sent) == {"ja", "en"}
    crippled = re.sub(rb"\r\n(Date|Message-ID|MIME-Version|To): [^\r]*", b"", sent["en"], count=4)
    gtube = b"Subject: hello\r\nFrom: a@a.example\r\n\r\n" + GTUBE + b"\r\n"
    japanese, english, worse, worst = by_spamassassin([sent["ja"], sent["en"], crippled, gtube])
    assert japanese.score < MOST, japanese
    assert english.score < MOST, english
    assert worse.score > english.score + 2, worse  # the judge is awake
    assert worst.score > 5, worst
