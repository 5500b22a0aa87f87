"""Hold the fields that the inputs of several workflows share. One name means one thing in every workflow."""

from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Form(BaseModel):
    """An input. It refuses a field that it does not know, so that a misspelt one is no silence."""

    model_config = ConfigDict(extra="forbid")


def dumped(models: Iterable[BaseModel]) -> list[dict[str, Any]]:
    """Return models as the plain data that a graph's state holds."""
    return [one.model_dump(mode="json") for one in models]


def _tell_one_of(schema: dict[str, Any], form: "type[GivenForm]") -> None:
    """Say in the schema of a form that one of its fields is needed."""
    filled = {"string": {"type": "string", "pattern": r"\S"}, "array": {"type": "array", "minItems": 1}}
    needed = ((name, filled[schema["properties"][name]["type"]]) for name in form.one_of())
    schema["description"] = f"At least one of {_listed(form.one_of())} must hold text that is not blank."
    schema["anyOf"] = [{"required": [name], "properties": {name: shape}} for name, shape in needed]


class GivenForm(Form):
    """An input that needs at least one of several fields."""

    model_config = ConfigDict(json_schema_extra=_tell_one_of)

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the texts or lists of which one must not be blank.

        It is no class variable, because LangGraph takes every annotation of a state for a channel.
        """
        return ()

    @model_validator(mode="after")
    def _one_is_given(self) -> Self:
        if not any(_is_filled(getattr(self, name)) for name in self.one_of()):
            listed = _listed(tuple(f"`{name}`" for name in self.one_of()))
            raise ValueError(f"give at least one of {listed}; all of them are blank")
        return self


def _is_filled(value: str | list[str]) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


class CompanyForm(GivenForm):
    """An input about one company. The book knows it by its id, or its site tells of it."""

    @classmethod
    def one_of(cls) -> tuple[str, ...]:
        """Return the fields of which one must not be blank."""
        return ("company_id", "url")

    company_id: str = Field(default="", max_length=64, description="The company in the book. Empty: only `url` counts.")
    url: str = Field(
        default="",
        max_length=2048,
        description="Address of its home page, http or https. Empty: its site in the book.",
    )
    dry_run: bool = Field(default=False, description="Write nothing into the book.")


class RefreshedForm(CompanyForm):
    """An input of a workflow that looks at a company again only after some time."""

    force_refresh: bool = Field(default=False, description="Look again, also if the company was looked at lately.")
    max_age_days: int = Field(
        default=30, ge=0, le=3650, description="Days for which the last look at the company of `company_id` counts."
    )


class AddressedForm(Form):
    """An input about one reader of a mail."""

    recipient_name: str = Field(default="", max_length=200, description="Name of the reader.")
    company_name: str = Field(default="", max_length=300, description="Where they work.")


class InstructedForm(Form):
    """An input with the sender's wishes."""

    instructions: str = Field(
        default="", max_length=4_000, description="Wishes for the content and the request of the mail."
    )


class SignedForm(Form):
    """An input of a workflow that signs a mail."""

    sender_name: str = Field(
        default="", max_length=200, description="Name of the sender. It signs the mail unless there is a signature."
    )
    signature: str = Field(
        default="", max_length=1_000, description="End of the mail as it is. Empty: `Thanks,` and the sender's name."
    )
