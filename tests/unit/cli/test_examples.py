"""The examples of graphs under the watch: a line that blocks the event loop is named, and one that waits is not."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentic_sales.cli.examples import problems_of_example
from agentic_sales.registry import GraphSpec

Write = Callable[[str], GraphSpec]

GRAPH = """
import asyncio, time
from typing import TypedDict
from langgraph.graph import END, START, StateGraph

class State(TypedDict):
    x: int

EXAMPLE = {"x": 1}

async def pause(state: State) -> State:
    PAUSE
    return state

graph = StateGraph(State).add_node(pause).add_edge(START, "pause").add_edge("pause", END).compile()
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a graph of one node that pauses in a given way, and return its row."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def written(pause: str) -> GraphSpec:
        (tmp_path / "pausing_graph.py").write_text(GRAPH.replace("PAUSE", pause))
        return GraphSpec("pausing", "pausing_graph", builder_attr=None)

    yield written
    sys.modules.pop("pausing_graph", None)


def test_a_line_that_blocks_in_every_run_is_named(write: Write) -> None:
    [problem] = problems_of_example(write("time.sleep(0.4)"), "")
    assert (problem.row, problem.field, problem.is_required) == ("pausing", "EXAMPLE", False)
    assert problem.value.endswith("pausing_graph.py:12 pause")


def test_an_example_that_awaits_is_fine(write: Write) -> None:
    assert problems_of_example(write("await asyncio.sleep(0.2)"), "") == []
