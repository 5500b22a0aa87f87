"""Tell which openings are remote, from where, and which are roles in AI: `START → classify → report → END`.

The openings are those of the book, or they come in by value. The rules decide. A model is asked about the openings of
which the rules are not sure, and only words that stand in an opening count. Nothing is written and nothing archived.
"""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.campaigns.book.known_openings import known_openings
from agentic_sales.llm.ask import Answer, ModelOutput, ask, report_of
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import remote_openings as rules
from agentic_sales.rules.ai_roles import role_words
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.place_words import place_words
from agentic_sales.rules.remote_work import work_words
from agentic_sales.rules.work_regions import region_words
from agentic_sales.settings import settings
from agentic_sales.side_by_side import ask_each

PROMPTS = load_prompts(__file__)
WORKFLOW = "remote_classify"
MODELS_AT_ONCE = 4
MOST_ASKED = 40
"""Openings of one run that a model is asked about. The rules decide on the rest."""
MAX_PROMPT_LETTERS = 6_000


class Input(rules.OpeningsForm):
    """Input of a run: openings by value, or a selection of the book's."""


class Output(ModelOutput, rules.RemoteTotals):
    """Output of a run."""

    classifications: list[rules.ClassifiedOpening] = Field(
        default_factory=list, description="Every opening with its classes, in order."
    )
    sample_remote: list[rules.ClassifiedOpening] = Field(
        default_factory=list, description="The first ten that are fully remote."
    )
    sample_not_remote: list[rules.ClassifiedOpening] = Field(
        default_factory=list, description="The first ten that are not."
    )
    archived_ids: list[str] = Field(default_factory=list, description="Always empty: this workflow only reads.")
    archived_count: int = Field(default=0, description="Always 0: this workflow only reads.")
    summary: str = Field(default="", description="The totals in one line.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {
    "openings": [
        {"title": "Machine Learning Engineer", "location": "Remote - Worldwide"},
        {"title": "Account Executive", "location": "Remote (US only)"},
        {"title": "Data Engineer", "location": "Berlin", "description": "You work from home two days a week."},
    ]
}


async def classify(state: State) -> dict[str, Any]:
    """Tell each opening by rules, and ask a model about those that the rules are not sure of.

    Openings of the book are read here, so that their descriptions do not stand in the answer.
    """
    openings = state.openings or await known_openings(ids=state.ids, company_key=state.company_key, limit=state.limit)
    words = _words()
    told = [rules.classify_opening(opening, words) for opening in openings]
    unsure = [n for n, one in enumerate(told) if one.confidence < rules.SURE_RATIO and _has_text(openings[n])]
    unsure = unsure[:MOST_ASKED]

    async def one(number: int) -> Answer[rules.RemoteVerdict]:
        answer = await _ask(openings[number], told[number])
        tell_progress("classify", unsure.index(number) + 1, len(unsure), openings[number].title)
        return answer

    answers = await ask_each(unsure, one, at_once=MODELS_AT_ONCE)
    for number, answer in zip(unsure, answers, strict=True):
        if answer.source == "llm":
            told[number] = rules.by_model(told[number], answer.value, openings[number]) or told[number]
    is_llm = any(one.decided_by == "llm" for one in told)
    return {"classifications": dumped(told), **report_of(answers), **({} if is_llm else {"source": "rules"})}


async def report(state: State) -> dict[str, Any]:
    """Count the openings."""
    totals, told = rules.counted(state.classifications), state.classifications
    return {
        **totals.model_dump(),
        "sample_remote": dumped(rules.samples(told, fully_remote=True)),
        "sample_not_remote": dumped(rules.samples(told, fully_remote=False)),
        "archived_ids": [],
        "archived_count": 0,
        "summary": rules.summary_of(totals),
    }


def _has_text(opening: rules.GivenOpening) -> bool:
    return bool(opening.description.strip())


async def _ask(opening: rules.GivenOpening, told: rules.ClassifiedOpening) -> Answer[rules.RemoteVerdict]:
    text = f"Title: {opening.title}\nLocation: {opening.places}\nBoard: {opening.workplace_type}\n{opening.description}"
    return await ask(
        PROMPTS["classify"],
        rules.RemoteVerdict,
        fallback=lambda: rules.RemoteVerdict(workplace=told.workplace, quote=""),
        temperature=0.0,
        opening=fenced(text[:MAX_PROMPT_LETTERS]),
    )


def _words() -> rules.OpeningWords:
    folder = settings().rules_dir
    return rules.OpeningWords(
        work=with_additions("remote_work", work_words, folder),
        regions=with_additions("work_regions", region_words, folder),
        places=with_additions("places", place_words, folder),
        roles=with_additions("ai_roles", role_words, folder),
    )


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([classify, report])
    builder.add_edge(START, "classify")
    builder.add_edge("report", END)
    return builder.compile(checkpointer=checkpointer, name=WORKFLOW)


graph = build_graph()
