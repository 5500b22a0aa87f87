"""Give a mailbox a login, a signature, a role and hours of its own."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    for name in ("login", "smtp_url", "imap_url", "secret", "signature", "sender_role", "inbox_why"):
        op.add_column("mailboxes", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.add_column("mailboxes", sa.Column("window", JSON_OBJECT, nullable=True))
    op.add_column("mailboxes", sa.Column("removed_at", UtcDateTime(), nullable=True))
