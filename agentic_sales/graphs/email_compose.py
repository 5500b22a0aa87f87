"""Write a first email from free context: `START → gather_context → draft → refine → END`, `refine` at most twice.

The body keeps the literal `{{name}}`, which the sending step fills, and ends with the sender's signature; both are put
there by code, so that no model can lose them. A mail that still breaks a rule after the second refinement is the
draft, and `refine_status` says so. This writes; it must never send.
"""

import re
from hashlib import sha256
from typing import Any, Literal

from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.graph_meta import merge_graph_meta
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.wording import markers_in, one_line, quotable, sentences, shortened, signature_of, unsigned

PROMPTS = load_prompts(__file__)
PROMPT_VERSION = "email_compose-" + sha256("".join(p.sha256 for p in PROMPTS.values()).encode()).hexdigest()[:12]
"""Changes exactly when a prompt does; a date kept by hand would not."""
MAX_REFINE_ATTEMPTS = 2
MAX_SUBJECT_LETTERS = 50
MIN_SUBJECT_LETTERS = 3
MIN_BODY_LETTERS = 20
MAX_CONTEXT_LETTERS = 4_000
"""Letters of each piece of context that a model reads."""
MAX_PITCH_SENTENCES = 3
NAME = "{{name}}"
"""Stands for the recipient's name until the mail is sent."""
PLAIN_SUBJECT = "A short introduction"
FIRST_PERSON = {
    "congratulate": "I would like to congratulate",
    "describe": "Let me describe",
    "discuss": "I would like to discuss",
    "emphasize": "I should mention",
    "explain": "Let me explain",
    "highlight": "I should mention",
    "intro": "I would like to introduce",
    "introduce": "I would like to introduce",
    "invite": "I would like to invite",
    "mention": "I should mention",
    "offer": "I would like to offer",
    "pitch": "I would like to introduce",
    "present": "I would like to present",
    "promote": "I would like to introduce",
    "propose": "I would like to propose",
    "say": "I should say",
    "share": "I would like to share",
    "show": "I would like to show",
    "suggest": "I would like to suggest",
    "tell": "I would like to tell",
    "thank": "I would like to thank",
}
"""Verb of an instruction to how its writer says the same; instructions with other verbs are about style."""
ASKING = ("arrange", "ask", "book", "get", "invite", "offer", "propose", "request", "schedule", "suggest")
"""Verbs of an instruction that may ask for a meeting."""
SECOND_PERSON = {"them": "you", "they": "you", "their": "your", "theirs": "yours", "they're": "you are"}

_GREETING = re.compile(r"\A(?:hi|hello|hey|dear|good (?:morning|day))\b[^\n,!]{0,80}(?:[,!]|\n|\Z)", re.IGNORECASE)
_OTHER_PLACEHOLDER = re.compile(r"\{\{?\s*(?:first_?)?name\s*\}?\}|\[(?:first )?name\]", re.IGNORECASE)
_IS_STATEMENT = re.compile(r"(?:we|our|i|my|i'm|we're|i've|we've)\b", re.IGNORECASE)
_MEETING = re.compile(
    r"\b(?:(?P<minutes>\d{1,2})[\s-]*min(?:ute)?s?[\s-]+)?"
    r"(?P<kind>(?:(?:short|quick|brief|intro|introductory|video|phone|product) ){0,2}"
    r"(?:call|chat|demo|meeting|coffee))\b"
    r"(?P<topic> (?:about|on|to|next|this|with) [^.?!;\n]{2,80})?",
    re.IGNORECASE,
)
_ASK_WHETHER = re.compile(
    r"ask (?:them |him |her )?(?P<what>whether|if|how|what|when|where|which|who|why) (?P<rest>.{3,200})", re.IGNORECASE
)
_CLAUSE_END = re.compile(
    rf",? and (?=(?:{'|'.join((*FIRST_PERSON, *ASKING))}) )|, (?=(?:{'|'.join(ASKING)}) )", re.IGNORECASE
)
_THIRD_PERSON = re.compile(r"\b(?:they're|they|them|theirs|their)\b", re.IGNORECASE)
_TOPIC = re.compile(r" (?:about|on) ([^?]{3,60})\?")


class Input(BaseModel):
    """What a run takes; everything is optional."""

    model_config = ConfigDict(extra="forbid")

    recipient_name: str = Field(default="", max_length=200, description="Who will read the mail.")
    company_name: str = Field(default="", max_length=300, description="Where they work.")
    instructions: str = Field(default="", max_length=4_000, description="What the mail should say and ask for.")
    recipient_context: str = Field(
        default="", max_length=50_000, description="What is known of them or of their company; may be quoted to them."
    )
    linkedin_post_content: str = Field(default="", max_length=50_000, description="A post of theirs to refer to.")
    sender_name: str = Field(default="", max_length=200, description="Who writes; signs unless there is a signature.")
    signature: str = Field(
        default="", max_length=1_000, description="End of the mail as it is. Empty: `Thanks,` and the sender's name."
    )


class Output(ModelOutput):
    """What a run answers."""

    subject: str = Field(default="", description="Subject of the mail.")
    body: str = Field(default="", description="Plain text with the literal `{{name}}` and the signature.")
    draft_subject: str = Field(default="", description="Subject before the refinement.")
    draft_body: str = Field(default="", description="Body before the refinement.")
    draft: str = Field(default="", description="The draft in one piece: subject line, blank line, body.")
    context_summary: str = Field(default="", description="What the mail was written from.")
    prompt_version: str = Field(default="", description="Derived from the digests of the prompts.")
    model: str = Field(default="", description="The model that answered, as `provider:model`; empty: the rules did.")
    prompt_tokens: int = Field(default=0, description="Tokens that models read for this mail.")
    completion_tokens: int = Field(default=0, description="Tokens that models wrote for this mail.")
    refine_attempts: int = Field(default=0, description="Refinements tried, at most 2.")
    refine_status: Literal["ok", "fallback"] = Field(
        default="ok", description="`fallback`: every refinement broke a rule, so this is the draft."
    )


class State(Input, Output):
    """Input, output and what passes between the nodes."""

    faults: list[str] = Field(default_factory=list, description="Rules that the mail as it stands breaks.")


EXAMPLE: dict[str, Any] = {
    "recipient_name": "Grace Example",
    "company_name": "Harbor Robotics",
    "instructions": "We build test rigs for warehouse robots. Ask for a 20-minute call about regression testing.",
    "linkedin_post_content": "Every firmware release takes us three days of manual testing. We have to change that.",
    "sender_name": "Ada Example",
}


class ComposedEmail(BaseModel):
    """A mail without its signature."""

    subject: str = Field(min_length=MIN_SUBJECT_LETTERS, max_length=70, description="Subject, at most 50 characters.")
    body: str = Field(min_length=MIN_BODY_LETTERS, description="Plain text from `Hi {{name}},` to the question.")


async def gather_context(state: State) -> dict[str, Any]:
    """Write down in one piece what is known of the recipient."""
    known = {
        "Name": state.recipient_name,
        "Company": state.company_name,
        "Known of them": state.recipient_context,
        "Their LinkedIn post": state.linkedin_post_content,
    }
    lines = [f"{label}: {text.strip()[:MAX_CONTEXT_LETTERS]}" for label, text in known.items() if text.strip()]
    return {"context_summary": "\n".join(lines), "prompt_version": PROMPT_VERSION}


async def draft(state: State) -> dict[str, Any]:
    """Write the first version."""
    answer = await ask(
        PROMPTS["draft"],
        ComposedEmail,
        fallback=lambda: draft_by_rules(state),
        temperature=0.5,
        sender=state.sender_name or "not given",
        instructions=state.instructions or "none",
        context=fenced(state.context_summary or "nothing"),
    )
    subject, body = answer.value.subject, finish(answer.value.body, signature_of(state.signature, state.sender_name))
    return {
        "subject": subject,
        "body": body,
        "draft_subject": subject,
        "draft_body": body,
        "draft": f"Subject: {subject}\n\n{body}",
        "faults": find_faults(answer.value),
        **answer.report,
    }


async def refine(state: State) -> dict[str, Any]:
    """Edit the mail once; after the last attempt a mail with faults gives way to the draft."""
    current = _unsigned(state.subject, state.body, state)
    answer = await ask(
        PROMPTS["refine"],
        ComposedEmail,
        fallback=lambda: tidy_by_rules(current),
        temperature=0.2,
        faults="\n".join(f"- {fault}" for fault in state.faults) or "none",
        instructions=state.instructions or "none",
        context=fenced(state.context_summary or "nothing"),
        draft=fenced(f"Subject: {current.subject}\n\n{current.body}"),
    )
    attempts = state.refine_attempts + 1
    return {
        **settle(state, answer.value, attempts),
        "refine_attempts": attempts,
        **_usage(merge_graph_meta(state.graph_meta, answer.graph_meta)),
        **answer.report,
    }


def route_by_faults(state: State) -> Literal["refine", "__end__"]:
    """Refine once more while a rule is broken and an attempt is left."""
    return "refine" if state.faults and state.refine_attempts < MAX_REFINE_ATTEMPTS else "__end__"


def settle(state: State, mail: ComposedEmail, attempts: int) -> dict[str, Any]:
    """Take the refined mail, unless it was the last attempt and still has faults: then take the draft."""
    faults = find_faults(mail)
    if faults and attempts >= MAX_REFINE_ATTEMPTS:
        drafted = _unsigned(state.draft_subject, state.draft_body, state)
        result = {"subject": state.draft_subject, "body": state.draft_body, "refine_status": "fallback"}
        return {**result, "faults": find_faults(drafted)}
    body = finish(mail.body, signature_of(state.signature, state.sender_name))
    return {"subject": mail.subject, "body": body, "refine_status": "ok", "faults": faults}


def _unsigned(subject: str, body: str, state: State) -> ComposedEmail:
    return ComposedEmail.model_construct(
        subject=subject, body=body.removesuffix(signature_of(state.signature, state.sender_name)).rstrip()
    )


def _usage(graph_meta: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": graph_meta["model"] or "",
        "prompt_tokens": graph_meta["totals"]["total_input_tokens"],
        "completion_tokens": graph_meta["totals"]["total_output_tokens"],
    }


def find_faults(mail: ComposedEmail) -> list[str]:
    """Return the rules that a mail breaks, worded so that an editor knows what to do; empty: none."""
    found = markers_in(f"{mail.subject}\n{mail.body}")
    faults = [f'it says "{marker}"; say what fits this reader only' for marker in found]
    if not MIN_SUBJECT_LETTERS <= (letters := len(mail.subject)) <= MAX_SUBJECT_LETTERS:
        faults.append(f"the subject has {letters} characters; use {MIN_SUBJECT_LETTERS} to {MAX_SUBJECT_LETTERS}")
    if len(mail.body) < MIN_BODY_LETTERS:
        faults.append(f"the body has fewer than {MIN_BODY_LETTERS} characters")
    return faults


def finish(body: str, signature: str) -> str:
    """Return the body with the greeting to `{{name}}` and the signature, each exactly once."""
    text = unsigned(_OTHER_PLACEHOLDER.sub(NAME, body), signature)
    if NAME not in text:
        text = f"Hi {NAME},\n\n{_GREETING.sub('', text).strip()}"
    return f"{text}\n\n{signature}"


def tidy_by_rules(mail: ComposedEmail) -> ComposedEmail:
    """Remove what breaks the rules: the sentences with a marker, and the end of a long subject."""
    subject = shortened(one_line(mail.subject), MAX_SUBJECT_LETTERS).rstrip(" ,;:-")
    is_usable = len(subject) >= MIN_SUBJECT_LETTERS and not markers_in(subject)
    paragraphs = (_without_markers(paragraph) for paragraph in mail.body.split("\n\n"))
    body = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return ComposedEmail.model_construct(subject=subject if is_usable else PLAIN_SUBJECT, body=body)


def _without_markers(paragraph: str) -> str:
    if not markers_in(paragraph):
        return paragraph
    return " ".join(sentence for sentence in sentences(paragraph) if not markers_in(sentence))


def draft_by_rules(given: Input) -> ComposedEmail:
    """Write a plain mail from the inputs alone: a fact that is quoted, the offer, one question."""
    pitch, question = _read_instructions(given.instructions)
    team = one_line(given.company_name) or "your team"
    offer = " ".join(pitch) or f"I would like to learn what matters most to {team} at the moment."
    body = "\n\n".join([f"Hi {NAME},", _opening(given), offer, question])
    return tidy_by_rules(ComposedEmail.model_construct(subject=_subject(given, question), body=body))


def _opening(given: Input) -> str:
    company = one_line(given.company_name)
    if quote := quotable(given.linkedin_post_content):
        return f'In a recent post you wrote: "{quote}" That is why I am writing to you.'
    if quote := quotable(given.recipient_context):
        return f'Before writing I read up on {company or "your work"}: "{quote}"'
    return f"I am writing to you because of your work at {company}." if company else "I am writing to introduce myself."


def _read_instructions(instructions: str) -> tuple[list[str], str]:
    """Return what the instructions want said, in the first person, and the question they want asked."""
    pitch: list[str] = []
    question = ""
    for clause in (clause for sentence in sentences(instructions) for clause in _CLAUSE_END.split(sentence)):
        asked = _meeting_question(clause) or _plain_question(clause)
        if asked and not question:
            question = asked
        elif said := _in_first_person(clause):
            pitch.append(said)
    return pitch[:MAX_PITCH_SENTENCES], question or "Would a 15-minute call next week be useful?"


def _meeting_question(clause: str) -> str:
    verb = clause.partition(" ")[0].lower()
    found = _MEETING.search(clause)
    if found is None or _IS_STATEMENT.match(clause) or (verb in FIRST_PERSON and verb not in ASKING):
        return ""
    minutes, kind, topic = found["minutes"], found["kind"].lower(), _to_the_reader(found["topic"] or "")
    length = f"{minutes}-minute " if minutes else ""
    article = "an" if re.match(r"[aeio]|8|11-|18-", length + kind) else "a"
    return f"Would you be open to {article} {length}{kind}{topic.rstrip(' ,')}?"


def _plain_question(sentence: str) -> str:
    found = _ASK_WHETHER.match(sentence)
    return f"May I ask {found['what'].lower()} {_to_the_reader(found['rest']).rstrip(' .!?')}?" if found else ""


def _in_first_person(sentence: str) -> str:
    """Turn an instruction into what its writer would say; empty: it is about style, or not understood."""
    if _IS_STATEMENT.match(sentence):
        return sentence if sentence[-1] in ".!?" else f"{sentence}."
    verb, _, rest = sentence.partition(" ")
    said = FIRST_PERSON.get(verb.lower().rstrip(",:"))
    return f"{said} {_to_the_reader(rest).rstrip(' .!?')}." if said and rest else ""


def _to_the_reader(text: str) -> str:
    return _THIRD_PERSON.sub(lambda found: SECOND_PERSON[found[0].lower()], text)


def _subject(given: Input, question: str) -> str:
    company = one_line(given.company_name)
    topic = _TOPIC.search(question)
    wanted = [
        f"{topic[1][0].upper()}{topic[1][1:]} at {company}" if topic and company else "",
        f"{topic[1][0].upper()}{topic[1][1:]}" if topic else "",
        f"A question for {company}" if company else "",
        "About your recent post" if given.linkedin_post_content.strip() else "",
    ]
    return next((s for s in wanted if MIN_SUBJECT_LETTERS <= len(s) <= MAX_SUBJECT_LETTERS), PLAIN_SUBJECT)


def build_graph(checkpointer: Checkpointer = None) -> CompiledStateGraph[State, None, Input, State]:
    """Wire `START → gather_context → draft → refine → END`, with the way back to `refine`."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_sequence([gather_context, draft, refine])
    builder.add_edge(START, "gather_context")
    builder.add_conditional_edges("refine", route_by_faults)
    return builder.compile(checkpointer=checkpointer, name="email_compose")


graph = build_graph()
