"""Write `schemas.json` beside a registry with the input and output of every assistant. The facade then needs no graph.

This is a build step that does load the graphs.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NotRequired

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError
from pydantic.json_schema import JsonSchemaMode
from typing_extensions import TypedDict, get_type_hints, is_typeddict

from agentic_sales.control import UNCHECKED, schemas_path
from agentic_sales.workers.loader import AnyObject, Graph, LoadedGraph

Side = Literal["input", "output"]


def schema_of(loaded: LoadedGraph) -> dict[str, Any]:
    """Return the input schema as a caller writes it and the output schema as a caller reads it."""
    return {
        "input": _told(loaded.input_type, loaded.graph, "input", "validation"),
        "output": _told(loaded.output_type, loaded.graph, "output", "serialization"),
    }


def _told(model: type[BaseModel], graph: Graph, side: Side, mode: JsonSchemaMode) -> dict[str, Any]:
    """Return a model's schema, or LangGraph's: told, and not held against a run, since LangGraph takes more forms."""
    if model is AnyObject:
        return {**derived_schema(graph, side), UNCHECKED: True}
    return model.model_json_schema(mode=mode)


def derived_schema(graph: Graph, side: Side) -> dict[str, Any]:
    """Return LangGraph's schema of the input or output of a graph. A class that has no JSON form is any object."""
    schema = graph.get_input_jsonschema if side == "input" else graph.get_output_jsonschema
    state = getattr(getattr(graph, "builder", None), f"{side}_schema", None)
    try:
        return _of_json_form(schema)
    except PydanticUserError:
        if not is_typeddict(state):
            raise
        return _of_json_form(lambda: TypeAdapter(_readable(state)).json_schema())


def _of_json_form(schema: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return schema()
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):
        return {"type": "object"}


def _readable(state: Any) -> Any:
    """Return a `TypedDict` anew. Before Python 3.12 pydantic does not read the one of `typing`."""
    hints = get_type_hints(state)
    told = {name: hint if name in state.__required_keys__ else NotRequired[hint] for name, hint in hints.items()}
    return TypedDict(state.__name__, told)  # type: ignore[operator]  # the form with a table of fields


def render_schemas(graphs: Iterable[LoadedGraph]) -> str:
    """Return the content of `schemas.json` for these graphs. It is sorted, so it changes only when a schema does."""
    schemas: Mapping[str, Any] = {loaded.row.assistant_id: schema_of(loaded) for loaded in graphs}
    return json.dumps(schemas, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schemas(registry_module: str, graphs: Iterable[LoadedGraph]) -> Path:
    """Write `schemas.json` beside a registry module and return its path.

    Args:
        registry_module: Dotted path of the registry.
        graphs: Every graph of its rows, loaded.

    Raises:
        ConfigurationError: The module cannot be found.
    """
    path = schemas_path(registry_module)
    path.write_text(render_schemas(graphs), encoding="utf-8")
    return path
