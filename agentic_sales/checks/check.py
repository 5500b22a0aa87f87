"""Check the control plane against the code, with every row, route and generated file. Report all problems at once."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agentic_sales.checks.drawings import drawing_of
from agentic_sales.checks.langgraph_json import FILE_NAME, render_langgraph_json
from agentic_sales.checks.pools import pool_problems
from agentic_sales.checks.problems import Problem
from agentic_sales.checks.registries import rows_of, with_registry
from agentic_sales.checks.row_check import problems_of_graph, problems_of_unloadable
from agentic_sales.checks.schemas import schema_of
from agentic_sales.checks.workflow_list import FILE_NAME as README
from agentic_sales.checks.workflow_list import with_workflow_list
from agentic_sales.control import OWN_REGISTRY, build_control_plane, drawings_path, schemas_path
from agentic_sales.errors import ConfigurationError
from agentic_sales.registry import RegistryError, load_rows
from agentic_sales.settings import Settings
from agentic_sales.workers.loader import LoadedGraph, load_graphs

_GENERATE = "run `agentic-sales gen`"


def check_fleet(configuration: Settings, folder: Path) -> list[Problem]:
    """Check every registry of this deployment, its routes, and the files in a folder that follow from them."""
    problems = _contract_problems(configuration)
    for registry in (OWN_REGISTRY, *configuration.extra_registries):
        problems += _registry_problems(registry)
    problems += _langgraph_json_problems(configuration, folder)
    return [*problems, *_workflow_list_problems(folder), *pool_problems(folder)]


def check_registry(registry: str, configuration: Settings) -> list[Problem]:
    """Check the rows of one further registry, alone and among the other rows."""
    return _contract_problems(with_registry(configuration, registry)) + _registry_problems(registry)


def _contract_problems(configuration: Settings) -> list[Problem]:
    try:
        load_rows(configuration.extra_registries)
    except RegistryError as exc:
        return [Problem("registries", "GRAPHS", ", ".join(configuration.extra_registries), str(exc))]
    try:
        build_control_plane(configuration)
    except ConfigurationError as exc:
        overrides = ", ".join(f"{name}={value!r}" for name, value in configuration.routing_env.items())
        return [Problem("routing", "routes", overrides or "the defaults", str(exc))]
    return []


def _registry_problems(registry: str) -> list[Problem]:
    try:
        rows = rows_of(registry)
        path = schemas_path(registry)
    except ConfigurationError:  # `_contract_problems` has told it
        return []
    graphs, broken = load_graphs(rows.values())
    return [
        *(problem for name, error in broken.items() for problem in problems_of_unloadable(rows[name], error)),
        *_graph_problems(graphs, is_own=registry == OWN_REGISTRY),
        *_schema_problems(path, rows, graphs),
        *_drawing_problems(drawings_path(registry), graphs),
    ]


def _graph_problems(graphs: Mapping[str, LoadedGraph], *, is_own: bool) -> Iterator[Problem]:
    nodes: dict[str, set[str]] = {}
    for loaded in graphs.values():
        nodes.setdefault(loaded.row.module, set()).update(set(loaded.graph.nodes) - {"__start__"})
    for loaded in graphs.values():
        yield from problems_of_graph(loaded, nodes[loaded.row.module], is_own=is_own)


def _schema_problems(path: Path, rows: Iterable[str], graphs: Mapping[str, LoadedGraph]) -> Iterator[Problem]:
    written = _read_json(path)
    if written is None:
        yield Problem(path.name, "file", str(path), f"it is missing or not JSON; {_GENERATE}")
        return
    for assistant_id, loaded in graphs.items():
        if assistant_id not in written:
            yield Problem(assistant_id, "schema", "missing", f"`{path}` has no entry; {_GENERATE}")
        elif written[assistant_id] != schema_of(loaded):
            yield Problem(assistant_id, "schema", "out of step", f"`{path}` differs from Input or Output; {_GENERATE}")
    for assistant_id in sorted(written.keys() - set(rows)):
        yield Problem(assistant_id, "schema", "left over", f"`{path}` has an entry but no row; {_GENERATE}")


def _drawing_problems(path: Path, graphs: Mapping[str, LoadedGraph]) -> Iterator[Problem]:
    """Name the differences between a file and its graphs. Without a file nothing is drawn and nothing is wrong."""
    written = _read_json(path) or {}
    for assistant_id, loaded in graphs.items():
        if written and written.get(assistant_id) != drawing_of(loaded):
            yield Problem(assistant_id, "drawing", "out of step", f"`{path}` differs from the graph; {_GENERATE}")


def _langgraph_json_problems(configuration: Settings, folder: Path) -> Iterator[Problem]:
    try:
        rows = load_rows(configuration.extra_registries)
    except RegistryError:  # `_contract_problems` has told it
        return
    wanted = json.loads(render_langgraph_json(rows.values(), folder))
    written = _read_json(folder / FILE_NAME)
    if written is None and _is_expected(folder):
        advice = f"it is missing or not JSON; {_GENERATE} in the project's directory"
        yield Problem(FILE_NAME, "file", str(folder / FILE_NAME), advice)
    elif written is not None and written != wanted:
        yield Problem(FILE_NAME, "graphs", _differing(written, wanted), f"out of step with the registry; {_GENERATE}")


def _workflow_list_problems(folder: Path) -> Iterator[Problem]:
    readme = folder / README
    if readme.is_file() and with_workflow_list(text := readme.read_text(encoding="utf-8")) != text:
        yield Problem(
            README, "workflows", str(readme), f"the list differs from rows, routes or docstrings; {_GENERATE}"
        )


def _is_expected(folder: Path) -> bool:
    """Tell whether a folder is a repository of this package or has the file. An installed fleet needs none."""
    return (folder / OWN_REGISTRY.partition(".")[0]).is_dir() or (folder / FILE_NAME).exists()


def _differing(written: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    before, after = written.get("graphs", {}), wanted["graphs"]
    names = [name for name in {**after, **before} if before.get(name) != after.get(name)]
    return ", ".join(names) or "settings"


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
