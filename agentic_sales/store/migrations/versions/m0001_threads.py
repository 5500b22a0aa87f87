"""Make the tables of threads and of their labels."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "threads",
        sa.Column("thread_id", sa.String(), primary_key=True),
        sa.Column("assistant_id", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("metadata", JSON_OBJECT, nullable=False),
        sa.Column("values", JSON_OBJECT, nullable=True),
        sa.Column("pause", JSON_OBJECT, nullable=True),
        sa.Column("error", JSON_OBJECT, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("state_updated_at", UtcDateTime(), nullable=True),
    )
    for columns in (
        ["status", "created_at"],
        ["status", "updated_at"],
        ["created_at"],
        ["updated_at"],
        ["state_updated_at"],
    ):
        op.create_index(f"ix_threads_{'_'.join(columns)}", "threads", columns)
    op.create_table(
        "thread_labels",
        sa.Column("label", sa.String(), primary_key=True),
        sa.Column("thread_id", sa.String(), sa.ForeignKey("threads.thread_id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("ix_thread_labels_thread_id", "thread_labels", ["thread_id"])
