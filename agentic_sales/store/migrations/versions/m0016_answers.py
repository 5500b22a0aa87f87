"""Let a message of the send ledger answer a person's reply."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.add_column("touches", sa.Column("answers", sa.String(), nullable=True))
