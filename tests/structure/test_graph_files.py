"""What DESIGN.md section 6 asks of a graph's author, for every graph: the pair, the order of the file, its models."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

import grimp
import pytest

from agentic_sales.llm.ask import ModelOutput
from agentic_sales.registry import EFFECTS, GraphSpec
from tests.structure.rows import GRAPH_FILES, each_graph, load, nodes_of, prompts_of, source_of
from tests.structure.sources import GRAPHS_FOLDER, PACKAGE, dotted, name_of, tree_of

MOST_LINES = 150
FETCHER = "agentic_sales.sources.web"
_ROUTE = re.compile(r"START\s*→.*?→\s*END", re.DOTALL)
_NODE = re.compile(r"[a-z_][a-z0-9_]*")
_ENDS = {"START": "__start__", "END": "__end__"}


@pytest.fixture(scope="module")
def import_graph() -> grimp.ImportGraph:
    """Who imports whom in the package."""
    return grimp.build_graph(PACKAGE.name)


@each_graph
def test_a_row_names_a_file_in_graphs(row: GraphSpec) -> None:
    assert source_of(row).parent == GRAPHS_FOLDER
    assert source_of(row).is_file()


def test_nothing_lives_in_graphs_but_the_files_of_rows() -> None:
    wanted = {GRAPHS_FOLDER / "__init__.py", *map(source_of, GRAPH_FILES), *map(prompts_of, GRAPH_FILES)}
    found = {path for path in GRAPHS_FOLDER.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {name_of(path) for path in found - wanted} == set()


@each_graph
def test_a_graph_has_a_file_of_prompts_if_and_only_if_it_asks_a_model(row: GraphSpec) -> None:
    asks = any(isinstance(n, ast.Call) and dotted(n.func) == "ask" for n in ast.walk(tree_of(source_of(row))))
    assert prompts_of(row).exists() == asks
    assert hasattr(load(row).module, "PROMPTS") == asks


@each_graph
def test_every_section_of_the_prompts_is_a_node(row: GraphSpec) -> None:
    assert set(getattr(load(row).module, "PROMPTS", {})) <= nodes_of(row)


@each_graph
def test_a_graph_reads_as_its_route_within_150_lines(row: GraphSpec) -> None:
    """Move tables and judgements to `rules/`, SQL to `store/`, HTTP to `sources/`, acts of a visit to `campaigns/`."""
    assert len(source_of(row).read_text(encoding="utf-8").splitlines()) <= MOST_LINES


@each_graph
def test_the_definitions_stand_in_the_agreed_order(row: GraphSpec) -> None:
    ranks = list(_ranks(row))
    found = [f"line {late.lineno} after line {early.lineno}" for (a, early), (b, late) in pairwise(ranks) if b < a]
    assert found == []
    assert {0, 3, 4, 5, 6, 7, 9} <= {rank for rank, _ in ranks}


def _ranks(row: GraphSpec) -> Iterator[tuple[int, ast.stmt]]:
    """Give each statement of a graph's file its place in the order.

    A literal belongs to what it documents. Tables of rules may stand beside the functions that read them.
    """
    shared = [other for other in GRAPH_FILES if other.module == row.module]
    fixed = {"Input": 3, "Output": 4, "State": 5, "EXAMPLE": 6}
    fixed |= dict.fromkeys((other.builder_attr or "build_graph" for other in shared), 8)
    fixed |= {other.compiled_attr: 9 for other in shared}
    is_after_example = False
    for index, node in enumerate(tree_of(source_of(row)).body):
        name = _defined_name(node)
        is_after_example = is_after_example or name == "EXAMPLE"
        if name in fixed:
            yield fixed[name], node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield 1, node
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield 7, node
        elif not isinstance(node, ast.Expr):
            yield (7 if is_after_example else 2), node
        elif index == 0:
            yield 0, node


def _defined_name(node: ast.stmt) -> str:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name
    if isinstance(node, ast.Assign):
        return dotted(node.targets[0])
    return dotted(node.target) if isinstance(node, ast.AnnAssign) else ""


@each_graph
def test_the_docstring_draws_the_route_through_the_nodes_of_the_graph(row: GraphSpec) -> None:
    routes = _ROUTE.findall(load(row).module.__doc__ or "")
    assert {name for route in routes for name in _NODE.findall(route)} == nodes_of(row)


@each_graph
def test_every_step_of_the_drawn_route_is_an_edge_of_the_graph(row: GraphSpec) -> None:
    edges = {(edge.source, edge.target) for edge in load(row).graph.get_graph().edges}
    steps = [
        (_ENDS.get(source, source), _ENDS.get(target, target))
        for route in _ROUTE.findall(load(row).module.__doc__ or "")
        for source, target in pairwise(step.strip() for step in route.split("→"))
        if source.isidentifier() and target.isidentifier()
    ]
    assert steps
    assert [step for step in steps if step not in edges] == []


@each_graph
def test_an_unknown_field_of_the_input_is_refused_and_every_field_is_described(row: GraphSpec) -> None:
    model = load(row).input_type
    assert model.model_config.get("extra") == "forbid"
    assert [name for name, info in model.model_fields.items() if not info.description] == []


@each_graph
def test_every_key_of_the_output_is_described_and_there_even_if_empty(row: GraphSpec) -> None:
    fields = load(row).output_type.model_fields
    assert [name for name, info in fields.items() if not info.description] == []
    assert [name for name, info in fields.items() if info.is_required()] == []


@each_graph
def test_the_state_holds_every_key_of_the_input_and_of_the_output(row: GraphSpec) -> None:
    loaded = load(row)
    documented = loaded.input_type.model_fields.keys() | loaded.output_type.model_fields.keys()
    assert documented - set(loaded.graph.output_channels) == set()


@each_graph
def test_an_answer_says_who_gave_it_if_and_only_if_a_model_can(row: GraphSpec) -> None:
    loaded = load(row)
    passes_on = any(hasattr(loaded.module, name) for name in ("run_assistant", "run_each"))
    says_who = issubclass(loaded.output_type, ModelOutput)
    assert says_who == hasattr(loaded.module, "PROMPTS") or (says_who and passes_on)


@each_graph
def test_every_node_is_an_async_function_of_the_file(row: GraphSpec) -> None:
    functions = {n.name for n in tree_of(source_of(row)).body if isinstance(n, ast.AsyncFunctionDef)}
    assert nodes_of(row) - functions == set()


@each_graph
def test_a_node_writes_only_keys_that_the_state_declares(row: GraphSpec) -> None:
    declared = set(load(row).graph.output_channels)
    nodes = [n for n in tree_of(source_of(row)).body if isinstance(n, ast.AsyncFunctionDef) and n.name in nodes_of(row)]
    assert {key for node in nodes for key in _returned_keys(node)} - declared == set()


def _returned_keys(node: ast.AsyncFunctionDef) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Return) and isinstance(part.value, ast.Dict):
            yield from (str(key.value) for key in part.value.keys if isinstance(key, ast.Constant))


@each_graph
def test_a_graph_that_reads_the_web_says_so_and_cannot_send(row: GraphSpec, import_graph: grimp.ImportGraph) -> None:
    chain = import_graph.find_shortest_chain(importer=row.module, imported=FETCHER)
    assert chain is None or (EFFECTS.index(row.effect) >= EFFECTS.index("read") and row.effect != "send"), chain


@each_graph
def test_a_builder_attaches_the_checkpointer_that_it_is_given(row: GraphSpec) -> None:
    if row.builder_attr is not None:
        builder = getattr(load(row).module, row.builder_attr)
        assert builder(checkpointer=False).checkpointer is False
        assert builder().checkpointer is None
