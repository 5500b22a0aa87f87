"""Tell whether a paper is about selling: `START → find_signals → classify → END`.

The rules weigh the words of title and abstract. A model decides beside them. Only a verdict whose quotes stand in the
paper counts. Without a usable model the rules decide alone. An error must never make a paper one about selling.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field, field_validator

from agentic_sales.additions import with_additions
from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import sales_papers as rules
from agentic_sales.rules.forms import Form
from agentic_sales.settings import settings

PROMPTS = load_prompts(__file__)
MAX_PROMPT_LETTERS = 6_000


class Input(Form):
    """Input of a run."""

    title: str = Field(max_length=rules.LONGEST_TITLE_CHARS, description="Title of the paper.")
    abstract: str = Field(
        default="", max_length=rules.LONGEST_ABSTRACT_CHARS, description="Abstract. Empty: the title alone counts."
    )

    @field_validator("title")
    @classmethod
    def _is_a_title(cls, title: str) -> str:
        if not title.strip():
            raise ValueError("`title` is blank; give the title of the paper")
        return title


class Output(ModelOutput):
    """Output of a run."""

    is_sales_leadgen: bool = Field(
        default=False, description="Whether the paper is about sales, lead generation or going to market."
    )
    confidence: float = Field(default=0.0, description="Probability that `is_sales_leadgen` is right, 0-1.")
    reasons: list[str] = Field(default_factory=list, description="At most three reasons that quote the paper.")


class State(Input, Output):
    """Input, output and the values that pass between the nodes."""

    signals: list[str] = Field(default_factory=list, description="Phrases that the rules found, `+` for, `-` against.")


EXAMPLE: dict[str, Any] = {
    "title": "Predictive lead scoring for B2B software vendors",
    "abstract": "We rank inbound leads by firmographic features, so that the sales team calls the best ones first.",
}


async def find_signals(state: State) -> dict[str, Any]:
    """Find the words that speak for and against a paper about selling."""
    signs = rules.paper_signs(state.title, state.abstract, _words())
    return {"signals": [*(f"+ {words}" for words in signs.strong), *(f"- {words}" for words in signs.near)]}


async def classify(state: State) -> dict[str, Any]:
    """Decide with a model, else by the rules. A model's yes without a standing quote is left to the rules."""
    by_rules = rules.judge_paper(state.title, state.abstract, _words())
    answer = await ask(
        PROMPTS["classify"],
        rules.PaperVerdict,
        fallback=lambda: by_rules,
        undecided=_undecided,
        temperature=0.0,
        signals=fenced("\n".join(state.signals)[:MAX_PROMPT_LETTERS] or "nothing"),
        paper=fenced(f"Title: {state.title}\nAbstract: {state.abstract or '(none)'}"[:MAX_PROMPT_LETTERS]),
    )
    verdict, report = answer.value, answer.report
    reasons = rules.standing_reasons(verdict, state.title, state.abstract)
    if answer.source == "llm" and verdict.is_sales_leadgen and not reasons:
        verdict, report = by_rules, {**report, "source": "rules"}
        reasons = rules.standing_reasons(verdict, state.title, state.abstract)
    told = [one.reason for one in verdict.reasons if not one.quote]
    return {
        "is_sales_leadgen": verdict.is_sales_leadgen,
        "confidence": verdict.confidence,
        "reasons": reasons or told[: rules.MOST_REASONS],
        **report,
    }


def _words() -> rules.SalesPaperWords:
    return with_additions("sales_papers", rules.sales_paper_words, settings().rules_dir)


def _undecided(reason: AgenticSalesError) -> rules.PaperVerdict:
    told = rules.QuotedReason(reason=f"classifier error: {reason}"[:200], quote="")
    return rules.PaperVerdict(is_sales_leadgen=False, confidence=0.0, reasons=[told])


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([find_signals, classify])
    builder.add_edge(START, "find_signals")
    builder.add_edge("classify", END)
    return builder.compile(checkpointer=checkpointer, name="classify_paper")


graph = build_graph()
