"""Answer an email: `START → analyze_email → draft_reply → polish → END`.

An opt-out is never answered, nor a possible one: `START → analyze_email → END` with the reason in `skip_reason`. No
model decides that. Code adds the calendar link and the signature, so that no model can lose or invent them. The subject
stays in the thread. A model polishes a draft only if it breaks a rule or states a number that nobody gave. If that
number stays, the reply is that of the rules. This writes; it must never send.
"""

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import Field

from agentic_sales.additions import with_additions
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules import optouts, reply_drafts
from agentic_sales.rules.forms import SignedForm
from agentic_sales.rules.reply_drafts import NOTHING_KNOWN, EmailIntent, Polished, ReplyDraft
from agentic_sales.rules.wording import signature_of, unsigned
from agentic_sales.settings import settings

PROMPTS = load_prompts(__file__)
NO_DRAFT = {"subject": "", "body": "", "draft": ""}
MAX_EMAIL_LETTERS = 8_000
"""Letters of the original that a model reads. The newest message stands at the top."""


class Input(SignedForm):
    """Input of a run."""

    original_email: str = Field(min_length=1, max_length=50_000, pattern=r"\S", description="Email, with `Subject:`.")
    sender: str = Field(default="", max_length=300, description="Who wrote it: a name, an address, or both.")
    instructions: str = Field(default="", max_length=4_000, description="What the reply should do.")
    tone: str = Field(default="professional", max_length=100, description="Tone of the reply, in a word or two.")
    reply_type: str = Field(default="followup", max_length=100, description="Kind of reply: `followup`, `decline`, …")
    include_calendly: bool = Field(default=False, description="Add a line with `calendly_url`, if that is given.")
    calendly_url: str = Field("", max_length=2_000, pattern=r"^(https?://\S+)?$", description="Page to pick a time on.")
    additional_details: str = Field(default="", max_length=10_000, description="Facts to answer with.")


class Output(ModelOutput):
    """Output of a run."""

    subject: str = Field(default="", description="Subject, with one `Re:`.")
    body: str = Field(default="", description="The reply with calendar line and signature.")
    analysis: EmailIntent = Field(default=NOTHING_KNOWN, description="What the writer wants.")
    draft: str = Field(default="", description="The reply before the polish, without calendar line and signature.")
    skip_reason: str = Field(default="", description="Why the email is not answered; empty: it is answered.")


class State(Input, Output):
    """Input and output together."""


EXAMPLE: dict[str, Any] = {
    "original_email": "Subject: Test rigs\n\nThe rigs look great. Do they work with ROS 2, and what do ten cost?",
    "sender": "Grace Example <grace@harbor.example>",
    "additional_details": "The rigs support ROS 2 from version 3 on. Ten rigs cost 40,000 euros.",
    "include_calendly": True,
    "calendly_url": "https://calendar.example/ada",
    "sender_name": "Ada Example",
}


async def analyze_email(state: State) -> dict[str, Any]:
    """Read the writer's wish. An opt-out ends the run here."""
    words = with_additions("optouts", optouts.words_of, settings().rules_dir)
    by_words = reply_drafts.analyze_by_rules(state.original_email, words)
    if wish := reply_drafts.wish_to_be_left_alone(state.original_email, words):
        unasked = Answer.by_rules(PROMPTS["analyze_email"], by_words)
        skip_reason = reply_drafts.why_silent(wish)
        return {"analysis": by_words.model_dump(), "skip_reason": skip_reason, **NO_DRAFT, **unasked.report}
    answer = await ask(
        PROMPTS["analyze_email"],
        EmailIntent,
        fallback=lambda: by_words,
        temperature=0.0,
        sender=fenced(state.sender or "unknown"),
        email=fenced(state.original_email[:MAX_EMAIL_LETTERS]),
    )
    found = reply_drafts.with_known_numbers(answer.value, by_words, state.original_email)
    return {"analysis": found.model_dump(), "skip_reason": "", **answer.report}


def route_by_wish(state: State) -> Literal["draft_reply", "__end__"]:
    """Leave an opt-out unanswered."""
    return "__end__" if state.skip_reason else "draft_reply"


async def draft_reply(state: State) -> dict[str, Any]:
    """Answer in fewer than 120 words."""
    answer = await ask(
        PROMPTS["draft_reply"],
        ReplyDraft,
        fallback=lambda: reply_drafts.reply_by_rules(state, state.analysis.intent),
        temperature=0.4,
        tone=state.tone,
        reply_type=state.reply_type,
        calendar="a link to pick a time is added below; point to it"
        if reply_drafts.calendar_line(state)
        else "no link is added",
        analysis=fenced(f"{state.analysis.intent}, {state.analysis.sentiment}. {state.analysis.key_ask}"),
        instructions=state.instructions or "none",
        details=fenced(state.additional_details or "none"),
        sender=fenced(state.sender or "unknown"),
        email=fenced(state.original_email[:MAX_EMAIL_LETTERS]),
    )
    subject = reply_drafts.subject_for(state, answer.value.subject)
    return {"subject": subject, "draft": answer.value.body.strip(), **answer.report}


async def polish(state: State) -> dict[str, Any]:
    """Mend the draft if it breaks a rule, then add the calendar line and the signature."""
    signature, intent = signature_of(state.signature, state.sender_name), state.analysis.intent
    body = unsigned(state.draft, signature)
    report: dict[str, Any] = {}
    if faults := reply_drafts.faults_of(body, state, intent):
        answer = await ask(
            PROMPTS["polish"],
            Polished,
            fallback=lambda: Polished(body=reply_drafts.tidy_by_rules(body)),
            temperature=0.2,
            faults="\n".join(f"- {fault}" for fault in faults),
            draft=fenced(body),
        )
        body, report = unsigned(answer.value.body, signature), answer.report
    body, is_as_told = reply_drafts.settled(body, state, intent)
    report |= {} if is_as_told else {"source": "rules"}
    draft = body if reply_drafts.inventions_in(state.draft, state, intent) else state.draft
    parts = (body, "" if state.calendly_url in body else reply_drafts.calendar_line(state), signature)
    return {"body": "\n\n".join(part for part in parts if part), "draft": draft, **report}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → analyze_email → draft_reply → polish → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(analyze_email)
    builder.add_sequence([draft_reply, polish])
    builder.add_edge(START, "analyze_email")
    builder.add_conditional_edges("analyze_email", route_by_wish)
    builder.add_edge("polish", END)
    return builder.compile(checkpointer=checkpointer, name="email_reply")


graph = build_graph()
