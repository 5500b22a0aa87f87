"""Load graphs. This is the only door from a registry row to its code.

A row that cannot be loaded breaks its own assistant and nothing else. Every failure of a graph module leaves here as
`GraphUnavailable` with the reason.
"""

import importlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeGuard

from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel
from langgraph.types import Checkpointer
from pydantic import BaseModel, ConfigDict

from agentic_sales.errors import GraphUnavailable
from agentic_sales.registry import GraphSpec

Graph = CompiledStateGraph[Any, Any, Any, Any]


@dataclass(frozen=True, slots=True)
class LoadedGraph:
    """A row's code, imported and compiled."""

    row: GraphSpec
    """The row that named it."""
    module: ModuleType
    """Module that defines the graph."""
    graph: Graph
    """The compiled graph, with the checkpointer attached when one was given."""
    input_type: type[BaseModel]
    """Type of the input: the graph's own schema, or the module's `Input`, else `AnyObject`."""
    output_type: type[BaseModel]
    """The documented part of the final state: the graph's own schema, or the module's `Output`, else `AnyObject`."""


class AnyObject(BaseModel):
    """Type of the input or output of a graph without a pydantic schema."""

    model_config = ConfigDict(extra="allow")


def load_graph(row: GraphSpec, checkpointer: Checkpointer = None) -> LoadedGraph:
    """Import a row's module and compile its graph.

    Args:
        row: The registry row.
        checkpointer: Attached through the row's builder; None compiles without persistence.

    Raises:
        GraphUnavailable: The module does not import, lacks what the row names, or the builder fails.
    """
    module = _import(row)
    graph = _compile(row, module, checkpointer)
    return LoadedGraph(
        row=row,
        module=module,
        graph=graph,
        input_type=_model(graph, module, "input_schema", "Input"),
        output_type=_model(graph, module, "output_schema", "Output"),
    )


def load_graphs(rows: Iterable[GraphSpec]) -> tuple[Mapping[str, LoadedGraph], Mapping[str, GraphUnavailable]]:
    """Load every row that loads; return those graphs, and the reason of each that does not, by `assistant_id`."""
    loaded: dict[str, LoadedGraph] = {}
    broken: dict[str, GraphUnavailable] = {}
    for row in rows:
        try:
            loaded[row.assistant_id] = load_graph(row)
        except GraphUnavailable as exc:
            broken[row.assistant_id] = exc
    return loaded, broken


def _import(row: GraphSpec) -> ModuleType:
    try:
        return importlib.import_module(row.module)
    except Exception as exc:
        raise _unavailable(row, f"importing `{row.module}` raised {type(exc).__name__}: {exc}") from exc


def _compile(row: GraphSpec, module: ModuleType, checkpointer: Checkpointer) -> Graph:
    if row.builder_attr is None or checkpointer is None:
        return _compiled(row, module)
    builder = _attribute(row, module, row.builder_attr)
    try:
        graph = builder(checkpointer)
    except Exception as exc:
        raise _unavailable(row, f"`{row.module}.{row.builder_attr}` raised {type(exc).__name__}: {exc}") from exc
    return _checked(row, row.builder_attr, graph)


def _compiled(row: GraphSpec, module: ModuleType) -> Graph:
    return _checked(row, row.compiled_attr, _attribute(row, module, row.compiled_attr))


def _checked(row: GraphSpec, attr: str, graph: object) -> Graph:
    if not isinstance(graph, Pregel):
        raise _unavailable(row, f"`{row.module}.{attr}` is a {type(graph).__name__}, not a compiled graph")
    return graph  # type: ignore[return-value]  # every compiled graph is a Pregel; the subclass only adds drawing


def _model(graph: Graph, module: ModuleType, schema: str, attr: str) -> type[BaseModel]:
    """Return a schema of a graph; where it was given none, the module's, or its state."""
    builder = getattr(graph, "builder", None)
    own, state = getattr(builder, schema, None), getattr(builder, "state_schema", None)
    if own is not None and own is not state:
        return own if is_model(own) else AnyObject
    return next(filter(is_model, (getattr(module, attr, None), state)), AnyObject)


def is_model(found: object) -> TypeGuard[type[BaseModel]]:
    """Say whether something found in a module is a pydantic model."""
    return isinstance(found, type) and issubclass(found, BaseModel)


def _attribute(row: GraphSpec, module: ModuleType, attr: str) -> Any:
    try:
        return getattr(module, attr)
    except AttributeError as exc:
        raise _unavailable(row, f"module `{row.module}` has no `{attr}`") from exc


def _unavailable(row: GraphSpec, reason: str) -> GraphUnavailable:
    return GraphUnavailable(row.assistant_id, reason)
