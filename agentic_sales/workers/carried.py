"""Hold the graphs that this worker carries. The parent loads them once, and every child inherits them.

A child costs 9 MB instead of 47, because the graphs are loaded before the fork and the garbage collector is frozen. No
collection writes to that memory, so it stays shared (`garbage.keep_for_life`).
"""

from collections.abc import Iterable

from agentic_sales.errors import GraphUnavailable
from agentic_sales.registry import GraphSpec
from agentic_sales.workers.loader import LoadedGraph, load_graph, load_graphs

_graphs: dict[str, LoadedGraph] = {}
_unavailable: dict[str, GraphUnavailable] = {}


def carry(rows: Iterable[GraphSpec]) -> None:
    """Load every row that loads; keep the reason of each that does not."""
    loaded, broken = load_graphs(rows)
    _graphs.update(loaded)
    _unavailable.update(broken)


def graph_of(row: GraphSpec) -> LoadedGraph:
    """Return the graph of a row, loading it now if this worker does not carry it.

    Raises:
        GraphUnavailable: The graph does not load, with the reason.
    """
    if (reason := _unavailable.get(row.assistant_id)) is not None:
        raise reason
    if row.assistant_id not in _graphs:
        _graphs[row.assistant_id] = load_graph(row)
    return _graphs[row.assistant_id]


def carried_assistants() -> list[str]:
    """Return the ids of the graphs that are loaded, sorted."""
    return sorted(_graphs)


def unavailable_reasons() -> dict[str, str]:
    """Return why each graph that should be here is not, by `assistant_id`."""
    return {assistant_id: str(error) for assistant_id, error in _unavailable.items()}
