"""Answer an email: `START → analyze_email → draft_reply → polish → END`.

Calendar link and signature are put there by code, so that no model can lose or invent them, and the subject stays in
the thread. A model is asked to polish only what breaks a rule. This writes; it must never send.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.names import greeting
from agentic_sales.rules.wording import newest_text, opt_out, signature_of, unsigned

PROMPTS = load_prompts(__file__)
MAX_WORDS = 119
"""Longest reply without calendar link and signature; the promise is fewer than 120."""
MAX_EMAIL_LETTERS = 8_000
"""Letters of the original that a model reads; the newest message stands at the top."""
MAX_ASK_LETTERS = 200
INFORMAL_TONES = frozenset({"casual", "friendly", "informal", "warm"})

Intent = Literal["question", "meeting_request", "objection", "info_share", "other"]
Sentiment = Literal["positive", "neutral", "negative"]

_SUBJECT = re.compile(r"^subject: *(?P<subject>[^\n]*\S)", re.IGNORECASE | re.MULTILINE)
_REPLY_MARKS = re.compile(r"^(?:(?:re|aw|sv|fwd?|wg): *)+", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\[[A-Z][^\]\n]{1,40}\](?!\()|\{\{?\w+\}?\}")
_STATEMENT = re.compile(r"(?:we|our|i|my|i'm|we're)\b", re.IGNORECASE)
_OBJECTION = re.compile(
    r"\b(?:not interested|no interest|no need|not a (?:fit|priority)|not the right (?:time|fit)|no budget|"
    r"too expensive|too pricey|already (?:use|have|using|work with)|happy with (?:our|what)|"
    r"(?:have to|will|must) (?:pass|decline)|not convinced|concern(?:ed|s)? (?:about|with))\b",
    re.IGNORECASE,
)
_MEETING = re.compile(
    r"\b(?:(?:schedule|set up|arrange|book|have|jump on|hop on|do|join|up for) (?:a |an |the |another )?(?:[\w-]+ )?"
    r"(?:call|meeting|demo|chat|conversation)|(?:are you|i am|i'm|we are|we're) (?:free|available)|"
    r"your (?:availability|calendar)|time slots?|(?:call|meet|talk|speak) (?:on|next|this|tomorrow))\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(r"\?|\b(?:could|can|would) you (?:tell|send|share|explain|confirm|let)\b", re.IGNORECASE)
_INFORMATION = re.compile(
    r"\b(?:attached|enclosed|fyi|for your information|here (?:is|are)|as promised|please find|sharing|see below)\b",
    re.IGNORECASE,
)
_INTENTS: tuple[tuple[Intent, re.Pattern[str]], ...] = (
    ("objection", _OBJECTION),
    ("meeting_request", _MEETING),
    ("question", _QUESTION),
    ("info_share", _INFORMATION),
)
"""Intents in the order in which they win, with the words that tell them."""
ANSWERS: Mapping[Intent, tuple[str, str]] = {
    "question": ("Thank you for your question.", "I will find out and come back to you with a clear answer."),
    "meeting_request": ("I would be glad to talk.", ""),
    "objection": ("Thank you for the frank answer.", "I understand that this does not fit at the moment."),
    "info_share": ("Thank you for sending this.", "I will read it and write if I have questions."),
    "other": ("Thank you for your message.", "I will come back to you about it."),
}
"""What the rules answer: an opening, and what follows where there are no details."""
_POSITIVE = re.compile(
    r"\b(?:great|glad|happy to|love|excited|perfect|interesting|interested|impressed|excellent|wonderful)\b",
    re.IGNORECASE,
)
_NEGATIVE = re.compile(
    r"\b(?:not interested|unsubscribe|stop|annoy\w*|disappoint\w*|unhappy|frustrat\w*|spam|too expensive|never|wrong|"
    r"complain\w*|remove me|not convinced|unacceptable)\b",
    re.IGNORECASE,
)


class Analysis(BaseModel):
    """What the writer of an email wants."""

    intent: Intent = Field(description="What the email is.")
    sentiment: Sentiment = Field(description="The writer's mood towards the reader.")
    key_ask: str = Field(description="The one thing they want, in one sentence; empty: nothing.")


NOTHING_KNOWN = Analysis(intent="other", sentiment="neutral", key_ask="")


class Input(BaseModel):
    """What a run takes."""

    model_config = ConfigDict(extra="forbid")

    original_email: str = Field(
        min_length=1, max_length=50_000, pattern=r"\S", description="The email to answer; a `Subject:` line is used."
    )
    sender: str = Field(default="", max_length=300, description="Who wrote it: a name, an address, or both.")
    instructions: str = Field(default="", max_length=4_000, description="What the reply should do.")
    tone: str = Field(default="professional", max_length=100, description="Tone of the reply, in a word or two.")
    reply_type: str = Field(default="followup", max_length=100, description="Kind of reply: `followup`, `decline`, …")
    include_calendly: bool = Field(default=False, description="Add a line with `calendly_url`, if that is given.")
    calendly_url: str = Field(
        default="", max_length=2_000, pattern=r"^(https?://\S+)?$", description="Page on which to pick a time."
    )
    additional_details: str = Field(default="", max_length=10_000, description="Facts to answer with.")
    sender_name: str = Field(default="", max_length=200, description="Who replies; signs unless there is a signature.")
    signature: str = Field(
        default="", max_length=1_000, description="End of the reply as it is. Empty: `Thanks,` and `sender_name`."
    )


class Output(ModelOutput):
    """What a run answers."""

    subject: str = Field(default="", description="Subject, with one `Re:`.")
    body: str = Field(default="", description="The reply with calendar line and signature.")
    analysis: Analysis = Field(default=NOTHING_KNOWN, description="What the writer wants.")
    draft: str = Field(default="", description="The reply before the polish, without calendar line and signature.")


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


class Reply(BaseModel):
    """A reply without its calendar line and signature."""

    subject: str = Field(min_length=3, max_length=200, description='Subject that begins with "Re:".')
    body: str = Field(min_length=2, description="The reply from the greeting to the last sentence.")


class Polished(BaseModel):
    """A mended reply."""

    body: str = Field(min_length=2, description="The whole reply from the greeting to the last sentence.")


async def analyze_email(state: State) -> dict[str, Any]:
    """Read what the writer wants."""
    answer = await ask(
        PROMPTS["analyze_email"],
        Analysis,
        fallback=lambda: analyze_by_rules(state.original_email),
        temperature=0.0,
        sender=fenced(state.sender or "unknown"),
        email=fenced(state.original_email[:MAX_EMAIL_LETTERS]),
    )
    return {"analysis": answer.value.model_dump(), **answer.report}


async def draft_reply(state: State) -> dict[str, Any]:
    """Answer in fewer than 120 words."""
    answer = await ask(
        PROMPTS["draft_reply"],
        Reply,
        fallback=lambda: reply_by_rules(state),
        temperature=0.4,
        tone=state.tone,
        reply_type=state.reply_type,
        calendar="a link to pick a time is added below; point to it" if _calendar_line(state) else "no link is added",
        analysis=fenced(f"{state.analysis.intent}, {state.analysis.sentiment}. {state.analysis.key_ask}"),
        instructions=state.instructions or "none",
        details=fenced(state.additional_details or "none"),
        sender=fenced(state.sender or "unknown"),
        email=fenced(state.original_email[:MAX_EMAIL_LETTERS]),
    )
    subject = subject_of_thread(state.original_email) or answer.value.subject
    return {"subject": subject, "draft": answer.value.body.strip(), **answer.report}


async def polish(state: State) -> dict[str, Any]:
    """Mend the draft if it breaks a rule, then add the calendar line and the signature."""
    signature = signature_of(state.signature, state.sender_name)
    body = unsigned(state.draft, signature)
    report: dict[str, Any] = {}
    if faults := find_faults(body):
        answer = await ask(
            PROMPTS["polish"],
            Polished,
            fallback=lambda: Polished(body=tidy_by_rules(body)),
            temperature=0.2,
            faults="\n".join(f"- {fault}" for fault in faults),
            draft=fenced(body),
        )
        body, report = unsigned(answer.value.body, signature), answer.report
    if find_faults(body):
        body, report = tidy_by_rules(body), {**report, "source": "rules"}
    parts = (body, "" if state.calendly_url in body else _calendar_line(state), signature)
    return {"body": "\n\n".join(part for part in parts if part), **report}


def analyze_by_rules(original_email: str) -> Analysis:
    """Read an email by its words."""
    text = newest_text(original_email)
    by_words: Intent = next((intent for intent, words in _INTENTS if words.search(text)), "other")
    intent: Intent = "objection" if opt_out(text) else by_words
    return Analysis(intent=intent, sentiment=_sentiment(text), key_ask=_key_ask(text, intent))


def _sentiment(text: str) -> Sentiment:
    balance = len(_POSITIVE.findall(text)) - 2 * len(_NEGATIVE.findall(text))
    if balance == 0:
        return "neutral"
    return "positive" if balance > 0 else "negative"


def _key_ask(text: str, intent: Intent) -> str:
    asked = [sentence for sentence in _sentences(text) if sentence.endswith("?")]
    patterns = [words for name, words in _INTENTS if name == intent]
    told = [sentence for sentence in _sentences(text) if any(words.search(sentence) for words in patterns)]
    found = (asked if intent in {"question", "meeting_request"} else []) or told
    return found[0][:MAX_ASK_LETTERS] if found else ""


def _sentences(text: str) -> list[str]:
    return [" ".join(sentence.split()) for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", text) if sentence.strip()]


def subject_of_thread(original_email: str) -> str:
    """Return the subject of a reply in the same thread; empty: the email does not tell its subject."""
    found = _SUBJECT.search(original_email)
    return f"Re: {_REPLY_MARKS.sub('', found['subject'])[:MAX_ASK_LETTERS]}" if found else ""


def reply_by_rules(given: State) -> Reply:
    """Answer from the details and the instructions alone, and promise only to come back."""
    said = [sentence for sentence in _sentences(given.instructions) if _STATEMENT.match(sentence)]
    details = " ".join([*_sentences(given.additional_details), *said])
    paragraphs = [_greeting(given), *_answer(given, details)]
    body = tidy_by_rules("\n\n".join(paragraph for paragraph in paragraphs if paragraph))
    return Reply(subject=subject_of_thread(given.original_email) or "Re: your message", body=body)


def _greeting(given: State) -> str:
    hello = "Hi" if given.tone.lower() in INFORMAL_TONES else "Hello"
    return greeting(hello, given.sender)


def _answer(given: State, details: str) -> tuple[str, ...]:
    if opt_out(given.original_email):
        return ("I understand, and I will not write to you about this again.",)
    if given.reply_type.lower().startswith("decline"):
        return ("Thank you for your message.", details or "This is not a fit for us at the moment.")
    opening, without_details = ANSWERS[given.analysis.intent]
    is_time_open = given.analysis.intent == "meeting_request" and not _calendar_line(given)
    closing = "Which two or three times suit you best?" if is_time_open else ""
    return (opening, details or without_details, closing)


def find_faults(body: str) -> list[str]:
    """Return the rules that a reply breaks, worded so that an editor knows what to do; empty: none."""
    faults = [f"it holds the placeholder {found[0]}; say it without one" for found in _PLACEHOLDER.finditer(body)]
    if (words := len(body.split())) > MAX_WORDS:
        faults.append(f"it has {words} words; use at most {MAX_WORDS}")
    return faults


def tidy_by_rules(body: str) -> str:
    """Remove what breaks the rules: sentences with a placeholder, and those after the last allowed word."""
    left = MAX_WORDS
    paragraphs = []
    for paragraph in body.split("\n\n"):
        kept, left = _fitting(paragraph, left)
        paragraphs.append(kept)
    tidied = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return tidied or " ".join(_PLACEHOLDER.sub("", body).split()[:MAX_WORDS])


def _fitting(paragraph: str, words: int) -> tuple[str, int]:
    """Return the sentences of a paragraph that fit into so many words, and how many words are left."""
    if not find_faults(paragraph) and len(paragraph.split()) <= words:
        return paragraph, words - len(paragraph.split())
    kept: list[str] = []
    for sentence in _sentences(paragraph):
        if _PLACEHOLDER.search(sentence):
            continue
        if (length := len(sentence.split())) > words:
            return " ".join(kept), 0
        kept.append(sentence)
        words -= length
    return " ".join(kept), words


def _calendar_line(given: Input) -> str:
    is_wanted = given.include_calendly and given.calendly_url and not opt_out(given.original_email)
    return f"You can pick a time that suits you here: {given.calendly_url}" if is_wanted else ""


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → analyze_email → draft_reply → polish → END`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([analyze_email, draft_reply, polish])
    builder.add_edge(START, "analyze_email")
    builder.add_edge("polish", END)
    return builder.compile(checkpointer=checkpointer, name="email_reply")


graph = build_graph()
