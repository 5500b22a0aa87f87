"""Write one mail of an outreach, or say why none may be written.

    START → lookup_contact → check_stop_conditions → load_product_context → match_persona → select_template
    → extract_hook → draft → format_html → END

A stop condition leads from `check_stop_conditions` to the end at once, and `skip_reason` says which. What is known of
the person and of the product is read from the store, or taken from the input; what the person already got makes the
mail a follow-up. This writes; it must never send: only the send door does.
"""

import html
import re
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict, Field
from rapidfuzz import fuzz

from agentic_sales.campaigns.people.addresses import email_hash
from agentic_sales.contracts import ContactId
from agentic_sales.errors import InvalidAddress, InvalidInput
from agentic_sales.llm.ask import ModelOutput, ask
from agentic_sales.llm.prompts import fenced, load_prompts
from agentic_sales.rules.names import greeting, whole_name
from agentic_sales.rules.wording import (
    markers_in,
    one_line,
    quotable,
    sentences,
    shortened,
    signature_of,
    unsigned,
)
from agentic_sales.settings import settings
from agentic_sales.store.contacts import contact_by_hash
from agentic_sales.store.database import current_database
from agentic_sales.store.products import product
from agentic_sales.store.suppressions import suppressions_of
from agentic_sales.store.touches import touches

PROMPTS = load_prompts(__file__)
MAX_SUBJECT_LETTERS = 50
MAX_POST_LETTERS = 6_000
MAX_EARLIER_MAILS = 5
TITLE_WEIGHT, SENIORITY_WEIGHT, DEPARTMENT_WEIGHT = 0.70, 0.15, 0.15
GENERIC = "generic"
"""Title of the match with no persona: nobody is close enough."""
EMAIL_CHANNELS = frozenset({"cold_email", "email"})

SkipReason = Literal["replied", "unsubscribed", "bounced", "stopped"]
STOP_CONDITIONS: dict[str, SkipReason] = {
    "unsubscribed": "unsubscribed",
    "complained": "unsubscribed",
    "bounced": "bounced",
    "suppressed": "stopped",
    "stopped": "stopped",
    "replied": "replied",
}
"""Reason of a suppression to what callers know it as, the gravest first."""
SENIORITIES = {
    "C-level": r"chief|ceo|cto|cfo|coo|cmo|cro|cpo|founder|owner|president|managing director",
    "VP": r"vp|vice president|svp|evp",
    "Director": r"director|head of",
    "Manager": r"manager|lead|principal",
}
"""Seniority to the words of a role that tell it; nobody else is more than an individual contributor."""
DEPARTMENTS = {
    "AI/ML": r"ai|ml|machine learning|data scien\w*",
    "Engineering": r"engineer\w*|developer|software|cto|infrastructure|platform|devops|firmware|qa|test\w*",
    "Product": r"product",
    "RevOps": r"revenue operations|revops|sales operations",
    "Sales": r"sales|account executive|business development|bdr|sdr|cro",
    "Marketing": r"marketing|growth|brand|cmo|demand",
    "CS": r"customer success|support",
}


class Persona(BaseModel):
    """A kind of person that a product is for."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field(min_length=1, max_length=200, description="Role, such as Head of QA.")
    seniority: str = Field(default="", max_length=100, description="IC, Manager, Director, VP or C-level.")
    department: str = Field(default="", max_length=100, description="Such as Engineering.")
    pain: str = Field(default="", max_length=2_000, description="What they lose sleep over.")


class OutreachTemplate(BaseModel):
    """A way to write to a kind of person."""

    model_config = ConfigDict(extra="ignore")

    channel: str = Field(default="cold_email", max_length=100, description="`cold_email` for mails.")
    persona: str = Field(default="", max_length=200, description="Title of the persona that it is for; empty: any.")
    hook: str = Field(default="", max_length=2_000, description="How it opens.")
    body: str = Field(default="", max_length=5_000, description="What it says.")
    cta: str = Field(default="", max_length=500, description="What it asks for.")


class Product(BaseModel):
    """What is sold, and to whom."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=200, description="As people write it.")
    url: str = Field(default="", max_length=2_000, description="Where it is described.")
    description: str = Field(default="", max_length=5_000, description="What the reader gets of it.")
    personas: list[Persona] = Field(default_factory=list, max_length=50, description="Whom it is for.")
    templates: list[OutreachTemplate] = Field(default_factory=list, max_length=50, description="How to write to them.")


class EarlierMail(BaseModel):
    """A mail that the person got before."""

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(default="", max_length=1_000, description="Its subject.")
    text: str = Field(default="", max_length=20_000, description="Its plain text.")


class PersonaMatch(BaseModel):
    """How well a person's role fits a persona."""

    title: str = Field(description="The persona; `generic`: none fits.")
    score: float = Field(description="How well, 0-1.")
    method: Literal["fuzzy"] = Field(default="fuzzy", description="How it was found.")


class Input(BaseModel):
    """What a run takes."""

    model_config = ConfigDict(extra="forbid")

    recipient_name: str = Field(default="", max_length=200, description="Who will read the mail.")
    recipient_role: str = Field(default="", max_length=300, description="What they do.")
    recipient_email: str = Field(default="", max_length=320, description="Their address, by which they are looked up.")
    company_name: str = Field(default="", max_length=300, description="Where they work.")
    post_text: str = Field(default="", max_length=50_000, description="A post of theirs to begin with.")
    post_url: str = Field(default="", max_length=2_000, description="Where the post is; it is not read.")
    tone: str = Field(default="professional and friendly", max_length=200, description="How the mail sounds.")
    instructions: str = Field(default="", max_length=4_000, description="What the mail should say and ask for.")
    product_id: int | None = Field(default=None, description="A product of the store.")
    product: Product | None = Field(default=None, description="The product itself; goes before `product_id`.")
    persona_match_threshold: float = Field(default=0.55, ge=0, le=1, description="Least score of a persona, 0-1.")
    campaign_id: str = Field(
        default="", max_length=128, description="Only this campaign's mails count as earlier ones."
    )
    earlier_mails: list[EarlierMail] | None = Field(
        default=None, max_length=50, description="Mails that they got before, oldest first; null: as the store has it."
    )
    sender_name: str = Field(default="", max_length=200, description="Who writes; signs unless there is a signature.")
    signature: str = Field(
        default="", max_length=1_000, description="End of the mail as it is. Empty: `Thanks,` and the sender's name."
    )


class Output(ModelOutput):
    """What a run answers."""

    subject: str = Field(default="", description="Subject; empty when the mail is skipped.")
    text: str = Field(default="", description="Plain text with the signature.")
    html: str = Field(default="", description="The same as HTML.")
    contact_id: str | None = Field(default=None, description="The person in the store.")
    product_aware: bool = Field(default=False, description="Whether a product was known.")
    skip_reason: SkipReason | None = Field(default=None, description="Why nothing was written.")
    persona_match: PersonaMatch | None = Field(default=None, description="The persona; null: the product has none.")
    template: OutreachTemplate | None = Field(default=None, description="The template that was used.")
    hook: str = Field(default="", description="What the mail begins with.")
    draft: str = Field(default="", description="The draft in one piece: subject line, blank line, body.")
    personas: list[Persona] = Field(default_factory=list, description="The product's personas.")
    templates: list[OutreachTemplate] = Field(default_factory=list, description="The product's templates.")


class State(Input, Output):
    """Input, output and what passes between the nodes."""

    body: str = Field(default="", description="The mail without its signature.")


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


class Hook(BaseModel):
    """The reason to write now."""

    hook: str = Field(max_length=400, description='One sentence that begins with "You"; empty: there is none.')


class OutreachEmail(BaseModel):
    """A mail without its signature."""

    subject: str = Field(min_length=3, max_length=70, description="Subject, at most 50 characters.")
    body: str = Field(min_length=20, description="Plain text from the greeting to the question.")


async def lookup_contact(state: State) -> dict[str, Any]:
    """Find the person in the store, and fill in what the input left open."""
    if not state.recipient_email:
        return _nothing_written()
    async with current_database(settings()).reading() as connection:
        person = await contact_by_hash(connection, _hash_of(state.recipient_email))
        if person is None:
            return _nothing_written()
        sent = await touches(connection, contact_id=ContactId(person.contact_id), states=("sent", "ambiguous"))
    found: dict[str, Any] = {
        "contact_id": person.contact_id,
        "recipient_name": state.recipient_name or whole_name(person.first_name, person.last_name),
        "recipient_role": state.recipient_role or person.position,
    }
    if state.earlier_mails is None:
        ours = [touch for touch in sent if state.campaign_id in {"", touch.campaign_id}]
        found["earlier_mails"] = [{"subject": t.subject, "text": t.text} for t in ours[-MAX_EARLIER_MAILS:]]
    return {**_nothing_written(), **found}


def _nothing_written() -> dict[str, Any]:
    """Return an answer's own keys as they are before anything is written, so that a skipped mail has them all."""
    return Output().model_dump(exclude=set(ModelOutput.model_fields))


async def check_stop_conditions(state: State) -> dict[str, Any]:
    """Look whether the person must not be written to; an address that the store does not know has no conditions."""
    if not state.recipient_email:
        return {"skip_reason": None}
    async with current_database(settings()).reading() as connection:
        reasons = {row.reason for row in await suppressions_of(connection, _hash_of(state.recipient_email))}
    told = next((told for reason, told in STOP_CONDITIONS.items() if reason in reasons), None)
    return {"skip_reason": told, **({"source": "rules", "graph_meta": {}} if told else {})}


def route_by_stop(state: State) -> Literal["load_product_context", "__end__"]:
    """Write nothing against a stop condition."""
    return "__end__" if state.skip_reason else "load_product_context"


async def load_product_context(state: State) -> dict[str, Any]:
    """Read the product, unless the input brings it."""
    known = state.product
    if known is None and state.product_id is not None:
        async with current_database(settings()).reading() as connection:
            row = await product(connection, state.product_id)
        if row is None:
            problem = f"no product has the number {state.product_id}; `agentic-sales products list` shows them"
            raise InvalidInput("email_outreach", [("/product_id", problem)])
        known = Product.model_validate({"name": row.name, **row.content})
    if known is None:
        return {"product_aware": False}
    plain = known.model_dump()
    return {"product": plain, "product_aware": True, "personas": plain["personas"], "templates": plain["templates"]}


async def match_persona(state: State) -> dict[str, Any]:
    """Find the persona that the person's role is closest to."""
    match = best_match(state.recipient_role, state.personas, state.persona_match_threshold)
    return {"persona_match": match.model_dump() if match else None}


async def select_template(state: State) -> dict[str, Any]:
    """Take the template of the persona, else the first for mails."""
    mails = [template for template in state.templates if template.channel in EMAIL_CHANNELS]
    title = state.persona_match.title if state.persona_match else GENERIC
    exact = next((template for template in mails if template.persona.casefold() == title.casefold()), None)
    chosen = exact or next(iter(mails), None)
    return {"template": chosen.model_dump() if chosen else None}


async def extract_hook(state: State) -> dict[str, Any]:
    """Find the reason to write in the person's post; a follow-up has had its reason."""
    if not state.post_text.strip() or state.earlier_mails:
        return {"hook": ""}
    answer = await ask(
        PROMPTS["extract_hook"],
        Hook,
        fallback=lambda: hook_by_rules(state.post_text),
        temperature=0.2,
        product=_about_product(state),
        post=fenced(state.post_text[:MAX_POST_LETTERS]),
    )
    return {"hook": answer.value.hook.strip(), **answer.report}


async def draft(state: State) -> dict[str, Any]:
    """Write the mail."""
    answer = await ask(
        PROMPTS["draft"],
        OutreachEmail,
        fallback=lambda: draft_by_rules(state),
        temperature=0.5,
        greeting=_greeting(state),
        tone=state.tone,
        instructions=state.instructions or "none",
        product=_about_product(state),
        persona=_about_persona(state),
        template=state.template.model_dump_json(exclude={"channel", "persona"}) if state.template else "none",
        hook=fenced(state.hook or "none"),
        reader=fenced(_about_reader(state)),
        earlier=fenced(_about_earlier(state)),
    )
    subject = shortened(one_line(answer.value.subject), MAX_SUBJECT_LETTERS).rstrip(" ,;:-")
    body = unsigned(answer.value.body, signature_of(state.signature, state.sender_name))
    if not body.startswith(_greeting(state)):
        body = f"{_greeting(state)}\n\n{body}"
    return {"subject": subject, "body": body, "draft": f"Subject: {subject}\n\n{body}", **answer.report}


async def format_html(state: State) -> dict[str, Any]:
    """Sign the mail, and make HTML of it."""
    text = f"{state.body}\n\n{signature_of(state.signature, state.sender_name)}"
    return {"text": text, "html": html_of(text)}


def best_match(role: str, personas: list[Persona], threshold: float) -> PersonaMatch | None:
    """Return the persona of the highest score, `generic` below the threshold; None: there are no personas."""
    if not personas:
        return None
    score, title = max(((score_of(role, persona), persona.title) for persona in personas), key=lambda match: match[0])
    return PersonaMatch(title=title if score >= threshold else GENERIC, score=round(score, 3))


def score_of(role: str, persona: Persona) -> float:
    """Return how well a role fits a persona, 0-1: 0.70 its title, 0.15 its seniority, 0.15 its department."""
    return (
        TITLE_WEIGHT * _likeness(role, persona.title)
        + SENIORITY_WEIGHT * _likeness(_told_by(SENIORITIES, role, "IC"), persona.seniority)
        + DEPARTMENT_WEIGHT * _likeness(_told_by(DEPARTMENTS, role, "Other"), persona.department)
    )


def _likeness(left: str, right: str) -> float:
    return fuzz.token_set_ratio(left.casefold(), right.casefold()) / 100 if left and right else 0.0


def _told_by(words: dict[str, str], role: str, otherwise: str) -> str:
    found = (name for name, pattern in words.items() if re.search(rf"\b(?:{pattern})\b", role, re.IGNORECASE))
    return next(found, otherwise)


def hook_by_rules(post: str) -> Hook:
    """Quote the post."""
    quote = quotable(post)
    return Hook(hook=f'You wrote: "{quote}"' if quote else "")


def draft_by_rules(given: State) -> OutreachEmail:
    """Write a plain mail of what is known: the hook, the offer, one question; a short reminder as a follow-up."""
    name = given.product.name if given.product else ""
    offer = given.product.description.strip() if given.product else ""
    template = given.template
    question = (template.cta if template else "") or "Would a 15-minute call next week be useful?"
    if given.earlier_mails:
        reminder = f"I wrote to you about {name or 'this'} before." if name else "I wrote to you before."
        pain = _pain(given)
        reason = f"I still think it could help: {pain}" if pain else sentences(offer)[-1] if offer else ""
        parts = [reminder, reason, question]
        subject = f"{name}: one more thought" if name else "One more thought"
    else:
        opening = given.hook or (template.hook if template else "") or _plain_opening(given)
        offered = (template.body if template else "") or (f"{name}: {offer}" if name and offer else offer)
        parts = [opening, offered, question]
        subject = f"{name} for {given.company_name}" if name and given.company_name else f"About {name or 'your work'}"
    clean = [part for part in parts if part and not markers_in(part)]
    body = "\n\n".join([_greeting(given), *clean])
    return OutreachEmail.model_construct(subject=shortened(one_line(subject), MAX_SUBJECT_LETTERS), body=body)


def _plain_opening(given: State) -> str:
    if given.company_name and given.recipient_role:
        return f"I am writing to you as {given.recipient_role} at {given.company_name}."
    return f"I am writing to you because of your work at {given.company_name}." if given.company_name else ""


def _pain(given: State) -> str:
    title = given.persona_match.title if given.persona_match else ""
    return next((persona.pain for persona in given.personas if persona.title == title), "")


def _greeting(given: State) -> str:
    return greeting("Hi", given.recipient_name)


def _about_product(given: State) -> str:
    known = given.product
    return "none" if known is None else "\n".join(part for part in (known.name, known.description, known.url) if part)


def _about_persona(given: State) -> str:
    return _pain(given) or "not known"


def _about_reader(given: State) -> str:
    known = {"Name": given.recipient_name, "Role": given.recipient_role, "Company": given.company_name}
    return "\n".join(f"{label}: {text}" for label, text in known.items() if text) or "nothing is known"


def _about_earlier(given: State) -> str:
    mails = given.earlier_mails or []
    return "\n\n---\n\n".join(f"Subject: {mail.subject}\n\n{mail.text}" for mail in mails) or "none"


def html_of(text: str) -> str:
    """Return plain text as HTML: a paragraph per blank line, nothing of the text taken for markup."""
    paragraphs = (html.escape(part.strip()).replace("\n", "<br>\n") for part in re.split(r"\n\s*\n", text))
    return "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs if paragraph)


def _hash_of(address: str) -> str:
    try:
        return email_hash(address)
    except InvalidAddress as exc:
        raise InvalidInput("email_outreach", [("/recipient_email", str(exc))]) from exc


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
