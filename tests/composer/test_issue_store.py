"""Issues in the database: whole in, whole out, and only as far as the states allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from mailer import media
from mailer.composer import store
from mailer.composer.model import Issue, IssueState, IssueText, Section, SectionText
from mailer.composer.text import folder as folders
from mailer.errors import BadPicture, NotFound, Refused
from mailer.tables import campaigns, composer
from mailer.tables.delivery import delivery
from subscribers import tables as subscriber_tables
from subscribers.model import Actor


def issue(**changes: Any) -> Issue:
    plain = Issue(
        "2034-12",
        "84",
        date(2034, 12, 20),
        ("ja", "en"),
        {"ja": IssueText("件名", "要約", "題", "", "前書き"), "en": IssueText("Subject")},
        (
            Section("a", {"ja": SectionText("一", "本文"), "en": SectionText("One", "Text")}),
            Section("b", {"ja": SectionText("二", "")}),
            Section("c", {"en": SectionText("Three", "Only English")}),
        ),
        {"ja": ("a", "b"), "en": ("c", "a")},
    )
    return replace(plain, **changes)


def begin_campaign(
    database: Engine, issue_id: int, now: datetime, *, readers: int = 1, **values: Any
) -> None:
    row = {
        "issue_id": issue_id,
        "kind": "regular",
        "state": "scheduled",
        "at": now,
        "by": "staff:keiko",
        "created_at": now,
    }
    with database.begin() as connection:
        inserted = campaigns.campaign.insert().values(**(row | values)).returning(campaigns.campaign.c.id)
        made = connection.execute(inserted).scalar_one()
        for reader in range(readers):
            connection.execute(
                delivery.insert().values(
                    campaign_id=made, issue_id=issue_id, subscriber_id=reader, state="queued", due_at=now
                )
            )


def test_an_issue_comes_back_as_it_was_saved(database: Engine, keiko: Actor, now: datetime) -> None:
    with database.begin() as connection:
        store.save(connection, issue(), {}, by=keiko, now=now)
    with database.begin() as connection:
        assert store.load(connection, "2034-12") == issue()


def test_a_folder_goes_through_the_database_unchanged(
    database: Engine, folder: Any, keiko: Actor, now: datetime, tmp_path: Any
) -> None:
    read = folders.read(folder.path)
    with database.begin() as connection:
        store.save(connection, read.issue, read.files, by=keiko, now=now)
    with database.begin() as connection:
        stored = store.load(connection, "2034-12")
        folders.write(tmp_path / "out", stored, lambda name: media.open(connection, name).content)
        assert media.open(connection, stored.files["images/hero.png"]).width == 1200
    assert folders.read(tmp_path / "out") == read
    assert store.content_hash(stored) == store.content_hash(read.issue)


def test_saving_again_replaces_the_whole_and_makes_a_draft(
    database: Engine, keiko: Actor, now: datetime
) -> None:
    with database.begin() as connection:
        first = store.save(connection, issue(), {}, by=keiko, now=now)
        store.approve(connection, store.load(connection, "2034-12"), by=keiko, now=now)
        changed = issue(sections=issue().sections[:1], orders={"ja": ("a",), "en": ("a",)}, teaser=True)
        again = store.save(connection, changed, {}, by=keiko, now=now)
        assert again == first
        assert store.load(connection, "2034-12") == changed
        assert store.approval(connection, "2034-12") is None


@pytest.mark.parametrize(
    "values",
    [
        {"state": "sending"},
        {"state": "paused"},
        {"state": "finished"},
        {"state": "held", "launched": True},
        {"state": "cancelled", "launched": True},
        {"state": "sending", "kind": "correction"},
    ],
)
def test_an_issue_whose_campaign_has_begun_is_not_overwritten(
    database: Engine, keiko: Actor, now: datetime, values: dict[str, Any]
) -> None:  # F15
    with database.begin() as connection:
        issue_id = store.save(connection, issue(), {}, by=keiko, now=now)
    campaign = {name: value for name, value in values.items() if name != "launched"}
    begin_campaign(database, issue_id, now, **campaign, launched_at=now if "launched" in values else None)
    with (
        pytest.raises(Refused, match=r"cannot be changed|nobody has received it yet"),
        database.begin() as connection,
    ):
        store.save(connection, issue(teaser=True), {}, by=keiko, now=now)
    with pytest.raises(Refused), database.begin() as connection:
        store.set_state(connection, "2034-12", IssueState.DRAFT, by=keiko, now=now)
    with database.begin() as connection:
        assert store.load(connection, "2034-12") == issue()


@pytest.mark.parametrize(
    "values",
    [
        {"readers": 0},
        {"state": "held", "readers": 0},
        {"state": "cancelled", "readers": 0},
        {"state": "finished", "kind": "test"},
        {"state": "finished", "launched_at": datetime(2034, 12, 20, tzinfo=UTC), "readers": 0},
    ],
)
def test_a_campaign_that_reached_no_reader_binds_nothing(
    database: Engine, keiko: Actor, now: datetime, values: dict[str, Any]
) -> None:
    with database.begin() as connection:
        issue_id = store.save(connection, issue(), {}, by=keiko, now=now)
    begin_campaign(database, issue_id, now, **values)
    with database.begin() as connection:
        store.save(connection, issue(teaser=True), {}, by=keiko, now=now)


def test_states_move_along_the_table_only(sqlite: Engine, keiko: Actor, now: datetime) -> None:
    with sqlite.begin() as connection:
        store.save(connection, issue(), {}, by=keiko, now=now)
        with pytest.raises(Refused, match="draft; it cannot become sent"):
            store.set_state(connection, "2034-12", IssueState.SENT, by=keiko, now=now)
        for state in (IssueState.REVIEW, IssueState.APPROVED, IssueState.SENT, IssueState.WITHDRAWN):
            store.set_state(connection, "2034-12", state, by=keiko, now=now)
        with pytest.raises(Refused):
            store.save(connection, issue(), {}, by=keiko, now=now)
    assert set(store.TRANSITIONS) == set(IssueState)


def test_an_issue_is_approved_again_and_one_that_was_sent_stays_so(
    database: Engine, keiko: Actor, now: datetime
) -> None:
    with database.begin() as connection:
        store.save(connection, issue(), {}, by=keiko, now=now)
        for before in (IssueState.DRAFT, IssueState.APPROVED, IssueState.SENT):
            if before is IssueState.SENT:
                store.set_state(connection, "2034-12", before, by=keiko, now=now)
            found = store.load(connection, "2034-12")
            store.approve(connection, found, by=keiko, now=now)
            assert store.approval(connection, "2034-12") is not None
        assert store.load(connection, "2034-12").state is IssueState.SENT


def test_an_approval_is_of_one_text(database: Engine, keiko: Actor, now: datetime) -> None:
    passed = [{"code": "picture_small", "reason": "old photograph"}]
    with database.begin() as connection:
        store.save(connection, issue(), {}, by=keiko, now=now)
        judged = store.load(connection, "2034-12")
        store.approve(connection, judged, passed=passed, by=keiko, now=now)
        found = store.approval(connection, "2034-12")
        assert found is not None
        assert (found.content_hash, found.by, list(found.passed)) == (
            store.content_hash(judged),
            "staff:keiko",
            passed,
        )
        with pytest.raises(Refused, match="changed in the meantime"):
            store.approve(connection, replace(judged, teaser=True), by=keiko, now=now)


def test_the_hash_covers_all_a_reader_could_see_and_not_the_state() -> None:
    plain = store.content_hash(issue())
    assert store.content_hash(issue(state=IssueState.APPROVED)) == plain
    changes: list[dict[str, Any]] = [
        {"date": date(2034, 12, 21)},
        {"texts": {**issue().texts, "en": IssueText("Other")}},
        {"orders": {"ja": ("b", "a"), "en": ("c", "a")}},
        {"files": {"images/a.jpg": "0" * 40}},
        {"picture": "images/a.jpg"},
    ]
    assert len({plain, *(store.content_hash(issue(**change)) for change in changes)}) == 6


def test_nothing_is_stored_of_an_issue_that_cannot_be(database: Engine, keiko: Actor, now: datetime) -> None:
    broken = issue(files={"images/a.jpg": media.hash_of(b"no picture")})
    with pytest.raises(BadPicture), database.begin() as connection:
        store.save(connection, broken, {"images/a.jpg": b"no picture"}, by=keiko, now=now)
    with pytest.raises(NotFound), database.begin() as connection:
        store.save(connection, issue(files={"files/a.pdf": "0" * 40}), {}, by=keiko, now=now)
    with database.begin() as connection:
        assert connection.execute(sa.select(composer.issue)).first() is None


def test_the_list_of_issues_begins_with_the_latest(sqlite: Engine, keiko: Actor, now: datetime) -> None:
    with sqlite.begin() as connection:
        store.save(connection, issue(slug="2034-11", date=date(2034, 11, 20)), {}, by=keiko, now=now)
        store.save(connection, issue(), {}, by=keiko, now=now)
        found = store.summaries(connection)
    assert [(s.slug, s.subject, s.state) for s in found] == [
        ("2034-12", "件名", IssueState.DRAFT),
        ("2034-11", "件名", IssueState.DRAFT),
    ]


def test_every_change_is_in_the_audit_record(sqlite: Engine, keiko: Actor, now: datetime) -> None:
    with sqlite.begin() as connection:
        store.save(connection, issue(), {}, by=keiko, now=now)
        store.approve(connection, store.load(connection, "2034-12"), by=keiko, now=now)
        rows = connection.execute(sa.select(subscriber_tables.audit_record)).mappings().all()
    assert [(row["by"], row["action"], row["subject"]) for row in rows] == [
        ("staff:keiko", "issue.saved", "issue:2034-12"),
        ("staff:keiko", "issue.state", "issue:2034-12"),
    ]


def test_an_unknown_issue_is_not_found(sqlite: Engine, keiko: Actor, now: datetime) -> None:
    with sqlite.begin() as connection:
        for act in (
            lambda: store.load(connection, "nix"),
            lambda: store.load_by_id(connection, 7),
            lambda: store.set_state(connection, "nix", IssueState.REVIEW, by=keiko, now=now),
        ):
            with pytest.raises(NotFound):
                act()
