"""Keep what a message was written from, earlier plans of campaigns, and who corrected what."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.add_column("touches", sa.Column("facts", sa.String(), nullable=False, server_default=""))
    for table in ("campaigns", "enrollments"):
        op.add_column(table, sa.Column("plan_version", sa.Integer(), nullable=False, server_default="1"))
    op.create_table(
        "earlier_plans",
        sa.Column(
            "campaign_id",
            sa.String(),
            sa.ForeignKey("campaigns.campaign_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer(), primary_key=True),
        sa.Column("plan", JSON_OBJECT, nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "audit_entries",
        sa.Column("entry_id", sa.String(), primary_key=True),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.String(), nullable=True),
        sa.Column("contact_id", sa.String(), sa.ForeignKey("contacts.contact_id", ondelete="CASCADE"), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("told", JSON_OBJECT, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_audit_entries_campaign_id_at", "audit_entries", ["campaign_id", "at"])
    op.create_index("ix_audit_entries_contact_id", "audit_entries", ["contact_id"])
