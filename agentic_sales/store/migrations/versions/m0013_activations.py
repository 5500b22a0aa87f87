"""Make the table of activations of verticals."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "activations",
        sa.Column("slug", sa.String(), primary_key=True),
        sa.Column("activation_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("given", JSON_OBJECT, nullable=False),
        sa.Column("is_dry", sa.Boolean(), nullable=False),
        sa.Column("trace", JSON_OBJECT, nullable=False),
        sa.Column("seed_run_id", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.Column("sample", JSON_OBJECT, nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("word_by", sa.String(), nullable=False),
        sa.Column("round_id", sa.String(), nullable=True),
        sa.Column("wake_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until_at", UtcDateTime(), nullable=True),
        sa.Column("fruitless", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_activations_wake_at", "activations", ["wake_at"])
