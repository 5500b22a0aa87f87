"""The templates answer whole questions with statements that the store takes, and leave all other questions alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

from agentic_sales.rules.book_questions import KNOWN, book_schema, given_schema, tables_named, template_for
from agentic_sales.rules.sql_guard import guarded
from agentic_sales.store.columns import Table

ANSWERED = {
    "How many companies are there?": "COUNT(*)",
    "how many people do we know": "FROM people",
    "count of all openings": "kind = 'opening'",
    "Please show me the newest 10 companies": "LIMIT 10",
    "latest 5 papers": "kind = 'paper'",
    "Which companies have no country?": "NOT EXISTS",
    "list companies without a category": "f.field = 'category'",
    "How many companies have the category PRODUCT?": "f.value_key = 'product'",
    "list all companies with country DE": "f.value_key = 'de'",
    "How many companies by country?": "GROUP BY",
    "number of companies per remote policy": "f.field = 'remote_policy'",
    "How many companies are in Germany?": "('germany', 'de')",
    "which firms are based in the Netherlands": "'nl'",
    "which companies are blocked?": "blocked_at IS NOT NULL",
    "which people does Quillmark have?": "LOWER(company) = 'quillmark'",
    "list openings at quillmark.example": "gone_at IS NULL",
    "What do we know about Fernhollow AI?": "'fernhollow ai'",
    "how many contacts": "contact_id IS NOT NULL",
}
UNANSWERED = [
    "companies that hate us",
    "which people work remotely and like jazz?",
    "how many companies that hate us are there?",
    "delete all companies",
    "List the people of O'Neil; drop table companies",
    "how many companies are in a bad mood?",
    "which companies have the category x' or '1'='1",
    "how many companies are in the book and hiring?",
    "",
]


@pytest.fixture(scope="module")
def store(sqlite_template: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{sqlite_template}")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.mark.parametrize("question", ANSWERED)
def test_a_common_question_has_a_statement_that_the_guard_and_the_store_take(question: str, store: Connection) -> None:
    known = template_for(question)
    assert known is not None
    assert ANSWERED[question] in known.sql
    store.execute(text(guarded(known.sql, book_schema()).sql)).fetchall()


@pytest.mark.parametrize("question", UNANSWERED)
def test_a_question_that_no_template_covers_as_a_whole_has_none(question: str) -> None:
    assert template_for(question) is None


def test_every_template_answers_the_question_that_it_shows() -> None:
    shown = [known.asks for known in KNOWN]
    plain = [asks.replace(" (people, openings, papers, …)", "").replace(" (people, openings, …)", "") for asks in shown]
    plain = [asks.replace(" (category, industry, …)", "").replace(" (category, …)", "") for asks in plain]
    answered = [template_for(asks.replace(" (openings, …)", "").replace("COMPANY", "Acme")) for asks in plain]
    assert [found.asks if found else None for found in answered] == shown


def test_the_schema_of_questions_names_columns_that_the_store_has() -> None:
    tables = Table.metadata.tables
    for name, columns in book_schema().items():
        assert set(columns) <= {column.name for column in tables[name].columns}, name


@pytest.mark.parametrize(
    ("described", "tables"),
    [
        ("orders(id, total)", {"orders": ("id", "total")}),
        (
            'CREATE TABLE "orders" (id integer primary key, total numeric(10, 2), PRIMARY KEY (id));',
            {"orders": ("id", "total")},
        ),
        (
            "customers(id, name text), orders(id int references customers(id))",
            {"customers": ("id", "name"), "orders": ("id",)},
        ),
    ],
)
def test_the_tables_of_a_caller_are_read_in_both_forms(described: str, tables: dict[str, tuple[str, ...]]) -> None:
    assert given_schema(described) == tables


def test_a_description_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match="describe each table"):
        given_schema("everything about customers")


def test_the_tables_that_a_question_names_are_found_by_their_columns_too() -> None:
    assert tables_named("Which jobs of firms have a confidence above .8?", book_schema()) == [
        "companies",
        "subjects",
        "facts",
    ]
