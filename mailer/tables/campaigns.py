"""When and to whom an issue is sent."""

from __future__ import annotations

import sqlalchemy as sa

from subscribers.database import Id, Json, Utc, metadata

schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("rule", sa.Text, nullable=False),  # in words, as typed
    sa.Column("zone", sa.Text, nullable=False),  # IANA name
    sa.Column("active", sa.Boolean, nullable=False, server_default=sa.true()),
    sa.Column("created_at", Utc, nullable=False),  # occurrences before it are not owed
    sa.Column("looked_at", Utc, nullable=False),  # every occurrence up to here has its row
)

schedule_list = sa.Table(
    "schedule_list",
    metadata,
    sa.Column("schedule_id", Id, sa.ForeignKey("schedule.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("list_id", Id, sa.ForeignKey("list.id"), nullable=False),
)

occurrence = sa.Table(
    "occurrence",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("schedule_id", Id, sa.ForeignKey("schedule.id"), nullable=False),
    sa.Column("date", sa.Date, nullable=False),  # local date in the schedule's zone
    sa.Column("at", Utc, nullable=True),  # the moment it was due; null = assigned ahead, not yet due
    sa.Column("issue_id", Id, sa.ForeignKey("issue.id"), nullable=True),  # assigned or drafted for it
    sa.Column("campaign_id", Id, nullable=True),  # set once, when it fired
    sa.UniqueConstraint("schedule_id", "date"),
)

# The reason of a campaign that was cancelled before anything of it had left for a reader: it binds no text, and
# the archive does not show it.
NOBODY_GOT_IT = "nobody_got_it"

campaign = sa.Table(
    "campaign",
    metadata,
    sa.Column("id", Id, primary_key=True),
    sa.Column("issue_id", Id, sa.ForeignKey("issue.id"), nullable=True),  # null: an occurrence found no issue
    sa.Column("kind", sa.Text, nullable=False, server_default="regular"),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=True),  # why held: no_issue, not_approved, late, policy, …
    sa.Column("reason_facts", Json, nullable=True),
    sa.Column("again", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("at", Utc, nullable=False),  # when it shall start
    sa.Column("launched_at", Utc, nullable=True),  # the ledger was built
    sa.Column("finished_at", Utc, nullable=True),
    sa.Column("waits_until", Utc, nullable=True),  # nothing leaves before
    # quota | rate | quiet | relay_busy | relay_down | relay_refuses
    sa.Column("waits_reason", sa.Text, nullable=True),
    sa.Column("waits_reply", sa.Text, nullable=True),  # the relay's last words
    sa.Column("excluded", Json, nullable=True),  # {reason: people}, counted at build
    sa.Column("by", sa.Text, nullable=False),
    sa.Column("created_at", Utc, nullable=False),
    # The safety net: with minutes, nothing leaves before opens_at, which is set when the office has its first copy.
    sa.Column("safety_minutes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("opens_at", Utc, nullable=True),
    sa.CheckConstraint("kind IN ('regular', 'test', 'rehearsal', 'correction')", name="kind"),
    sa.CheckConstraint(
        "state IN ('scheduled', 'held', 'sending', 'paused', 'finished', 'cancelled')", name="state"
    ),
)

campaign_list = sa.Table(
    "campaign_list",
    metadata,
    sa.Column("campaign_id", Id, sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),  # the first list a person is on names their delivery
    sa.Column("list_id", Id, sa.ForeignKey("list.id"), nullable=False),
)

campaign_edition = sa.Table(
    "campaign_edition",
    metadata,
    sa.Column("campaign_id", Id, sa.ForeignKey("campaign.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("language", sa.Text, primary_key=True),
    sa.Column("edition_id", Id, sa.ForeignKey("edition.id"), nullable=False),
)
