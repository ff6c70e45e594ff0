"""The house: subscribers, issues, campaigns, deliveries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "audit_record",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", JSON, nullable=True),
        sa.Column("after", JSON, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit_record"),
    )
    op.create_index("ix_audit_record_subject", "audit_record", ["subject", "id"], unique=False)
    op.create_table(
        "blob",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_blob"),
    )
    op.create_table(
        "claim",
        sa.Column("id", ID, nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_claim"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "consent_wording",
        sa.Column("id", ID, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consent_wording"),
        sa.UniqueConstraint("hash", name="uq_consent_wording_hash"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", ID, nullable=False),
        sa.Column("campaign_id", ID, nullable=True),
        sa.Column("issue_id", ID, nullable=True),
        sa.Column("subscriber_id", ID, nullable=True),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.Column("notice_key", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("slots", JSON, nullable=True),
        sa.Column("edition_id", ID, nullable=True),
        sa.Column("list_id", ID, nullable=True),
        sa.Column("language", sa.Text(), server_default="", nullable=False),
        sa.Column("domain", sa.Text(), server_default="", nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("first_attempt_at", UTC, nullable=True),
        sa.Column("due_at", UTC, nullable=False),
        sa.Column("lease_until", UTC, nullable=True),
        sa.Column("fence", ID, server_default="0", nullable=False),
        sa.Column("relay", sa.Text(), nullable=True),
        sa.Column("reply_code", sa.SmallInteger(), nullable=True),
        sa.Column("reply_enhanced", sa.Text(), nullable=True),
        sa.Column("reply_text", sa.Text(), nullable=True),
        sa.Column("settled_at", UTC, nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'claimed', 'attempting', 'accepted', 'deferred', 'refused', 'uncertain', 'skipped', 'cancelled', 'bounced', 'complained')",
            name=op.f("ck_delivery_state"),
        ),
        sa.CheckConstraint(
            "(campaign_id IS NULL) <> (notice IS NULL)", name=op.f("ck_delivery_campaign_or_notice")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("campaign_id", "subscriber_id", name="uq_delivery_campaign_id_subscriber_id"),
    )
    op.create_index(
        "ix_delivery_open",
        "delivery",
        ["state", "campaign_id", "due_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'claimed', 'attempting', 'deferred')"),
        postgresql_where=sa.text("state IN ('queued', 'claimed', 'attempting', 'deferred')"),
    )
    op.create_index("ix_delivery_subscriber_id", "delivery", ["subscriber_id"], unique=False)
    op.create_index(
        "uq_delivery_notice_key",
        "delivery",
        ["notice_key"],
        unique=True,
        sqlite_where=sa.text("notice_key IS NOT NULL"),
        postgresql_where=sa.text("notice_key IS NOT NULL"),
    )
    op.create_table(
        "erasure",
        sa.Column("address_hash", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name="pk_erasure"),
    )
    op.create_table(
        "issue",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("newsletter", sa.Text(), server_default="main", nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("languages", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("teaser", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("picture", sa.Text(), nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'review', 'approved', 'sent', 'withdrawn')", name=op.f("ck_issue_state")
        ),
        sa.PrimaryKeyConstraint("id", name="pk_issue"),
        sa.UniqueConstraint("slug", name="uq_issue_slug"),
    )
    op.create_table(
        "list",
        sa.Column("id", ID, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", JSON, nullable=False),
        sa.Column("newsletter", sa.Text(), server_default="main", nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("opt_in", sa.Text(), server_default="double", nullable=False),
        sa.Column("public", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_list"),
        sa.UniqueConstraint("slug", name="uq_list_slug"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "rate_count",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("slice_ms", sa.Integer(), nullable=False),
        sa.Column("slot", UTC, nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "slice_ms", "slot", name="pk_rate_count"),
    )
    op.create_table(
        "relay_state",
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("closed_until", UTC, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("times", sa.Integer(), server_default="0", nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("relay", name="pk_relay_state"),
    )
    op.create_table(
        "schedule",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("looked_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_schedule"),
        sa.UniqueConstraint("name", name="uq_schedule_name"),
    )
    op.create_table(
        "subscriber",
        sa.Column("id", ID, nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("wire", sa.Text(), nullable=False),
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("languages", sa.Text(), server_default="", nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column("attributes", JSON, nullable=False),
        sa.Column("chosen", JSON, nullable=False),
        sa.Column("text_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("paused_until", UTC, nullable=True),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("updated_at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_subscriber"),
        sa.UniqueConstraint("address_key", name="uq_subscriber_address_key"),
        sa.UniqueConstraint("reference", name="uq_subscriber_reference"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_subscriber_paused_until",
        "subscriber",
        ["paused_until"],
        unique=False,
        sqlite_where=sa.text("paused_until IS NOT NULL"),
        postgresql_where=sa.text("paused_until IS NOT NULL"),
    )
    op.create_table(
        "suppression",
        sa.Column("address_key", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("address_key", name="pk_suppression"),
    )
    op.create_table(
        "approval",
        sa.Column("id", ID, nullable=False),
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("passed", JSON, nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name="fk_approval_issue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", ID, nullable=False),
        sa.Column("delivery_id", ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("relay", sa.Text(), nullable=False),
        sa.Column("reply_code", sa.SmallInteger(), nullable=True),
        sa.Column("reply_enhanced", sa.Text(), nullable=True),
        sa.Column("reply_text", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name="fk_attempt_delivery_id"),
        sa.PrimaryKeyConstraint("id", name="pk_attempt"),
    )
    op.create_index("ix_attempt_delivery_id", "attempt", ["delivery_id"], unique=False)
    op.create_table(
        "campaign",
        sa.Column("id", ID, nullable=False),
        sa.Column("issue_id", ID, nullable=True),
        sa.Column("kind", sa.Text(), server_default="regular", nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reason_facts", JSON, nullable=True),
        sa.Column("again", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.Column("launched_at", UTC, nullable=True),
        sa.Column("finished_at", UTC, nullable=True),
        sa.Column("waits_until", UTC, nullable=True),
        sa.Column("waits_reason", sa.Text(), nullable=True),
        sa.Column("waits_reply", sa.Text(), nullable=True),
        sa.Column("excluded", JSON, nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.CheckConstraint(
            "kind IN ('regular', 'test', 'rehearsal', 'correction')", name=op.f("ck_campaign_kind")
        ),
        sa.CheckConstraint(
            "state IN ('scheduled', 'held', 'sending', 'paused', 'finished', 'cancelled')",
            name=op.f("ck_campaign_state"),
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name="fk_campaign_issue_id"),
        sa.PrimaryKeyConstraint("id", name="pk_campaign"),
    )
    op.create_table(
        "consent_record",
        sa.Column("id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("list_id", ID, nullable=True),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("wording_id", ID, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ip", sa.Text(), nullable=True),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name="fk_consent_record_list_id"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name="fk_consent_record_subscriber_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["wording_id"], ["consent_wording.id"], name="fk_consent_record_wording_id"),
        sa.PrimaryKeyConstraint("id", name="pk_consent_record"),
    )
    op.create_index("ix_consent_record_subscriber_id", "consent_record", ["subscriber_id"], unique=False)
    op.create_table(
        "edition",
        sa.Column("id", ID, nullable=False),
        sa.Column("issue_id", ID, nullable=True),
        sa.Column("notice", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("web", sa.Text(), nullable=True),
        sa.Column("pictures", JSON, nullable=False),
        sa.Column("facts", JSON, nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.CheckConstraint("(issue_id IS NULL) <> (notice IS NULL)", name=op.f("ck_edition_issue_or_notice")),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name="fk_edition_issue_id"),
        sa.PrimaryKeyConstraint("id", name="pk_edition"),
    )
    op.create_index(
        "uq_edition_issue_id_language_content_hash",
        "edition",
        ["issue_id", "language", "content_hash"],
        unique=True,
    )
    op.create_table(
        "issue_file",
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["blob"], ["blob.hash"], name="fk_issue_file_blob"),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name="fk_issue_file_issue_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issue_id", "path", name="pk_issue_file"),
    )
    op.create_table(
        "issue_text",
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("preheader", sa.Text(), server_default="", nullable=False),
        sa.Column("title", sa.Text(), server_default="", nullable=False),
        sa.Column("picture_alt", sa.Text(), nullable=True),
        sa.Column("lead", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name="fk_issue_text_issue_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issue_id", "language", name="pk_issue_text"),
    )
    op.create_table(
        "occurrence",
        sa.Column("id", ID, nullable=False),
        sa.Column("schedule_id", ID, nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("at", UTC, nullable=True),
        sa.Column("issue_id", ID, nullable=True),
        sa.Column("campaign_id", ID, nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name="fk_occurrence_issue_id"),
        sa.ForeignKeyConstraint(["schedule_id"], ["schedule.id"], name="fk_occurrence_schedule_id"),
        sa.PrimaryKeyConstraint("id", name="pk_occurrence"),
        sa.UniqueConstraint("schedule_id", "date", name="uq_occurrence_schedule_id_date"),
    )
    op.create_table(
        "rendition",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("recipe", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["blob"], ["blob.hash"], name="fk_rendition_blob"),
        sa.ForeignKeyConstraint(["source"], ["blob.hash"], name="fk_rendition_source"),
        sa.PrimaryKeyConstraint("source", "recipe", name="pk_rendition"),
    )
    op.create_table(
        "resource",
        sa.Column("issue_slug", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("blob", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("ends_at", UTC, nullable=True),
        sa.CheckConstraint("(blob IS NULL) <> (url IS NULL)", name=op.f("ck_resource_blob_or_url")),
        sa.ForeignKeyConstraint(["blob"], ["blob.hash"], name="fk_resource_blob"),
        sa.PrimaryKeyConstraint("issue_slug", "language", "name", name="pk_resource"),
    )
    op.create_table(
        "schedule_list",
        sa.Column("schedule_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("list_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name="fk_schedule_list_list_id"),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["schedule.id"], name="fk_schedule_list_schedule_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schedule_id", "position", name="pk_schedule_list"),
    )
    op.create_table(
        "section",
        sa.Column("id", ID, nullable=False),
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("keyed", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name="fk_section_issue_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_section"),
        sa.UniqueConstraint("issue_id", "key", name="uq_section_issue_id_key"),
    )
    op.create_table(
        "subscription",
        sa.Column("list_id", ID, nullable=False),
        sa.Column("subscriber_id", ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'confirmed', 'unsubscribed')", name=op.f("ck_subscription_state")
        ),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name="fk_subscription_list_id"),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name="fk_subscription_subscriber_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("list_id", "subscriber_id", name="pk_subscription"),
    )
    op.create_index("ix_subscription_subscriber_id", "subscription", ["subscriber_id"], unique=False)
    op.create_table(
        "campaign_edition",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("edition_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name="fk_campaign_edition_campaign_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name="fk_campaign_edition_edition_id"),
        sa.PrimaryKeyConstraint("campaign_id", "language", name="pk_campaign_edition"),
    )
    op.create_table(
        "campaign_list",
        sa.Column("campaign_id", ID, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("list_id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name="fk_campaign_list_campaign_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["list_id"], ["list.id"], name="fk_campaign_list_list_id"),
        sa.PrimaryKeyConstraint("campaign_id", "position", name="pk_campaign_list"),
    )
    op.create_table(
        "issue_edition",
        sa.Column("issue_id", ID, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("edition_id", ID, nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name="fk_issue_edition_edition_id"),
        sa.ForeignKeyConstraint(
            ["issue_id"], ["issue.id"], name="fk_issue_edition_issue_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issue_id", "language", name="pk_issue_edition"),
    )
    op.create_table(
        "section_text",
        sa.Column("section_id", ID, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["section_id"], ["section.id"], name="fk_section_text_section_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("section_id", "language", name="pk_section_text"),
    )
