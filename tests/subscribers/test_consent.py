"""subscribers.consent: who is on a list, by whose act, with which words."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import product
from random import Random

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Connection, Engine

from subscribers import consent, store, tables
from subscribers.address import parse
from subscribers.errors import UnknownSubscriber
from subscribers.model import Act, Actor, SubscriptionState

PENDING, CONFIRMED, UNSUBSCRIBED = SubscriptionState
KEIKO = Actor("staff", "keiko")
IMPORT = Actor("import", "members.csv")
PERSON = Actor("subscriber")
WORDING = "月刊のお知らせを受け取ります。"


class Desk:
    """Taro and two lists, and the acts in short."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection, self.now = connection, now
        self.enews = store.add_list(connection, "enews", "E-News", by=KEIKO, now=now).id
        self.events = store.add_list(connection, "events", "Events", by=KEIKO, now=now).id
        self.taro = store.add(
            connection, parse("taro@example.jp"), by=KEIKO, now=now, random=Random(1), permanent_key="k"
        ).id

    def act(
        self, act: Act, by: Actor, *, list_id: int | None = None, wording: str = WORDING
    ) -> SubscriptionState:
        self.now += timedelta(minutes=1)
        return consent.subscribe(
            self.connection, self.taro, list_id or self.enews, act=act, wording=wording, wording_language="ja",
            source="https://example.jp/join", by=by, now=self.now, ip=None,
        )  # fmt: skip

    def leave(self, *lists: int, by: Actor = PERSON) -> int:
        self.now += timedelta(minutes=1)
        return consent.unsubscribe(
            self.connection, self.taro, lists or None, source="one_click", by=by, now=self.now
        )

    def state(self, list_id: int | None = None) -> SubscriptionState | None:
        return consent.state_of(self.connection, self.taro, list_id or self.enews)

    def acts(self) -> list[str]:
        return [str(record.act) for record in consent.records(self.connection, self.taro)]


def test_the_table_of_moves_is_whole_and_no_form_unconfirms() -> None:
    # F24
    states = (None, *SubscriptionState)
    assert {*product(states, Act)} - {*consent.TRANSITIONS} == {(None, Act.WITHDRAWN)}
    for act in (Act.ASKED, Act.DECLARED, Act.CONFIRMED):
        assert consent.TRANSITIONS[CONFIRMED, act] is CONFIRMED
    assert consent.TRANSITIONS[UNSUBSCRIBED, Act.DECLARED] is UNSUBSCRIBED


def test_double_opt_in_goes_from_asked_to_confirmed(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        desk = Desk(connection, now)
        assert desk.act(Act.ASKED, PERSON) is PENDING
        assert consent.confirmed_since(connection, desk.taro, desk.enews) is None
        assert desk.act(Act.CONFIRMED, PERSON) is CONFIRMED
        assert consent.confirmed_since(connection, desk.taro, desk.enews) == desk.now
        assert desk.acts() == ["asked", "confirmed"]
        person = store.get(connection, desk.taro)
        assert [(one.list, one.state) for one in person.subscriptions] == [("enews", CONFIRMED)]


def test_declared_consent_confirms_at_once(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        desk = Desk(connection, now)
        assert desk.act(Act.DECLARED, IMPORT) is CONFIRMED
        since = desk.now
        assert desk.act(Act.DECLARED, IMPORT) is CONFIRMED
        assert desk.act(Act.ASKED, PERSON) is CONFIRMED  # F24: the form again does not un-confirm
        assert consent.confirmed_since(connection, desk.taro, desk.enews) == since
        assert desk.acts() == ["declared"]


@pytest.mark.parametrize("by", [KEIKO, IMPORT])
def test_nobody_else_revives_who_has_left(database: Engine, now: datetime, by: Actor) -> None:
    with database.begin() as connection:
        desk = Desk(connection, now)
        desk.act(Act.DECLARED, IMPORT)
        assert desk.leave() == 1
        assert desk.act(Act.DECLARED, by) is UNSUBSCRIBED
        assert desk.act(Act.CONFIRMED, by) is UNSUBSCRIBED  # only the person confirms
        assert desk.acts() == ["declared", "withdrawn"]


def test_a_form_sent_by_a_stranger_opens_no_door_for_the_next_import(database: Engine, now: datetime) -> None:
    # F24
    with database.begin() as connection:
        desk = Desk(connection, now)
        desk.act(Act.DECLARED, IMPORT)
        desk.leave()
        assert desk.act(Act.ASKED, IMPORT) is UNSUBSCRIBED
        assert desk.act(Act.ASKED, PERSON) is PENDING
        assert desk.act(Act.DECLARED, IMPORT) is PENDING
        assert desk.act(Act.DECLARED, KEIKO) is PENDING
        assert desk.act(Act.CONFIRMED, PERSON) is CONFIRMED  # their own act, and they are back
        desk.leave()
        assert desk.act(Act.CONFIRMED, PERSON) is CONFIRMED
        assert desk.act(Act.DECLARED, KEIKO) is CONFIRMED


ACTS = st.tuples(st.sampled_from([*Act]), st.sampled_from([PERSON, KEIKO, IMPORT]))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, max_size=8))
def test_whoever_left_is_never_confirmed_again_but_by_their_own_act(
    sqlite: Engine, now: datetime, history: list[tuple[Act, Actor]]
) -> None:
    # F24, in any order of acts by anybody
    with sqlite.connect() as connection:
        desk = Desk(connection, now)
        left = False
        for act, by in history:
            before = desk.state()
            if act is Act.WITHDRAWN:
                desk.leave(desk.enews, by=by)
                left = left or before is not None
            else:
                desk.act(act, by)
                left = left and not (act is Act.CONFIRMED and by == PERSON)
            if left:
                assert desk.state() is not CONFIRMED
            if before is CONFIRMED and act is not Act.WITHDRAWN:
                assert desk.state() is CONFIRMED
        connection.rollback()


def test_the_office_may_declare_for_someone_who_never_left(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        desk = Desk(connection, now)
        desk.act(Act.ASKED, PERSON)
        assert desk.act(Act.DECLARED, KEIKO) is CONFIRMED


def test_unsubscribing_is_for_the_right_list_and_may_be_repeated(database: Engine, now: datetime) -> None:
    # F22
    with database.begin() as connection:
        desk = Desk(connection, now)
        desk.act(Act.DECLARED, IMPORT)
        desk.act(Act.ASKED, PERSON, list_id=desk.events)
        assert desk.leave(desk.enews) == 1
        assert (desk.state(desk.enews), desk.state(desk.events)) == (UNSUBSCRIBED, PENDING)
        assert desk.leave(desk.enews) == 0
        assert desk.leave() == 1
        assert desk.leave() == 0
        assert desk.state(desk.events) is UNSUBSCRIBED
        assert consent.unsubscribe(connection, 999, None, source="one_click", by=PERSON, now=now) == 0
        assert desk.acts() == ["declared", "asked", "withdrawn", "withdrawn"]


def test_unsubscribing_from_a_list_one_is_not_on_changes_nothing(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        desk = Desk(connection, now)
        assert desk.leave(desk.enews) == 0
        assert desk.state() is None


def test_the_exact_words_are_kept_once_for_all(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        desk = Desk(connection, now)
        desk.act(Act.ASKED, PERSON)
        desk.act(Act.ASKED, PERSON)
        desk.act(Act.ASKED, PERSON, list_id=desk.events)
        desk.act(Act.CONFIRMED, PERSON, wording=WORDING + " ")
        wordings = connection.execute(sa.select(tables.consent_wording)).all()
        assert sorted(row.text for row in wordings) == [WORDING, WORDING + " "]
        assert consent.wording_id(connection, WORDING, "en") != consent.wording_id(connection, WORDING, "ja")
        first = consent.records(connection, desk.taro)[0]
        assert (first.list, first.act, first.wording, first.wording_language, first.by) == (
            "enews", Act.ASKED, WORDING, "ja", "subscriber",
        )  # fmt: skip


def test_a_list_knows_how_many_stand_in_each_state(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        desk = Desk(connection, now)
        assert consent.counts(connection) == {}
        desk.act(Act.DECLARED, IMPORT)
        desk.act(Act.ASKED, PERSON, list_id=desk.events)
        assert consent.counts(connection) == {(desk.enews, CONFIRMED): 1, (desk.events, PENDING): 1}


def test_an_act_needs_a_person_and_a_known_name(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        desk = Desk(connection, now)
        desk.taro = 999
        with pytest.raises(UnknownSubscriber):
            desk.act(Act.ASKED, PERSON)
        with pytest.raises(ValueError, match="unsubscribe"):
            desk.act(Act.WITHDRAWN, PERSON)
