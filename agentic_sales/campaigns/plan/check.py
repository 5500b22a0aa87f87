"""Read the plan that a person wrote. Report each mistake with its key, its value and the permitted values.

Some checks are beyond a model of the plan. The window must open at some time. Each step's workflow must exist, take its
inputs and return a message. A mistake that is found later costs every person of the campaign a visit. It costs the
campaign a day.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from agentic_sales.campaigns.plan.plan import CampaignPlan, Step
from agentic_sales.campaigns.plan.windows import NoWindow, zone_named
from agentic_sales.control import ControlPlane
from agentic_sales.errors import InvalidInput, InvalidRequest, UnknownAssistant

CheckInput = Callable[[str, Mapping[str, Any]], None]
"""Raises `InvalidInput` for a value that does not fit the input schema of an assistant."""
LONGEST_VALUE_CHARS = 60
TOLD = {
    "recipient_name": "Jo Doe",
    "recipient_role": "Head of Sales",
    "recipient_email": "jo@example.com",
    "company_name": "Example",
    "campaign_id": "example",
}
"""Example of the inputs about a person that every workflow gets."""


def read_plan(
    plan: Mapping[str, Any], *, control: ControlPlane, check_input: CheckInput, now: datetime
) -> CampaignPlan:
    """Return a plan that can be carried out.

    Raises:
        InvalidRequest: It cannot be. Every mistake is named.
    """
    try:
        checked = CampaignPlan.model_validate(plan)
    except ValidationError as exc:
        raise _refused(filter(None, map(_of_model, exc.errors()))) from exc
    if problems := [*_of_hours(checked, now), *_of_steps(checked, control, check_input)]:
        raise _refused(problems)
    return checked


def _refused(problems: Iterator[str] | list[str]) -> InvalidRequest:
    return InvalidRequest(
        f"the plan is not one: {'; '.join(problems)}; `agentic-sales campaigns plan` explains each key"
    )


def _of_model(problem: ErrorDetails) -> str | None:
    key = _key(problem["loc"])
    told = json.dumps(problem["input"], ensure_ascii=False, default=str)
    value = told if len(told) <= LONGEST_VALUE_CHARS else f"{told[:LONGEST_VALUE_CHARS]}…"
    match problem["type"]:
        case "extra_forbidden":
            return f"`{key}` is no key of a plan"
        case "missing":
            return f"`{key}` is missing"
        case "too_short" if problem["input"]:  # Its members are wrong, and told of by themselves.
            return None
        case "too_short":
            return f"`{key}` is empty, and needs at least one"
        case "value_error":
            why = problem["msg"].removeprefix("Value error, ")
            return f"`{key}` is {value}: {why}" if key else why
        case _:
            return f"`{key}` is {value}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def _key(loc: tuple[int | str, ...]) -> str:
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return parts.removeprefix(".")


def _of_hours(plan: CampaignPlan, now: datetime) -> Iterator[str]:
    zone = zone_named(plan.time_zone)
    if zone is None:
        yield f'`time_zone` is "{plan.time_zone}": it must be an IANA name, such as "Europe/Berlin"'
    try:
        plan.window.first_open(now, zone or ZoneInfo("UTC"))
    except NoWindow as exc:
        yield f"`window` never opens: {exc}"


def _of_steps(plan: CampaignPlan, control: ControlPlane, check_input: CheckInput) -> Iterator[str]:
    for number, step in enumerate(plan.steps):
        key = f"steps[{number}]"
        try:
            row = control.row(step.workflow)
        except UnknownAssistant as exc:
            yield f'`{key}.workflow` is "{step.workflow}": {exc}'
            continue
        schema = control.schemas[row.assistant_id]
        if not _writes(schema["output"]):
            yield f'`{key}.workflow` is "{step.workflow}", which writes no mail: it returns no `subject` and `text`'
        elif strange := _strange(schema["input"]):
            yield f'`{key}.workflow` is "{step.workflow}", which does not take {", ".join(strange)}, as others do'
        else:
            yield from _of_inputs(key, step, check_input)


def _of_inputs(key: str, step: Step, check_input: CheckInput) -> Iterator[str]:
    ways = [(f"{key}.variants[{number}].input", way.input) for number, way in enumerate(step.variants)]
    for where, added in ways or [(f"{key}.input", {})]:
        try:
            check_input(step.workflow, {**TOLD, **step.input, **added})
        except InvalidInput as exc:
            yield f"`{where}`: {exc}"


def _strange(schema: Mapping[str, Any]) -> list[str]:
    """Return the inputs that campaigns give every workflow and this one does not take."""
    takes_all = schema.get("additionalProperties", True) is not False
    return [] if takes_all else [f"`{name}`" for name in TOLD if name not in schema["properties"]]


def _writes(output: Mapping[str, Any]) -> bool:
    names = output.get("properties", {}).keys()
    return "subject" in names and bool(names & {"text", "body", "html"})
