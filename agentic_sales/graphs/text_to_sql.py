"""Turn a question about the book into one SELECT, and never execute it.

`START → understand_question → identify_tables → generate_sql → validate_sql → END`

A template answers a common question. A model answers others. Either statement passes the guard (`rules.sql_guard`), or
the answer has no statement and says why.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field, field_validator

from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import book_questions as questions
from agentic_sales.rules.forms import Form
from agentic_sales.rules.sql_guard import Schema, StatementRefused, guarded

PROMPTS = load_prompts(__file__)
TEMPLATE_CONFIDENCE = 0.9
"""A template covers the whole question, and its statement was written by a person."""


class Input(Form):
    """Input of a run."""

    question: str = Field(min_length=3, max_length=4_000, description="The question in words.")
    database_schema: str = Field(
        default="", max_length=8_000, description="Tables as `name(column, …)` or CREATE TABLE. Empty: the book's."
    )

    @field_validator("database_schema")
    @classmethod
    def _describes_tables(cls, text: str) -> str:
        if text.strip():
            questions.given_schema(text)
        return text


class Output(ModelOutput):
    """Output of a run."""

    sql: str = Field(default="", description="One SELECT with a LIMIT. Empty: there is none, see `explanation`.")
    explanation: str = Field(
        default="", description="Purpose of the statement. It begins with `Rejected` if it was refused."
    )
    confidence: float = Field(default=0.0, description="Probability that it answers the question, 0-1.")
    tables_used: list[str] = Field(default_factory=list, description="Tables that it reads.")
    understanding: str = Field(default="", description="The question as it was understood.")


class State(Input, Output):
    """Input, output and the values that pass between the nodes."""

    named: list[str] = Field(default_factory=list)


EXAMPLE: dict[str, Any] = {"question": "How many companies have the category PRODUCT?"}


class SqlDraft(BaseModel):
    """A statement and its purpose."""

    understanding: str = Field(max_length=500, description="The question in your own words.")
    sql: str = Field(default="", max_length=8_000, description="One SELECT; empty if the tables cannot answer.")
    explanation: str = Field(max_length=1_000, description="Purpose of the statement, or the missing information.")
    confidence: float = Field(ge=0, le=1, description="Probability that it answers the question.")


async def understand_question(state: State) -> dict[str, Any]:
    """Find the template that fits the whole question."""
    known = _template(state)
    return {"understanding": known.asks if known else state.question.strip()}


async def identify_tables(state: State) -> dict[str, Any]:
    """Find the tables that the question names."""
    return {"named": questions.tables_named(state.question, _schema(state))}


async def generate_sql(state: State) -> dict[str, Any]:
    """Write the statement by a model, else by the template."""
    answer = await ask(
        PROMPTS["generate_sql"],
        SqlDraft,
        fallback=lambda: _draft_by_rules(state),
        undecided=lambda reason: _undecided(state, reason),
        temperature=0.0,
        tables=questions.about_schema(_schema(state)),
        named=", ".join(state.named) or "none",
        question=fenced(state.question),
    )
    return {**answer.value.model_dump(), **answer.report}


async def validate_sql(state: State) -> dict[str, Any]:
    """Let one SELECT over the tables pass, with a LIMIT. Anything else is left out with the reason."""
    if not state.sql.strip():
        return {"sql": "", "confidence": 0.0, "tables_used": []}
    try:
        statement = guarded(state.sql, _schema(state))
    except StatementRefused as exc:
        return {"sql": "", "explanation": f"Rejected: {exc}", "confidence": 0.0, "tables_used": []}
    return {"sql": statement.sql, "tables_used": statement.tables}


def _schema(state: State) -> Schema:
    given = state.database_schema.strip()
    return questions.given_schema(given) if given else questions.book_schema()


def _template(state: State) -> questions.TemplateAnswer | None:
    return None if state.database_schema.strip() else questions.template_for(state.question)


def _draft_by_rules(state: State) -> SqlDraft:
    known = _template(state)
    if known is None:
        asked = "; ".join(questions.known_questions())
        told = f"Without a model only these questions about the book are answered: {asked}"
        return SqlDraft(understanding=state.understanding[:500], explanation=told, confidence=0.0)
    return SqlDraft(understanding=known.asks, sql=known.sql, explanation=known.asks, confidence=TEMPLATE_CONFIDENCE)


def _undecided(state: State, reason: AgenticSalesError) -> SqlDraft:
    return SqlDraft(
        understanding=state.understanding[:500], explanation=f"classifier error: {reason}"[:1000], confidence=0.0
    )


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([understand_question, identify_tables, generate_sql, validate_sql])
    builder.add_edge(START, "understand_question")
    builder.add_edge("validate_sql", END)
    return builder.compile(checkpointer=checkpointer, name="text_to_sql")


graph = build_graph()
