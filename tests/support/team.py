"""Write the package of a team that keeps its own registry: one row and one small graph, each part replaceable."""

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

_NUMBERS = count()

ROW = 'GraphSpec("greet", "{package}.greet", effect="pure")'
GRAPH = """
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, ConfigDict, Field

from agentic_sales.llm.prompts import load_prompts

PROMPTS = load_prompts(__file__)


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(description="Who is greeted.")


class Output(BaseModel):
    greeting: str = Field("", description="What is said.")


class State(Input, Output):
    pass


EXAMPLE = {"name": "Ada"}


async def say(state: State) -> dict[str, Any]:
    return {"greeting": PROMPTS["say"].render(name=state.name)}


def build_graph(checkpointer=None):
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(say)
    builder.add_edge(START, "say")
    builder.add_edge("say", END)
    return builder.compile(checkpointer=checkpointer)


graph = build_graph()
"""
PROMPTS = "For people.\n\n# say\n\nHello $name.\n"


class Team:
    """A package on disk that nothing has imported yet."""

    def __init__(self, folder: Path) -> None:
        self.package = f"team_{next(_NUMBERS)}"
        self.registry = f"{self.package}.registry"
        self.folder = folder / self.package
        self.folder.mkdir()
        self.write(ROW, GRAPH, PROMPTS)

    def write(self, row: str | None = None, graph: str | None = None, prompts: str | None = None) -> None:
        """Replace parts of the package."""
        if row is not None:
            rows = row.format(package=self.package)
            text = f"from agentic_sales.registry import GraphSpec\n\nGRAPHS = ({rows},)\n"
            (self.folder / "registry.py").write_text(text)
        if graph is not None:
            (self.folder / "greet.py").write_text(graph)
        if prompts is not None:
            (self.folder / "greet.md").write_text(prompts)

    def change_graph(self, old: str, new: str) -> None:
        """Replace one piece of the graph's code."""
        assert old in GRAPH
        self.write(graph=GRAPH.replace(old, new))

    @property
    def schemas(self) -> Path:
        """Where its schemas are generated."""
        return self.folder / "schemas.json"


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Team]:
    """Return a team's package that can be imported in this test, and forget it afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    team = Team(tmp_path)
    yield team
    for name in [name for name in sys.modules if name.partition(".")[0] == team.package]:
        del sys.modules[name]
