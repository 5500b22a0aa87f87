"""Make the tables of documents and their passages, with the full text index of the database.

The terms of a passage are made by `rules.search_terms`. Both indexes take them as they are: FTS5 splits at spaces, and
`array_to_tsvector` parses nothing. So both find the same passages.
"""

import sqlalchemy as sa
from alembic import op

from agentic_sales.store.columns import JSON_OBJECT, UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_FTS5 = (
    (
        "CREATE VIRTUAL TABLE passage_index USING fts5(terms, content='passages', content_rowid='passage_id', "
        "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* M*'\")"
    ),
    (
        "CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN "
        "INSERT INTO passage_index(rowid, terms) VALUES (new.passage_id, new.terms); END"
    ),
    (
        "CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN "
        "INSERT INTO passage_index(passage_index, rowid, terms) VALUES ('delete', old.passage_id, old.terms); END"
    ),
)
_TSVECTOR = (
    (
        "ALTER TABLE passages ADD COLUMN lexemes tsvector "
        "GENERATED ALWAYS AS (array_to_tsvector(string_to_array(terms, ' '))) STORED"
    ),
    "CREATE INDEX ix_passages_lexemes ON passages USING gin (lexemes)",
)


def upgrade() -> None:
    """Apply it."""
    op.create_table(
        "documents",
        sa.Column("document_id", sa.String(), primary_key=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("company_id", sa.String(), sa.ForeignKey("companies.company_id", ondelete="SET NULL"), nullable=True),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("source", "key"),
    )
    op.create_index("ix_documents_digest", "documents", ["digest"])
    op.create_index("ix_documents_company_id", "documents", ["company_id"])
    op.create_table(
        "passages",
        sa.Column("passage_id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("heading_path", JSON_OBJECT, nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("terms", sa.String(), nullable=False),
        sa.Column("embedder", sa.String(), nullable=True),
        sa.Column("dimension", sa.Integer(), nullable=True),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.document_id"], ondelete="CASCADE"),
        sa.UniqueConstraint("document_id", "ordinal"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_passages_embedder_passage_id", "passages", ["embedder", "passage_id"])
    for statement in _TSVECTOR if op.get_bind().dialect.name == "postgresql" else _FTS5:
        op.execute(statement)
