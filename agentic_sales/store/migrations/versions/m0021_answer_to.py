"""Keep the address that wants the answer to a reply, where it is not the person's own."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.add_column("inbound_messages", sa.Column("answer_to", sa.String(), nullable=False, server_default=""))
