"""Give an enrollment the trace that its visits belong to."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.add_column("enrollments", sa.Column("trace", JSON_OBJECT, nullable=True))
