"""Give mailboxes the page on which a person picks a time."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.add_column("mailboxes", sa.Column("booking_link", sa.String(), nullable=False, server_default=""))
