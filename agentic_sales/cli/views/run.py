"""Run one workflow from the command line. Check the input, show progress and print the output."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from agentic_sales.cli.views.progress import shown_progress
from agentic_sales.client import DEFAULT_TIMEOUT_S, Client, LangGraphError, RunResult
from agentic_sales.control import ControlPlane
from agentic_sales.errors import ConfigurationError, InvalidInput
from agentic_sales.facade.runs.validation import InputValidator

OK: Final = 0
FAILED: Final = 1
WRONG: Final = 2
UNREACHED: Final = 3
_QUEUEING_S = 60.0
"""Seconds that a run may wait for a free worker before the command line gives up."""
_REFUSED = frozenset({400, 401, 403, 404, 409, 413, 422})
_GRAPH_FAILED = frozenset({200, 402, 500})


def read_input(text: str) -> dict[str, Any]:
    """Read an input given as JSON, as `@file` or as `-` for standard input.

    Raises:
        ConfigurationError: It cannot be read or is not a JSON object.
    """
    try:
        if text == "-":
            text = sys.stdin.read()
        elif text.startswith("@"):
            text = Path(text[1:]).read_text(encoding="utf-8")
        values = json.loads(text)
    except (OSError, ValueError) as exc:
        raise ConfigurationError(f"--input cannot be read: {exc}; give JSON, @file or - for standard input") from exc
    if not isinstance(values, dict):
        raise ConfigurationError(f'--input must be a JSON object such as {{"name": "value"}}; found {text[:80]}')
    return values


def input_problems(control: ControlPlane, assistant_id: str, values: Mapping[str, Any]) -> list[str]:
    """Name the missing, unknown and wrong fields of an input, each with its description.

    An assistant that no registry here has is left to the fleet. The fleet may have others than this checkout.
    """
    if assistant_id not in control.rows:
        return []
    try:
        InputValidator(control).check(assistant_id, values)
    except InvalidInput as exc:
        fields = control.schemas[assistant_id]["input"].get("properties", {})
        return [_told(pointer, problem, fields) for pointer, problem in exc.problems]
    return []


def default_timeout_s(control: ControlPlane, assistant_id: str) -> float:
    """Return the timeout of a run. It is the time limit of its row and some time in the queue."""
    row = control.rows.get(assistant_id)
    return row.time_limit_s + _QUEUEING_S if row else DEFAULT_TIMEOUT_S


def call(
    assistant_id: str, values: Mapping[str, Any], *, url: str | None, timeout_s: float, is_quiet: bool = False
) -> RunResult:
    """Run a workflow. Show its progress on standard error unless the caller wants quiet.

    Raises:
        LangGraphError: There was no result.
    """
    with Client(url) as client:
        if is_quiet:
            return client.run(assistant_id, values, timeout_s=timeout_s)
        with shown_progress(assistant_id, Console(stderr=True)) as tell:
            return client.run_followed(assistant_id, values, tell, timeout_s=timeout_s)


def exit_status(error: LangGraphError) -> int:
    """Return 1 for a failed run, 2 for a wrong request and 3 for a fleet that did not answer in time."""
    if error.status in _GRAPH_FAILED:
        return FAILED
    return WRONG if error.status in _REFUSED else UNREACHED


def result_as_data(result: RunResult) -> dict[str, Any]:
    """Return a result as plain data for programs."""
    return asdict(result)


def trail(result: RunResult) -> list[tuple[str, str]]:
    """Return the names and ids by which a run is found again. Absent ones are left out."""
    ids = (("run", result.run_id), ("trace", result.trace_id), ("LangSmith", result.langsmith_run_url))
    return [(name, value) for name, value in ids if value]


def error_as_data(error: LangGraphError) -> dict[str, Any]:
    """Return an error as plain data for programs."""
    return {
        "error": {
            "kind": error.kind,
            "status": error.status,
            "assistant_id": error.assistant_id,
            "detail": error.body_text,
        }
    }


def _told(pointer: str, problem: str, fields: Mapping[str, Any]) -> str:
    name = pointer.strip("/")
    description = fields.get(name.split("/")[0], {}).get("description", "")
    if problem == "unknown field":
        problem += f"; the input has {', '.join(fields) or 'no fields'}"
    return f"{name or 'input'}: {problem}" + (f" ({description})" if description else "")
