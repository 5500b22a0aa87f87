"""Let a mailbox be held after a refusal of its server."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.add_column("mailboxes", sa.Column("held_until_at", UtcDateTime(), nullable=True))
    op.add_column("mailboxes", sa.Column("held_why", sa.String(), nullable=False, server_default=""))
    op.add_column("mailboxes", sa.Column("refusals", sa.Integer(), nullable=False, server_default="0"))
