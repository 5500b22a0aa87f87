"""Read sets of labelled cases: lines of `{"id", "input", "expected", "tags"}`, and their measures.

`measures.toml` beside the sets names for each assistant the compared paths, the metrics, and the least value. A label
without a measure is compared exactly, a list as a set, and has no threshold. `<assistant_id>.given.json` beside a set
holds input fields that all of its cases share. Sets that are older than this form are read by an adapter each.
"""

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentic_sales.errors import ConfigurationError
from agentic_sales.evaluation.metrics import METRICS

MEASURES_FILE = "measures.toml"
GIVEN = ".given.json"
_KINDS = ("", ".own")
"""Endings of the sets of an assistant. Those with other endings widen tables and are run by name."""
_STEP = re.compile(r"(?P<name>\w+)(?P<many>\[\])?(\[(?P<place>\d+)\])?")


@dataclass(frozen=True, slots=True)
class Case:
    """One labelled case."""

    case_id: str
    """Its id within the set."""
    input: Mapping[str, Any]
    """Input of the run."""
    expected: Mapping[str, Any]
    """Label of each measure by its name."""
    tags: tuple[str, ...] = ()
    """Kind of the case."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The output that is compared with a label, and the metric."""

    name: str
    """Its name, which is that of the label."""
    metric: str
    """One of `metrics.METRICS`."""
    path: str
    """Where the output has it: `country`, `channels[0].title` or `boards[].url`."""
    least: float | None = None
    """Least value that is good enough. None: it is only shown."""
    recall: Mapping[str, float] = field(default_factory=dict)
    """Least recall of some classes."""

    def found_in(self, output: Mapping[str, Any]) -> Any:
        """Return the value of an output at the path. None if it has nothing there."""
        return _at(output, self.path.split("."))


@dataclass(frozen=True, slots=True)
class EvalSet:
    """A set of labelled cases of one assistant."""

    assistant_id: str
    """The assistant."""
    name: str
    """Name of the file without its ending."""
    cases: tuple[Case, ...]
    """The cases."""
    measures: tuple[Measure, ...]
    """The measures."""


def set_files(assistant_id: str, folders: Iterable[Path]) -> list[Path]:
    """Return the files of an assistant's sets."""
    files = (folder / f"{assistant_id}{kind}.jsonl" for folder in folders for kind in _KINDS)
    return [file for file in files if file.is_file()]


def read_set(assistant_id: str, file: Path) -> EvalSet:
    """Read a set.

    Raises:
        ConfigurationError: The file or its measures cannot be read, or have another form.
    """
    try:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        shared = file.with_name(f"{assistant_id}{GIVEN}")
        given = json.loads(shared.read_text(encoding="utf-8")) if shared.is_file() else {}
        cases = tuple(_case(assistant_id, line, given) for line in lines)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ConfigurationError(
            f"`{file}` is no set of `{assistant_id}`: {type(exc).__name__}: {exc}; "
            'a line is {"id", "input", "expected", "tags"}'
        ) from exc
    if not cases:
        raise ConfigurationError(f"`{file}` has no case")
    return EvalSet(assistant_id, file.stem, cases, _measures(assistant_id, cases, file.parent / MEASURES_FILE))


def _measures(assistant_id: str, cases: Iterable[Case], file: Path) -> tuple[Measure, ...]:
    labels: dict[str, Any] = {}
    for case in cases:
        labels = {**case.expected, **labels}
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8")).get(assistant_id, {}) if file.is_file() else {}
        return tuple(_measure(name, label, told.get(name, {})) for name, label in labels.items())
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise ConfigurationError(f"`{file}`: `{assistant_id}` cannot be measured so: {exc}") from exc


def _measure(name: str, label: Any, told: Mapping[str, Any]) -> Measure:
    metric = told.get("metric", "set_f1" if isinstance(label, list) else "exact")
    if metric not in METRICS:
        raise ValueError(f"`{name}` has the metric `{metric}`; there are {', '.join(METRICS)}")
    rest = {key: value for key, value in told.items() if key not in {"metric", "path"}}
    return Measure(name, metric, told.get("path", name), **rest)


def _at(value: Any, steps: list[str]) -> Any:
    if not steps or value is None:
        return value
    step, *rest = steps
    taken = _STEP.fullmatch(step)
    assert taken is not None, step  # noqa: S101 - the paths are in our own file, and every one is run by a test
    found = value.get(taken["name"]) if isinstance(value, Mapping) else None
    if taken["many"]:
        return [_at(one, rest) for one in found or []]
    if taken["place"] is not None:
        place = int(taken["place"])
        found = found[place] if found and place < len(found) else None
    return _at(found, rest)


def _case(assistant_id: str, line: Mapping[str, Any], shared: Mapping[str, Any]) -> Case:
    if "input" in line:
        return Case(line["id"], {**shared, **line["input"]}, line["expected"], tuple(line.get("tags", ())))
    given, expected = _ADAPTERS[assistant_id](line)
    return Case(line["id"], given, expected, (line["category"],))


def _reply(line: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    given = {name: line[name] for name in ("subject", "sender", "body", "is_automatic", "received_on")}
    expected: dict[str, Any] = {"reply_class": {"is": line["category"], "accept": line["accept"]}}
    if "until" in line:
        expected["until"] = {"accept": [None if day == "None" else day for day in line["until"]]}
    return given, expected


def _recruitment(line: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    given = {name: line[name] for name in ("name", "website", "description")}
    return given, {"is_recruitment": line["expected"]}


def _country(line: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    expected: dict[str, Any] = {"country": {"accept": line["accept"]}}
    if "max_confidence" in line:
        expected["confidence"] = [0.0, line["max_confidence"]]
    return {"location": line["location"]}, expected


_ADAPTERS: Mapping[str, Callable[[Mapping[str, Any]], tuple[dict[str, Any], dict[str, Any]]]] = {
    "classify_reply": _reply,
    "classify_recruitment": _recruitment,
    "country_classify": _country,
}
"""Readers of the sets that are older than the one form."""
