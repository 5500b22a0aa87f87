"""Audit rows of the book: `START → load_companies → audit → summarize → END`.

Four checks look at each company: quality of the data, taxonomy, category, and fit to the ideal customer. Each finding
names the fact that it rests on. The rules decide alone. Nothing is corrected and nothing is written.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field, field_validator

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.audited import audited_companies
from agentic_sales.llm.progress import tell_progress
from agentic_sales.rules import company_audit as checks
from agentic_sales.rules.company_words import company_words
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.verticals import Vertical, vertical_of, verticals
from agentic_sales.settings import settings


class Input(checks.AuditForm):
    """Input of a run."""

    @field_validator("vertical")
    @classmethod
    def _is_vertical(cls, slug: str) -> str:
        return _vertical(slug).slug if slug.strip() else ""


class Output(BaseModel):
    """Output of a run."""

    verdicts: list[checks.RowVerdict] = Field(default_factory=list, description="One verdict a company.")
    summary: dict[str, Any] = Field(
        default_factory=dict, description="total, false_positive, weak, clean, by_reason, tab."
    )
    qa_issues: list[checks.AuditFinding] = Field(default_factory=list, description="Every finding with its fact.")
    companies: list[checks.AuditedCompany] = Field(default_factory=list, description="The rows that were audited.")
    intent: str = Field(default="", description="Description of the wanted companies, in words.")
    expected_categories: list[str] = Field(default_factory=list, description="Categories of the list. Empty: any.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {
    "tab": "products",
    "companies": [
        {
            "name": "Harbor Robotics",
            "domain": "harbor.example",
            "facts": [
                {"field": "description", "value": "We are a recruitment agency and place engineers."},
                {"field": "category", "value": "PRODUCT", "confidence": 0.5},
            ],
        }
    ],
}


def _vertical(slug: str) -> Vertical:
    return vertical_of(slug, with_additions("verticals", verticals, settings().rules_dir))


async def load_companies(state: State) -> dict[str, Any]:
    """Read the rows with their facts."""
    return {
        "companies": dumped(await audited_companies(state)),
        "intent": checks.intent_of(state),
        "expected_categories": list(checks.EXPECTED[state.tab]),
    }


async def audit(state: State) -> dict[str, Any]:
    """Hold each row against the four checks."""
    wish = checks.AuditWish(
        tab=state.tab,
        kinds=state.service_taxonomy_any,
        vertical=_vertical(state.vertical) if state.vertical else None,
        words=with_additions("companies", company_words, settings().rules_dir),
    )
    verdicts, issues = list[checks.RowVerdict](), list[checks.AuditFinding]()
    for row in state.companies:
        found = checks.findings_on(row, wish)
        verdicts.append(checks.verdict_on(row, found))
        issues += found
    tell_progress("audit", len(verdicts), len(state.companies))
    return {"verdicts": dumped(verdicts), "qa_issues": dumped(issues)}


async def summarize(state: State) -> dict[str, Any]:
    """Count the verdicts and the reasons."""
    return {"summary": checks.summary_of_audit(state.verdicts, state.qa_issues, state.tab)}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → load_companies → audit → summarize → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load_companies, audit, summarize])
    builder.add_edge(START, "load_companies")
    builder.add_edge("summarize", END)
    return builder.compile(checkpointer=checkpointer, name="company_qa")


graph = build_graph()
