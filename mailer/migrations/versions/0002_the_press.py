"""The press: a safety net before a campaign, domains that asked for a slower pace, facts about the database."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

UTC = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("campaign", sa.Column("safety_minutes", sa.Integer(), server_default="0", nullable=False))
    op.add_column("campaign", sa.Column("opens_at", UTC, nullable=True))
    op.create_table(
        "domain_pace",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("since", UTC, nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("domain", name="pk_domain_pace"),
    )
    op.create_table(
        "house_fact",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", UTC, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_house_fact"),
    )
