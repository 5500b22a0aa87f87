"""Rate the use of a recruiter to people who look for work in AI: `START → score → END`.

A model reads the profile and the posts beside the findings of the rules. Without a usable model the rules rate alone.
The tier follows from the score.
"""

from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field, StringConstraints

from agentic_sales.additions import with_additions
from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.forms import Form
from agentic_sales.rules.recruiter_fit import (
    MOST_REASONS,
    Profile,
    RecruiterFit,
    RecruiterTier,
    Specialty,
    fit_words,
    judge_recruiter_fit,
    tier_of,
)
from agentic_sales.settings import settings

PROMPTS = load_prompts(__file__)
MAX_PROMPT_LETTERS = 6_000
Post = Annotated[str, StringConstraints(max_length=20_000)]


class Input(Form):
    """Input of a run."""

    contact_id: int | str | None = Field(default=None, description="Id of the person, handed back to the caller.")
    name: str = Field(default="", max_length=200, description="Name of the person.")
    headline: str = Field(default="", max_length=500, description="Headline of the profile.")
    employer: str = Field(default="", max_length=300, description="Where the person works.")
    about: str = Field(default="", max_length=20_000, description="Words of the profile about the person.")
    recent_posts: list[Post] = Field(default_factory=list, max_length=20, description="Latest posts; five are read.")


class Output(ModelOutput):
    """Output of a run."""

    fit_score: float = Field(default=0.0, description="0 to 1: use for people in search of work in AI.")
    tier: RecruiterTier = Field(default="off_target", description="ideal ≥ .75, strong ≥ .55, weak ≥ .30, off_target.")
    specialty: Specialty = Field(default="unknown", description="Kind of people that the person recruits.")
    remote_global: bool | None = Field(default=None, description="Whether roles are remote over borders. Null: unsaid.")
    reasons: list[str] = Field(default_factory=list, description="At most three reasons, for people.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {
    "name": "Ada Example",
    "headline": "Technical Recruiter, AI/ML roles at remote-first startups",
    "recent_posts": ["We are hiring ML engineers, fully remote. DM me."],
}
POSTS_READ = 5


async def score(state: State) -> dict[str, Any]:
    """Rate by a model, else by the rules. A failed model without rules leaves 0 and a reason."""
    profile = Profile(state.headline, state.employer, state.about, state.recent_posts[:POSTS_READ])
    rules = judge_recruiter_fit(profile, with_additions("recruiter_fit", fit_words, settings().rules_dir))
    answer = await ask(
        PROMPTS["score"],
        RecruiterFit,
        fallback=lambda: rules,
        undecided=_undecided,
        temperature=0.0,
        signals="; ".join(rules.reasons),
        profile=fenced(_described(state.name, profile)),
    )
    rated = answer.value.model_dump() | {"reasons": answer.value.reasons[:MOST_REASONS]}
    return {**rated, "tier": tier_of(answer.value.fit_score), **answer.report}


def _undecided(reason: AgenticSalesError) -> RecruiterFit:
    told = f"classifier error: {reason}"
    return RecruiterFit(fit_score=0.0, specialty="unknown", remote_global=None, reasons=[told])


def _described(name: str, profile: Profile) -> str:
    known = {"Name": name, "Headline": profile.headline, "Employer": profile.employer, "About": profile.about}
    lines = [f"{label}: {text}" for label, text in known.items() if text.strip()]
    return "\n".join([*lines, *(f"Post: {post}" for post in profile.posts)])[:MAX_PROMPT_LETTERS]


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → score → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(score)
    builder.add_edge(START, "score")
    builder.add_edge("score", END)
    return builder.compile(checkpointer=checkpointer, name="score_recruiter_fit")


graph = build_graph()
