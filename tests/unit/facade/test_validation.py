"""Input is checked against the schema of its assistant, and every problem is pointed at."""

from typing import Any

import pytest

from agentic_sales.control import build_control_plane
from agentic_sales.errors import InvalidInput
from agentic_sales.facade.runs.validation import LONGEST_PROBLEM_CHARS, InputValidator
from agentic_sales.registry import BY_ID
from agentic_sales.settings import Settings
from agentic_sales.workers.loader import load_graph


@pytest.fixture(scope="module")
def validator() -> InputValidator:
    """The validator of a fleet with the tests' workflows."""
    configuration = Settings.model_validate({"AGENTIC_SALES_EXTRA_REGISTRIES": "tests.workflows.registry"})
    return InputValidator(build_control_plane(configuration))


def problems(validator: InputValidator, assistant_id: str, values: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Return what is wrong with an input."""
    with pytest.raises(InvalidInput) as raised:
        validator.check(assistant_id, values)
    return list(raised.value.problems)


@pytest.mark.parametrize(
    ("assistant_id", "values"),
    [
        ("echo", {"x": 1}),
        ("echo", {"x": 1, "text": "a"}),
        ("echo", {"x": 1.0}),
        ("sleepy", {}),
        ("sleepy", {"wait_s": 0}),
        ("ask_core", {"values": {"anything": ["goes"]}}),
    ],
)
def test_an_input_that_fits_passes(validator: InputValidator, assistant_id: str, values: dict[str, Any]) -> None:
    validator.check(assistant_id, values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, [("/x", "required field is missing")]),
        ({"x": 1, "y": 2}, [("/y", "unknown field")]),
        ({"x": 1, "y": 2, "z": 3}, [("/y", "unknown field"), ("/z", "unknown field")]),
        ({"y": 2}, [("/x", "required field is missing"), ("/y", "unknown field")]),
        ({"x": "one"}, [("/x", '"one" is not of type "integer"')]),
        ({"x": None}, [("/x", 'null is not of type "integer"')]),
    ],
    ids=["missing", "unknown", "two unknown", "missing and unknown", "wrong type", "null"],
)
def test_every_problem_is_pointed_at(
    validator: InputValidator, values: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert sorted(problems(validator, "echo", values)) == sorted(expected)


def test_no_input_at_all_is_refused_with_what_to_send(validator: InputValidator) -> None:
    [(pointer, told)] = problems(validator, "sleepy", None)
    assert pointer == ""
    assert "send an object, {} if it has no fields" in told


def test_a_value_out_of_its_range_is_told_with_the_limit(validator: InputValidator) -> None:
    assert problems(validator, "sleepy", {"wait_s": 601}) == [
        ("/wait_s", "601 is greater than the maximum of 600"),
    ]


def test_a_problem_does_not_repeat_a_whole_payload(validator: InputValidator) -> None:
    [(_, told)] = problems(validator, "echo", {"x": "long" * 10_000})
    assert len(told) == LONGEST_PROBLEM_CHARS


def test_the_error_names_the_assistant_and_the_field(validator: InputValidator) -> None:
    with pytest.raises(InvalidInput, match=r"the input does not fit `echo`: /x: required field is missing"):
        validator.check("echo", {})


@pytest.mark.parametrize("values", [{"name": "Acme"}, {"url": " "}, {"company_id": "", "url": ""}])
def test_an_input_that_needs_one_of_several_fields_names_them(
    validator: InputValidator, values: dict[str, Any]
) -> None:
    told = "give at least one of `company_id`, `url`; all of them are missing or blank"
    assert problems(validator, "company_enrichment", values) == [("", told)]


def test_the_rule_for_one_of_several_fields_is_no_channel_of_a_graph() -> None:
    graph = load_graph(BY_ID["company_enrichment"]).graph
    assert "one_of" not in graph.channels
