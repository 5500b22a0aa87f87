"""Make the tables of flows: their rounds, their plans and their leads."""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "flow_rounds",
        sa.Column("round_id", sa.String(), primary_key=True),
        sa.Column("flow_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("given", JSON_OBJECT, nullable=False),
        sa.Column("most_leads", sa.Integer(), nullable=False),
        sa.Column("budget_usd", sa.Double(), nullable=False),
        sa.Column("spent_usd", sa.Double(), nullable=False),
        sa.Column("is_dry", sa.Boolean(), nullable=False),
        _reference("campaign_id", "campaigns.campaign_id"),
        sa.Column("promoted_by", sa.String(), nullable=False),
        sa.Column("trace", JSON_OBJECT, nullable=False),
        sa.Column("discovery_run_id", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("found", sa.Integer(), nullable=True),
        sa.Column("wake_at", UtcDateTime(), nullable=True),
        sa.Column("lease_until_at", UtcDateTime(), nullable=True),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("fruitless", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_flow_rounds_flow_id_created_at", "flow_rounds", ["flow_id", "created_at"])
    op.create_index("ix_flow_rounds_wake_at", "flow_rounds", ["wake_at"])
    op.create_table(
        "flow_plans",
        sa.Column("flow_id", sa.String(), primary_key=True),
        sa.Column("cron", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("missed", sa.String(), nullable=False),
        sa.Column("request", JSON_OBJECT, nullable=False),
        sa.Column("is_paused", sa.Boolean(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    _make_leads()


def _make_leads() -> None:
    op.create_table(
        "leads",
        sa.Column("lead_id", sa.String(), primary_key=True),
        sa.Column("round_id", sa.String(), sa.ForeignKey("flow_rounds.round_id", ondelete="CASCADE"), nullable=False),
        sa.Column("flow_id", sa.String(), nullable=False),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        _reference("company_id", "companies.company_id"),
        _reference("person_id", "people.person_id"),
        _reference("contact_id", "contacts.contact_id"),
        _reference("campaign_id", "campaigns.campaign_id"),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("reasons", JSON_OBJECT, nullable=False),
        sa.Column("arm", JSON_OBJECT, nullable=False),
        sa.Column("told", JSON_OBJECT, nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("outcome_at", UtcDateTime(), nullable=True),
        sa.Column("looked_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    for columns in (("round_id", "stage"), ("person_id",), ("contact_id",), ("company_id",), ("stage", "looked_at")):
        op.create_index(f"ix_leads_{'_'.join(columns)}", "leads", list(columns))


def _reference(name: str, column: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(column, ondelete="SET NULL"), nullable=True)
