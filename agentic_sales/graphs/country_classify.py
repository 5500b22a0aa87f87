"""Tell which country a location text means: `START → read_place → classify → END`, without `classify` if certain.

The rules read the text against a gazetteer (`rules.places`). A model is asked only where they are uncertain. So most
locations cost nothing. No failure of a model fails the run: the answer degrades and says so. It must never invent a
country. Without one the answer is null with confidence 0.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.additions import with_additions
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.forms import Form
from agentic_sales.rules.place_words import PlaceWords, place_words
from agentic_sales.rules.places import MAX_REASONS, checked_country, describe_odds, judge_place, quoted
from agentic_sales.settings import settings

PROMPTS = load_prompts(__file__)


class Input(Form):
    """Input of a run."""

    location: str = Field(max_length=500, description="Location as a page or a job post states it; may be empty.")


class Output(ModelOutput):
    """Output of a run."""

    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2 code. Null: no single country is named.")
    confidence: float = Field(default=0.0, description="Probability that the country is right, 0-1; 0 for null.")
    reasons: list[str] = Field(default_factory=list, description="At most two reasons, for people.")


class State(Input, Output):
    """Input, output and the values that pass between the nodes."""

    is_certain: bool = Field(default=False, description="Whether the rules decided, so that no model was asked.")


EXAMPLE: dict[str, Any] = {"location": "Munich, DE"}


class CountryVerdict(BaseModel):
    """Which country, how surely, and why."""

    country: str | None = Field(description="ISO 3166-1 alpha-2 code in capitals, or null.")
    confidence: float = Field(ge=0, le=1, description="Probability that the country is right; 0 for null.")
    reasons: list[str] = Field(description="One or two short reasons that quote the location.")


async def read_place(state: State) -> dict[str, Any]:
    """Read the location by rules. A certain reading is the answer."""
    found = judge_place(state.location, known_words())
    verdict = CountryVerdict(country=found.country, confidence=found.confidence, reasons=list(found.reasons))
    claim = Answer.by_rules(PROMPTS["classify"], verdict).report if found.is_certain else {}
    return {**verdict.model_dump(), "is_certain": found.is_certain, **claim}


def route_by_certainty(state: State) -> Literal["classify", "__end__"]:
    """Ask a model only where the rules are uncertain."""
    return "__end__" if state.is_certain else "classify"


async def classify(state: State) -> dict[str, Any]:
    """Ask a model about an unsettled location. A failed model leaves no country and a reason."""
    rules = CountryVerdict(country=state.country, confidence=state.confidence, reasons=state.reasons)
    answer = await ask(
        PROMPTS["classify"],
        CountryVerdict,
        fallback=lambda: rules,
        undecided=lambda reason: no_country(f"classifier error: {reason}"),
        temperature=0.0,
        gazetteer=describe_odds(judge_place(state.location, known_words()).odds),
        location=fenced(state.location),
    )
    return {**checked(answer.value).model_dump(), **answer.report}


def known_words() -> PlaceWords:
    """Return the names and words of the rules with a person's additions."""
    return with_additions("places", place_words, settings().rules_dir)


def checked(verdict: CountryVerdict) -> CountryVerdict:
    """Return an answer with a code of ISO 3166 or with null and 0. It has at most two reasons."""
    if country := checked_country(verdict.country):
        return CountryVerdict(country=country, confidence=verdict.confidence, reasons=verdict.reasons[:MAX_REASONS])
    if (verdict.country or "").strip().upper() in {"", "NULL", "NONE"}:
        return no_country(*verdict.reasons[:MAX_REASONS])
    return no_country(f"the model answered {quoted(str(verdict.country))}, which is no country of ISO 3166")


def no_country(*reasons: str) -> CountryVerdict:
    """Return the conservative verdict: no country."""
    return CountryVerdict(country=None, confidence=0.0, reasons=list(reasons))


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → read_place → classify → END`, with the shortcut from `read_place`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(read_place)
    builder.add_node(classify)
    builder.add_edge(START, "read_place")
    builder.add_conditional_edges("read_place", route_by_certainty)
    builder.add_edge("classify", END)
    return builder.compile(checkpointer=checkpointer, name="country_classify")


graph = build_graph()
