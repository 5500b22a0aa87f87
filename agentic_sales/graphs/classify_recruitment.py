"""Tell whether a company is a recruiter: `START → find_signals → classify → END`.

The rules look for the vocabulary of recruiting and for near misses. A model decides with their findings. Without a
usable model the rules decide alone. No failure of a model fails the run: the answer degrades and says so. An error must
never make a company a recruiter.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, Field

from agentic_sales.additions import with_additions
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.forms import GivenForm
from agentic_sales.rules.recruiters import MAX_REASONS, Clues, clues, find_clues, judge_recruiter
from agentic_sales.settings import settings

PROMPTS = load_prompts(__file__)
MAX_PROMPT_LETTERS = 6_000
"""Letters of a description that a model reads. Companies state their business at the start."""


class Input(GivenForm):
    """Input of a run: at least one field that is not blank."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one must not be blank."""
        return ("name", "website", "description")

    name: str = Field(default="", max_length=300, description="Name of the company.")
    website: str = Field(default="", max_length=2_000, description="Address of its site; it is read, not fetched.")
    description: str = Field(default="", max_length=50_000, description="The company's own description, as plain text.")


class Output(ModelOutput):
    """Output of a run."""

    is_recruitment: bool = Field(default=False, description="Whether it is paid to find people for others' jobs.")
    confidence: float = Field(default=0.0, description="Probability that `is_recruitment` is right, 0-1.")
    reasons: list[str] = Field(default_factory=list, description="At most three reasons, for people.")


class State(Input, Output):
    """Input, output and the values that pass between the nodes."""

    signals: list[str] = Field(default_factory=list, description="Hits of the word list, `+` for and `-` against.")


EXAMPLE: dict[str, Any] = {
    "name": "Northgate Talent",
    "website": "https://northgate.example",
    "description": "Northgate is a staffing agency. We place nurses and care workers in hospitals across the country.",
}


class RecruitmentVerdict(BaseModel):
    """Whether a company is a recruiter, how surely, and why."""

    is_recruitment: bool = Field(description="True if the company is a recruiter.")
    confidence: float = Field(ge=0, le=1, description="Probability that this answer is right.")
    reasons: list[str] = Field(description="One to three short reasons that quote the company's words.")


async def find_signals(state: State) -> dict[str, Any]:
    """Find the words that speak for and against a recruiter."""
    return {"signals": [hit.line for hit in find_clues(state.name, state.website, state.description, known_clues())]}


async def classify(state: State) -> dict[str, Any]:
    """Decide with a model, else by the rules. A failed model leaves the conservative verdict and a reason."""
    answer = await ask(
        PROMPTS["classify"],
        RecruitmentVerdict,
        fallback=lambda: judge(state),
        undecided=lambda reason: RecruitmentVerdict(
            is_recruitment=False, confidence=0.0, reasons=[f"classifier error: {reason}"]
        ),
        temperature=0.0,
        signals="\n".join(state.signals) or "nothing",
        company=fenced(describe(state)),
    )
    return {**answer.value.model_dump(), "reasons": answer.value.reasons[:MAX_REASONS], **answer.report}


def describe(company: Input) -> str:
    """Describe a company in lines."""
    known = {"Name": company.name, "Website": company.website, "Description": company.description[:MAX_PROMPT_LETTERS]}
    return "\n".join(f"{label}: {text.strip()}" for label, text in known.items() if text.strip())


def known_clues() -> Clues:
    """Return the signs of the rules with a person's additions."""
    return with_additions("recruiters", clues, settings().rules_dir)


def judge(company: Input) -> RecruitmentVerdict:
    """Return the rules' verdict."""
    found = judge_recruiter(company.name, company.website, company.description, known_clues())
    return RecruitmentVerdict(
        is_recruitment=found.is_recruitment, confidence=found.confidence, reasons=list(found.reasons)
    )


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → find_signals → classify → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(find_signals)
    builder.add_node(classify)
    builder.add_edge(START, "find_signals")
    builder.add_edge("find_signals", "classify")
    builder.add_edge("classify", END)
    return builder.compile(checkpointer=checkpointer, name="classify_recruitment")


graph = build_graph()
