"""Keep the list of workflows in the README equal to the rows, the routes and the docstrings of the graphs.

No graph is imported. The list stands between two comments. A README without them has no list.
"""

import ast
import re
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

from agentic_sales.checks.registries import rows_of
from agentic_sales.control import OWN_REGISTRY
from agentic_sales.registry import GraphSpec
from agentic_sales.routing import DEFAULT_CORE_QUEUE, build_routes, route_for

FILE_NAME = "README.md"
_BEGIN, _END = "<!-- workflows: written by `agentic-sales gen` -->\n", "<!-- /workflows -->\n"
_ROUTE = re.compile(r"[:,]? `?START\b")
"""Where a first line ends and the drawing of the route begins."""


def workflow_list() -> str:
    """Return the list by pool, in the order of the registry. A line has the effect and the purpose of the row."""
    routes = build_routes({})
    by_queue: dict[str, list[str]] = {queue: [] for queue in (*(route.queue for route in routes), DEFAULT_CORE_QUEUE)}
    for row in rows_of(OWN_REGISTRY).values():
        queue = route_for(row.assistant_id, default_queue=DEFAULT_CORE_QUEUE, routes=routes).queue
        by_queue[queue].append(f"| {queue} | `{row.assistant_id}` | {row.effect} | {_purpose(row)} |\n")
    return "| pool | workflow | effect | what it does |\n|---|---|---|---|\n" + "".join(chain(*by_queue.values()))


def with_workflow_list(readme: str) -> str:
    """Return the text of a README with the present list. One without the comments is returned as it is."""
    before, begin, rest = readme.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    return f"{before}{begin}{workflow_list()}{end}{after}" if begin and end else readme


def write_workflow_list(folder: Path) -> list[Path]:
    """Bring the list of a folder's README up to date. Return its path, or nothing without a list."""
    path = folder / FILE_NAME
    if not path.is_file() or _BEGIN not in (readme := path.read_text(encoding="utf-8")):
        return []
    path.write_text(with_workflow_list(readme), encoding="utf-8")
    return [path]


def _purpose(row: GraphSpec) -> str:
    """Return the first sentence of a graph's docstring without its route."""
    spec = find_spec(row.module)
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018 - rows of our own name files of ours
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    first = " ".join(text.partition("\n\n")[0].split())
    if route := _ROUTE.search(first):
        first = first[: route.start()]
    return f"{first.partition('. ')[0].rstrip('.:')}."
