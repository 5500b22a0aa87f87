"""Write `schemas.json` beside a registry: what every assistant takes and gives, so that the facade needs no graph.

This does load the graphs; it is a build step.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from agentic_sales.control import schemas_path
from agentic_sales.workers.loader import LoadedGraph


def schema_of(loaded: LoadedGraph) -> dict[str, Any]:
    """Return the input schema, as a caller writes it, and the output schema, as a caller reads it."""
    return {
        "input": loaded.input_type.model_json_schema(),
        "output": loaded.output_type.model_json_schema(mode="serialization"),
    }


def render_schemas(graphs: Iterable[LoadedGraph]) -> str:
    """Return the content of `schemas.json` for these graphs, sorted, so that it changes only when a schema does."""
    schemas: Mapping[str, Any] = {loaded.row.assistant_id: schema_of(loaded) for loaded in graphs}
    return json.dumps(schemas, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schemas(registry_module: str, graphs: Iterable[LoadedGraph]) -> Path:
    """Write `schemas.json` beside a registry module; return its path.

    Args:
        registry_module: Dotted path of the registry.
        graphs: Every graph of its rows, loaded.

    Raises:
        ConfigurationError: The module cannot be found.
    """
    path = schemas_path(registry_module)
    path.write_text(render_schemas(graphs), encoding="utf-8")
    return path
