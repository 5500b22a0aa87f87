"""Answer an operator's questions about the book and the fleet, in at most six look-ups.

`START → decide → act → decide → END`

A model or the rules choose each look-up. A statement passes the guard of `rules.sql_guard` and runs in a transaction
that only reads. Runs and campaigns are looked up by their ids. No answer shows a secret, an address or a whole mail.
"""

from typing import Any, Literal

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.book.questions import MOST_ROWS, Rows, campaign_row, campaign_rows, rows_of
from agentic_sales.errors import AgenticSalesError
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.progress import tell_progress
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.observability.redaction import redacted
from agentic_sales.rules import admin_desk as desk
from agentic_sales.rules.book_questions import about_schema
from agentic_sales.rules.forms import Form, dumped
from agentic_sales.rules.sql_guard import StatementRefused, guarded
from agentic_sales.runs.lookup import COLUMNS, run_line, run_lines

PROMPTS = load_prompts(__file__)
STATUSES = frozenset({"pending", "running", "success", "error", "timeout", "interrupted"})


class Input(Form):
    """Input of a run."""

    prompt: str = Field(min_length=2, max_length=4_000, description="The question.")
    system: str = Field(default="", max_length=4_000, description="Wishes of the caller for the answer.")


class Output(ModelOutput):
    """Output of a run."""

    response: str = Field(default="", description="The answer.")
    steps: list[desk.StepTaken] = Field(default_factory=list, description="Look-ups in their order, with their rows.")


class State(Input, Output):
    """Input, output and the next look-up."""

    pending: desk.AdminStep | None = None


EXAMPLE: dict[str, Any] = {"prompt": "How many companies are there?"}


async def decide(state: State) -> dict[str, Any]:
    """Choose the next look-up, or answer."""
    left = desk.MOST_STEPS - len(state.steps)
    if not left:
        return _answered(desk.told_by_rules(state.steps), state) | {"source": "rules"}
    answer = await ask(
        PROMPTS["decide"],
        desk.AdminStep,
        fallback=lambda: desk.next_by_rules(state.prompt, state.steps),
        temperature=0.0,
        left=str(left),
        tables=about_schema(desk.open_schema()),
        system=fenced(state.system or "none"),
        found=fenced(desk.about_steps(state.steps)),
        question=fenced(state.prompt),
    )
    if answer.value.tool != "answer":
        return {"pending": answer.value.model_dump(), **answer.report}
    if answer.source == "rules":
        return _answered(answer.value.answer, state) | answer.report
    response, stands = desk.checked_answer(answer.value, state.prompt, state.steps)
    return _answered(redacted(response), state) | answer.report | ({} if stands else {"source": "rules"})


def _answered(response: str, state: State) -> dict[str, Any]:
    return {"response": response, "pending": None, "steps": dumped(state.steps)}


def route_by_tool(state: State) -> Literal["act", "__end__"]:
    """End with the answer."""
    return "act" if state.pending else "__end__"


async def act(state: State) -> dict[str, Any]:
    """Look one thing up. A look-up that is refused or fails is told, and the next one is chosen."""
    step = state.pending
    assert step is not None  # noqa: S101 - the route comes here with a look-up alone
    told = {"tool": step.tool, "argument": redacted(step.argument)}
    try:
        found = await _looked_up(step)
        text = desk.as_lines(found.columns, found.rows, is_cut=found.is_cut, shown=redacted)
        outcome = "found" if found.rows else "nothing"
        taken = {**told, "outcome": outcome, "text": text if found.rows else "No rows.", "rows": len(found.rows)}
    except StatementRefused as exc:
        taken = {**told, "outcome": "refused", "text": redacted(f"Rejected: {exc}")}
    except AgenticSalesError as exc:
        taken = {**told, "outcome": "failed", "text": redacted(str(exc))}
    tell_progress("act", len(state.steps) + 1, desk.MOST_STEPS, step.tool)
    return {"steps": [*dumped(state.steps), taken], "pending": None}


async def _looked_up(step: desk.AdminStep) -> Rows:
    words = step.argument.split()
    match step.tool:
        case "query_book":
            return await rows_of(guarded(step.argument, desk.open_schema()))
        case "show_run":
            return Rows(COLUMNS, (await run_line(step.argument.strip())).rows)
        case "list_runs":
            status = next((word for word in words if word in STATUSES), "")
            assistant_id = next((word for word in words if word not in STATUSES), "")
            found = await run_lines(status, assistant_id, most=MOST_ROWS)
            return Rows(COLUMNS, found.rows, found.is_cut)
        case "show_campaign":
            return await campaign_row(step.argument.strip())
        case _:
            return await campaign_rows(words[0] if words else "")


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the two nodes into a loop."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(decide)
    builder.add_node(act)
    builder.add_edge(START, "decide")
    builder.add_conditional_edges("decide", route_by_tool)
    builder.add_edge("act", "decide")
    return builder.compile(checkpointer=checkpointer, name="admin_chat")


graph = build_graph()
