"""Compare the placeholders of every prompt with the values that its module gives to `ask`."""

import ast
import inspect
from collections.abc import Iterator, Mapping
from types import ModuleType

from agentic_sales.checks.problems import Problem
from agentic_sales.llm.ask import ask
from agentic_sales.llm.prompts import Prompt
from agentic_sales.registry import GraphSpec

_PROMPTS = "PROMPTS"
_OPTIONS = frozenset(inspect.signature(ask).parameters)


def placeholder_problems(row: GraphSpec, module: ModuleType) -> Iterator[Problem]:
    """Name the calls of `ask` that lack a value of their prompt or give a value without a placeholder."""
    prompts: Mapping[str, Prompt] = getattr(module, _PROMPTS, {})
    for section, given in _calls(ast.parse(inspect.getsource(module))):
        wanted = prompts[section].placeholders if section in prompts else given
        for name in sorted(wanted - given):
            yield Problem(row.assistant_id, f"prompts.{section}", f"${name}", "the call gives no value for it; add one")
        for name in sorted(given - wanted):
            advice = f"the call gives this value, but the prompt has no `${name}`; add it, or take the value out"
            yield Problem(row.assistant_id, f"prompts.{section}", name, advice)


def _calls(tree: ast.Module) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the section and the named values of each `ask(PROMPTS["section"], …)`, except calls with `**values`."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == ask.__name__):
            continue
        names = [keyword.arg for keyword in node.keywords]
        if node.args and None not in names and (section := prompt_section(node.args[0])) is not None:
            yield section, frozenset(name for name in names if name is not None) - _OPTIONS


def prompt_section(node: ast.AST) -> str | None:
    """Return the section that `PROMPTS["section"]` names. None: the node is something else."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(section))) if name == _PROMPTS:
            return section
    return None
