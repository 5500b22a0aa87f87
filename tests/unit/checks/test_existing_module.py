"""A LangGraph module that was written for something else registers by its row alone."""

from typing import Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph

from agentic_sales.checks.check import check_registry
from agentic_sales.checks.generate import generate_beside
from agentic_sales.checks.schemas import derived_schema, schema_of
from agentic_sales.control import UNCHECKED, build_control_plane
from agentic_sales.errors import InvalidInput
from agentic_sales.facade.runs.validation import InputValidator
from agentic_sales.registry import GraphSpec
from agentic_sales.settings import Settings
from agentic_sales.workers.loader import load_graph
from tests.support.team import Team, team

__all__ = ["team"]

ROWS = """GraphSpec("chat", "{package}.greet", builder_attr=None),
GraphSpec("count", "{package}.greet", compiled_attr="counter", builder_attr=None)"""
MODULE = """
from typing import TypedDict

from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import BaseModel


def answer(state: MessagesState):
    return {"messages": [("ai", f"You said {state['messages'][-1].content}")]}


chat = StateGraph(MessagesState)
chat.add_node("answer", answer)
chat.add_edge(START, "answer")
chat.add_edge("answer", END)
graph = chat.compile()


class Numbers(BaseModel):
    numbers: list[int]
    total: int = 0


def add(state: Numbers):
    return {"total": sum(state.numbers)}


count = StateGraph(Numbers)
count.add_node("add", add)
count.add_edge(START, "add")
count.add_edge("add", END)
counter = count.compile()
"""
SAID: dict[str, Any] = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
def existing(team: Team) -> Team:
    """A registry with two rows for the two graphs of one module, which knows nothing of this fleet."""
    team.write(row=ROWS, graph=MODULE)
    (team.folder / "greet.md").unlink()
    generate_beside(team.registry)
    return team


def spec(team: Team, name: str, attr: str) -> GraphSpec:
    """Return the row of one of its graphs."""
    return GraphSpec(name, f"{team.package}.greet", compiled_attr=attr, builder_attr=None)


def test_it_has_nothing_to_mend_and_is_told_what_is_recommended(existing: Team) -> None:
    problems = check_registry(existing.registry, Settings())
    assert [problem for problem in problems if problem.is_required] == []
    assert {problem.field for problem in problems} == {"module", "EXAMPLE"}


def test_each_of_its_graphs_has_the_schema_of_its_own_state(existing: Team) -> None:
    settings = Settings.model_validate({"AGENTIC_SALES_EXTRA_REGISTRIES": existing.registry})
    schemas = build_control_plane(settings).schemas
    assert set(schemas["chat"]["input"]["properties"]) == {"messages"}
    assert schemas["chat"]["input"][UNCHECKED]
    assert set(schemas["count"]["input"]["properties"]) == {"numbers", "total"}


def test_the_door_takes_every_form_that_langgraph_takes_and_holds_a_model_against_its_input(existing: Team) -> None:
    settings = Settings.model_validate({"AGENTIC_SALES_EXTRA_REGISTRIES": existing.registry})
    door = InputValidator(build_control_plane(settings))
    door.check("chat", SAID)
    door.check("count", {"numbers": [1, 2]})
    with pytest.raises(InvalidInput, match="numbers"):
        door.check("count", {"numbers": "one"})


async def test_its_graphs_run(existing: Team) -> None:
    chat = load_graph(spec(existing, "chat", "graph"))
    chat.input_type.model_validate(SAID)
    assert (await chat.graph.ainvoke(SAID))["messages"][-1].content == "You said hello"
    counted = load_graph(spec(existing, "count", "counter"))
    assert counted.input_type.__name__ == "Numbers"
    assert (await counted.graph.ainvoke({"numbers": [1, 2]}))["total"] == 3


def test_a_state_that_is_a_typed_dict_is_told_with_its_fields() -> None:
    loaded = load_graph(GraphSpec("loud", "tests.workflows.existing", compiled_attr="loud", builder_attr=None))
    told = schema_of(loaded)["input"]
    assert (set(told["properties"]), told[UNCHECKED]) == ({"text", "said"}, True)


class Handle:
    """A class that has no JSON form."""


class Held(TypedDict):
    """A state that holds one."""

    handle: Handle


def test_a_typed_dict_that_has_no_json_form_is_any_object_and_a_subgraphs_schema_carries_no_mark() -> None:
    odd: Any = StateGraph(Held).add_node("keep", lambda _: {}).add_edge(START, "keep").compile()
    assert derived_schema(odd, "input") == {"type": "object"}
    loaded = load_graph(GraphSpec("loud", "tests.workflows.existing", compiled_attr="loud", builder_attr=None))
    assert UNCHECKED not in derived_schema(loaded.graph, "output")
