"""Building a campaign's rows from the audience."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from mailer.delivery import ledger
from mailer.delivery.model import DeliveryState
from mailer.tables.delivery import delivery
from subscribers import audience, tables


def test_everybody_on_the_list_gets_one_row_in_the_edition_of_their_language(office):
    office.add_people(6, languages=("ja", "en", "ja-JP"))
    built = office.build(office.add_campaign())
    assert (built.total, dict(built.by_language), built.already) == (6, {"en": 2, "ja": 4}, 0)


def test_a_person_on_two_lists_gets_one_row_that_names_the_first_list(office):  # F11
    second = office.add_list("events")
    both = office.add_people(3)
    office.put_on(both, second)
    campaign = office.add_campaign()
    assert office.build(campaign, list_ids=[second, office.list_ids[0]]).total == 3
    with office.engine.begin() as connection:
        assert set(connection.scalars(sa.select(delivery.c.list_id))) == {second}


def test_people_whose_language_has_no_edition_are_skipped_with_the_reason(office):
    everybody = office.add_list("world", language=None)
    office.add_people(2, languages=("fr", "en"), list_id=everybody)
    campaign = office.add_campaign()
    built = office.build(campaign, list_ids=[everybody])
    assert (built.total, dict(built.by_language)) == (2, {"en": 1})
    with office.engine.begin() as connection:
        counts = ledger.counts(connection, campaign)
    assert (dict(counts.by_state), dict(counts.skipped)) == ({"queued": 1, "skipped": 1}, {"no_edition": 1})


def test_building_twice_adds_nothing(office):
    office.add_people(5)
    campaign = office.add_campaign()
    first = office.build(campaign)
    assert office.build(campaign) == first
    office.add_people(1)  # somebody joined between: the machine died half-way and launches again
    assert office.build(campaign).total == 6


def test_the_same_issue_to_a_second_list_repeats_nobody(office):  # F54
    first_list, second_list = office.list_ids[0], office.add_list("events")
    both = office.add_people(4)
    office.put_on(both[:3], second_list)
    office.add_people(2, list_id=second_list, prefix="q")
    assert office.build(office.add_campaign(), list_ids=[first_list]).total == 4
    built = office.build(office.add_campaign(), list_ids=[second_list])
    assert (built.total, built.already) == (2, 3)


def test_two_sends_pressed_at_the_same_moment_build_everybody_once(office):  # F54
    office.add_people(200)
    campaigns = [office.add_campaign() for _ in range(4)]
    built = []
    threads = [threading.Thread(target=lambda one=one: built.append(office.build(one))) for one in campaigns]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.total for one in built) == [0, 0, 0, 200]
    assert sum(one.already for one in built) == 600


def test_again_sends_to_those_who_have_it_too(office):  # F54
    office.add_people(3)
    office.build(office.add_campaign())
    assert office.build(office.add_campaign(), again=True).total == 3


@pytest.mark.parametrize(
    ("state", "rows"), [("accepted", 0), ("uncertain", 0), ("bounced", 0), ("deferred", 0),
                        ("refused", 2), ("skipped", 2), ("cancelled", 2)],
)  # fmt: skip
def test_who_has_or_awaits_an_issue_is_told_by_the_state(office, state, rows):
    office.add_people(2)
    campaign = office.add_campaign()
    office.build(campaign)
    office.set_states(campaign, DeliveryState(state))
    assert office.build(office.add_campaign()).total == rows


@pytest.mark.parametrize(
    ("state", "rows"), [("queued", 2), ("claimed", 2), ("deferred", 2), ("attempting", 0), ("accepted", 0)]
)
def test_nobody_awaits_an_issue_from_a_cancelled_campaign_but_what_is_on_the_wire(office, state, rows):
    office.add_people(2)
    campaign = office.add_campaign()
    office.build(campaign)
    office.set_states(campaign, DeliveryState(state))
    office.set_campaign(campaign, state="cancelled")
    assert office.build(office.add_campaign()).total == rows


def test_a_rehearsal_asks_who_has_it_and_counts_for_nobody(office):  # F54
    office.add_people(2)
    assert office.build(office.add_campaign(kind="rehearsal")).total == 2
    assert office.build(office.add_campaign()).total == 2
    assert office.build(office.add_campaign(kind="rehearsal")).already == 2


@pytest.mark.parametrize("kind", ["test", "correction"])
def test_tests_and_corrections_neither_ask_nor_count_who_has_it(office, kind):
    office.add_people(2)
    assert office.build(office.add_campaign(kind=kind)).total == 2
    assert office.build(office.add_campaign()).total == 2
    assert office.build(office.add_campaign(kind=kind)).total == 2


def test_somebody_with_languages_that_were_not_mapped_stops_the_build(office):
    office.add_people(2, languages=("ja",))
    campaign = office.add_campaign()
    with pytest.raises(LookupError), office.engine.begin() as connection:
        ledger.build(
            connection,
            campaign,
            issue_id=1,
            people=audience.people(audience.Audience((office.list_ids[0],)), office.now),
            edition_of={("en", "ja"): (office.edition_ids["en"], "en")},
            again=False,
            now=office.now,
        )
    assert office.states(campaign) == {}


def test_a_change_of_language_after_the_build_changes_nothing(office):  # F15 F20
    ids = office.add_people(2, languages=("ja",))
    campaign = office.add_campaign()
    office.build(campaign)
    with office.engine.begin() as connection:
        connection.execute(tables.subscriber.update().values(languages="en"))
    claimed = office.claim()
    assert {row.subscriber_id for row in claimed} == set(ids)
    assert {(row.language, row.edition_id) for row in claimed} == {("ja", office.edition_ids["ja"])}


def test_hundreds_of_combinations_of_languages_are_mapped_at_once(office):
    tags = [f"ja,en-{a}{b}" for a in "ABCDEFGHIJKLMNOPQRST" for b in "ABCDEFGHIJKLMNOPQRST"]
    office.add_people(len(tags), languages=tags)
    assert dict(office.build(office.add_campaign()).by_language) == {"ja": 400}
