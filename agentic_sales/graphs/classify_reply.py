"""Classify an answer to a sales mail: `START → read_newest → classify → END`.

A campaign acts on this, so the mistakes are not equal. The worst one is to write again to a person who opted out. The
rules therefore look first. An opt-out or a bounce that they find is the verdict. Neither a model nor an instruction in
the mail can change it. A doubtful opt-out stays doubtful. No model can change it. Everything else a model decides, or
the rules alone where no model is usable. Like every classifier, this never fails because of a model: it degrades to
`other` and says so.
"""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, BeforeValidator, Field

from agentic_sales.additions import with_all_additions
from agentic_sales.llm.ask import Answer, ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.forms import Form
from agentic_sales.rules.quotes import own_words
from agentic_sales.rules.replies import Letter, Meaning, ReplyClass, meaning_of
from agentic_sales.rules.reply_days import checked_until, day_or_none
from agentic_sales.rules.reply_words import TABLES, rules_of
from agentic_sales.settings import settings

PROMPTS = load_prompts(__file__)
MAX_REASONS = 2
MAX_LETTERS = 20_000
"""Letters of the newest text that the rules read."""
MAX_PROMPT_LETTERS = 4_000
"""Letters of it that a model reads. The writer's wish stands at its start."""
BINDING: frozenset[ReplyClass] = frozenset({"unsubscribe", "bounced"})
"""Classes that no model may overrule once the rules found them."""


class Input(Form):
    """Input of a run."""

    body: str = Field(max_length=200_000, description="Plain text of the answer, quoted text included.")
    subject: str = Field(default="", max_length=1_000, description="Its subject.")
    sender: str = Field(default="", max_length=1_000, description="Its From header.")
    is_automatic: bool = Field(
        default=False, description="A header says that a machine wrote it (RFC 3834 `Auto-Submitted`, and the like)."
    )
    received_on: date | None = Field(default=None, description="Day on which it came; today if not given.")


class Output(ModelOutput):
    """Output of a run."""

    reply_class: ReplyClass = Field(default="other", description="Meaning of the answer for the sender.")
    confidence: float = Field(default=0.0, description="Probability that `reply_class` is right, 0-1.")
    until: str | None = Field(default=None, description="Day, as YYYY-MM-DD, before which they are away or not ready.")
    reasons: list[str] = Field(default_factory=list, description="At most two reasons, for people.")
    is_doubtful: bool = Field(default=False, description="True: it may be an opt-out, and a person must read it.")
    is_gone: bool = Field(default=False, description="True: a program says that nobody reads this address any more.")


class State(Input, Output):
    """Input, output and the values that pass between the nodes."""

    newest: str = Field(default="", description="The answer without the text that it quotes.")


EXAMPLE: dict[str, Any] = {
    "subject": "Re: Regression testing at Harbor Robotics",
    "body": "Thanks, sounds useful. Could you send me the pricing?\n\nOn Mon, Ada Example wrote:\n> Hi Grace,",
    "received_on": "2026-03-02",
}


class ReplyVerdict(BaseModel):
    """The class of the answer, its confidence and the reason."""

    reply_class: ReplyClass = Field(description="One of the classes.")
    confidence: float = Field(ge=0, le=1, description="Probability that this is right.")
    until: Annotated[date | None, BeforeValidator(day_or_none)] = Field(
        default=None, description="Day before which they are away or not ready. Null: none."
    )
    reasons: list[str] = Field(description="One or two short reasons that quote the deciding words.")


async def read_newest(state: State) -> dict[str, Any]:
    """Cut off the quoted mails."""
    return {"newest": own_words(state.body)[:MAX_LETTERS]}


async def classify(state: State) -> dict[str, Any]:
    """Apply the rules that decide, then a model, and the other rules without a model."""
    ruled = meaning_of(_letter(state), with_all_additions(TABLES, rules_of, settings().rules_dir))
    marks = {"is_doubtful": ruled.is_doubtful, "is_gone": ruled.is_gone}
    if ruled.reply_class in BINDING:
        answer = Answer.by_rules(PROMPTS["classify"], _verdict(ruled))
        return {**_told(answer.value), **marks, **answer.report}
    answer = await ask(
        PROMPTS["classify"],
        ReplyVerdict,
        fallback=lambda: _verdict(ruled),
        undecided=lambda why: ReplyVerdict(reply_class="other", confidence=0.0, reasons=[f"classifier error: {why}"]),
        temperature=0.0,
        received_on=_day_of(state).isoformat(),
        signals=f"{ruled.reply_class}: {ruled.reason}",
        reply=fenced(f"Subject: {state.subject}\n\n{state.newest[:MAX_PROMPT_LETTERS]}"),
    )
    until = answer.value.until
    if answer.source == "llm":
        until = checked_until(_letter(state), answer.value.reply_class, until)
    return {**_told(answer.value.model_copy(update={"until": until})), **marks, **answer.report}


def _letter(state: State) -> Letter:
    return Letter(
        own_words=state.newest,
        subject=state.subject,
        sender=state.sender,
        is_automatic=state.is_automatic,
        came_on=_day_of(state),
    )


def _day_of(given: Input) -> date:
    return given.received_on or datetime.now(UTC).date()


def _verdict(ruled: Meaning) -> ReplyVerdict:
    return ReplyVerdict(
        reply_class=ruled.reply_class, confidence=ruled.confidence, until=ruled.until, reasons=[ruled.reason]
    )


def _told(verdict: ReplyVerdict) -> dict[str, Any]:
    return {**verdict.model_dump(mode="json"), "reasons": verdict.reasons[:MAX_REASONS]}


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → read_newest → classify → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(read_newest)
    builder.add_node(classify)
    builder.add_edge(START, "read_newest")
    builder.add_edge("read_newest", "classify")
    builder.add_edge("classify", END)
    return builder.compile(checkpointer=checkpointer, name="classify_reply")


graph = build_graph()
