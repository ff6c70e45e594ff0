"""Why a campaign is held, as a sentence: its code, its facts, the office's time zone.

Owns no rule and no table. Called by whoever shows a campaign: CLI, pages, mails to the office.
"""

from __future__ import annotations

from datetime import date, datetime

from mailer.campaigns.model import Campaign, Why
from mailer.delivery import first_copy
from mailer.delivery.model import DeliveryState
from mailer.i18n import Words, autonym

_MOMENTS = ("since", "finish")  # facts are kept as text, because they stand in JSON
_DATES = ("until",)


def in_words(campaign: Campaign, words: Words, zone: str) -> str:
    """Empty if it is not held. A code without words is told as it is."""
    if campaign.reason is None:
        return ""
    key = f"hold.{campaign.reason}"
    if campaign.reason == Why.RESTORED and campaign.launched_at is not None:
        key = "hold.restored.begun"
    facts = {name: _told(name, value, words, zone) for name, value in campaign.reason_facts.items()}
    if campaign.reason == first_copy.FAILED:
        if facts.get("state") == DeliveryState.UNCERTAIN:
            key += ".uncertain"
        why = str(facts.get("why") or "")
        facts["reply"] = facts.get("reply") or words.said(f"delivery_reason.{why}", why).rstrip("。.")
    return words.said(key, campaign.reason, **{"campaign": campaign.id, **facts})


def _told(name: str, value: object, words: Words, zone: str) -> object:
    if name in _MOMENTS and isinstance(value, str):
        return words.moment(datetime.fromisoformat(value), zone)
    if name in _DATES and isinstance(value, str):
        return words.date(date.fromisoformat(value))
    return autonym(value) if name == "language" and isinstance(value, str) else value
