"""Give the structure tests every row of the registry, with its code: a new row is picked up with no test edit."""

from functools import cache
from pathlib import Path

import pytest

from agentic_sales.registry import BY_ID, GraphSpec
from agentic_sales.workers.child.verticals import VERTICAL_ACTIVATION
from agentic_sales.workers.loader import LoadedGraph, load_graph
from tests.structure.sources import ROOT

ROWS = list(BY_ID.values())
each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.assistant_id)
GRAPH_FILES = [*ROWS, VERTICAL_ACTIVATION]
"""The rows of the registry, and the graph that has none."""
each_graph = pytest.mark.parametrize("row", GRAPH_FILES, ids=lambda row: row.assistant_id)


@cache
def load(row: GraphSpec) -> LoadedGraph:
    """Load a row's graph once for all tests."""
    return load_graph(row)


def source_of(row: GraphSpec) -> Path:
    """Return the file of a row's module, whether it is there or not."""
    return ROOT / f"{row.module.replace('.', '/')}.py"


def prompts_of(row: GraphSpec) -> Path:
    """Return the file of a row's prompts, whether it is there or not."""
    return source_of(row).with_suffix(".md")


def nodes_of(row: GraphSpec) -> set[str]:
    """Return the names of a row's nodes."""
    return set(load(row).graph.nodes) - {"__start__"}
