"""Choose the people of a company that get a draft of a first mail, and give the reason for each other one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from agentic_sales.rules.forms import InstructedForm, SignedForm

NoDraftReason = Literal[
    "low_authority", "not_a_contact", "suppressed", "open_touch", "sent_touch", "already_drafted", "nothing_written"
]
"""Why a person gets no draft."""


class SalesOutreachForm(InstructedForm, SignedForm):
    """An input that says to which companies drafts are written."""

    company_ids: list[str] = Field(
        default_factory=list, max_length=200, description="Companies. Empty: those with sales technology in the book."
    )
    limit: int = Field(default=10, ge=1, le=200, description="Most companies.")
    product_id: int | None = Field(default=None, ge=1, description="The product that the mails are about.")
    authority_threshold: float = Field(default=0.85, ge=0, le=1, description="Least authority of a decision maker.")
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class DecisionMaker(BaseModel):
    """A person of a company with the authority that the title tells."""

    person_id: str = Field(default="", description="Id in the book. Empty: only the contact is known.")
    contact_id: str = Field(default="", description="The contact. Empty: nobody may write to the person.")
    company_id: str = Field(description="The company.")
    company_name: str = Field(description="Its name.")
    name: str = Field(description="Whole name.")
    position: str = Field(default="", description="Job title. Empty: unknown.")
    authority_score: float = Field(default=0.0, description="0 to 1, by seniority.")
    skip_reason: NoDraftReason | None = Field(
        default=None, description="Why there is no draft. Null: there may be one."
    )


class OutreachDraft(BaseModel):
    """A mail that waits for a person's word. Nothing sends it."""

    person_id: str = Field(description="The person.")
    contact_id: str = Field(description="The contact.")
    company_id: str = Field(description="The company.")
    name: str = Field(description="Whole name.")
    subject: str = Field(description="Subject.")
    text: str = Field(description="Plain text with the signature.")


def skipped(people: Iterable[DecisionMaker]) -> dict[str, int]:
    """Count the people without a draft by the reason."""
    return dict(sorted(Counter(person.skip_reason for person in people if person.skip_reason).items()))


def mail_for(person: DecisionMaker, email: str, form: SalesOutreachForm) -> dict[str, Any]:
    """Return the input of `email_outreach` for a person."""
    return {
        "recipient_name": person.name,
        "recipient_email": email,
        "recipient_role": person.position,
        "company_name": person.company_name,
        "product_id": form.product_id,
        "instructions": form.instructions,
        "sender_name": form.sender_name,
        "signature": form.signature,
    }


def drafts_of(people: Sequence[DecisionMaker], answers: Sequence[Mapping[str, Any]]) -> list[OutreachDraft]:
    """Return the mails that were written. An answer that skipped its mail, or that failed, is none."""
    names = ("person_id", "contact_id", "company_id", "name")
    return [
        OutreachDraft(subject=answer["subject"], text=answer["text"], **{name: getattr(person, name) for name in names})
        for person, answer in zip(people, answers, strict=True)
        if answer.get("text") and not answer.get("skip_reason")
    ]


def with_outcome(person: DecisionMaker, *, has_draft: bool) -> DecisionMaker:
    """Return a person with the reason if no mail was written although there may be one."""
    if person.skip_reason or has_draft:
        return person
    return person.model_copy(update={"skip_reason": "nothing_written"})
