"""Make the tables of campaigns, people, sequences, the send ledger and inbound items."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "companies",
        sa.Column("company_id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "contacts",
        sa.Column("contact_id", sa.String(), primary_key=True),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("email_hash", sa.String(), nullable=False, unique=True),
        sa.Column("first_name", sa.String(), nullable=False),
        sa.Column("last_name", sa.String(), nullable=False),
        sa.Column("position", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), sa.ForeignKey("companies.company_id", ondelete="SET NULL"), nullable=True),
        sa.Column("time_zone", sa.String(), nullable=True),
        sa.Column("consent_basis", sa.String(), nullable=False),
        sa.Column("consent_source", sa.String(), nullable=False),
        sa.Column("consent_at", UtcDateTime(), nullable=False),
        sa.Column("fields", JSON_OBJECT, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_contacts_company_id", "contacts", ["company_id"])
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("plan", JSON_OBJECT, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_campaigns_state", "campaigns", ["state"])
    op.create_table(
        "enrollments",
        sa.Column(
            "campaign_id", sa.String(), sa.ForeignKey("campaigns.campaign_id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column(
            "contact_id", sa.String(), sa.ForeignKey("contacts.contact_id", ondelete="CASCADE"), primary_key=True
        ),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("wake_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_enrollments_contact_id", "enrollments", ["contact_id"])
    op.create_index("ix_enrollments_state_wake_at", "enrollments", ["state", "wake_at"])
    op.create_table(
        "mailboxes",
        sa.Column("mailbox_id", sa.String(), primary_key=True),
        sa.Column("address", sa.String(), nullable=False, unique=True),
        sa.Column("display_name", sa.String(), nullable=False),
        sa.Column("reply_to", sa.String(), nullable=True),
        sa.Column("postal_address", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("daily_cap", sa.Integer(), nullable=False),
        sa.Column("ramp_start", sa.Integer(), nullable=True),
        sa.Column("ramp_per_day", sa.Integer(), nullable=False),
        sa.Column("ramp_from", sa.Date(), nullable=True),
        sa.Column("spacing_s", sa.Double(), nullable=False),
        sa.Column("last_slot_at", UtcDateTime(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("imap_validity", sa.Integer(), nullable=True),
        sa.Column("imap_uid", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "touches",
        sa.Column("touch_id", sa.String(), primary_key=True),
        sa.Column(
            "campaign_id", sa.String(), sa.ForeignKey("campaigns.campaign_id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("contact_id", sa.String(), sa.ForeignKey("contacts.contact_id", ondelete="CASCADE"), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("mailbox_id", sa.String(), sa.ForeignKey("mailboxes.mailbox_id"), nullable=False),
        sa.Column("to_email", sa.String(), nullable=False),
        sa.Column("email_hash", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("html", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False, unique=True),
        sa.Column("in_reply_to", sa.String(), nullable=False),
        sa.Column("references", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before_at", UtcDateTime(), nullable=False),
        sa.Column("lease_until_at", UtcDateTime(), nullable=True),
        sa.Column("slot_day", sa.Date(), nullable=True),
        sa.Column("dispatched_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_id", sa.String(), nullable=True),
        sa.Column("resolved_by", sa.String(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("outcome_at", UtcDateTime(), nullable=True),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("langsmith_run_id", sa.String(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_touches_campaign_id_state", "touches", ["campaign_id", "state"])
    op.create_index("ix_touches_contact_id", "touches", ["contact_id"])
    op.create_index("ix_touches_email_hash_state", "touches", ["email_hash", "state"])
    op.create_index("ix_touches_mailbox_id_slot_day", "touches", ["mailbox_id", "slot_day"])
    op.create_index("ix_touches_provider_id", "touches", ["provider_id"])
    op.create_index("ix_touches_state_not_before_at", "touches", ["state", "not_before_at"])
    op.create_table(
        "suppressions",
        sa.Column("email_hash", sa.String(), primary_key=True),
        sa.Column("reason", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "inbound_messages",
        sa.Column("event_id", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("touch_id", sa.String(), sa.ForeignKey("touches.touch_id", ondelete="CASCADE"), nullable=True),
        sa.Column("contact_id", sa.String(), sa.ForeignKey("contacts.contact_id", ondelete="CASCADE"), nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("reply_class", sa.String(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_inbound_messages_contact_id_received_at", "inbound_messages", ["contact_id", "received_at"])
    op.create_index("ix_inbound_messages_touch_id", "inbound_messages", ["touch_id"])
    op.create_table(
        "approvals",
        sa.Column("approval_id", sa.String(), primary_key=True),
        sa.Column("touch_id", sa.String(), sa.ForeignKey("touches.touch_id", ondelete="CASCADE"), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_approvals_state_expires_at", "approvals", ["state", "expires_at"])
    op.create_index("ix_approvals_touch_id", "approvals", ["touch_id"])
