"""Claiming, the mark before the try, leases and fences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from mailer.delivery import ledger
from mailer.delivery.ledger.claim import _FIELDS, _due
from mailer.delivery.model import DeliveryState, Notice, Settlement
from mailer.tables.delivery import attempt, delivery
from subscribers import tables
from tests.delivery.conftest import Office

LEASE = timedelta(minutes=5)
S = DeliveryState


def told(row, state=S.ACCEPTED, *, at, **more):
    return Settlement(
        id=row.id, fence=row.fence, state=state, at=at, number=row.attempts + 1, stage="message",
        reply_code=250, reply_enhanced="2.0.0", reply_text="queued as 4F2", **more,
    )  # fmt: skip


def settle(office, settlements):
    with office.engine.begin() as connection:
        return ledger.settle(connection, settlements, "relay")


def depart(office, accident):
    """Person 2 leaves, in the subscribers' tables alone."""
    with office.engine.begin() as connection:
        if accident == "suppressed":
            connection.execute(
                tables.suppression.insert().values(
                    address_key="p2@example.org", reason="asked", by="staff:keiko", at=office.now
                )
            )
        elif accident == "unsubscribed":
            connection.execute(
                tables.subscription.update().where(tables.subscription.c.subscriber_id == 2).values(state="unsubscribed")
            )  # fmt: skip
        elif accident == "paused":
            connection.execute(
                tables.subscriber.update()
                .where(tables.subscriber.c.id == 2)
                .values(paused_until=office.now + timedelta(days=30))
            )
        else:
            connection.execute(tables.subscriber.delete().where(tables.subscriber.c.id == 2))


def test_two_senders_never_hold_the_same_row(office):  # F4
    office.launched(10)
    one, two = office.claim(6, sender="a:1:0"), office.claim(6, sender="b:2:0")
    assert (len(one), len(two)) == (6, 4)
    assert not {row.id for row in one} & {row.id for row in two}
    assert {row.fence for row in one} != {row.fence for row in two}


def test_a_claim_brings_what_the_message_needs(office):
    office.launched(1)
    (row,) = office.claim()
    assert row.recipient is not None
    assert (row.recipient.wire, row.recipient.name, row.language) == ("p1@example.org", "人1", "ja")


def test_nothing_is_claimed_from_a_campaign_that_is_not_sending_or_has_to_wait(office):
    campaign = office.launched(3)
    for state in ("scheduled", "held", "paused", "cancelled", "finished"):
        office.set_campaign(campaign, state=state)
        assert office.claim() == []
    office.set_campaign(campaign, state="sending", waits_until=office.now + timedelta(hours=1))
    assert office.claim() == []
    assert len(office.claim(now=office.now + timedelta(hours=1))) == 3


@pytest.mark.parametrize("accident", ["suppressed", "unsubscribed", "paused", "erased"])
def test_whoever_left_while_queued_gets_nothing_and_the_ledger_says_why(office, accident):  # F10
    campaign = office.launched(3)
    depart(office, accident)
    assert sorted(row.subscriber_id for row in office.claim()) == [1, 3]
    with office.engine.begin() as connection:
        assert dict(ledger.counts(connection, campaign).skipped) == {accident: 1}


def test_a_batch_of_which_everybody_has_left_is_not_the_end(office):  # F10
    campaign = office.launched(5)
    with office.engine.begin() as connection:
        connection.execute(
            tables.subscription.update().where(tables.subscription.c.subscriber_id != 5).values(state="unsubscribed")
        )  # fmt: skip
    assert [row.subscriber_id for row in office.claim(1)] == [5]
    assert office.states(campaign)["claimed"] == 1


def test_leaving_between_claim_and_mark_stops_the_copy(office):  # F10
    campaign = office.launched(2)
    claimed = office.claim()
    with office.engine.begin() as connection:
        assert ledger.skip_for(connection, 1, "unsubscribed", office.now) == 1
    assert len(office.mark(claimed)) == 1
    assert office.states(campaign) == {"attempting": 1, "skipped": 1}


@pytest.mark.parametrize("accident", ["suppressed", "unsubscribed", "paused", "erased"])
def test_whoever_left_after_the_claim_gets_nothing_though_nobody_told_the_ledger(office, accident):  # F10
    campaign = office.launched(3)
    claimed = office.claim()
    depart(office, accident)
    marked = office.mark(claimed)
    assert marked == {row.id for row in claimed if row.subscriber_id != 2}
    assert office.mark(claimed) == marked  # asked again after a lost answer
    with office.engine.begin() as connection:
        assert ledger.release(connection, claimed) == 0
        assert dict(ledger.counts(connection, campaign).skipped) == {accident: 1}


def test_what_is_marked_already_goes_though_its_person_leaves(office):
    campaign = office.launched(1)
    claimed = office.claim()
    office.mark(claimed)
    with office.engine.begin() as connection:
        connection.execute(tables.subscription.update().values(state="unsubscribed"))
    assert len(office.mark(claimed)) == 1  # the answer to the first commit was lost; the mark is durable
    assert office.states(campaign) == {"attempting": 1}


@pytest.mark.parametrize("state", ["paused", "held", "cancelled"])
def test_pausing_takes_effect_at_the_next_mark(office, state):  # F3
    campaign = office.launched(4)
    claimed = office.claim()
    assert len(office.mark(claimed[:2])) == 2
    office.set_campaign(campaign, state=state)
    assert office.mark(claimed[2:]) == set()
    with office.engine.begin() as connection:
        assert ledger.release(connection, claimed) == 2  # only those that were not marked
    waits = "cancelled" if state == "cancelled" else "queued"
    assert office.states(campaign) == {waits: 2, "attempting": 2}


def test_a_cancelled_campaign_keeps_what_is_on_the_wire_and_cancels_the_rest(office):
    campaign = office.launched(5)
    claimed = office.claim(3)
    office.mark(claimed[:1])
    with office.engine.begin() as connection:
        assert ledger.cancel(connection, campaign, office.now) == 4
    assert settle(office, [told(claimed[0], at=office.now)]) == {claimed[0].id}
    assert office.states(campaign) == {"accepted": 1, "cancelled": 4}


@pytest.mark.parametrize("state", [S.DEFERRED, S.QUEUED])
def test_what_would_wait_in_a_campaign_cancelled_meanwhile_is_cancelled(office, state):  # F3
    campaign = office.launched(4)
    claimed = office.claim()
    office.mark(claimed[:3])
    office.set_campaign(campaign, state="cancelled", finished_at=office.now)
    settle(office, [told(claimed[0], state, at=office.now, due_at=office.now + timedelta(minutes=5))])
    settle(office, [told(claimed[1], at=office.now)])
    with office.engine.begin() as connection:
        assert ledger.release(connection, claimed) == 1
        assert connection.scalars(sa.select(attempt.c.outcome)).all() == ["cancelled"]
    assert office.row(claimed[0].id).settled_at == office.now
    assert office.states(campaign) == {"cancelled": 2, "accepted": 1, "attempting": 1}


@pytest.mark.parametrize(
    ("resend", "states"), [(True, {"cancelled": 3}), (False, {"cancelled": 2, "uncertain": 1})]
)
def test_rows_of_a_lost_sender_are_cancelled_where_the_campaign_is(office, resend, states):
    campaign = office.launched(3)
    claimed = office.claim(2)
    office.mark(claimed[:1])
    # As PostgreSQL leaves it when a settlement and the cancelling meet: one row still queued.
    office.set_campaign(campaign, state="cancelled", finished_at=office.now)
    with office.engine.begin() as connection:
        ledger.release_expired(connection, office.now + LEASE * 2, resend=resend)
    assert office.states(campaign) == states


def test_a_claim_that_its_sender_lost_is_queued_again(office):  # F1
    campaign = office.launched(3)
    office.claim()
    with office.engine.begin() as connection:
        assert ledger.release_expired(connection, office.now + LEASE) == (0, 0)
        assert ledger.release_expired(connection, office.now + LEASE + timedelta(seconds=1)) == (3, 0)
    assert office.states(campaign) == {"queued": 3}


def test_what_may_have_left_with_a_lost_sender_is_uncertain_and_listed(office):  # F1 F16
    campaign = office.launched(3)
    claimed = office.claim()
    office.mark(claimed[:2])
    late = office.now + LEASE + timedelta(seconds=1)
    with office.engine.begin() as connection:
        assert ledger.release_expired(connection, late) == (1, 2)
        listed = connection.execute(
            sa.select(attempt.c.delivery_id, attempt.c.outcome, attempt.c.relay)
        ).all()
    assert office.states(campaign) == {"queued": 1, "uncertain": 2}
    assert sorted(listed) == sorted((row.id, "uncertain", "relay") for row in claimed[:2])


def test_uncertain_deliveries_go_again_at_once_where_that_is_the_policy(office):  # F50
    campaign = office.launched(1)
    (row,) = office.claim()
    office.mark([row])
    late = office.now + LEASE + timedelta(seconds=1)
    with office.engine.begin() as connection:
        ledger.release_expired(connection, late, resend=True)
    (again,) = office.claim(now=late)
    assert again.id == row.id  # the Message-ID derives from the delivery's id
    assert office.states(campaign) == {"claimed": 1}


def test_a_person_can_send_uncertain_deliveries_again_under_the_same_id(office, keiko):  # F50
    campaign = office.launched(1)
    (row,) = office.claim()
    office.mark([row])
    settle(office, [told(row, S.UNCERTAIN, at=office.now)])
    with office.engine.begin() as connection:
        assert ledger.finish_if_done(connection, campaign, office.now)  # uncertain keeps nothing open
        assert ledger.requeue(connection, campaign, [S.UNCERTAIN], office.now) == 1
        assert ledger.reopen(connection, campaign, office.now, by=keiko)
    assert [again.id for again in office.claim()] == [row.id]


@pytest.mark.parametrize(
    ("state", "again", "after"), [(S.REFUSED, False, "skipped"), (S.UNCERTAIN, False, "uncertain"), (S.REFUSED, True, "queued")]
)  # fmt: skip
def test_trying_again_mails_nobody_who_got_the_issue_from_another_campaign(
    office, state, again, after
):  # F54
    first, second = office.launched(2), office.add_campaign()
    office.set_campaign(first, again=again)
    office.set_states(first, S.REFUSED)
    assert office.build(second).total == 2
    office.set_states(first, state)
    with office.engine.begin() as connection:
        connection.execute(
            delivery.update()
            .where(delivery.c.campaign_id == second)
            .values(state=sa.case((delivery.c.subscriber_id == 1, "accepted"), else_="refused"))
        )
        assert ledger.requeue(connection, first, [state], office.now) == (2 if again else 1)
        stored = connection.execute(
            sa.select(delivery.c.state, delivery.c.reason)
            .where(delivery.c.campaign_id == first)
            .order_by(delivery.c.subscriber_id)
        ).all()
    assert [row.state for row in stored] == [after, "queued"]
    assert stored[0].reason == ("already_has_it" if after == "skipped" else None)


def test_a_frozen_sender_cannot_write_late(office):  # F1 F4
    campaign = office.launched(2)
    frozen = office.claim()
    office.mark(frozen[:1])
    late = office.now + LEASE + timedelta(seconds=1)
    with office.engine.begin() as connection:
        ledger.release_expired(connection, late)
    (taken,) = office.claim(now=late, sender="other:2:0")
    assert office.mark(frozen, now=late) == set()
    assert settle(office, [told(row, at=late) for row in frozen]) == set()
    assert office.states(campaign) == {"claimed": 1, "uncertain": 1}
    assert office.mark([taken], now=late) == {taken.id}
    assert settle(office, [told(frozen[1], at=late)]) == set()  # the fence is another's now
    assert settle(office, [told(taken, at=late)]) == {taken.id}


def test_a_clock_that_steps_back_gives_nobodys_rows_away(office):  # F4
    office.launched(3)
    office.claim()
    earlier = office.now - timedelta(hours=2)
    with office.engine.begin() as connection:
        assert ledger.release_expired(connection, earlier) == (0, 0)
    assert office.claim(now=earlier) == []
    assert office.claim() == []


def test_a_sender_can_hold_its_rows_longer(office):
    office.launched(3)
    claimed = office.claim()
    office.mark(claimed[:1])
    later = office.now + LEASE * 2
    with office.engine.begin() as connection:
        assert ledger.renew(connection, claimed, later) == 3
        assert ledger.release_expired(connection, later) == (0, 0)


def test_what_was_deferred_comes_back_when_it_is_due_and_before_the_queue(office):
    campaign = office.launched(3)
    (row, *_) = office.claim(1)
    office.mark([row])
    settle(office, [told(row, S.DEFERRED, at=office.now, due_at=office.now + timedelta(minutes=5))])
    assert row.id not in {other.id for other in office.claim(1)}
    (back,) = office.claim(1, now=office.now + timedelta(minutes=5))
    assert (back.id, back.attempts, back.first_attempt_at) == (row.id, 1, office.now)
    assert office.states(campaign) == {"queued": 1, "claimed": 2}


def test_a_quota_reply_counts_no_attempt_and_does_not_start_the_patience(office):  # F53
    campaign = office.launched(1)
    (row,) = office.claim()
    office.mark([row])
    settle(office, [replace(told(row, S.QUEUED, at=office.now, due_at=office.now), counted=False)])
    stored = office.row(row.id)
    assert (stored.state, stored.attempts, stored.first_attempt_at) == ("queued", 0, None)
    assert office.states(campaign) == {"queued": 1}


def test_acceptance_at_the_first_try_needs_no_row_of_its_own(office):
    office.launched(2)
    claimed = office.claim()
    office.mark(claimed)
    settle(
        office,
        [told(claimed[0], at=office.now), told(claimed[1], S.REFUSED, at=office.now, reason="address")],
    )
    with office.engine.begin() as connection:
        assert list(connection.scalars(sa.select(attempt.c.delivery_id))) == [claimed[1].id]
    first = office.row(claimed[0].id)
    assert (first.reply_code, first.reply_enhanced, first.reply_text) == (250, "2.0.0", "queued as 4F2")
    assert (first.settled_at, first.relay, first.lease_until) == (office.now, "relay", None)


def test_a_move_that_the_table_does_not_know_is_refused(office):
    office.launched(1)
    (row,) = office.claim()
    with pytest.raises(Exception, match="cannot go from attempting to skipped"):
        settle(office, [told(row, S.SKIPPED, at=office.now)])


def test_counts_come_from_the_rows_alone(office):  # F19
    campaign = office.launched(6)
    claimed = office.claim(4)
    office.mark(claimed)
    office_times = [office.now + timedelta(seconds=n) for n in range(1, 5)]
    settle(office, [told(row, at=at) for row, at in zip(claimed[:3], office_times, strict=False)])
    settle(office, [told(claimed[3], S.REFUSED, at=office_times[3])])
    with office.engine.begin() as connection:
        counts = ledger.counts(connection, campaign)
    assert counts.total == sum(counts.by_state.values()) == 6
    assert dict(counts.by_state) == {"queued": 2, "accepted": 3, "refused": 1}
    assert (counts.seconds, counts.messages_per_second) == (4.0, 0.75)


def test_a_campaign_finishes_when_no_row_is_open_and_not_before(office):  # F5
    campaign = office.launched(2)
    one, two = office.claim()
    office.mark([one, two])
    later = office.now + timedelta(minutes=5)
    settle(office, [told(one, at=office.now), told(two, S.DEFERRED, at=office.now, due_at=later)])
    with office.engine.begin() as connection:
        assert not ledger.finish_if_done(connection, campaign, office.now)
    (two,) = office.claim(now=later)
    office.mark([two], now=later)
    settle(office, [told(two, at=later)])
    with office.engine.begin() as connection:
        assert ledger.finish_done(connection, later) == [campaign]
    assert (office.campaign(campaign).state, office.campaign(campaign).finished_at) == ("finished", later)


# ── notices ─────────────────────────────────────────────────────────────────────────────────────


def notice(office, purpose, key, *, subscriber_id=None, list_id=None):
    made = Notice(
        purpose, key, "hanako@example.org", "example.org", office.edition_ids["ja"], "ja", {"CONFIRM": "x"},
        subscriber_id, list_id,
    )  # fmt: skip
    with office.engine.begin() as connection:
        return ledger.enqueue_notice(connection, made, office.now)


def test_a_notice_of_one_purpose_is_enqueued_once_for_all_time(office):
    first = notice(office, "goodbye", "goodbye:enews:1")
    assert first is not None
    assert notice(office, "goodbye", "goodbye:enews:1") is None


def test_notices_go_before_the_campaign(office):
    office.launched(3)
    made = notice(office, "password", "password:keiko:1")
    first, *_ = office.claim(2)
    assert (first.id, first.notice, first.address, first.slots) == (
        made, "password", "hanako@example.org", {"CONFIRM": "x"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "goes"), [("pending", True), ("confirmed", False), ("unsubscribed", False)]
)
def test_a_confirmation_is_asked_for_only_while_it_is_pending(office, state, goes):
    (person,) = office.add_people(1)
    with office.engine.begin() as connection:
        connection.execute(tables.subscription.update().values(state=state))
    made = notice(office, "confirm", "confirm:enews:1", subscriber_id=person, list_id=office.list_ids[0])
    assert [row.id for row in office.claim()] == ([made] if goes else [])
    assert office.row(made).state == ("claimed" if goes else "skipped")


def test_leaving_does_not_stop_the_goodbye(office):
    (person,) = office.add_people(1)
    made = notice(office, "goodbye", "goodbye:enews:1", subscriber_id=person)
    with office.engine.begin() as connection:
        assert ledger.skip_for(connection, person, "unsubscribed", office.now) == 0
    assert [row.id for row in office.claim()] == [made]


# ── the planners ────────────────────────────────────────────────────────────────────────────────


def test_a_claim_reads_the_head_of_the_partial_index(sqlite, now):
    """Cost per recipient stays constant only while SQLite recognises the index's condition word for word."""
    for campaign_id in (1, None):
        statement = _due(campaign_id, S.QUEUED, now).limit(10)
        with sqlite.begin() as connection:
            compiled = statement.compile(sqlite, compile_kwargs={"literal_binds": False})
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {compiled}", tuple(compiled.construct_params().values())
            ).all()
        said = " ".join(line[3] for line in plan)
        assert "ix_delivery_open (state=? AND campaign_id=? AND due_at<?)" in said
        assert "TEMP B-TREE" not in said


def test_what_a_turn_writes_is_looked_up_row_by_row(sqlite, now):
    """Walking all open rows for each of ten took 12 ms with 5,000 claimed; looking them up 0.3."""
    office = Office(sqlite, now)
    office.set_up()
    office.launched(5)
    written = []

    @sa.event.listens_for(sqlite, "checkout")
    def trace(driver, record, proxy):
        driver.set_trace_callback(lambda text: text.startswith("UPDATE delivery") and written.append(text))

    claimed = office.claim()
    office.mark(claimed)
    settle(office, [told(row, at=now) for row in claimed[1:]])
    settle(office, [told(claimed[0], DeliveryState.REFUSED, at=now)])
    sa.event.remove(sqlite, "checkout", trace)
    assert len(written) == 4
    with sqlite.connect() as connection:
        driver = connection.connection.dbapi_connection
        driver.set_trace_callback(None)
        for text in written:
            plan = " ".join(line[3] for line in driver.execute(f"EXPLAIN QUERY PLAN {text}"))
            assert "SEARCH delivery USING INTEGER PRIMARY KEY (rowid=?)" in plan


def test_the_columns_of_a_claim_are_columns_of_the_table():
    assert set(_FIELDS) <= set(delivery.c.keys())
