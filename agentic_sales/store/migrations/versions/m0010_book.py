"""Make the tables of the book, and give each company the one key that its spellings share."""

from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

from agentic_sales.rules.company_identity import Firm
from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_COMPANIES = sa.table(
    "companies",
    *(sa.column(name) for name in ("company_id", "key", "name", "domain", "name_key")),
    sa.column("created_at", UtcDateTime()),
)
_CONTACTS = sa.table("contacts", sa.column("company_id"))


def upgrade() -> None:
    """Apply it."""
    # Columns are added one by one: a rebuilt table would take the employers of all contacts with it.
    op.add_column("companies", sa.Column("name_key", sa.String(), nullable=False, server_default=""))
    op.add_column("companies", sa.Column("blocked_at", UtcDateTime(), nullable=True))
    op.add_column("companies", sa.Column("blocked_by", sa.String(), nullable=False, server_default=""))
    op.add_column("companies", sa.Column("blocked_why", sa.String(), nullable=False, server_default=""))
    op.create_index("ix_companies_name_key", "companies", ["name_key"])
    _make_subjects()
    _make_facts()
    _identify_companies(op.get_bind())


def _make_subjects() -> None:
    op.create_table(
        "subject_keys",
        sa.Column("kind", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("subject_id", sa.String(), nullable=False),
    )
    op.create_index("ix_subject_keys_subject_id", "subject_keys", ["subject_id"])
    op.create_table(
        "people",
        sa.Column("person_id", sa.String(), primary_key=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), sa.ForeignKey("companies.company_id", ondelete="SET NULL"), nullable=True),
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("contact_id", sa.String(), sa.ForeignKey("contacts.contact_id", ondelete="SET NULL"), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    for column in ("company_id", "contact_id", "name_key"):
        op.create_index(f"ix_people_{column}", "people", [column])
    op.create_table(
        "forgotten_keys",
        sa.Column("digest", sa.String(), primary_key=True),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "subjects",
        sa.Column("subject_id", sa.String(), primary_key=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), sa.ForeignKey("companies.company_id", ondelete="SET NULL"), nullable=True),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("kind", "key"),
    )
    op.create_index("ix_subjects_company_id_kind", "subjects", ["company_id", "kind"])


def _make_facts() -> None:
    op.create_table(
        "facts",
        sa.Column("fact_id", sa.String(), primary_key=True),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("value", JSON_OBJECT, nullable=False),
        sa.Column("value_key", sa.String(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("source_url", sa.String(), nullable=False),
        sa.Column("quote", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("first_observed_at", UtcDateTime(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_facts_subject_id_field", "facts", ["subject_id", "field"])
    op.create_index("ix_facts_field_value_key", "facts", ["field", "value_key"])
    op.create_table(
        "analyses",
        sa.Column("analysis_id", sa.String(), primary_key=True),
        sa.Column("subject_kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("content", JSON_OBJECT, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("workflow", sa.String(), nullable=False),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("prompts", JSON_OBJECT, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_analyses_subject_id_kind", "analyses", ["subject_id", "kind"])


def _identify_companies(connection: sa.Connection) -> None:
    """Join the rows of one company, of which the oldest stays, and write the keys anew."""
    rows = connection.execute(sa.select(_COMPANIES).order_by(_COMPANIES.c.created_at, _COMPANIES.c.company_id)).all()
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    sites_of_name: defaultdict[str, set[str]] = defaultdict(set)
    firms = {row.company_id: Firm(row.name, row.domain) for row in rows}
    for firm in firms.values():
        if firm.site and firm.name_key:
            sites_of_name[firm.name_key].add(firm.site)
    for row in rows:
        firm = firms[row.company_id]
        sites = sites_of_name[firm.name_key]
        is_by_name = firm.site is None and len(sites) == 1
        groups[next(iter(sites)) if is_by_name else firm.key or row.key].append(row)
    final: list[dict[str, Any]] = []
    for key, [first, *others] in groups.items():
        _join(connection, first.company_id, [row.company_id for row in others])
        site = next((found for row in (first, *others) if (found := firms[row.company_id].site)), None)
        name = next((found for row in (first, *others) if (found := firms[row.company_id].name_key)), "")
        final.append({"id": first.company_id, "new_key": key, "site": site, "new_name_key": name})
    if not final:
        return
    mine = _COMPANIES.c.company_id == sa.bindparam("id")
    connection.execute(sa.update(_COMPANIES).values(key=_COMPANIES.c.company_id))  # Keys are free for each other.
    values: dict[str, Any] = {
        "key": sa.bindparam("new_key"),
        "domain": sa.bindparam("site"),
        "name_key": sa.bindparam("new_name_key"),
    }
    connection.execute(sa.update(_COMPANIES).where(mine).values(**values), final)


def _join(connection: sa.Connection, company_id: str, others: list[str]) -> None:
    if others:
        theirs = _CONTACTS.c.company_id.in_(others)
        connection.execute(sa.update(_CONTACTS).where(theirs).values(company_id=company_id))
        connection.execute(sa.delete(_COMPANIES).where(_COMPANIES.c.company_id.in_(others)))
