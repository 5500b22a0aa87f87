"""Add the visiting run, the number of fruitless visits and the put-off time to enrollments."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    with op.batch_alter_table("enrollments") as table:
        table.add_column(sa.Column("run_id", sa.String(), nullable=True))
        table.add_column(sa.Column("fruitless", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("not_before_at", UtcDateTime(), nullable=True))
    op.create_index("ix_enrollments_campaign_id_state", "enrollments", ["campaign_id", "state"])
    op.create_index("ix_enrollments_wake_at", "enrollments", ["wake_at"])
    op.create_index("ix_enrollments_lease_until_at", "enrollments", ["lease_until_at"])
