"""Compare the effect of a row with the imports and calls of its graph file.

Only the names in the file itself count. The work of `llm` and `runs` for every run is their bookkeeping.
"""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

from agentic_sales.checks.problems import Problem
from agentic_sales.effects import is_stronger
from agentic_sales.registry import Effect, GraphSpec

_PACKAGES: dict[str, Effect] = {
    "agentic_sales.campaigns.sending.door": "send",
    "agentic_sales.sources": "read",
    "agentic_sales.outbound": "read",
    "agentic_sales.store": "read",
    "agentic_sales.campaigns": "read",
}
"""The weakest effect that a graph file needs to import from a package. The first that fits counts."""
_WRITING = "writing"
"""The method of the store that opens a transaction that writes."""


def effect_problems(row: GraphSpec, module: ModuleType) -> Iterator[Problem]:
    """Name the imports and calls of a graph file that the effect of its row does not allow."""
    for needed, act in _needs(ast.parse(inspect.getsource(module))):
        if is_stronger(needed, row.effect):
            advice = f'its module {act}; make the effect "{needed}", or take it out'
            yield Problem(row.assistant_id, "effect", row.effect, advice)
            return


def _needs(tree: ast.Module) -> Iterator[tuple[Effect, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (need for alias in node.names for need in _needs_of_import(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (need for alias in node.names for need in _needs_of_import(f"{node.module}.{alias.name}"))
        elif isinstance(node, ast.Attribute) and node.attr == _WRITING:
            yield "write", "opens a transaction that writes"


def _needs_of_import(name: str) -> Iterator[tuple[Effect, str]]:
    for package, effect in _PACKAGES.items():
        if f"{name}.".startswith(f"{package}."):
            yield effect, f"imports `{name}`"
            return
