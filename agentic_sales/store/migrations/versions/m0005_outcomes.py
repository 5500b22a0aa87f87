"""Make the table of messages' outcomes that still have to become feedback."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    touch = sa.ForeignKey("touches.touch_id", ondelete="CASCADE")
    op.create_table(
        "untold_outcomes",
        sa.Column("touch_id", sa.String(), touch, primary_key=True),
        sa.Column("outcome", sa.String(), primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
