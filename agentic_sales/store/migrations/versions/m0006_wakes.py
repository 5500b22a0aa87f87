"""Count an enrollment's wakes. A visit thus notices a wake that came meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.add_column("enrollments", sa.Column("wakes", sa.Integer(), nullable=False, server_default="0"))
