"""The gate: what is known of each picture, and what each text was written against."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    op.add_column("issue", sa.Column("pictures", JSON, nullable=True))
    op.add_column("issue_text", sa.Column("written_against", JSON, nullable=True))
    op.add_column("section_text", sa.Column("written_against", JSON, nullable=True))
