"""subscribers.audience: each person once, on the right list, and a reason for each who is left out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from subscribers import consent, store, suppression, tables
from subscribers.address import parse
from subscribers.audience import (
    Audience,
    Group,
    edition_map,
    excluded,
    groups,
    people,
    recipients,
)
from subscribers.model import Act, Actor
from tests.subscribers_world import fill

KEIKO = Actor("staff", "keiko")
PERSON = Actor("subscriber")


class World:
    """Lists a, b and x, and people named by what they are."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection, self.now = connection, now
        self.a, self.b, self.x = (
            store.add_list(connection, slug, slug, language=language, by=KEIKO, now=now).id
            for slug, language in (("a", "ja"), ("b", None), ("x", None))
        )
        self.id_of: dict[str, int] = {}

    def person(self, name: str, lists: Iterable[int], *languages: str, act: Act = Act.DECLARED) -> int:
        person = store.add(
            self.connection, parse(f"{name}@example.jp"), by=KEIKO, now=self.now, random=Random(name),
            permanent_key="k", name=name, languages=languages,
        )  # fmt: skip
        for list_id in lists:
            consent.subscribe(
                self.connection, person.id, list_id, act=act, source="paper", wording="yes",
                by=KEIKO if act is Act.DECLARED else PERSON, now=self.now,
            )  # fmt: skip
        self.id_of[name] = person.id
        return person.id

    def leaves(self, name: str, *lists: int) -> None:
        consent.unsubscribe(
            self.connection, self.id_of[name], lists or None, source="page", by=PERSON, now=self.now
        )

    def suppress(self, name: str) -> None:
        suppression.add(self.connection, f"{name}@example.jp", reason="bounced", by=KEIKO, now=self.now)

    def pause(self, name: str, until: datetime) -> None:
        store.change(self.connection, self.id_of[name], paused_until=until, by=PERSON, now=self.now)

    def names(self, audience: Audience) -> dict[str, int]:
        """Name → list, of everybody who gets it; fails if somebody is there twice."""
        rows = self.connection.execute(people(audience, self.now)).all()
        name_of = {number: name for name, number in self.id_of.items()}
        found = {name_of[row.subscriber_id]: row.list_id for row in rows}
        assert len(found) == len(rows)
        return found


def test_a_person_on_two_lists_is_there_once_under_the_first(database: Engine, now: datetime) -> None:
    # F11
    with database.begin() as connection:
        world = World(connection, now)
        a, b = world.a, world.b
        world.person("both", [a, b])
        world.person("only_b", [b])
        world.person("left_a", [a, b])
        world.leaves("left_a", a)
        assert world.names(Audience((a, b))) == {"both": a, "only_b": b, "left_a": b}
        assert world.names(Audience((b, a))) == {"both": b, "only_b": b, "left_a": b}
        assert world.names(Audience((b, b, a, a))) == {"both": b, "only_b": b, "left_a": b}
        assert world.names(Audience((a,))) == {"both": a}
        assert world.names(Audience((a, world.x, b))) == {"both": a, "only_b": b, "left_a": b}
        with pytest.raises(ValueError, match="at least one list"):
            Audience(())


def test_only_the_confirmed_the_unsuppressed_and_the_unpaused_get_it(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        world = World(connection, now)
        a, b, x = world.a, world.b, world.x
        everybody = ("yes", "pending", "left", "bounced", "paused", "back", "kept", "was_kept", "many")
        for name in everybody:
            world.person(name, [a], act=Act.ASKED if name == "pending" else Act.DECLARED)
        world.leaves("left", a)
        world.suppress("bounced")
        world.pause("paused", now + timedelta(days=1))
        world.pause("back", now)
        for name in ("kept", "was_kept"):
            consent.subscribe(connection, world.id_of[name], x, act=Act.DECLARED, source="s", wording=None, by=KEIKO, now=now)  # fmt: skip
        world.leaves("was_kept", x)
        for list_id in (b, x):  # several reasons at once: counted once
            consent.subscribe(connection, world.id_of["many"], list_id, act=Act.DECLARED, source="s", wording=None, by=KEIKO, now=now)  # fmt: skip
        world.suppress("many")
        world.pause("many", now + timedelta(days=1))
        for name in ("pending", "left"):
            world.suppress(name)
        world.person("elsewhere", [b])

        audience = Audience((a,), (x,))
        assert set(world.names(audience)) == {"yes", "back", "was_kept"}
        assert excluded(connection, audience, now) == {
            "pending": 1, "unsubscribed": 1, "suppressed": 2, "excluded_list": 1, "paused": 1,
        }  # fmt: skip
        assert 3 + sum(excluded(connection, audience, now).values()) == len(everybody)
        assert "excluded_list" not in excluded(connection, Audience((a,)), now)
        assert excluded(connection, Audience((x,), ()), now) == {"unsubscribed": 1, "suppressed": 1}


def test_whoever_is_pending_on_one_list_and_gone_from_another_is_pending(
    database: Engine, now: datetime
) -> None:
    with database.begin() as connection:
        world = World(connection, now)
        world.person("p", [world.a])
        world.leaves("p", world.a)
        consent.subscribe(connection, world.id_of["p"], world.b, act=Act.ASKED, source="s", wording=None, by=PERSON, now=now)  # fmt: skip
        assert excluded(connection, Audience((world.a, world.b)), now) == {"pending": 1}
        assert excluded(connection, Audience((world.a,)), now) == {"unsubscribed": 1}


def test_people_are_grouped_by_what_decides_their_edition(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        world = World(connection, now)
        world.person("one", [world.a], "ja")
        world.person("two", [world.a, world.b], "ja")
        world.person("three", [world.a], "en-GB", "ja")
        world.person("four", [world.b])
        found = groups(connection, Audience((world.a, world.b)), now)
        assert found[0] == Group("ja", "ja", 2)
        assert set(found[1:]) == {Group("en-GB,ja", "ja", 1), Group("", None, 1)}


def test_an_edition_is_chosen_by_preference_then_list_then_site_then_issue() -> None:
    found = [Group(languages, own, 1) for languages, own in (
        ("en-GB,ja", "ja"), ("fr", "ja"), ("fr", None), ("", "de"), ("zh-Hant", "zh-Hans"), ("zh-TW,en", None),
    )]  # fmt: skip
    assert edition_map(found, ["en", "ja", "zh-Hans"], "en", "ja") == {
        ("en-GB,ja", "ja"): "en",
        ("fr", "ja"): "ja",
        ("fr", None): "en",
        ("", "de"): "en",
        ("zh-Hant", "zh-Hans"): "zh-Hans",  # the list's own default is what its owner chose
        ("zh-TW,en", None): "en",
    }
    assert edition_map([Group("fr", None, 1)], ["ko"], None, None) == {("fr", None): None}


def test_a_claimed_batch_is_read_with_consent_asked_again(database: Engine, now: datetime) -> None:
    # F10
    with database.begin() as connection:
        world = World(connection, now)
        a, b = world.a, world.b
        names = ("yes", "left", "bounced", "paused", "erased", "pending")
        for name in names:
            world.person(name, [a, b], "ja", "en", act=Act.ASKED if name == "pending" else Act.DECLARED)
        world.leaves("left", a)
        world.suppress("bounced")
        world.pause("paused", now + timedelta(days=1))
        store.erase(connection, world.id_of["erased"], permanent_key="k", by=KEIKO, now=now)
        world.person("stranger", [])
        found = recipients(connection, [(number, a) for number in world.id_of.values()], now)
        assert {name: found[number].refusal for name, number in world.id_of.items()} == {
            "yes": None, "left": "unsubscribed", "bounced": "suppressed", "paused": "paused",
            "erased": "erased", "pending": "unsubscribed", "stranger": "unsubscribed",
        }  # fmt: skip
        yes = found[world.id_of["yes"]]
        assert (yes.email, yes.wire, yes.name, yes.languages) == (
            "yes@example.jp",
            "yes@example.jp",
            "yes",
            ("ja", "en"),
        )
        assert yes.reference == store.get(connection, yes.subscriber_id).reference
        assert yes.subscribed_on == date(2034, 12, 20)

        mixed = [(world.id_of["yes"], b), (world.id_of["left"], b), (world.id_of["bounced"], None), (999, a)]
        found = recipients(connection, mixed, now)
        assert [found[number].refusal for number, _ in mixed] == [None, None, "suppressed", "erased"]
        assert (
            recipients(connection, [(world.id_of["stranger"], None)], now)[world.id_of["stranger"]].refusal
            is None
        )
        assert recipients(connection, [], now) == {}


def test_each_of_a_batch_on_several_lists_is_read_for_the_own_one(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        world = World(connection, now)
        pairs = []
        for n in range(20):
            number = world.person(f"p{n}", [world.a, world.b, world.x])
            list_id = (world.a, world.b, world.x)[n % 3]
            world.leaves(f"p{n}", *({world.a, world.b, world.x} - {list_id}))
            pairs.append((number, list_id))
        found = recipients(connection, pairs, now)
        assert {(one.subscriber_id, one.list_id) for one in found.values()} == set(pairs)
        assert {one.refusal for one in found.values()} == {None}


def test_the_date_of_joining_is_the_one_of_the_readers_zone(database: Engine) -> None:
    evening = datetime(2034, 12, 19, 20, 0, tzinfo=UTC)  # the 20th in Yokohama
    with database.begin() as connection:
        world = World(connection, evening)
        number = world.person("p", [world.a])
        pair = [(number, world.a)]
        assert recipients(connection, pair, evening)[number].subscribed_on == date(2034, 12, 19)
        tokyo = recipients(connection, pair, evening, ZoneInfo("Asia/Tokyo"))
        assert tokyo[number].subscribed_on == date(2034, 12, 20)


def test_carrier_and_international_addresses_reach_the_wire(database: Engine, now: datetime) -> None:
    # F45, F46
    with database.begin() as connection:
        world = World(connection, now)
        typed = ("taro..y@docomo.ne.jp", "u@日本.example", "ユーザー@日本.example")
        ids = [
            store.add(connection, parse(one), by=KEIKO, now=now, random=Random(one), permanent_key="k").id
            for one in typed
        ]
        found = recipients(connection, [(number, None) for number in ids], now)
        assert [(found[n].email, found[n].wire, found[n].needs_smtputf8) for n in ids] == [
            ("taro..y@docomo.ne.jp", '"taro..y"@docomo.ne.jp', False),
            ("u@日本.example", "u@xn--wgv71a.example", False),
            ("ユーザー@日本.example", "ユーザー@xn--wgv71a.example", True),
        ]
        assert world.names(Audience((world.a,))) == {}


def test_the_audience_streams_without_sorting_or_reading_everybody(database: Engine, now: datetime) -> None:
    # A sort or a scan per person is unnoticed at 300 people and takes minutes at 1,000,000.
    with database.begin() as connection:
        world = World(connection, now)
        fill(connection, 5_000, [world.a, world.b], now, start=1)
        audience = Audience((world.a, world.b), (world.x,))
        query = people(audience, now).compile(connection, compile_kwargs={"literal_binds": True})
        if connection.dialect.name == "sqlite":
            plan = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}")]
            assert not [line for line in plan if "TEMP B-TREE" in line or line.startswith("SCAN")]
        else:
            plan = [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {query}".replace("%", "%%"))]
            assert not [line for line in plan if "Sort" in line or "SubPlan" in line]
        assert sum(group.people for group in groups(connection, audience, now)) == 5_000


def test_a_full_world_differs_in_reference_language_and_domain(database: Engine, now: datetime) -> None:
    with database.begin() as connection:
        world = World(connection, now)
        fill(connection, 1_000, [world.a], now)
        subscriber = tables.subscriber
        counted = connection.execute(
            sa.select(*(sa.func.count(sa.distinct(column)) for column in (
                subscriber.c.reference, subscriber.c.address_key, subscriber.c.languages, subscriber.c.domain
            )))
        ).one()  # fmt: skip
        assert tuple(counted) == (1_000, 1_000, 8, 4)
        after = world.person("next", [world.a])
        assert after == 1_001
        assert store.find(connection, "p17@example.com").attributes == {}
