"""Hold the fields that the inputs of several workflows share. One name means one thing in every workflow."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Form(BaseModel):
    """An input. It refuses a field that it does not know, so that a misspelt one is no silence."""

    model_config = ConfigDict(extra="forbid")


def dumped(models: Iterable[BaseModel]) -> list[dict[str, Any]]:
    """Return models as the plain data that a graph's state holds."""
    return [one.model_dump(mode="json") for one in models]


class AddressedForm(Form):
    """An input about one reader of a mail."""

    recipient_name: str = Field(default="", max_length=200, description="Who will read the mail.")
    company_name: str = Field(default="", max_length=300, description="Where they work.")


class InstructedForm(Form):
    """An input with the sender's wishes."""

    instructions: str = Field(default="", max_length=4_000, description="What the mail should say and ask for.")


class SignedForm(Form):
    """An input of a workflow that signs a mail."""

    sender_name: str = Field(default="", max_length=200, description="Who writes; signs unless there is a signature.")
    signature: str = Field(
        default="", max_length=1_000, description="End of the mail as it is. Empty: `Thanks,` and the sender's name."
    )
