"""Write a mail of an outreach by rules, and word the facts for the prompts. The material is a form."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.rules.fields import filled_in
from agentic_sales.rules.forms import AddressedForm, Form, InstructedForm, SignedForm
from agentic_sales.rules.inventions import invented_numbers, texts_in
from agentic_sales.rules.names import greeting
from agentic_sales.rules.personas import GENERIC, Persona, PersonaMatch
from agentic_sales.rules.wording import (
    html_of,
    markers_in,
    one_line,
    quotable,
    sentences,
    shortened,
    signature_of,
    unsigned,
)

MAX_SUBJECT_LETTERS = 50
MAX_POST_LETTERS = 6_000
"""Letters of a post that a model reads."""
EMAIL_CHANNELS = frozenset({"cold_email", "email"})
SkipReason = Literal["replied", "unsubscribed", "bounced", "stopped"]
"""Why a person gets no mail, as callers know it."""


class OutreachTemplate(BaseModel):
    """A way to write to a kind of person."""

    model_config = ConfigDict(extra="ignore")

    channel: str = Field(default="cold_email", max_length=100, description="`cold_email` for mails.")
    persona: str = Field(default="", max_length=200, description="Title of the persona that it is for. Empty: any.")
    hook: str = Field(default="", max_length=2_000, description="How it opens.")
    body: str = Field(default="", max_length=5_000, description="Its main text.")
    cta: str = Field(default="", max_length=500, description="Its request.")


class Product(BaseModel):
    """The offer and its audience."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(min_length=1, max_length=200, description="As people write it.")
    url: str = Field(default="", max_length=2_000, description="Where it is described.")
    description: str = Field(default="", max_length=5_000, description="Benefit for the reader.")
    personas: list[Persona] = Field(default_factory=list, max_length=50, description="Its target group.")
    templates: list[OutreachTemplate] = Field(default_factory=list, max_length=50, description="How to write to them.")


class EarlierMail(Form):
    """A mail that the person got before."""

    subject: str = Field(default="", max_length=1_000, description="Its subject.")
    text: str = Field(default="", max_length=20_000, description="Its plain text.")


class OutreachForm(AddressedForm, InstructedForm, SignedForm):
    """The basis of a mail of an outreach."""

    recipient_email: str = Field(default="", max_length=320, description="Their address, by which they are looked up.")
    recipient_role: str = Field(default="", max_length=300, description="Role of the reader.")
    recipient_fields: dict[str, str] = Field(
        default_factory=dict,
        max_length=50,
        description="Further facts of them by name; templates and instructions name one as `{{field}}`.",
    )
    sender_role: str = Field(default="", max_length=300, description="Role of the sender.")
    post_text: str = Field(default="", max_length=50_000, description="A post of theirs to begin with.")
    post_url: str = Field(default="", max_length=2_000, description="Where the post is; it is not read.")
    tone: str = Field(default="professional and friendly", max_length=200, description="How the mail sounds.")
    product: Product | None = Field(default=None, description="The product itself; goes before `product_id`.")
    persona_match_threshold: float = Field(default=0.55, ge=0, le=1, description="Least score of a persona, 0-1.")
    earlier_mails: list[EarlierMail] | None = Field(
        default=None, max_length=50, description="Mails that they got before, oldest first. Null: as the store has it."
    )


class OutreachMaterial(BaseModel):
    """The findings for a mail of an outreach."""

    contact_id: str | None = Field(default=None, description="The person in the store.")
    product_aware: bool = Field(default=False, description="Whether a product was known.")
    persona_match: PersonaMatch | None = Field(default=None, description="The persona. Null: the product has none.")
    template: OutreachTemplate | None = Field(default=None, description="The template that was used.")
    hook: str = Field(default="", description="First words of the mail.")
    personas: list[Persona] = Field(default_factory=list, description="The product's personas.")
    templates: list[OutreachTemplate] = Field(default_factory=list, description="The product's templates.")


class OutreachBrief(OutreachForm, OutreachMaterial):
    """All that the rules read, and their draft so far."""

    body: str = Field(default="", description="The mail without its signature.")


class Hook(BaseModel):
    """The reason to write now."""

    hook: str = Field(max_length=400, description='One sentence that begins with "You". Empty: there is none.')


class OutreachEmail(BaseModel):
    """A mail without its signature."""

    subject: str = Field(min_length=3, max_length=70, description="Subject, at most 50 characters.")
    body: str = Field(min_length=20, description="Plain text from the greeting to the question.")

    @property
    def whole(self) -> str:
        """Return the mail in one piece: subject line, blank line, body."""
        return f"Subject: {self.subject}\n\n{self.body}"


def template_for(templates: Sequence[OutreachTemplate], match: PersonaMatch | None) -> OutreachTemplate | None:
    """Return the template of the persona, else the first for mails. None without one."""
    mails = [template for template in templates if template.channel in EMAIL_CHANNELS]
    title = (match.title if match else GENERIC).casefold()
    return next((template for template in mails if template.persona.casefold() == title), next(iter(mails), None))


def plain_template(given: OutreachBrief) -> dict[str, Any] | None:
    """Return the template of a mail with the reader's fields in it, as plain data. None without one.

    A field that is not known stays as it is written. So the rules leave out the part that names it.
    """
    found = template_for(given.templates, given.persona_match)
    return (
        None
        if found is None
        else found.model_dump()
        | filled_in({name: getattr(found, name) for name in ("hook", "body", "cta")}, given.recipient_fields)
    )


def hook_by_rules(post: str) -> Hook:
    """Quote the post."""
    quote = quotable(post)
    return Hook(hook=f'You wrote: "{quote}"' if quote else "")


def draft_by_rules(given: OutreachBrief) -> OutreachEmail:
    """Write a plain mail of the facts: the hook, the offer, one question. A follow-up is a short reminder."""
    question = (given.template.cta if given.template else "") or "Would a 15-minute call next week be useful?"
    subject, parts = _reminder(given) if given.earlier_mails else _first(given)
    clean = [part for part in (*parts, question) if part and not markers_in(part)]
    body = "\n\n".join([greeting_of(given), *clean])
    return OutreachEmail.model_construct(subject=shortened(one_line(subject), MAX_SUBJECT_LETTERS), body=body)


def _reminder(given: OutreachBrief) -> tuple[str, list[str]]:
    name, offer = _offered(given)
    reminder = f"I wrote to you about {name} before." if name else "I wrote to you before."
    pain = pain_of(given)
    reason = f"I still think it could help: {pain}" if pain else sentences(offer)[-1] if offer else ""
    return f"{name}: one more thought" if name else "One more thought", [reminder, reason]


def _first(given: OutreachBrief) -> tuple[str, list[str]]:
    (name, offer), template = _offered(given), given.template
    opening = given.hook or (template.hook if template else "") or _plain_opening(given)
    offered = (template.body if template else "") or (f"{name}: {offer}" if name and offer else offer)
    subject = f"{name} for {given.company_name}" if name and given.company_name else f"About {name or 'your work'}"
    return subject, [opening, offered]


def _offered(given: OutreachBrief) -> tuple[str, str]:
    return (given.product.name, given.product.description.strip()) if given.product else ("", "")


def _plain_opening(given: OutreachBrief) -> str:
    if given.company_name and given.recipient_role:
        return f"I am writing to you as {given.recipient_role} at {given.company_name}."
    return f"I am writing to you because of your work at {given.company_name}." if given.company_name else ""


def hook_that_stands(told: Hook, given: OutreachBrief) -> dict[str, str]:
    """Return the reason to write, as `hook`. One with invented numbers gives way to a quote, with its `source`."""
    hook = told.hook.strip()
    if _inventions_in(hook, given):
        return {"hook": hook_by_rules(given.post_text).hook, "source": "rules"}
    return {"hook": hook}


def mail_that_stands(told: OutreachEmail, given: OutreachBrief) -> dict[str, str]:
    """Return `subject`, `body` and `draft`. A mail with invented numbers gives way to the rules', with its `source`."""
    mail, plain = settled(told, given), settled(draft_by_rules(given), given)
    if _inventions_in(mail.whole, given, plain.whole):
        return {"subject": plain.subject, "body": plain.body, "draft": plain.whole, "source": "rules"}
    return {"subject": mail.subject, "body": mail.body, "draft": mail.whole}


def _inventions_in(text: str, given: OutreachBrief, *plain: str) -> list[str]:
    """Return the numbers of a text that nobody gave. A model's earlier draft is not among the given texts."""
    told = given.model_dump(include={*OutreachForm.model_fields, "personas", "templates", "template"})
    return invented_numbers(text, [*texts_in(told), *plain])


def settled(mail: OutreachEmail, given: OutreachBrief) -> OutreachEmail:
    """Return a mail with a short subject, with its greeting and without a signature."""
    subject = shortened(one_line(mail.subject), MAX_SUBJECT_LETTERS).rstrip(" ,;:-")
    body = unsigned(mail.body, signature_of(given.signature, given.sender_name, given.sender_role))
    if not body.startswith(greeting_of(given)):
        body = f"{greeting_of(given)}\n\n{body}"
    return OutreachEmail.model_construct(subject=subject, body=body)


def greeting_of(given: OutreachBrief) -> str:
    """Return the first line of the mail."""
    return greeting("Hi", given.recipient_name)


def pain_of(given: OutreachBrief) -> str:
    """Return the cares of the reader's persona. Empty if that is not known."""
    title = given.persona_match.title if given.persona_match else ""
    return next((persona.pain for persona in given.personas if persona.title == title), "")


def signed(body: str, given: OutreachBrief) -> dict[str, str]:
    """Return a mail with its signature, as `text` and as `html`."""
    text = f"{body}\n\n{signature_of(given.signature, given.sender_name, given.sender_role)}"
    return {"text": text, "html": html_of(text)}


def product_context(known: Product | None) -> dict[str, Any]:
    """Return the product's facts of a run, as plain data."""
    if known is None:
        return {"product_aware": False}
    plain = known.model_dump()
    return {"product": plain, "product_aware": True, "personas": plain["personas"], "templates": plain["templates"]}


def about_product(given: OutreachBrief) -> str:
    """Describe the product in lines."""
    known = given.product
    return "none" if known is None else "\n".join(part for part in (known.name, known.description, known.url) if part)


def about_template(given: OutreachBrief) -> str:
    """Return the template as JSON."""
    template = given.template
    return template.model_dump_json(exclude={"channel", "persona"}) if template else "none"


def about_reader(given: OutreachBrief) -> str:
    """Describe the reader in lines."""
    known = {"Name": given.recipient_name, "Role": given.recipient_role, "Company": given.company_name}
    known |= {name.replace("_", " "): value for name, value in given.recipient_fields.items()}
    return "\n".join(f"{label}: {text}" for label, text in known.items() if text) or "nothing is known"


def about_sender(given: OutreachBrief) -> str:
    """Describe the sender in a line."""
    return ", ".join(filter(None, (given.sender_name, given.sender_role))) or "nothing is known"


def about_earlier(given: OutreachBrief) -> str:
    """Quote the mails that the reader got before."""
    mails = given.earlier_mails or []
    return "\n\n---\n\n".join(f"Subject: {mail.subject}\n\n{mail.text}" for mail in mails) or "none"
