"""Write one mail of an outreach, or say why none may be written.

    START → lookup_contact → check_stop_conditions → load_product_context → match_persona → select_template
    → extract_hook → draft → format_html → END

A stop condition ends the run at once, and `skip_reason` names it. The person and the product come from the store or
the input. Earlier mails make this one a follow-up. A mail with a number that nobody gave gives way to that of the
rules. This writes; it must never send: only the send door does.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.campaigns.people.outreach import known_product, known_reader, stop_condition
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import outreach_drafts as drafts
from agentic_sales.rules.personas import best_match
from agentic_sales.settings import settings
from agentic_sales.store.database import current_database

PROMPTS = load_prompts(__file__)


class Input(drafts.OutreachForm):
    """Input of a run."""

    product_id: int | None = Field(default=None, description="A product of the store.")
    campaign_id: str = Field("", max_length=128, description="Only this campaign's mails count as earlier ones.")


class Output(ModelOutput, drafts.OutreachMaterial):
    """Output of a run."""

    subject: str = Field(default="", description="Subject; empty when the mail is skipped.")
    text: str = Field(default="", description="Plain text with the signature.")
    html: str = Field(default="", description="The same as HTML.")
    skip_reason: drafts.SkipReason | None = Field(default=None, description="Why nothing was written.")
    draft: str = Field(default="", description="The draft in one piece: subject line, blank line, body.")


class State(Input, Output, drafts.OutreachBrief):
    """Input, output and the values that pass between the nodes."""


EXAMPLE: dict[str, Any] = {
    "recipient_name": "Grace Example",
    "recipient_role": "Head of Firmware Testing",
    "company_name": "Harbor Robotics",
    "post_text": "Every firmware release takes us three days of manual testing. We have to change that this year.",
    "product": {
        "name": "Rigbench",
        "description": "Test rigs that run every firmware build on real robots over night.",
        "personas": [{"title": "Head of Testing", "seniority": "Director", "department": "Engineering"}],
    },
    "sender_name": "Ada Example",
}


async def lookup_contact(state: State) -> dict[str, Any]:
    """Find the person in the store, and fill in the empty fields of the input. A skipped mail has all keys."""
    empty = Output().model_dump(exclude=set(ModelOutput.model_fields))
    return empty | await known_reader(current_database(settings()), state, campaign_id=state.campaign_id)


async def check_stop_conditions(state: State) -> dict[str, Any]:
    """Look whether the person must not be written to. An address that the store does not know has no conditions."""
    told = await stop_condition(current_database(settings()), state)
    return {"skip_reason": told, **({"source": "rules", "graph_meta": {}} if told else {})}


def route_by_stop(state: State) -> Literal["load_product_context", "__end__"]:
    """Write nothing against a stop condition."""
    return "__end__" if state.skip_reason else "load_product_context"


async def load_product_context(state: State) -> dict[str, Any]:
    """Read the product, unless the input brings it."""
    known = state.product or await known_product(current_database(settings()), state.product_id)
    return drafts.product_context(known)


async def match_persona(state: State) -> dict[str, Any]:
    """Find the persona that the person's role is closest to."""
    match = best_match(state.recipient_role, state.personas, state.persona_match_threshold)
    return {"persona_match": match.model_dump() if match else None}


async def select_template(state: State) -> dict[str, Any]:
    """Take the template of the persona, else the first for mails."""
    return {"template": drafts.plain_template(state)}


async def extract_hook(state: State) -> dict[str, Any]:
    """Find the reason to write in the person's post. A follow-up has had its reason."""
    if not state.post_text.strip() or state.earlier_mails:
        return {"hook": ""}
    answer = await ask(
        PROMPTS["extract_hook"],
        drafts.Hook,
        fallback=lambda: drafts.hook_by_rules(state.post_text),
        temperature=0.2,
        product=drafts.about_product(state),
        post=fenced(state.post_text[: drafts.MAX_POST_LETTERS]),
    )
    return {**answer.report, **drafts.hook_that_stands(answer.value, state)}


async def draft(state: State) -> dict[str, Any]:
    """Write the mail."""
    answer = await ask(
        PROMPTS["draft"],
        drafts.OutreachEmail,
        fallback=lambda: drafts.draft_by_rules(state),
        temperature=0.5,
        greeting=drafts.greeting_of(state),
        tone=state.tone,
        instructions=state.instructions or "none",
        product=drafts.about_product(state),
        persona=drafts.pain_of(state) or "not known",
        template=drafts.about_template(state),
        hook=fenced(state.hook or "none"),
        reader=fenced(drafts.about_reader(state)),
        sender=drafts.about_sender(state),
        earlier=fenced(drafts.about_earlier(state)),
    )
    return {**answer.report, **drafts.mail_that_stands(answer.value, state)}


async def format_html(state: State) -> dict[str, Any]:
    """Sign the mail, and make HTML of it."""
    return drafts.signed(state.body, state)


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire the nodes in the order above, with the way out of `check_stop_conditions`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([lookup_contact, check_stop_conditions])
    builder.add_sequence([load_product_context, match_persona, select_template, extract_hook, draft, format_html])
    builder.add_edge(START, "lookup_contact")
    builder.add_conditional_edges("check_stop_conditions", route_by_stop)
    builder.add_edge("format_html", END)
    return builder.compile(checkpointer=checkpointer, name="email_outreach")


graph = build_graph()
