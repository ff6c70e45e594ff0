"""What a watcher asks of the ledger, on both databases; and whose rows a rehearsal's are."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from mailer.campaigns.status import status
from mailer.delivery import ledger
from mailer.delivery.model import DeliveryState, Settlement
from mailer.delivery.routes import Share
from mailer.tables.delivery import delivery, domain_pace

S = DeliveryState


def spread(office, domains):
    """People of these domains, as many as said; the campaign that is sending to them."""
    campaign = office.launched(sum(domains.values()))
    with office.engine.begin() as connection:
        ids = list(connection.scalars(sa.select(delivery.c.id).order_by(delivery.c.id)))
        for domain, people in domains.items():
            some, ids = ids[:people], ids[people:]
            connection.execute(delivery.update().where(delivery.c.id.in_(some)).values(domain=domain))
    return campaign


def settle(office, claimed, state, code=None, text=None, at=None, enhanced=None):
    office.mark(claimed)
    told = [
        Settlement(row.id, row.fence, state, at or office.now, 1, "rcpt", reply_code=code, reply_enhanced=enhanced, reply_text=text)
        for row in claimed
    ]  # fmt: skip
    with office.engine.begin() as connection:
        ledger.settle(connection, told, "relay")


def test_domains_with_most_people_stand_first_and_the_rest_in_one_line(office):
    campaign = spread(office, {"a.example": 3, "b.example": 5, "c.example": 1, "d.example": 2})
    settle(office, office.claim(2), S.ACCEPTED, 250, "ok")
    with office.engine.begin() as connection:
        found = ledger.by_domain(connection, campaign, 2)
    assert [(one.domain, one.people) for one in found] == [("b.example", 5), ("a.example", 3), (None, 3)]
    assert (found[2].domains, found[1].domains) == (2, 1)
    assert sum(one.accepted for one in found) == 2
    assert sum(one.open for one in found) == 9


def test_replies_of_one_kind_are_one_line_whatever_they_quote(office):  # F39
    campaign = spread(office, {"a.example": 4})
    for number, row in enumerate(office.claim(4)):
        wire = row.recipient.wire
        text = f"<{wire}>: {wire.rpartition('@')[0]} unknown (queue id 4F{number}A)"
        settle(office, [row], S.REFUSED, 550, text, enhanced="5.1.1")
    other = office.add_campaign()
    with office.engine.begin() as connection:
        (said,) = ledger.last_replies(connection, campaign)
        assert ledger.last_replies(connection, other) == []
    assert (said.times, said.code, said.enhanced, said.domain, said.domains) == (4, 550, "5.1.1", "a.example", 1)  # fmt: skip
    assert said.text.startswith("<‹address›>: ‹address› unknown (queue id 4F")


def test_the_rate_now_is_of_the_last_minute_and_slowed_domains_are_named(office):
    campaign = spread(office, {"a.example": 6})
    settle(office, office.claim(2), S.ACCEPTED, 250, "ok", at=office.now + timedelta(seconds=5))
    settle(office, office.claim(3), S.ACCEPTED, 250, "ok", at=office.now + timedelta(minutes=5))
    later = office.now + timedelta(minutes=5, seconds=10)
    with office.engine.begin() as connection:
        connection.execute(
            domain_pace.insert().values(
                domain="a.example", per_minute=30, since=later, reply="421 4.7.0 p1@a.example: slower"
            )
        )
        found = status(connection, campaign, later)
        much_later = status(connection, campaign, later + timedelta(days=1))
    assert found.rate_now == 3 / 60
    assert [(slow.domain, slow.per_minute, slow.reply) for slow in found.slowed] == [
        ("a.example", 30, "421 4.7.0 ‹address›: slower")
    ]
    assert (much_later.rate_now, much_later.slowed) == (0.0, ())
    assert found.open == 1
    assert found.as_json()["by_domain"][0]["open"] == 1


def test_only_who_names_a_rehearsal_gets_its_rows_and_nothing_else(office):  # F54
    real = office.launched(2)
    rehearsal = office.add_campaign(kind="rehearsal")
    office.build(rehearsal, again=True)
    assert {row.campaign_id for row in office.claim(1)} == {real}
    with office.engine.begin() as connection:
        mine = ledger.claim(
            connection, "host:2:b", 10, office.now, timedelta(minutes=5), share=Share(campaigns=(rehearsal,))
        )
    assert [row.campaign_id for row in mine] == [rehearsal] * 2
    assert {row.campaign_id for row in office.claim(10)} == {real}


def test_a_closed_relay_makes_no_rehearsal_wait(office):  # F53
    real, rehearsal = office.add_campaign(), office.add_campaign(kind="rehearsal")
    with office.engine.begin() as connection:
        ledger.wait(connection, office.now + timedelta(hours=1), "quota", "450 4.5.4 enough")
    assert office.campaign(real).waits_reason == "quota"
    assert office.campaign(rehearsal).waits_reason is None
