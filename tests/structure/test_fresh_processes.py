"""What a process loads: the control plane is nearly free, and only a worker carries a graph."""

import json
import sys

import pytest

from tests.structure.sources import in_fresh_process, modules_loaded_by, run_python

OURS = {"agentic_sales", "agentic_sales.registry", "agentic_sales.routing", "agentic_sales.flows"}
GRAPH_LIBRARIES = {"langchain", "langchain_core", "langgraph"}


def third_parties(modules: set[str]) -> set[str]:
    """Return the top-level packages that are neither ours nor the standard library's."""
    return {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"agentic_sales"}


def graphs_among(modules: set[str]) -> set[str]:
    """Return the graphs, and the libraries that only a graph needs."""
    return {name for name in modules if name.startswith("agentic_sales.graphs")} | (
        third_parties(modules) & GRAPH_LIBRARIES
    )


def test_the_control_plane_loads_the_standard_library_alone() -> None:
    loaded = modules_loaded_by("agentic_sales.registry", "agentic_sales.routing", "agentic_sales.flows")
    assert third_parties(loaded) == set()
    assert {name for name in loaded if name.startswith("agentic_sales")} == OURS


@pytest.mark.parametrize(
    "module",
    [
        pytest.param("agentic_sales.facade.server", id="the facade"),
        pytest.param("agentic_sales.celery", id="the Celery app"),
        pytest.param("agentic_sales.workers.task", id="the tasks, as beat and Flower load them"),
        pytest.param("agentic_sales.client", id="the client"),
        pytest.param("agentic_sales.cli.main", id="the command line"),
        pytest.param("agentic_sales.checks.langgraph_json", id="the writer of langgraph.json"),
    ],
)
def test_only_a_worker_carries_a_graph(module: str) -> None:
    assert graphs_among(modules_loaded_by(module)) == set()


def test_tracing_that_is_off_starts_no_thread_and_imports_no_exporter() -> None:
    code = """
import asyncio, json, sys, threading
import agentic_sales.facade.server, agentic_sales.workers.child.process, agentic_sales.workers.task
from agentic_sales.observability.plane import close_plane, open_plane
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.ledger import Claim, Outcome
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.settings import settings
from agentic_sales.workers.loader import load_graph
from agentic_sales.workers.child.traced import traced, traced_config

async def run():
    row = GraphSpec("echo", "tests.workflows.echo")
    with traced(row, Claim("r", 1, False, {}, parse_inbound({})), queue="core") as trace:
        await load_graph(row).graph.ainvoke({"x": 1}, traced_config({}))
        trace.end(Outcome("r", "success", b"{}", None))

open_plane(settings(), "worker")
asyncio.run(run())
close_plane()
print(json.dumps([[thread.name for thread in threading.enumerate()], sorted(sys.modules)]))
"""
    threads, modules = in_fresh_process(code)
    assert threads == ["MainThread"]
    # redis-py imports a part of the SDK wherever it is installed; nothing that could record or send is loaded.
    unwanted = ("opentelemetry.sdk.trace.export", "opentelemetry.exporter", "opentelemetry.instrumentation")
    assert [name for name in modules if name.startswith(unwanted)] == []


def test_resolving_every_route_loads_no_graph() -> None:
    code = """
import json, sys
from agentic_sales.control import control_plane
plane = control_plane()
for assistant_id in plane.rows: plane.decide(assistant_id)
print(json.dumps(sorted(sys.modules)))
"""
    assert graphs_among(set(in_fresh_process(code))) == set()


@pytest.mark.parametrize("flags", [(), ("-O",), ("-OO",)], ids=["plain", "-O", "-OO"])
def test_two_rows_with_one_id_stop_the_import_and_both_are_named(flags: tuple[str, ...]) -> None:
    code = """
import json
from agentic_sales.registry import GraphSpec, RegistryError, index_rows
try:
    index_rows([GraphSpec("twin", "acme.first")], [GraphSpec("twin", "acme.second")])
except RegistryError as error:
    print(json.dumps(str(error)))
"""
    told = in_fresh_process(code, *flags)
    assert "`twin`" in told
    assert "acme.first" in told
    assert "acme.second" in told


@pytest.mark.parametrize("flags", [(), ("-O",), ("-OO",)], ids=["plain", "-O", "-OO"])
def test_two_pools_with_one_assistant_stop_the_start(flags: tuple[str, ...]) -> None:
    overrides = {"EMAIL_WORKER_ASSISTANTS": "+deep_scrape"}
    code = f"from agentic_sales.routing import build_routes; build_routes({json.dumps(overrides)})"
    finished = run_python(code, *flags)
    assert finished.returncode != 0
    assert "RoutingError: `deep_scrape` is listed by EMAIL_WORKER_ASSISTANTS and by DISCOVERY_" in finished.stderr


def test_celery_finds_the_app_by_the_name_of_the_package() -> None:
    code = """
import json
from celery.app.utils import find_app
app = find_app("agentic_sales")
print(json.dumps([app.main, app.conf.task_serializer]))
"""
    assert in_fresh_process(code) == ["agentic_sales", "json"]
