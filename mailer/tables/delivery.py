"""The ledger: one delivery is one edition to one person, one row, whatever happens to it."""

from __future__ import annotations

import sqlalchemy as sa

from subscribers.database import Id, Json, Utc, metadata

STATES = (
    "queued", "claimed", "attempting", "accepted", "deferred", "refused",
    "uncertain", "skipped", "cancelled", "bounced", "complained",
)  # fmt: skip
# It arrived, or it may have or still may: what is cancelled now does not call it back.
MAY_HAVE_ARRIVED = ("attempting", "uncertain", "accepted", "bounced", "complained")

# No foreign keys on the ledger: PostgreSQL checks them row by row, and a build of 1,000,000 rows took
# 31 s instead of 8. Campaigns and editions are never deleted, and build takes their ids from rows.
delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("campaign_id", Id, nullable=True),
    sa.Column("issue_id", Id, nullable=True),  # of a campaign
    sa.Column("subscriber_id", Id, nullable=True),  # no foreign key: the row outlives an erasure
    sa.Column("notice", sa.Text, nullable=True),  # purpose of a notice: confirm, goodbye, …
    sa.Column("notice_key", sa.Text, nullable=True),  # "confirm:enews:123:2034-12-20": once for all time
    sa.Column("address", sa.Text, nullable=True),  # wire form, notices only; a campaign reads it at claim
    sa.Column("slots", Json, nullable=True),  # of a notice: its own values (a confirm link)
    sa.Column("edition_id", Id, nullable=True),  # null: no_edition
    sa.Column("list_id", Id, nullable=True),
    sa.Column("language", sa.Text, nullable=False, server_default=""),  # of the edition
    sa.Column("domain", sa.Text, nullable=False, server_default=""),
    sa.Column("priority", sa.SmallInteger, nullable=False, server_default="0"),  # notices 10: they go first
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),  # of skipped: suppressed, unsubscribed, paused, erased, …
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("first_attempt_at", Utc, nullable=True),
    sa.Column("due_at", Utc, nullable=False),  # not before
    sa.Column("lease_until", Utc, nullable=True),
    sa.Column(
        "fence", Id, nullable=False, server_default="0"
    ),  # the claim's number: a frozen sender cannot write late
    sa.Column("relay", sa.Text, nullable=True),
    sa.Column("reply_code", sa.SmallInteger, nullable=True),
    sa.Column("reply_enhanced", sa.Text, nullable=True),
    sa.Column("reply_text", sa.Text, nullable=True),
    sa.Column("settled_at", Utc, nullable=True),  # accepted, refused, skipped, …
    sa.UniqueConstraint("campaign_id", "subscriber_id"),
    sa.CheckConstraint("(campaign_id IS NULL) <> (notice IS NULL)", name="campaign_or_notice"),
    sa.CheckConstraint("state IN (" + ", ".join(f"'{s}'" for s in STATES) + ")", name="state"),
)
# What a claim asks: the open rows of a state, then of a campaign (null: notices), the oldest first.
# Partial: finished rows cost nothing. A query must carry OPEN word for word (SQLite's planner
# compares text), and the state as a literal (a generic plan of PostgreSQL cannot prove it otherwise).
OPEN = "state IN ('queued', 'claimed', 'attempting', 'deferred')"
sa.Index(
    "ix_delivery_open",
    delivery.c.state,
    delivery.c.campaign_id,
    delivery.c.due_at,
    sqlite_where=sa.text(OPEN),
    postgresql_where=sa.text(OPEN),
)
# Partial as well: a million rows of a campaign need no entry in an index of notices.
NOTICE = "notice_key IS NOT NULL"
sa.Index(
    "uq_delivery_notice_key",
    delivery.c.notice_key,
    unique=True,
    sqlite_where=sa.text(NOTICE),
    postgresql_where=sa.text(NOTICE),
)
# "Who has it already" needs no index of its own: UNIQUE (campaign, subscriber) is asked for the
# campaigns of the issue, which are few.
sa.Index("ix_delivery_subscriber_id", delivery.c.subscriber_id)

attempt = sa.Table(
    "attempt",  # one try with what the server said; accepted at the first try needs no row of its own
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("delivery_id", Id, sa.ForeignKey("delivery.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("at", Utc, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),  # the state it led to
    sa.Column("stage", sa.Text, nullable=False),  # connect | mail | rcpt | data | message
    sa.Column("relay", sa.Text, nullable=False),
    sa.Column("reply_code", sa.SmallInteger, nullable=True),
    sa.Column("reply_enhanced", sa.Text, nullable=True),
    sa.Column("reply_text", sa.Text, nullable=True),
)
sa.Index("ix_attempt_delivery_id", attempt.c.delivery_id)

claim = sa.Table(
    "claim",  # the fence: each claim takes the next number
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("sender", sa.Text, nullable=False),  # host:pid:started
    sa.Column("at", Utc, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, also after the newest rows were tidied away
)

rate_count = sa.Table(
    "rate_count",  # rolling windows, shared by all processes and kept over restarts
    metadata,
    sa.Column("scope", sa.Text, primary_key=True),  # "relay:smtp.example.org:me" or "domain:docomo.ne.jp"
    sa.Column("slice_ms", sa.Integer, primary_key=True),  # length of a slice: a hundredth of the window
    sa.Column("slot", Utc, primary_key=True),  # start of the slice
    sa.Column("taken", sa.Integer, nullable=False),
)

relay_state = sa.Table(
    "relay_state",  # what the relay told us about us: wait until then (F53)
    metadata,
    sa.Column("relay", sa.Text, primary_key=True),
    sa.Column("closed_until", Utc, nullable=True),
    sa.Column("reason", sa.Text, nullable=True),  # quota | relay_refuses | relay_busy | relay_down
    sa.Column("reply", sa.Text, nullable=True),
    sa.Column("times", sa.Integer, nullable=False, server_default="0"),  # closed in a row, nothing accepted
    sa.Column("updated_at", Utc, nullable=False),
)

domain_pace = sa.Table(
    "domain_pace",  # a recipient domain that asked us to slow down, for all processes
    metadata,
    sa.Column("domain", sa.Text, primary_key=True),
    sa.Column(
        "per_minute", sa.Integer, nullable=False
    ),  # as it was set at `since`; recovery is reckoned from there
    sa.Column("since", Utc, nullable=False),  # the last time it asked
    sa.Column("reply", sa.Text, nullable=True),  # its words
)
