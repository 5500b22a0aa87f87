"""Make the table of events that wait to be read, and index inbound items by kind."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "arrivals",
        sa.Column("event_id", sa.String(), primary_key=True),
        sa.Column("event", JSON_OBJECT, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_arrivals_due_at", "arrivals", ["due_at"])
    op.create_index("ix_inbound_messages_kind", "inbound_messages", ["kind"])
