"""Make the table of lifted suppressions with author and reason."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "lifted_suppressions",
        sa.Column("lift_id", sa.String(), primary_key=True),
        sa.Column("email_hash", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("suppressed_at", UtcDateTime(), nullable=False),
        sa.Column("lifted_by", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("lifted_at", UtcDateTime(), nullable=False),
    )
    for column in ("email_hash", "lifted_at"):
        op.create_index(f"ix_lifted_suppressions_{column}", "lifted_suppressions", [column])
