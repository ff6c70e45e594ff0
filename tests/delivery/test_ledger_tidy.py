"""Old claim numbers are forgotten, and none is ever given again."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from mailer.delivery import ledger
from mailer.delivery.ledger import tidy
from mailer.tables.delivery import claim

DAY = timedelta(days=1, seconds=1)


def numbers(office):
    with office.engine.begin() as connection:
        return list(connection.scalars(sa.select(claim.c.id).order_by(claim.c.id)))


def forget(office, now):
    with office.engine.begin() as connection:
        return ledger.forget_claims(connection, now)


def give_back(office, claimed):
    with office.engine.begin() as connection:
        ledger.release(connection, claimed)


def test_a_number_is_never_given_twice_also_when_all_others_are_forgotten(office):  # F2
    office.launched(1)
    given = []
    for round_ in range(4):
        then = office.now + round_ * DAY
        claimed = office.claim(now=then)
        given.append(claimed[0].fence)
        give_back(office, claimed)
        forget(office, then + DAY)
    with office.engine.begin() as connection:  # as a person with a database tool might
        connection.execute(claim.delete())
    given.append(office.claim(now=office.now + 5 * DAY)[0].fence)
    assert given == sorted(set(given))


def test_what_a_sender_holds_and_the_newest_number_stay(office):  # F2
    office.launched(3)
    old = office.claim(1, sender="host:1:old")
    held = office.claim(1, sender="host:1:held")
    newest = office.claim(1, sender="host:1:newest")
    give_back(office, [*old, *newest])
    assert forget(office, office.now + DAY) == 1
    assert numbers(office) == [held[0].fence, newest[0].fence]
    give_back(office, held)
    assert forget(office, office.now + DAY) == 1
    assert numbers(office) == [newest[0].fence]
    assert forget(office, office.now + DAY) == 0


def test_numbers_of_today_stay_and_a_step_is_small(office, monkeypatch):
    office.launched(1)
    for _ in range(5):
        give_back(office, office.claim())
    assert forget(office, office.now + timedelta(hours=23)) == 0
    monkeypatch.setattr(tidy, "STEP", 3)
    assert [forget(office, office.now + DAY) for _ in range(3)] == [3, 1, 0]
