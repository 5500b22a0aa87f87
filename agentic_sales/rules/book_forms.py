"""Hold the inputs about one company or person: of the book by an id, or by value."""

from pydantic import Field

from agentic_sales.rules.forms import GivenForm


class PersonForm(GivenForm):
    """An input about one person."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one is needed."""
        return "contact_id", "person_id", "name"

    contact_id: str = Field(default="", max_length=64, description="A contact of the book; the person behind it.")
    person_id: str = Field(default="", max_length=64, description="A person of the book.")
    name: str = Field(default="", max_length=200, description="Whole name; needed without an id.")
    company_name: str = Field(default="", max_length=300, description="Employer.")

    @property
    def has_id(self) -> bool:
        """Whether the person is one of the book."""
        return bool(self.contact_id or self.person_id)


class NamedCompanyForm(GivenForm):
    """An input about one company."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one is needed."""
        return "company_id", "domain", "name"

    company_id: str = Field(default="", max_length=64, description="Company of the book.")
    domain: str = Field(default="", max_length=300, description="Its site; the book's without one.")
    name: str = Field(default="", max_length=300, description="Its name; the book's without one.")
