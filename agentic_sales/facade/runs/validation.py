"""Check a run's input against the schema of its assistant without loading its graph."""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from jsonschema_rs import ValidationError, ValidationErrorKind, Validator, validator_for

from agentic_sales.control import UNCHECKED, ControlPlane
from agentic_sales.errors import InvalidInput

LONGEST_PROBLEM_CHARS = 300


class InputValidator:
    """Compiled input schemas. Each assistant has one from its first use."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        self._validators: dict[str, Validator] = {}

    def check(self, assistant_id: str, values: Mapping[str, Any] | None) -> None:
        """Check an input.

        Raises:
            InvalidInput: It does not fit. Every problem is named with a pointer to its field.
        """
        if values is None:
            raise InvalidInput(assistant_id, [("", "an input is required; send an object, {} if it has no fields")])
        if problems := problems_of(self._validator(assistant_id), values):
            raise InvalidInput(assistant_id, problems)

    def _validator(self, assistant_id: str) -> Validator:
        validator = self._validators.get(assistant_id)
        if validator is None:
            schema = self._control.schemas[assistant_id]["input"]
            validator = validator_for({"type": "object"} if schema.get(UNCHECKED) else schema)
            self._validators[assistant_id] = validator
        return validator


def problems_of(validator: Validator, values: object) -> list[tuple[str, str]]:
    """Return a pointer to each field that does not fit and the fault there."""
    return list(chain.from_iterable(map(_told, validator.iter_errors(values))))


def _told(error: ValidationError) -> Iterator[tuple[str, str]]:
    pointer = "".join(f"/{part}" for part in error.instance_path)
    match error.kind:
        case ValidationErrorKind.AdditionalProperties(unexpected=names):
            yield from ((f"{pointer}/{name}", "unknown field") for name in names)
        case ValidationErrorKind.Required(property=name):
            yield f"{pointer}/{name}", "required field is missing"
        case ValidationErrorKind.AnyOf(context=branches) if needed := _one_needed(branches):
            yield pointer, f"give at least one of {needed}; all of them are missing or blank"
        case _:
            yield pointer, error.message[:LONGEST_PROBLEM_CHARS]


def _one_needed(branches: list[list[ValidationError]]) -> str:
    """Return the fields of which one is needed, if every branch of an `anyOf` asks for one. Else return nothing."""
    needed = [
        {error.kind.property for error in b if isinstance(error.kind, ValidationErrorKind.Required)} for b in branches
    ]
    blank = [{str(error.instance_path[0]) for error in b if len(error.instance_path) == 1} for b in branches]
    names = [next(iter(missing | empty), "") for missing, empty in zip(needed, blank, strict=True)]
    return ", ".join(f"`{name}`" for name in names) if all(names) else ""
