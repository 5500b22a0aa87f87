"""Write a first mail about an opening of the book: `START → load_opportunity → compose → END`.

`email_compose` writes it, as a sub-run on this pool. This graph decides on its subject and its recipient, and that the
subject is new to that person. A suppressed person gets no mail, and `skip_reason` says why. This writes; it must never
send.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from agentic_sales.campaigns.people.opportunities import known_opportunity
from agentic_sales.llm.ask import ModelOutput
from agentic_sales.rules.first_mails import WrittenMail
from agentic_sales.rules.names import whole_name
from agentic_sales.rules.opportunities import (
    Opportunity,
    OpportunityForm,
    fresh_subject,
    given_opportunity,
    known_of,
    wishes_for,
)
from agentic_sales.runs.subruns import run_assistant
from agentic_sales.settings import settings
from agentic_sales.store.database import current_database


class Input(OpportunityForm):
    """Input of a run."""


class Output(ModelOutput, WrittenMail, Opportunity):
    """Output of a run."""


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {
    "title": "Firmware Test Engineer",
    "company": "Harbor Robotics",
    "description": "Every firmware release takes us three days of manual testing. You will change that.",
    "additional_instructions": "We build test rigs for warehouse robots. Ask for a 20-minute call.",
    "sender_name": "Ada Example",
}


async def load_opportunity(state: State) -> dict[str, Any]:
    """Read the opening, its company and the person to write to; or take the input's."""
    if not state.opportunity_id:
        return given_opportunity(state).model_dump()
    found = await known_opportunity(current_database(settings()), state.opportunity_id.strip())
    nothing = Output().model_dump() if found.skip_reason else {}  # an answer without a mail has every key, too
    return nothing | found.model_dump()


def route_by_stop(state: State) -> Literal["compose", "__end__"]:
    """Write nothing against a stop condition."""
    return "__end__" if state.skip_reason else "compose"


async def compose(state: State) -> dict[str, Any]:
    """Let the mail be written, and give it a subject that the person has not had."""
    written = await run_assistant(
        "email_compose",
        {
            "recipient_name": whole_name(state.contact_first_name, state.contact_last_name),
            "company_name": state.company_name,
            "recipient_context": known_of(state),
            "instructions": wishes_for(state, state.additional_instructions),
            "sender_name": state.sender_name,
            "signature": state.signature,
        },
    )
    own = {name: written.output[name] for name in (*WrittenMail.model_fields, *ModelOutput.model_fields)}
    return {**own, "subject": fresh_subject(own["subject"], state)}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → load_opportunity → compose → END`, with the way out of `load_opportunity`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(load_opportunity)
    builder.add_node(compose)
    builder.add_edge(START, "load_opportunity")
    builder.add_conditional_edges("load_opportunity", route_by_stop)
    builder.add_edge("compose", END)
    return builder.compile(checkpointer=checkpointer, name="email_opportunity")


graph = build_graph()
