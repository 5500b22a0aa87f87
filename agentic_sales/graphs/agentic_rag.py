"""Answer a question from documents, with citations.

`START → plan → retrieve → grade → rewrite → retrieve → … → write → END`

`grade` goes to `rewrite` at most twice, and then to `write`. Every sentence of the answer cites words that stand in a
passage that was retrieved; what does not is dropped. With nothing left the answer is "not in the documents", with
confidence 0. Without a model the answer is an extract: the sentences of the documents that answer best by the rules.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.document_search import retrieved_for
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import document_answers as rules
from agentic_sales.rules.forms import dumped
from agentic_sales.rules.questions import MOST_SUB_QUESTIONS, sub_questions

PROMPTS = load_prompts(__file__)


class Input(rules.QuestionForm):
    """Input of a run."""


class Output(rules.DocumentAnswer, ModelOutput):
    """Output of a run."""


class State(Input, Output):
    """Input, output, and what is searched for next."""

    searches: list[str] = Field(default_factory=list, description="Searches of the next retrieval.")
    supports: list[rules.Support] = Field(default_factory=list, description="Sentences that answer by the rules.")
    supporting: list[int] = Field(default_factory=list, description="Numbers of the passages that help.")


EXAMPLE: dict[str, Any] = {
    "question": "How long is the notice period?",
    "documents": [{"name": "Contract", "text": "# Term\n\nEither party may end it with a notice of 90 days."}],
}


async def plan(state: State) -> dict[str, Any]:
    """Split the question."""
    answer = await ask(
        PROMPTS["plan"],
        rules.Plan,
        fallback=lambda: rules.Plan(sub_questions=sub_questions(state.question)),
        temperature=0.0,
        question=fenced(state.question),
    )
    parts = list(dict.fromkeys(part.strip() for part in answer.value.sub_questions if part.strip())) or [state.question]
    return {"sub_questions": [{"question": part} for part in parts], "searches": parts, "rewrites": 0, **answer.report}


async def retrieve(state: State) -> dict[str, Any]:
    """Search the documents, by terms and by meaning where there are embeddings."""
    tell_progress("retrieve", state.rewrites, rules.MOST_REWRITES, "; ".join(state.searches))
    found, retrieval = await retrieved_for(state, [part.question for part in state.sub_questions], state.searches)
    return {
        "passages": dumped(found.passages),
        "supports": dumped(found.supports),
        "searched": found.searched,
        "retrieval": retrieval,
        "queries": list(dict.fromkeys([*state.queries, *state.searches])),
    }


async def grade(state: State) -> dict[str, Any]:
    """Choose the passages that help to answer."""
    if not state.passages:
        return {"supporting": []}
    answer = await ask(
        PROMPTS["grade"],
        rules.Grade,
        fallback=lambda: rules.supporting(state.passages, state.supports),
        temperature=0.0,
        question=fenced(state.question),
        passages=fenced(rules.numbered(state.passages)),
    )
    return {"supporting": answer.value.supporting, **answer.report}


def route_by_support(state: State) -> Literal["write", "rewrite"]:
    """Answer from passages that help, or when the search was worded anew often enough or there is nothing to search."""
    is_over = state.rewrites >= rules.MOST_REWRITES or not state.searched
    return "write" if is_over or rules.at_numbers(state.passages, state.supporting) else "rewrite"


async def rewrite(state: State) -> dict[str, Any]:
    """Word the search anew."""
    attempt = state.rewrites + 1
    by_rules = rules.other_words(state.sub_questions, attempt)[:MOST_SUB_QUESTIONS] or state.searches
    answer = await ask(
        PROMPTS["rewrite"],
        rules.Rewrite,
        fallback=lambda: rules.Rewrite(queries=by_rules),
        question=fenced(state.question),
        queries=fenced("\n".join(state.queries)),
    )
    searches = [query.strip() for query in answer.value.queries if query.strip()] or by_rules
    return {"searches": searches, "rewrites": attempt, **answer.report}


async def write(state: State) -> dict[str, Any]:
    """Write the answer, and keep what its citations back."""
    passages = rules.at_numbers(state.passages, state.supporting)
    if not passages:
        return {**rules.told([], [], by_model=False), "confidence": 0.0}
    written = await ask(
        PROMPTS["write"],
        rules.DraftAnswer,
        fallback=lambda: rules.extracted(passages, state.supports),
        temperature=0.0,
        question=fenced(state.question),
        passages=fenced(rules.numbered(passages)),
    )
    by_model = written.source == "llm"
    kept, dropped = rules.verified(written.value, passages, state.question)
    parts = rules.answered_parts(state.sub_questions, state.supports, kept, by_model=by_model)
    return {
        **rules.told(kept, parts, by_model=by_model),
        "confidence": rules.confidence_of(kept, dropped, parts, [] if by_model else state.supports),
        "sub_questions": dumped(parts),
        "dropped": dropped,
        **written.report,
    }


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([plan, retrieve, grade])
    builder.add_node(rewrite)
    builder.add_node(write)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("grade", route_by_support, ["write", "rewrite"])
    builder.add_edge("rewrite", "retrieve")
    builder.add_edge("write", END)
    return builder.compile(checkpointer=checkpointer, name="agentic_rag")


graph = build_graph()
