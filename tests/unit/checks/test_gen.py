"""The generated files follow from the rows, and are written only whole."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agentic_sales.checks.drawings import render_drawings
from agentic_sales.checks.generate import generate_beside
from agentic_sales.checks.langgraph_json import render_langgraph_json
from agentic_sales.errors import ConfigurationError
from agentic_sales.registry import BY_ID, GRAPHS, GraphSpec
from agentic_sales.settings import child_environment
from agentic_sales.workers.loader import load_graphs
from tests.support.team import Team, team

__all__ = ["team"]  # pytest finds the fixture here

PROJECT = Path(__file__).parents[3]


def generated(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run what `make gen-langgraph-json` runs, in a folder."""
    command = [sys.executable, "-m", "agentic_sales.checks.langgraph_json"]
    return subprocess.run(
        command, cwd=folder, env=child_environment(environment), capture_output=True, text=True, check=False
    )


def test_langgraph_json_names_every_row_in_order_by_file_and_attribute() -> None:
    content = json.loads(render_langgraph_json(GRAPHS, PROJECT))
    assert list(content["graphs"]) == list(BY_ID)
    assert content["graphs"]["email_compose"] == "./agentic_sales/graphs/email_compose.py:graph"
    assert content["dependencies"] == ["."]


def test_a_row_is_named_by_its_module_where_its_package_is_not_beside_the_file(tmp_path: Path) -> None:
    rows = [GraphSpec("greet", "acme.sales.greet", compiled_attr="greeter")]
    assert json.loads(render_langgraph_json(rows, tmp_path))["graphs"] == {"greet": "acme.sales.greet:greeter"}


def test_extra_registries_follow_in_the_order_given(team: Team, tmp_path: Path) -> None:
    second = Team(tmp_path)
    second.write(row='GraphSpec("wave", "{package}.greet")')
    registries = f"{second.registry},{team.registry}"
    assert generated(tmp_path, AGENTIC_SALES_EXTRA_REGISTRIES=registries).returncode == 0
    content = json.loads((tmp_path / "langgraph.json").read_text())
    assert list(content["graphs"]) == [*BY_ID, "wave", "greet"]
    assert content["graphs"]["greet"] == f"./{team.package}/greet.py:graph"


def test_langgraph_json_is_generated_also_when_a_graph_is_broken(team: Team, tmp_path: Path) -> None:
    team.write(graph="raise RuntimeError('broken')")
    assert generated(tmp_path, AGENTIC_SALES_EXTRA_REGISTRIES=team.registry).returncode == 0
    assert "greet" in json.loads((tmp_path / "langgraph.json").read_text())["graphs"]


def test_generating_langgraph_json_imports_no_graph_and_no_langgraph(tmp_path: Path) -> None:
    program = (
        "import sys; from agentic_sales.checks.langgraph_json import main; main(); "
        "sys.exit(any(name.startswith(('langgraph', 'agentic_sales.graphs.')) for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False).returncode == 0


def test_a_wrong_registry_ends_the_generation_with_one_line(tmp_path: Path) -> None:
    ended = generated(tmp_path, AGENTIC_SALES_EXTRA_REGISTRIES="no.such.registry")
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("extra registry `no.such.registry` cannot be imported")


def test_schemas_are_sorted_described_and_end_with_a_newline(team: Team) -> None:
    assert generate_beside(team.registry) == [team.schemas, team.schemas.with_name("graphs.json")]
    text = team.schemas.read_text()
    content = json.loads(text)
    assert text == json.dumps(content, indent=2, sort_keys=True) + "\n"
    assert content["greet"]["input"]["properties"]["name"]["description"] == "Who is greeted."
    assert content["greet"]["input"]["additionalProperties"] is False
    assert content["greet"]["output"]["properties"].keys() == {"greeting"}


def test_schemas_hold_the_rows_of_their_own_registry_only(team: Team) -> None:
    generate_beside(team.registry)
    assert json.loads(team.schemas.read_text()).keys() == {"greet"}


def test_drawings_name_the_nodes_the_edges_and_the_subgraphs() -> None:
    graphs, _ = load_graphs([GraphSpec("ask_below", "tests.workflows.ask_below")])
    drawing = json.loads(render_drawings(graphs.values()))["ask_below"]
    assert [node["id"] for node in drawing["graph"]["nodes"]] == ["__start__", "below", "__end__"]
    assert {"source": "__start__", "target": "below", "conditional": False} in drawing["graph"]["edges"]
    assert {"below:draft", "below:ask", "below:finish"} <= {node["id"] for node in drawing["xray"]["nodes"]}
    assert drawing["subgraphs"]["below"]["input_schema"]["properties"].keys() >= {"topic", "questions"}


def test_schemas_are_not_written_when_a_graph_does_not_load(team: Team) -> None:
    generate_beside(team.registry)
    before = team.schemas.read_text()
    team.write(row='GraphSpec("greet", "{package}.gone"), GraphSpec("wave", "{package}.also_gone")')
    for name in [name for name in sys.modules if name.startswith(f"{team.package}.")]:
        del sys.modules[name]
    with pytest.raises(ConfigurationError, match=r"`greet` cannot be loaded.*`wave` cannot be loaded"):
        generate_beside(team.registry)
    assert team.schemas.read_text() == before


def test_a_generated_file_does_not_change_when_it_is_generated_again(team: Team) -> None:
    generate_beside(team.registry)
    before = shutil.copy(team.schemas, team.folder / "before.json")
    generate_beside(team.registry)
    assert team.schemas.read_bytes() == Path(before).read_bytes()
