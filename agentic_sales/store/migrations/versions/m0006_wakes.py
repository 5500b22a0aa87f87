"""Count how often an enrollment was woken, so that a visit knows whether somebody woke it meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.add_column("enrollments", sa.Column("wakes", sa.Integer(), nullable=False, server_default="0"))
