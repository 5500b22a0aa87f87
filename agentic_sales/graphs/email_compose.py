"""Write a first email from free context: `START → gather_context → draft → refine → END`, `refine` at most twice.

The body keeps the literal `{{name}}` and ends with the sender's signature. Code puts both there, so that no model can
lose them. The sending step fills the name. If the second refinement still breaks a rule or states a number that nobody
gave, the answer is the draft, and `refine_status` says so. A draft with such a number gives way to that of the rules.
This writes; it must never send.
"""

from hashlib import sha256
from typing import Any, Literal

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.graph_meta import merge_graph_meta
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import first_mails as mails
from agentic_sales.rules.first_mails import MAX_REFINE_ATTEMPTS, ComposedEmail

PROMPTS = load_prompts(__file__)
PROMPT_VERSION = "email_compose-" + sha256("".join(p.sha256 for p in PROMPTS.values()).encode()).hexdigest()[:12]
"""Changes exactly when a prompt changes. A date kept by hand would not."""


class Input(mails.ComposeForm):
    """Input of a run. Every field is optional."""


class Output(ModelOutput, mails.WrittenMail):
    """Output of a run."""


class State(Input, Output):
    """Input, output and the values that pass between the nodes."""

    faults: list[str] = Field(default_factory=list, description="Rules that the mail as it stands breaks.")
    is_draft_by_rules: bool = Field(default=False, description="Whether the model's draft invented a number.")


EXAMPLE: dict[str, Any] = {
    "recipient_name": "Grace Example",
    "company_name": "Harbor Robotics",
    "instructions": "We build test rigs for warehouse robots. Ask for a 20-minute call about regression testing.",
    "linkedin_post_content": "Every firmware release takes us three days of manual testing. We have to change that.",
    "sender_name": "Ada Example",
}


async def gather_context(state: State) -> dict[str, Any]:
    """Write the facts of the recipient as one text."""
    return {"context_summary": mails.context_of(state), "prompt_version": PROMPT_VERSION}


async def draft(state: State) -> dict[str, Any]:
    """Write the first version."""
    answer = await ask(
        PROMPTS["draft"],
        ComposedEmail,
        fallback=lambda: mails.draft_by_rules(state),
        temperature=0.5,
        sender=state.sender_name or "not given",
        instructions=state.instructions or "none",
        context=fenced(state.context_summary or "nothing"),
    )
    has_inventions = bool(mails.inventions_in(answer.value, state))
    drafted = mails.draft_by_rules(state) if has_inventions else answer.value
    subject, body = drafted.subject, mails.finished(drafted.body, state)
    return {
        "subject": answer.value.subject,
        "body": mails.finished(answer.value.body, state),
        "draft_subject": subject,
        "draft_body": body,
        "draft": f"Subject: {subject}\n\n{body}",
        "faults": mails.faults_of(answer.value, state),
        "is_draft_by_rules": has_inventions,
        **answer.report,
    }


async def refine(state: State) -> dict[str, Any]:
    """Edit the mail once. After the last attempt a mail with faults gives way to the draft."""
    current = mails.without_signature(state.subject, state.body, state)
    answer = await ask(
        PROMPTS["refine"],
        ComposedEmail,
        fallback=lambda: mails.tidy_by_rules(current),
        temperature=0.2,
        faults="\n".join(f"- {fault}" for fault in state.faults) or "none",
        instructions=state.instructions or "none",
        context=fenced(state.context_summary or "nothing"),
        draft=fenced(f"Subject: {current.subject}\n\n{current.body}"),
    )
    attempts = state.refine_attempts + 1
    return {
        **answer.report,
        **settle(state, answer.value, attempts),
        "refine_attempts": attempts,
        **_usage(merge_graph_meta(state.graph_meta, answer.graph_meta)),
    }


def route_by_faults(state: State) -> Literal["refine", "__end__"]:
    """Refine once more while a rule is broken and an attempt is left."""
    return "refine" if state.faults and state.refine_attempts < MAX_REFINE_ATTEMPTS else "__end__"


def settle(state: State, mail: ComposedEmail, attempts: int) -> dict[str, Any]:
    """Take the refined mail. After the last attempt take the draft if the refined one still has faults."""
    faults = mails.faults_of(mail, state)
    if faults and attempts >= MAX_REFINE_ATTEMPTS:
        drafted = mails.without_signature(state.draft_subject, state.draft_body, state)
        result = {"subject": state.draft_subject, "body": state.draft_body, "refine_status": "fallback"}
        told = {"source": "rules"} if state.is_draft_by_rules else {}
        return {**result, **told, "faults": mails.faults_of(drafted, state)}
    return {"subject": mail.subject, "body": mails.finished(mail.body, state), "refine_status": "ok", "faults": faults}


def _usage(graph_meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": graph_meta["model"] or "",
        "prompt_tokens": graph_meta["totals"]["total_input_tokens"],
        "completion_tokens": graph_meta["totals"]["total_output_tokens"],
    }


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → gather_context → draft → refine → END`, with the way back to `refine`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([gather_context, draft, refine])
    builder.add_edge(START, "gather_context")
    builder.add_conditional_edges("refine", route_by_faults)
    return builder.compile(checkpointer=checkpointer, name="email_compose")


graph = build_graph()
