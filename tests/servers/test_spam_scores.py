"""The sample issue as it leaves is no spam to SpamAssassin's local rules, and spam is."""

from __future__ import annotations

import pytest

from tests.journeys.conftest import EDITIONS, Office
from tests.judges.spam import GTUBE, MOST, bare, by_spamassassin

pytestmark = [pytest.mark.judge, pytest.mark.xdist_group("servers")]


def test_both_editions_score_low_and_a_crippled_copy_does_not(ready: Office) -> None:
    ready.run("campaigns", "send", "2034-12", "--list", "enews", "--wait")
    sent = {EDITIONS[each.envelope.rcpt_to]: each.content for each in ready.sink.messages}
    assert set(sent) == {"ja", "en"}
    japanese, english, worse, worst = by_spamassassin([sent["ja"], sent["en"], bare(sent["en"]), GTUBE])
    assert japanese.score < MOST, japanese
    assert english.score < MOST, english
    assert worse.score > english.score + 2, worse  # the judge is awake
    assert worst.score > 5, worst
