"""Hold the inputs about a contact and the employer, and the facts of both from the book or by value."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agentic_sales.rules.forms import Form
from agentic_sales.rules.titles import LONGEST_TITLE_CHARS

Reach = Literal["contact", "address", "profile", "nobody"]
"""How a person can be reached. `contact`: may be written to. `address`: no lawful basis for writing is recorded yet."""
MOST_PAGES = 50
_COMPANY_TEXTS = ("description", "keywords", "industry", "technologies")
"""Facts of a company that hold words about it."""
_HEADLINES = ("position", "headline")
"""Facts of a person that state an occupation."""
_PERSON_TEXTS = (*_HEADLINES, "bio", "about", "description", "skills")
"""Facts of a person that hold words about the person."""


class PersonByValue(BaseModel):
    """A person by value."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=200, description="Whole name.")
    title: str = Field(default="", max_length=LONGEST_TITLE_CHARS, description="Job title.")
    headline: str = Field(default="", max_length=2_000, description="Headline of the profile.")
    about: str = Field(default="", max_length=20_000, description="Words of the profile about the person.")
    email: str = Field(default="", max_length=320, description="Address that a source printed.")
    profile_url: str = Field(default="", max_length=2_048, description="Page about the person.")


class CompanyPage(BaseModel):
    """Words about a company."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(default="", max_length=2_048, description="Address of the page.")
    text: str = Field(max_length=100_000, description="Its plain text.")


class CompanyByValue(BaseModel):
    """A company by value."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(default="", max_length=300, description="Its name.")
    domain: str = Field(default="", max_length=300, description="Its site.")
    description: str = Field(default="", max_length=20_000, description="Description of its business.")
    pages: list[CompanyPage] = Field(default_factory=list, max_length=MOST_PAGES, description="Text of its pages.")


class ContactForm(Form):
    """An input about a person of the book, or about a person by value, and the employer."""

    model_config = ConfigDict(json_schema_extra={"description": "An id or the person by value is needed."})

    @classmethod
    def by_value(cls) -> str:
        """Return the field that holds the person by value."""
        return "person"

    contact_id: str = Field(default="", max_length=64, description="A contact of the book.")
    person_id: str = Field(default="", max_length=64, description="A person of the book.")
    company_id: str = Field(default="", max_length=64, description="Company of the book. Empty: the person's employer.")
    company: CompanyByValue | None = Field(default=None, description="Employer by value. Null: as the book has it.")

    @property
    def given_profile(self) -> PersonByValue:
        """Return the person by value. It is empty without one."""
        return getattr(self, self.by_value()) or PersonByValue()

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        told = any(value.strip() for value in self.given_profile.model_dump().values())
        if not (self.contact_id.strip() or self.person_id.strip() or told):
            raise ValueError(f"give `contact_id`, `person_id` or a `{self.by_value()}` that is not blank")
        return self


class ContactKnowledge(BaseModel):
    """Facts of a person and the employer."""

    name: str = Field(default="", description="Whole name.")
    title: str = Field(default="", description="Job title.")
    headlines: dict[str, str] = Field(default_factory=dict, description="Title and headline by their source.")
    words: dict[str, str] = Field(default_factory=dict, description="All words about the person by their source.")
    company_name: str = Field(default="", description="The employer.")
    pages: dict[str, str] = Field(default_factory=dict, description="Words about the employer by their source.")
    company_score: float | None = Field(default=None, description="Score of the employer, 0-1. Null: none is known.")
    company_blocked: bool = Field(default=False, description="Whether nobody of the employer is written to.")
    reach: Reach = Field(default="nobody", description="How the person can be reached.")
    refusal: str = Field(default="", description="Why the person must not be written to. Empty: nothing says so.")


def knowledge_of_values(person: PersonByValue, company: CompanyByValue | None) -> ContactKnowledge:
    """Return the facts that the values of an input state."""
    firm = company or CompanyByValue()
    home = f"https://{firm.domain}/" if firm.domain else "company.description"
    pages = {home: firm.description} if firm.description.strip() else {}
    for number, page in enumerate(firm.pages):
        source = page.url or f"company.pages[{number}]"
        pages[source] = f"{pages[source]}\n{page.text}" if source in pages else page.text
    told = {f"person.{name}": getattr(person, name) for name in ("title", "headline", "about")}
    words = {source: text for source, text in told.items() if text.strip()}
    return ContactKnowledge(
        name=person.name.strip(),
        title=(person.title or person.headline).strip()[:LONGEST_TITLE_CHARS],
        headlines={source: text for source, text in words.items() if source != "person.about"},
        words=words,
        company_name=firm.name.strip(),
        pages=pages,
        reach="address" if "@" in person.email else "profile" if person.profile_url.strip() else "nobody",
    )


def texts_of_company(facts: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, str]:
    """Return words about a company by their source: the quotes of the book, then facts without a quote.

    Args:
        facts: Current values by field.
        known: Quotes and openings by source.
    """
    quoted = "\n".join(known.values())
    told = {f"company.{name}": _text(facts.get(name)) for name in _COMPANY_TEXTS}
    return {**known, **{source: text for source, text in told.items() if text and text not in quoted}}


def headlines_of_person(facts: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, str]:
    """Return the title and the headline of a person as `texts_of_person` does."""
    return _texts(facts, sources, _HEADLINES)


def texts_of_person(facts: Mapping[str, Any], sources: Mapping[str, str]) -> dict[str, str]:
    """Return words about a person by their source.

    Args:
        facts: Current values by field.
        sources: Pages that tell a value, by field.
    """
    return _texts(facts, sources, _PERSON_TEXTS)


def _texts(facts: Mapping[str, Any], sources: Mapping[str, str], fields: tuple[str, ...]) -> dict[str, str]:
    profile = facts.get("linkedin_profile")
    told = {**(profile if isinstance(profile, Mapping) else {}), **facts}
    found: dict[str, str] = {}
    for name in fields:
        if text := _text(told.get(name)):
            source = sources.get(name) or f"person.{name}"
            found[source] = f"{found[source]}\n{text}" if source in found else text
    return found


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(one for one in value if isinstance(one, str))
    return value.strip() if isinstance(value, str) else ""
