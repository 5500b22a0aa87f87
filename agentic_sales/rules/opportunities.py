"""Hold the facts of an opening for a mail, and word them for the mail."""

from collections.abc import Sequence

from pydantic import BaseModel, Field, model_validator

from agentic_sales.rules.forms import SignedForm
from agentic_sales.rules.outreach_drafts import SkipReason

MAX_CONTEXT_CHARS = 3_000
"""Characters of an opening's text that a mail is written from. Callers know it."""
MAX_PRIOR_SUBJECTS = 5


class Opportunity(BaseModel):
    """An opening with its company and the person to write to."""

    opportunity_title: str = Field(default="", description="Title of the opening.")
    opportunity_url: str = Field(default="", description="Its page.")
    opportunity_status: str = Field(default="", description="`open`, or `closed` once its board no longer lists it.")
    raw_context: str = Field(default="", description="Text of the opening, at most 3,000 characters.")
    applied: bool = Field(default=False, description="Whether somebody has applied.")
    applied_at: str | None = Field(default=None, description="When: ISO 8601. Null: nobody has.")
    application_status: str = Field(default="", description="Result of the application. Empty: nothing is known.")
    company_name: str = Field(default="", description="The company.")
    company_website: str = Field(default="", description="Its site.")
    company_category: str = Field(default="", description="Category of the company in the book.")
    contact_id: str | None = Field(default=None, description="Contact to write to. Null: the company has none.")
    contact_first_name: str = Field(default="", description="First name.")
    contact_last_name: str = Field(default="", description="Last name.")
    contact_email: str = Field(default="", description="Address.")
    contact_position: str = Field(default="", description="Position.")
    contact_linkedin_url: str = Field(default="", description="Page about the person.")
    prior_subjects: list[str] = Field(
        default_factory=list, description="Subjects of the last five mails to the person."
    )
    skip_reason: SkipReason | None = Field(default=None, description="Why nothing is written to the person.")


class OpportunityForm(SignedForm):
    """An input with an opening of the book or by value."""

    opportunity_id: str = Field(default="", max_length=100, description="An opening of the book.")
    additional_instructions: str = Field(
        default="", max_length=4_000, description="Wishes for the content and the request of the mail."
    )
    title: str = Field(default="", max_length=300, description="Title of an opening that the book does not have.")
    description: str = Field(default="", max_length=50_000, description="Text of the opening.")
    company: str = Field(default="", max_length=300, description="Its company.")

    @model_validator(mode="after")
    def _names_one(self) -> "OpportunityForm":
        if bool(self.opportunity_id.strip()) == bool(self.title.strip()):
            raise ValueError("give either `opportunity_id`, or `title` with `company` and `description`")
        return self


def given_opportunity(form: OpportunityForm) -> Opportunity:
    """Return the opening that an input describes."""
    return Opportunity(
        opportunity_title=form.title.strip(),
        opportunity_status="open",
        raw_context=form.description[:MAX_CONTEXT_CHARS],
        company_name=form.company.strip(),
    )


def wishes_for(opportunity: Opportunity, instructions: str) -> str:
    """Return the instructions of a mail about an opening. Its subject differs from those of the mails before."""
    told = [
        instructions.strip() or f"Ask for a short call about the opening `{opportunity.opportunity_title}`.",
        f"The mail is about the opening `{opportunity.opportunity_title}`.",
    ]
    if opportunity.prior_subjects:
        told.append(f"Do not use these subjects again: {'; '.join(opportunity.prior_subjects)}.")
    return "\n".join(told)


def known_of(opportunity: Opportunity) -> str:
    """Return the facts that a mail may state."""
    lines = [
        f"{opportunity.company_name} looks for: {opportunity.opportunity_title}." if opportunity.company_name else "",
        opportunity.raw_context,
    ]
    return "\n".join(filter(None, lines))


def fresh_subject(subject: str, opportunity: Opportunity) -> str:
    """Return a subject that no earlier mail to the person has."""
    wanted = [subject, opportunity.opportunity_title, f"{opportunity.opportunity_title} at {opportunity.company_name}"]
    return next((each for each in wanted if each and not _was_used(each, opportunity.prior_subjects)), subject)


def _was_used(subject: str, prior: Sequence[str]) -> bool:
    return subject.strip().casefold() in {before.strip().casefold() for before in prior}
