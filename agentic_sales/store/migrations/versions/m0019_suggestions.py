"""Make the table of the people that answers named in their writers' places."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "suggestions",
        sa.Column("suggestion_id", sa.String(), primary_key=True),
        sa.Column(
            "campaign_id", sa.String(), sa.ForeignKey("campaigns.campaign_id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("contact_id", sa.String(), sa.ForeignKey("contacts.contact_id", ondelete="CASCADE"), nullable=False),
        sa.Column(
            "event_id", sa.String(), sa.ForeignKey("inbound_messages.event_id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_hash", sa.String(), nullable=True),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False, server_default=""),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(), nullable=False, server_default=""),
        sa.Column("accepted_id", sa.String(), sa.ForeignKey("contacts.contact_id", ondelete="CASCADE"), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_suggestions_campaign_id_state", "suggestions", ["campaign_id", "state"])
    op.create_index("ix_suggestions_contact_id", "suggestions", ["contact_id"])
    op.create_index("ix_suggestions_event_id", "suggestions", ["event_id"])
    op.create_index("ix_suggestions_email_hash", "suggestions", ["email_hash"])
    op.create_index("ix_suggestions_accepted_id", "suggestions", ["accepted_id"])
