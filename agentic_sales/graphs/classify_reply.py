"""Tell what an answer to a sales mail means: `START → read_newest → classify → END`.

A campaign acts on this, so the mistakes are not equal: to write again to somebody who asked to be left alone is the
worst of them. The rules therefore look first; an opt-out or a bounce that they find is the verdict, whatever a model
would say, and so whatever the mail tells a model to say. Everything else a model decides, or the rules alone where no
model is usable. Like every classifier, this never fails because of a model: it degrades to `other` and says so.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.errors import ModelMisconfigured, ModelNotConfigured, ModelRefused, ProviderUnavailable, RateLimited
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.graph_meta import Spending, build_graph_meta
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.wording import newest_text, opt_out, straight

PROMPTS = load_prompts(__file__)
MAX_REASONS = 2
MAX_LETTERS = 4_000
"""Letters of the newest text that are read; what an answer wants stands at its start."""
CERTAIN_RATIO = 0.95
"""Confidence of what a machine wrote, or of plain words."""
LIKELY_RATIO = 0.75
"""Confidence of words that can be meant otherwise."""
SILENT_RATIO = 0.3
"""Confidence of `other` when the rules found nothing."""

ReplyClass = Literal["interested", "not_now", "not_interested", "unsubscribe", "out_of_office", "bounced", "other"]
BINDING: frozenset[ReplyClass] = frozenset({"unsubscribe", "bounced"})
"""Classes that no model may overrule once the rules found them."""


class Input(BaseModel):
    """What a run takes."""

    model_config = ConfigDict(extra="forbid")

    body: str = Field(min_length=1, max_length=200_000, description="Plain text of the answer, quoted text included.")
    subject: str = Field(default="", max_length=1_000, description="Its subject.")
    sender: str = Field(default="", max_length=1_000, description="Its From header.")
    is_automatic: bool = Field(
        default=False, description="A header says that a machine wrote it (RFC 3834 `Auto-Submitted`, and the like)."
    )
    received_on: date | None = Field(default=None, description="Day on which it came; today if not given.")


class Output(ModelOutput):
    """What a run answers."""

    reply_class: ReplyClass = Field(default="other", description="What the answer means for the sender.")
    confidence: float = Field(default=0.0, description="Probability that `reply_class` is right, 0-1.")
    until: str | None = Field(default=None, description="Day, as YYYY-MM-DD, before which they are away or not ready.")
    reasons: list[str] = Field(default_factory=list, description="At most two reasons, for people.")


class State(Input, Output):
    """Input, output and what passes between the nodes."""

    newest: str = Field(default="", description="The answer without the text that it quotes.")


EXAMPLE: dict[str, Any] = {
    "subject": "Re: Regression testing at Harbor Robotics",
    "body": "Thanks, sounds useful. Could you send me the pricing?\n\nOn Mon, Ada Example wrote:\n> Hi Grace,",
    "received_on": "2026-03-02",
}


class Verdict(BaseModel):
    """What the answer means, how surely, and why."""

    reply_class: ReplyClass = Field(description="One of the classes.")
    confidence: float = Field(ge=0, le=1, description="Probability that this is right.")
    until: date | None = Field(default=None, description="Day before which they are away or not ready; null: none.")
    reasons: list[str] = Field(description="One or two short reasons that quote the deciding words.")


async def read_newest(state: State) -> dict[str, Any]:
    """Cut off what the answer quotes."""
    return {"newest": newest_text(state.body)[:MAX_LETTERS]}


async def classify(state: State) -> dict[str, Any]:
    """Let the rules decide what they must, a model the rest, and the rules again without one."""
    ruled = judge(state, state.newest)
    if ruled.reply_class in BINDING:
        meta = build_graph_meta(PROMPTS["classify"], answered_by=None, spending=Spending(model=None))
        return {**_told(ruled), "source": "rules", "graph_meta": meta}
    try:
        answer = await ask(
            PROMPTS["classify"],
            Verdict,
            fallback=lambda: ruled,
            temperature=0.0,
            received_on=_day_of(state).isoformat(),
            signals=f"{ruled.reply_class}: {'; '.join(ruled.reasons)}",
            reply=fenced(f"Subject: {state.subject}\n\n{state.newest}"),
        )
    except (ModelMisconfigured, ModelNotConfigured, ModelRefused, ProviderUnavailable, RateLimited) as exc:
        meta = build_graph_meta(PROMPTS["classify"], answered_by=None, spending=Spending(model=None))
        unknown = Verdict(reply_class="other", confidence=0.0, reasons=[f"classifier error: {exc}"])
        return {**_told(unknown), "source": "rules", "graph_meta": meta}
    return {**_told(answer.value), **answer.report}


def _told(verdict: Verdict) -> dict[str, Any]:
    return {**verdict.model_dump(mode="json"), "reasons": verdict.reasons[:MAX_REASONS]}


def _day_of(given: Input) -> date:
    return given.received_on or datetime.now(UTC).date()


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(rf"\b(?:{pattern})" for pattern in patterns), re.IGNORECASE)


BOUNCED = _any_of(
    r"(?:delivery status notification \(failure\)|undeliver(?:able|ed)(?: mail)?|mail delivery (?:failed|subsystem)|"
    r"returned mail|failure notice|delivery has failed|unzustellbar)"
)
MAILER = re.compile(r"mailer-daemon|postmaster@", re.IGNORECASE)
AWAY = _any_of(
    r"(?:i'?(?: a)?m|i will be|i am currently) (?:currently )?"
    r"(?:out of (?:the )?office|on (?:annual |parental |maternity |paternity |sick )?(?:leave|vacation|holiday))",
    r"out[- ]of[- ](?:the[- ])?office",
    r"automatic reply|auto-?reply|automatische antwort|r\u00e9ponse automatique|respuesta autom\u00e1tica",
    r"abwesenheit(?:snotiz)?|nicht im b\u00fcro|absent du bureau|fuera de la oficina",
)
REFUSED = _any_of(
    r"not (?:really |at all |currently )?interested|no interest|(?:we|i)'?ll pass|(?:a )?hard pass",
    r"no,? thank(?:s| you)|not (?:a (?:good )?fit|for (?:us|me)|relevant|needed)",
    r"(?:don'?t|do not|no) need|already (?:have|use|using|work with)|happy with (?:our|what)",
    r"kein (?:interesse|bedarf)|pas int\u00e9ress\u00e9|no (?:me|nos) interesa",
)
LATER = _any_of(
    r"(?:not|isn'?t) (?:the |a )?(?:right|good) (?:time|moment)|not (?:right )?now|not (?:at the|this) moment",
    r"(?:reach out|get back|circle back|check (?:back|in)|contact (?:me|us)|write|try|ping me|follow up|come back)"
    r"(?: to (?:me|us))? (?:again )?(?:in|next|after|later|around|once|when|towards)",
    r"(?:maybe|perhaps|possibly) (?:later|next (?:month|quarter|year))|next (?:quarter|year)|(?:in|after) q[1-4]",
    r"budget (?:is )?(?:frozen|spent|gone)",
    r"zu einem sp\u00e4teren|n\u00e4chstes (?:jahr|quartal)|plus tard|m\u00e1s adelante",
)
KEEN = _any_of(
    r"(?:i'?(?: a)?m|we'?(?: a)?re|(?:very|quite|definitely)) (?:very |quite |definitely )?interested",
    r"(?:sounds|looks) (?:good|great|interesting|useful|promising)|tell me more|(?:love|like|happy|keen|glad) to "
    r"(?:learn|hear|chat|talk|meet|see|discuss|connect)",
    r"(?:could|can|would|will) you (?:please )?(?:send|share|show|tell|call|give|explain)|send (?:me|us|over|it)",
    r"(?:what|how much) (?:does|is|are|would) (?:it|that|the|your)|pricing|price list",
    r"(?:book|schedule|set up|arrange) a?",
    r"(?:let'?s|works for|free|available) (?:talk|chat|meet|do|on|next|tomorrow|me|us|this)",
    r"gerne|interessiert mich|klingt (?:gut|interessant)|\u00e7a m'int\u00e9resse|me interesa",
)
_BY_WORDS: Mapping[ReplyClass, re.Pattern[str]] = {
    "not_interested": REFUSED,
    "not_now": LATER,
    "interested": KEEN,
}
"""In this order: "not interested" holds "interested", and "no budget now" is kinder than it sounds."""


def judge(given: Input, newest: str) -> Verdict:
    """Return the rules' verdict on the newest text."""
    if found := _first(BOUNCED, given.subject, newest[:500]) if MAILER.search(given.sender) else None:
        return _verdict("bounced", CERTAIN_RATIO, f"a mail server wrote it: `{found}`")
    if found := _first(AWAY, given.subject, newest) if given.is_automatic else _first(AWAY, given.subject):
        return _verdict("out_of_office", CERTAIN_RATIO, f"it is an automatic answer: `{found}`", _until(given, newest))
    if found := opt_out(newest):
        return _verdict("unsubscribe", CERTAIN_RATIO, f"they ask to be left alone: `{found}`")
    if found := _first(AWAY, newest):
        return _verdict("out_of_office", LIKELY_RATIO, f"they are away: `{found}`", _until(given, newest))
    for reply_class, words in _BY_WORDS.items():
        if found := _first(words, newest):
            until = _until(given, newest) if reply_class == "not_now" else None
            return _verdict(reply_class, LIKELY_RATIO, f"they say `{found}`", until)
    return _verdict("other", SILENT_RATIO, "no word says what they want")


def _verdict(reply_class: ReplyClass, ratio: float, reason: str, until: date | None = None) -> Verdict:
    return Verdict(reply_class=reply_class, confidence=ratio, until=until, reasons=[reason])


def _first(words: re.Pattern[str], *texts: str) -> str | None:
    for text in texts:
        if found := words.search(straight(text)):
            return found.group()[:80]
    return None


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DAYS: Sequence[re.Pattern[str]] = (
    re.compile(r"\b(?P<year>20\d\d)-(?P<number>\d\d)-(?P<day>\d\d)\b"),
    re.compile(rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th|\.)? (?:of )?{_MONTH},?(?: (?P<year>20\d\d))?\b", re.IGNORECASE),
    re.compile(rf"\b{_MONTH} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b,?(?: (?P<year>20\d\d))?", re.IGNORECASE),
)
"""Days that read alike everywhere; `03/04` does not, so it is left alone."""


def _until(given: Input, newest: str) -> date | None:
    """Return the last day that the text names, if it lies ahead: of "from … to …" it is the end that counts."""
    came_on = _day_of(given)
    named = (_day(found, came_on) for words in _DAYS for found in words.finditer(newest))
    return max((day for day in named if day and day > came_on), default=None)


def _day(found: re.Match[str], came_on: date) -> date | None:
    parts = found.groupdict()
    month = int(parts["number"]) if parts.get("number") else 1 + _MONTHS.index(parts["month"].lower())
    try:
        day = date(int(parts["year"] or came_on.year), month, int(parts["day"]))
    except ValueError:  # a 31 June is no day
        return None
    return day if parts["year"] or day >= came_on else day.replace(year=day.year + 1)


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
