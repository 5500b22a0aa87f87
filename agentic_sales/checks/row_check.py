"""Check one registry row against its code. It finds everything that a wrong row or a wrong graph can break."""

import ast
import inspect
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import ModuleType

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.pregel import Pregel
from pydantic import ValidationError

from agentic_sales.checks.effects import effect_problems
from agentic_sales.checks.placeholders import placeholder_problems, prompt_section
from agentic_sales.checks.problems import Problem
from agentic_sales.errors import GraphUnavailable
from agentic_sales.registry import GraphSpec
from agentic_sales.workers.loader import LoadedGraph, is_model
from agentic_sales.workers.state_types import types_of_graph

_PROMPTS = "PROMPTS"
_UNNAMED = "LangGraph"
"""The name of a graph that was compiled without one."""


def problems_of_unloadable(row: GraphSpec, error: GraphUnavailable) -> Iterator[Problem]:
    """Name the fields of a row that keep its graph from loading."""
    module = sys.modules.get(row.module)
    if module is None:
        yield Problem(row.assistant_id, "module", row.module, f"{error}; mend the module, or the row's path")
        return
    graph = getattr(module, row.compiled_attr, None)
    if not isinstance(graph, Pregel):
        advice = f"in `{row.module}` it is {_kind(graph)}, not a compiled graph; mend the row or the module"
        yield Problem(row.assistant_id, "compiled_attr", row.compiled_attr, advice)
    yield from _builder_problems(row, module)


def problems_of_graph(loaded: LoadedGraph, nodes: Collection[str], *, is_own: bool) -> Iterator[Problem]:
    """Name the problems of a row with a graph that loads.

    Args:
        loaded: The row and its code.
        nodes: Nodes of every graph in the module. Two rows may share one.
        is_own: The row is in this fleet's own registry. Elsewhere an existing graph may say less of itself.
    """
    yield from _missing_problems(loaded, is_own=is_own)
    yield from _builder_problems(loaded.row, loaded.module)
    yield from _name_problems(loaded)
    yield from _prompt_problems(loaded, nodes)
    yield from placeholder_problems(loaded.row, loaded.module)
    yield from _input_problems(loaded)
    yield from _example_problems(loaded)
    yield from _output_problems(loaded)
    yield from effect_problems(loaded.row, loaded.module)
    yield from _state_problems(loaded)


def _kind(found: object) -> str:
    return "missing" if found is None else f"a {type(found).__name__}"


def _builder_problems(row: GraphSpec, module: ModuleType) -> Iterator[Problem]:
    attr = row.builder_attr
    if attr is None:
        return
    builder = getattr(module, attr, None)
    if not callable(builder):
        advice = f"in `{row.module}` it is {_kind(builder)}, not a function; mend the row, or set None for no builder"
        yield Problem(row.assistant_id, "builder_attr", attr, advice)
    elif not _takes_checkpointer(builder):
        advice = f"its signature is {inspect.signature(builder)}; make it (checkpointer=None)"
        yield Problem(row.assistant_id, "builder_attr", attr, advice)
    else:
        yield from _attaching_problems(row, attr, builder)


def _takes_checkpointer(builder: Callable[..., object]) -> bool:
    signature = inspect.signature(builder)
    try:
        signature.bind(None)
        signature.bind(checkpointer=None)
    except TypeError:
        return False
    return True


def _attaching_problems(row: GraphSpec, attr: str, builder: Callable[..., object]) -> Iterator[Problem]:
    saver = InMemorySaver()
    try:
        graph = builder(saver)
    except Exception as exc:  # noqa: BLE001 - whatever a graph's module raises is the finding
        yield Problem(row.assistant_id, "builder_attr", attr, f"it raised {type(exc).__name__}: {exc}; mend it")
        return
    if not isinstance(graph, Pregel):
        yield Problem(
            row.assistant_id, "builder_attr", attr, f"it returns {_kind(graph)}, not a compiled graph; mend it"
        )
    elif graph.checkpointer is not saver:
        advice = "it ignores its checkpointer; give it to `compile(checkpointer=…)`, or set builder_attr to None"
        yield Problem(row.assistant_id, "builder_attr", attr, advice)


def _name_problems(loaded: LoadedGraph) -> Iterator[Problem]:
    name, assistant_id = loaded.graph.get_name(), loaded.row.assistant_id
    if name not in {assistant_id, _UNNAMED}:
        advice = f'traces would show two names; write `compile(name="{assistant_id}")`'
        yield Problem(assistant_id, "name", name, advice)


def _prompt_problems(loaded: LoadedGraph, nodes: Collection[str]) -> Iterator[Problem]:
    row, module = loaded.row, loaded.module
    file = Path(module.__file__ or row.module).with_suffix(".md")
    prompts = getattr(module, _PROMPTS, None)
    if prompts is None:
        if file.exists():
            advice = f"nothing reads it; add `{_PROMPTS} = load_prompts(__file__)` or remove the file"
            yield Problem(row.assistant_id, "prompts", file.name, advice)
        return
    for section in sorted(set(prompts) - set(nodes)):
        advice = f"`{file.name}` has this section, but the graph has no such node (it has {', '.join(sorted(nodes))})"
        yield Problem(row.assistant_id, "prompts", section, f"{advice}; rename one of them")
    for section in sorted(_sections_used(module) - set(prompts)):
        advice = f"the module asks for this section, which `{file.name}` does not have; add it"
        yield Problem(row.assistant_id, "prompts", section, advice)


def _sections_used(module: ModuleType) -> set[str]:
    """Find every `PROMPTS["section"]` in the module's source."""
    sections = map(prompt_section, ast.walk(ast.parse(inspect.getsource(module))))
    return {section for section in sections if section is not None}


def _missing_problems(loaded: LoadedGraph, *, is_own: bool) -> Iterator[Problem]:
    row, module = loaded.row, loaded.module
    for attr in ("Input", "Output"):
        if not is_model(found := getattr(module, attr, None)):
            advice = f"its `{attr}` is {_kind(found)}; define it as a pydantic model"
            yield Problem(row.assistant_id, "module", row.module, advice, is_required=is_own)
    if not isinstance(example := getattr(module, "EXAMPLE", None), dict):
        advice = "define EXAMPLE, an input that runs to the end without a model"
        yield Problem(row.assistant_id, "EXAMPLE", repr(example), advice, is_required=is_own)


def _input_problems(loaded: LoadedGraph) -> Iterator[Problem]:
    assistant_id, model = loaded.row.assistant_id, loaded.input_type
    if model is not getattr(loaded.module, "Input", None):
        return
    if model.model_config.get("extra") != "forbid":
        found = repr(model.model_config.get("extra"))
        advice = 'a misspelt field would be lost; set model_config = ConfigDict(extra="forbid")'
        yield Problem(assistant_id, "Input.extra", found, advice)
    for name, info in model.model_fields.items():
        if not info.description:
            yield Problem(assistant_id, f"Input.{name}", "undescribed", "give it Field(description=…)")


def _example_problems(loaded: LoadedGraph) -> Iterator[Problem]:
    assistant_id, example = loaded.row.assistant_id, getattr(loaded.module, "EXAMPLE", None)
    if not isinstance(example, dict):
        return
    try:
        loaded.input_type.model_validate(example)
    except ValidationError as exc:
        for error in exc.errors():
            field = ".".join(("EXAMPLE", *map(str, error["loc"])))
            yield Problem(assistant_id, field, repr(error["input"]), f"{error['msg']}; mend EXAMPLE or Input")


def _output_problems(loaded: LoadedGraph) -> Iterator[Problem]:
    if loaded.output_type is not getattr(loaded.module, "Output", None):
        return
    assistant_id, kept = loaded.row.assistant_id, set(loaded.graph.output_channels)
    for name, info in loaded.output_type.model_fields.items():
        if name not in kept:
            yield Problem(assistant_id, f"Output.{name}", "undeclared", "no run can return it; declare it in State")
        if not info.description:
            yield Problem(assistant_id, f"Output.{name}", "undescribed", "give it Field(description=…)")
        if info.is_required():
            advice = "a documented key is returned even when it is empty; give it a default"
            yield Problem(assistant_id, f"Output.{name}", "required", advice)


def _state_problems(loaded: LoadedGraph) -> Iterator[Problem]:
    """Name the classes of a state that would come back from a checkpoint as something else."""
    if loaded.row.resumable:
        for name, advice in types_of_graph(loaded.graph, loaded.module).lost.items():
            yield Problem(loaded.row.assistant_id, "State", name, advice)
