"""Read the plan that a person wrote. Report each mistake with its key, its value and the permitted values.

Some checks are beyond a model of the plan. The window must open at some time. Each step's workflow must exist, take its
inputs and return a message. A mistake that is found later costs every person of the campaign a visit. It costs the
campaign a day.
"""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agentic_sales.campaigns.plan.plan import CampaignPlan, Step
from agentic_sales.campaigns.plan.windows import NoWindow, SendWindow, zone_named
from agentic_sales.control import ControlPlane
from agentic_sales.errors import InvalidInput, InvalidRequest, UnknownAssistant
from agentic_sales.rules.fields import fields_named

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
TOLD_IF_TAKEN: Mapping[str, Any] = {
    "sender_name": "Ann Doe",
    "sender_role": "Head of Sales",
    "signature": "Ann",
    "recipient_fields": {},
}
"""Example of the inputs that a workflow gets if it takes them: the sender, and the fields that the plan declares."""


M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class _Readable:
    """The parts of a plan that can be read, also where the plan as a whole cannot."""

    steps: Mapping[int, Step]
    """Steps by their number."""
    window: SendWindow | None
    """None if it cannot be read."""
    time_zone: str | None
    """None if it is no text."""
    mailboxes: Sequence[object]
    """What stands in the list of mailboxes."""
    fields: Collection[str]
    """Names of the fields that the plan declares."""

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> "_Readable":
        """Read what can be read."""
        steps, mailboxes = plan.get("steps"), plan.get("mailboxes")
        numbered = enumerate(steps) if isinstance(steps, list) else ()
        read = {number: step for number, told in numbered if (step := _read(Step, told)) is not None}
        zone = plan.get("time_zone", "UTC")
        return cls(
            read,
            _read(SendWindow, plan.get("window", {})),
            zone if isinstance(zone, str) else None,
            mailboxes if isinstance(mailboxes, list) else (),
            set(map(str, fields)) if isinstance(fields := plan.get("fields", {}), dict) else (),
        )


def read_plan(
    plan: Mapping[str, Any],
    *,
    control: ControlPlane,
    check_input: CheckInput,
    now: datetime,
    mailboxes: Collection[str] | None = None,
) -> CampaignPlan:
    """Return a plan that can be carried out.

    Args:
        plan: What a person wrote.
        control: Rows and schemas.
        check_input: Checks the input of a step's workflow.
        now: The present.
        mailboxes: Ids of all mailboxes. None: they are not checked here.

    Raises:
        InvalidRequest: It cannot be. Every mistake is named, whatever kind it is.
    """
    problems: list[str] = []
    checked = None
    try:
        checked = CampaignPlan.model_validate(plan)
    except ValidationError as exc:
        problems += filter(None, map(_of_model, exc.errors()))
    readable = _Readable.of(plan)
    problems += _of_mailboxes(readable, mailboxes)
    problems += _of_hours(readable, now)
    problems += _of_steps(readable.steps, control, check_input)
    problems += _of_fields(readable)
    if checked is None or problems:
        raise _refused(problems)
    return checked


def _read(model: type[M], told: object) -> M | None:
    try:
        return model.model_validate(told)
    except ValidationError:
        return None


def _refused(problems: Iterable[str]) -> InvalidRequest:
    return InvalidRequest(
        f"the plan is not one: {'; '.join(problems)}; `agentic-sales campaigns plan` explains each key"
    )


def _of_model(problem: ErrorDetails) -> str | None:
    key = _key(problem["loc"])
    match problem["type"]:
        case "extra_forbidden":
            return f"`{key}` is no key of a plan"
        case "missing":
            return f"`{key}` is missing"
        case "too_short" if problem["input"]:  # Its members are wrong, and told of by themselves.
            return None
        case "too_short":
            return f"`{key}` is empty, and needs at least one"
        case _:
            return _of_value(key, problem)


def _of_value(key: str, problem: ErrorDetails) -> str:
    told = json.dumps(problem["input"], ensure_ascii=False, default=str)
    value = told if len(told) <= LONGEST_VALUE_CHARS else f"{told[:LONGEST_VALUE_CHARS]}…"
    said = problem["msg"]
    match problem["type"]:
        case "value_error" if not key:
            return said.removeprefix("Value error, ")
        case "value_error":
            why = said.removeprefix("Value error, ")
        case "tuple_type" | "frozen_set_type":
            why = "it must be a list, written in `[` and `]`"
        case "model_type" | "dict_type":
            why = "it must be an object, written in `{` and `}`"
        case "too_long":
            why = f"it has {problem['ctx']['actual_length']} entries, and at most {problem['ctx']['max_length']} can be"
        case _:
            why = f"{said[:1].lower()}{said[1:]}"
    return f"`{key}` is {value}: {why}"


def _key(loc: tuple[int | str, ...]) -> str:
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return parts.removeprefix(".")


def _of_mailboxes(plan: _Readable, mailboxes: Collection[str] | None) -> Iterator[str]:
    for number, mailbox_id in enumerate(plan.mailboxes):
        if mailboxes is not None and isinstance(mailbox_id, str) and mailbox_id not in mailboxes:
            told = f'`mailboxes[{number}]` is "{mailbox_id}", and there is no such mailbox'
            yield f"{told}; add it by `agentic-sales mailboxes add`"


def _of_fields(plan: _Readable) -> Iterator[str]:
    """Name each field that a step names and the plan does not declare. `{{name}}` is the recipient's name."""
    for number, step in plan.steps.items():
        named = {*fields_named(step.input), *fields_named([way.input for way in step.variants])}
        for name in sorted(named - {*plan.fields, "name"}):
            told = f"`steps[{number}]` names the field `{{{{{name}}}}}`, which `fields` does not declare"
            yield f'{told}; declare it, such as {{"fields": {{"{name}": {{"if_missing": "refuse"}}}}}}'


def _of_hours(plan: _Readable, now: datetime) -> Iterator[str]:
    zone = None if plan.time_zone is None else zone_named(plan.time_zone)
    if plan.time_zone is not None and zone is None:
        yield f'`time_zone` is "{plan.time_zone}": it must be an IANA name, such as "Europe/Berlin"'
    try:
        if plan.window is not None:
            plan.window.first_open(now, zone or ZoneInfo("UTC"))
    except NoWindow as exc:
        yield f"`window` never opens: {exc}"


def _of_steps(steps: Mapping[int, Step], control: ControlPlane, check_input: CheckInput) -> Iterator[str]:
    for number, step in steps.items():
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
            yield from _of_inputs(key, step, schema["input"].get("properties", {}), check_input)


def _of_inputs(key: str, step: Step, taken: Collection[str], check_input: CheckInput) -> Iterator[str]:
    further = {name: value for name, value in TOLD_IF_TAKEN.items() if name in taken}
    ways = [(f"{key}.variants[{number}].input", way.input) for number, way in enumerate(step.variants)]
    for where, added in ways or [(f"{key}.input", {})]:
        try:
            check_input(step.workflow, {**TOLD, **further, **step.input, **added})
        except InvalidInput as exc:
            yield f"`{where}`: {exc}"


def _strange(schema: Mapping[str, Any]) -> list[str]:
    """Return the inputs that campaigns give every workflow and this one does not take."""
    takes_all = schema.get("additionalProperties", True) is not False
    return [] if takes_all else [f"`{name}`" for name in TOLD if name not in schema["properties"]]


def _writes(output: Mapping[str, Any]) -> bool:
    names = output.get("properties", {}).keys()
    return "subject" in names and bool(names & {"text", "body", "html"})
