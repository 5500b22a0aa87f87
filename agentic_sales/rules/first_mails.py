"""Write and mend a first mail by rules: its greeting, its faults, and a plain draft when no model answers."""

import re
from typing import Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.forms import AddressedForm, InstructedForm, SignedForm
from agentic_sales.rules.instructions import read_instructions
from agentic_sales.rules.inventions import fault_of, invented_numbers, texts_in
from agentic_sales.rules.names import NAME
from agentic_sales.rules.wording import markers_in, one_line, quotable, sentences, shortened, signature_of, unsigned

MAX_REFINE_ATTEMPTS = 2
MAX_SUBJECT_LETTERS = 50
MIN_SUBJECT_LETTERS = 3
MIN_BODY_LETTERS = 20
MAX_CONTEXT_LETTERS = 4_000
"""Letters of each piece of context that a model reads."""
PLAIN_SUBJECT = "A short introduction"
_GREETING = re.compile(r"\A(?:hi|hello|hey|dear|good (?:morning|day))\b[^\n,!]{0,80}(?:[,!]|\n|\Z)", re.IGNORECASE)
_OTHER_PLACEHOLDER = re.compile(r"\{\{?\s*(?:first_?)?name\s*\}?\}|\[(?:first )?name\]", re.IGNORECASE)
_TOPIC = re.compile(r" (?:about|on) ([^?]{3,60})\?")


class ComposeForm(AddressedForm, InstructedForm, SignedForm):
    """The basis of a first mail. Everything is optional."""

    recipient_context: str = Field(
        default="",
        max_length=50_000,
        description="Facts about the reader or the reader's company. The mail may quote them.",
    )
    linkedin_post_content: str = Field(default="", max_length=50_000, description="A post of theirs to refer to.")


class ComposedEmail(BaseModel):
    """A mail without its signature."""

    subject: str = Field(min_length=MIN_SUBJECT_LETTERS, max_length=70, description="Subject, at most 50 characters.")
    body: str = Field(min_length=MIN_BODY_LETTERS, description="Plain text from `Hi {{name}},` to the question.")


class WrittenMail(BaseModel):
    """A first mail with the draft that it comes from, and its cost."""

    subject: str = Field(default="", description="Subject of the mail.")
    body: str = Field(default="", description="Plain text with the literal `{{name}}` and the signature.")
    draft_subject: str = Field(
        default="", description="Subject before the refinement, of the rules' draft if the model's invents numbers."
    )
    draft_body: str = Field(default="", description="Body before the refinement, as `draft_subject`.")
    draft: str = Field(default="", description="The draft in one piece: subject line, blank line, body.")
    context_summary: str = Field(default="", description="Basis of the mail in short.")
    prompt_version: str = Field(default="", description="Derived from the digests of the prompts.")
    model: str = Field(default="", description="The model that answered, as `provider:model`. Empty: the rules did.")
    prompt_tokens: int = Field(default=0, description="Tokens that models read for this mail.")
    completion_tokens: int = Field(default=0, description="Tokens that models wrote for this mail.")
    refine_attempts: int = Field(default=0, description="Refinements tried, at most 2.")
    refine_status: Literal["ok", "fallback"] = Field(
        default="ok",
        description="`fallback`: every refinement broke a rule or invented a number, so this is the draft.",
    )


def context_of(given: ComposeForm) -> str:
    """Return the facts of the recipient as one text."""
    known = {
        "Name": given.recipient_name,
        "Company": given.company_name,
        "Known of them": given.recipient_context,
        "Their LinkedIn post": given.linkedin_post_content,
    }
    lines = [f"{label}: {text.strip()[:MAX_CONTEXT_LETTERS]}" for label, text in known.items() if text.strip()]
    return "\n".join(lines)


def find_faults(mail: ComposedEmail) -> list[str]:
    """Return the rules that a mail breaks, worded for an editor. Empty: none."""
    found = markers_in(f"{mail.subject}\n{mail.body}")
    faults = [f'it says "{marker}"; say what fits this reader only' for marker in found]
    if not MIN_SUBJECT_LETTERS <= (letters := len(mail.subject)) <= MAX_SUBJECT_LETTERS:
        faults.append(f"the subject has {letters} characters; use {MIN_SUBJECT_LETTERS} to {MAX_SUBJECT_LETTERS}")
    if len(mail.body) < MIN_BODY_LETTERS:
        faults.append(f"the body has fewer than {MIN_BODY_LETTERS} characters")
    return faults


def faults_of(mail: ComposedEmail, given: ComposeForm) -> list[str]:
    """Return the rules that a mail breaks, and the numbers in it that nobody gave."""
    return [*find_faults(mail), *map(fault_of, inventions_in(mail, given))]


def inventions_in(mail: ComposedEmail, given: ComposeForm) -> list[str]:
    """Return the numbers of a mail that nobody gave. The rules' draft for the same reader may have numbers."""
    plain = draft_by_rules(given)
    told = {name: getattr(given, name) for name in ComposeForm.model_fields}
    return invented_numbers(f"{mail.subject}\n{mail.body}", [plain.subject, plain.body, *texts_in(told)])


def finished(body: str, given: ComposeForm) -> str:
    """Return the body with the greeting to `{{name}}` and the sender's signature, each exactly once."""
    return finish(body, signature_of(given.signature, given.sender_name))


def without_signature(subject: str, body: str, given: ComposeForm) -> ComposedEmail:
    """Return a mail without the sender's signature."""
    signature = signature_of(given.signature, given.sender_name)
    return ComposedEmail.model_construct(subject=subject, body=body.removesuffix(signature).rstrip())


def finish(body: str, signature: str) -> str:
    """Return the body with the greeting to `{{name}}` and the signature, each exactly once."""
    text = unsigned(_OTHER_PLACEHOLDER.sub(NAME, body), signature)
    if NAME not in text:
        text = f"Hi {NAME},\n\n{_GREETING.sub('', text).strip()}"
    return f"{text}\n\n{signature}"


def tidy_by_rules(mail: ComposedEmail) -> ComposedEmail:
    """Remove the faults: the sentences with a marker, and the end of a long subject."""
    subject = shortened(one_line(mail.subject), MAX_SUBJECT_LETTERS).rstrip(" ,;:-")
    is_usable = len(subject) >= MIN_SUBJECT_LETTERS and not markers_in(subject)
    paragraphs = (_without_markers(paragraph) for paragraph in mail.body.split("\n\n"))
    body = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return ComposedEmail.model_construct(subject=subject if is_usable else PLAIN_SUBJECT, body=body)


def _without_markers(paragraph: str) -> str:
    if not markers_in(paragraph):
        return paragraph
    return " ".join(sentence for sentence in sentences(paragraph) if not markers_in(sentence))


def draft_by_rules(given: ComposeForm) -> ComposedEmail:
    """Write a plain mail from the inputs alone: a fact that is quoted, the offer, one question."""
    pitch, question = read_instructions(given.instructions)
    team = one_line(given.company_name) or "your team"
    offer = " ".join(pitch) or f"I would like to learn what matters most to {team} at the moment."
    body = "\n\n".join([f"Hi {NAME},", _opening(given), offer, question])
    return tidy_by_rules(ComposedEmail.model_construct(subject=_subject(given, question), body=body))


def _opening(given: ComposeForm) -> str:
    company = one_line(given.company_name)
    if quote := quotable(given.linkedin_post_content):
        return f'In a recent post you wrote: "{quote}" That is why I am writing to you.'
    if quote := quotable(given.recipient_context):
        return f'Before writing I read up on {company or "your work"}: "{quote}"'
    return f"I am writing to you because of your work at {company}." if company else "I am writing to introduce myself."


def _subject(given: ComposeForm, question: str) -> str:
    company = one_line(given.company_name)
    topic = _TOPIC.search(question)
    wanted = [
        f"{topic[1][0].upper()}{topic[1][1:]} at {company}" if topic and company else "",
        f"{topic[1][0].upper()}{topic[1][1:]}" if topic else "",
        f"A question for {company}" if company else "",
        "About your recent post" if given.linkedin_post_content.strip() else "",
    ]
    return next((s for s in wanted if MIN_SUBJECT_LETTERS <= len(s) <= MAX_SUBJECT_LETTERS), PLAIN_SUBJECT)
