"""A state comes back from its checkpoint as what it was, also where its classes are a team's shared module's."""

import re
import sys
from collections import deque
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, TypedDict
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import Interrupt, Send

from agentic_sales.workers.child.revive import serializer_for
from agentic_sales.workers.child.saver import serializer
from agentic_sales.workers.state_types import StateTypes, types_of_graph
from tests.support.shared_types import EVERY_KIND, Company, Lead, Stage, State


class Other:
    """A namespace."""

    @dataclass
    class Site:
        """Has the name of another class."""

        url: str


class Same:
    """A namespace."""

    @dataclass
    class Site:
        """Has the same name as well."""

        url: str


class Socket:
    """Nothing that can be kept."""


class Odd(TypedDict):
    """A state that cannot be kept whole."""

    sockets: list[Socket]
    first: Other.Site
    second: Same.Site


def types_of_state(state: Any) -> StateTypes:
    """Return the classes that a graph with this state may hold."""
    builder = StateGraph(state)
    builder.add_node("node", lambda _: {})
    builder.add_edge(START, "node")
    builder.add_edge("node", END)
    return types_of_graph(builder.compile(), sys.modules[re.__name__])


@pytest.mark.parametrize("name", EVERY_KIND)
def test_an_object_of_a_shared_class_comes_back_as_what_it_was(name: str) -> None:
    value = EVERY_KIND[name]  # type: ignore[literal-required]  # every name of the state
    serializer = serializer_for(types_of_state(State).kinds)
    back = serializer.loads_typed(serializer.dumps_typed(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("holder", [Send("node", Lead("Ada")), Interrupt(value=[Company.Tier.TOP], id="an-id")])
def test_what_langgraph_keeps_holds_objects_of_shared_classes(holder: Any) -> None:
    serializer = serializer_for(types_of_state(State).kinds)
    assert serializer.loads_typed(serializer.dumps_typed(holder)) == holder


def test_a_class_that_no_annotation_names_is_not_made_again() -> None:
    serializer = serializer_for({})
    assert serializer.loads_typed(serializer.dumps_typed(Lead("Ada"))) == {"name": "Ada", "stage": "won", "key": "ada"}
    assert type(serializer.loads_typed(serializer.dumps_typed(Stage.WON))) is str


def test_what_a_checkpoint_cannot_keep_is_named_with_what_to_do() -> None:
    lost = types_of_state(Odd).lost
    assert sorted(lost) == [f"{__name__}.Same.Site", f"{__name__}.Socket"]
    assert "make it a dataclass" in lost[f"{__name__}.Socket"]
    assert "rename one" in lost[f"{__name__}.Same.Site"]
    assert types_of_state(State).lost == {}


@pytest.mark.parametrize(
    "value",
    [date(2026, 1, 2), Decimal("1.5"), IPv4Address("127.0.0.1"), Path("x"), uuid4(), ZoneInfo("UTC"), {1}, deque([1])],
    ids=lambda value: type(value).__name__,
)
def test_a_class_that_is_said_to_come_back_from_a_checkpoint_does(value: object) -> None:
    read_back = serializer().loads_typed(serializer().dumps_typed(value))
    assert (type(read_back), read_back) == (type(value), value)
