"""Write `graphs.json` beside a registry with the nodes and edges of every assistant. The facade then needs no graph.

This is a build step that does load the graphs. Without the file the facade starts and draws nothing.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from langchain_core.runnables.graph import Graph as Drawn

from agentic_sales.checks.schemas import derived_schema
from agentic_sales.control import drawings_path
from agentic_sales.workers.loader import Graph, LoadedGraph


def drawing_of(loaded: LoadedGraph) -> dict[str, Any]:
    """Return the drawing of a graph, the same with its subgraphs unfolded, and the schemas of its subgraphs."""
    return {
        "graph": _told(loaded.graph.get_graph()),
        "xray": _told(loaded.graph.get_graph(xray=True)),
        "subgraphs": {name: _schemas(graph) for name, graph in loaded.graph.get_subgraphs(recurse=True)},
    }


def _told(drawn: Drawn) -> dict[str, Any]:
    """Tell nodes and edges by their names alone. LangGraph's classes would change the file with every release."""
    nodes = [{"id": node.id, "type": "runnable", "data": {"name": node.name}} for node in drawn.nodes.values()]
    return {"nodes": nodes, "edges": [_edge(*edge) for edge in drawn.edges]}


def _edge(source: str, target: str, data: Any, conditional: bool) -> dict[str, Any]:  # noqa: FBT001 - LangChain's tuple
    told: dict[str, Any] = {"source": source, "target": target, "conditional": conditional}
    return told if data is None else {**told, "data": str(data)}


def _schemas(graph: Any) -> dict[str, Any]:
    drawn: Graph = graph
    return {"input_schema": derived_schema(drawn, "input"), "output_schema": derived_schema(drawn, "output")}


def render_drawings(graphs: Iterable[LoadedGraph]) -> str:
    """Return the content of `graphs.json` for these graphs. It is sorted, so it changes only when a graph does."""
    drawings: Mapping[str, Any] = {loaded.row.assistant_id: drawing_of(loaded) for loaded in graphs}
    return json.dumps(drawings, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_drawings(registry_module: str, graphs: Iterable[LoadedGraph]) -> Path:
    """Write `graphs.json` beside a registry module; return its path.

    Raises:
        ConfigurationError: The module cannot be found.
    """
    path = drawings_path(registry_module)
    path.write_text(render_drawings(graphs), encoding="utf-8")
    return path
