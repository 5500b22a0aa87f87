"""Run a graph in process, by its rules alone or against a scripted model server over real HTTP."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.graph.state import CompiledStateGraph

from agentic_sales.llm.ask import ModelOutput
from agentic_sales.llm.providers import close_models
from agentic_sales.settings import settings
from tests.support.model_server import ModelRequest, Reply, model_server

Graph = CompiledStateGraph[Any, Any, Any, Any]
_MODEL_VARIABLES = ("MODEL", "MODEL_DEEP", "MODEL_FALLBACK", "MODEL_TIMEOUT_S", "MODEL_MAX_TRIES")


@dataclass(frozen=True)
class Run:
    """A finished run."""

    final: Mapping[str, Any]
    """The final state."""
    requests: Sequence[ModelRequest]
    """What the model was asked, in order."""


async def run_by_rules(graph: Graph, given: Mapping[str, Any], **variables: str) -> Mapping[str, Any]:
    """Run with no model configured."""
    return (await _run(graph, given, variables)).final


async def run_with_model(graph: Graph, given: Mapping[str, Any], *replies: Reply, **variables: str) -> Run:
    """Run against a model that gives these replies in order, each once."""
    with model_server(replies) as server:
        finished = await _run(graph, given, {**server.env, "AGENTIC_SALES_MODEL_MAX_TRIES": "1", **variables})
        return Run(finished.final, server.requests)


async def _run(graph: Graph, given: Mapping[str, Any], variables: Mapping[str, str]) -> Run:
    with pytest.MonkeyPatch.context() as environment:
        for name in _MODEL_VARIABLES:
            environment.delenv(f"AGENTIC_SALES_{name}", raising=False)
        for name, value in variables.items():
            environment.setenv(name, value)
        settings.cache_clear()
        try:
            final = await graph.ainvoke(dict(given))
        finally:
            await close_models()
            settings.cache_clear()
    return Run(final, ())


def assert_is_complete(final: Mapping[str, Any], output: type[ModelOutput]) -> None:
    """Check that a final state has every documented key and crosses HTTP as it is."""
    assert output.model_fields.keys() <= final.keys()
    assert json.loads(json.dumps(final)) == dict(final)
    output.model_validate({name: final[name] for name in output.model_fields})
