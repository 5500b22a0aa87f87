"""Score a contact from A to D: `START → load → score → ask_scorer → END`.

The score is an additive card over seniority, department, fit of the employer and reachability. Where the deployment
names a scoring service, its tier counts instead. If the service fails, the card stands and the answer says so.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field, field_validator

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known_contacts import contact_knowledge
from agentic_sales.errors import AgenticSalesError, BadQuery, NotFound
from agentic_sales.rules.contact_fit import contact_signs, judge_contact_fit
from agentic_sales.rules.contact_forms import ContactForm, ContactKnowledge, PersonByValue
from agentic_sales.rules.contact_scores import ContactScore, limited, score_contact
from agentic_sales.rules.titles import read_title, title_words
from agentic_sales.rules.verticals import Vertical, vertical_of, verticals
from agentic_sales.settings import settings
from agentic_sales.sources.contact_scorer import ContactScorer
from agentic_sales.sources.service import Unavailable


class Input(ContactForm):
    """Input of a run: a contact or a person of the book, or a profile by value."""

    @classmethod
    def by_value(cls) -> str:
        """Return the field that holds the person by value."""
        return "profile"

    profile: PersonByValue | None = Field(default=None, description="The person by value; needed without an id.")
    company_score: float | None = Field(default=None, ge=0, le=1, description="Score of the employer; else the book's.")
    vertical: str = Field(default="", max_length=64, description="Vertical for the fit. Empty: the score counts.")

    @field_validator("vertical")
    @classmethod
    def _is_vertical(cls, slug: str) -> str:
        return _vertical(slug).slug if slug.strip() else ""


class Output(ContactScore):
    """Output of a run."""

    name: str = Field(default="", description="The person.")
    company_name: str = Field(default="", description="The employer.")
    scorer: Literal["rules", "http"] = Field(
        default="rules", description="Origin of the score: the card or the service."
    )
    unavailable_sources: list[str] = Field(default_factory=list, description="The service, if it failed, and why.")


class State(Input, Output):
    """Input, output and the person's facts."""

    known: ContactKnowledge = Field(default=ContactKnowledge(), description="Known facts of the person.")


EXAMPLE: dict[str, Any] = {
    "profile": {"name": "Ada Example", "title": "VP Engineering", "email": "ada@harbor.example"},
    "company_score": 0.7,
}


def _vertical(slug: str) -> Vertical:
    return vertical_of(slug, with_additions("verticals", verticals, settings().rules_dir))


async def load(state: State) -> dict[str, Any]:
    """Read the person and the employer in the book. A value of the input is kept."""
    known = await contact_knowledge(state, workflow="score_contact")
    if state.company_score is not None:
        known = known.model_copy(update={"company_score": state.company_score})
    return {"known": known.model_dump(), "name": known.name, "company_name": known.company_name}


async def score(state: State) -> dict[str, Any]:
    """Score by the card."""
    folder = settings().rules_dir
    title = read_title(state.known.title, with_additions("titles", title_words, folder))
    signs = with_additions("contact_signs", contact_signs, folder)
    fit = judge_contact_fit(state.known, _vertical(state.vertical), title, signs) if state.vertical else None
    return score_contact(state.known, title, signs, fit).model_dump()


async def ask_scorer(state: State) -> dict[str, Any]:
    """Take the tier of the scoring service, if there is one. A person that the card rules out stays out."""
    gone, by_rules = Unavailable(), {"scorer": "rules", "unavailable_sources": list[str]()}
    async with ContactScorer(settings()) as scorer:
        if not scorer.is_there:
            return by_rules
        try:
            told = await scorer.score(state.known)
        except (BadQuery, NotFound) as exc:
            return by_rules | {"unavailable_sources": [f"{scorer.name}: {exc}"]}
        except AgenticSalesError as exc:
            gone.note(scorer.name, exc)
            return by_rules | {"unavailable_sources": [*gone.told]}
    found = ContactScore(tier=told.tier, score=told.score, reasons=told.reasons)
    return by_rules | limited(found, state.disqualifiers).model_dump() | {"scorer": "http"}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → load → score → ask_scorer → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([load, score, ask_scorer])
    builder.add_edge(START, "load")
    builder.add_edge("ask_scorer", END)
    return builder.compile(checkpointer=checkpointer, name="score_contact")


graph = build_graph()
