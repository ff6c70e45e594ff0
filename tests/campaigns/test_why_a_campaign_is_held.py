"""Why a campaign is held, as the office reads it: its own addresses whole, the servers' words without any."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mailer.campaigns.model import Campaign, CampaignKind, CampaignState
from mailer.campaigns.reasons import in_words
from mailer.campaigns.status import masked
from mailer.i18n import catalogue, words

FACTS = {
    "issue": "2034-12", "language": "ja", "to": "office@example.org", "email": "enews@example.org",
    "newsletter": "enews", "reply": "550 <tom@example.com> unknown", "error": "tom@example.com has no name",
}  # fmt: skip


def held(reason: str) -> Campaign:
    at = datetime(2034, 12, 20, tzinfo=UTC)
    return Campaign(
        1, 1, "2034-12", CampaignKind.REGULAR, CampaignState.HELD, reason, FACTS, False, at, None, None, None,
        None, None, None, "staff:keiko", at,
    )  # fmt: skip


def naming(*facts: str) -> list[str]:
    return [
        key.removeprefix("hold.")
        for key, entry in catalogue("en").items()
        if key.startswith("hold.") and any(f"{{{fact}}}" in entry.get("text", "") for fact in facts)
    ]


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("reason", naming("to", "email"))
def test_the_address_to_mend_is_named(reason: str, language: str) -> None:
    told = in_words(masked(held(reason)), words(language), "Asia/Tokyo")
    assert "@example.org" in told


@pytest.mark.parametrize("reason", naming("reply", "error"))
def test_the_servers_words_name_nobody(reason: str) -> None:  # F39
    assert "tom@" not in in_words(masked(held(reason)), words("ja"), "Asia/Tokyo")
