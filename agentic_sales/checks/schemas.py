"""Write `schemas.json` beside a registry with the input and output of every assistant. The facade then needs no graph.

This is a build step that does load the graphs.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NotRequired

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError, PydanticUserError
from typing_extensions import TypedDict, get_type_hints, is_typeddict

from agentic_sales.control import UNCHECKED, schemas_path
from agentic_sales.workers.loader import AnyObject, LoadedGraph


def schema_of(loaded: LoadedGraph) -> dict[str, Any]:
    """Return the input schema as a caller writes it and the output schema as a caller reads it."""
    taken, given = loaded.input_type, loaded.output_type
    return {
        "input": derived(loaded.graph.get_input_jsonschema, _state(loaded, "input_schema"))
        if taken is AnyObject
        else taken.model_json_schema(),
        "output": derived(loaded.graph.get_output_jsonschema, _state(loaded, "output_schema"))
        if given is AnyObject
        else given.model_json_schema(mode="serialization"),
    }


def _state(loaded: LoadedGraph, name: str) -> Any:
    return getattr(getattr(loaded.graph, "builder", None), name, None)


def derived(schema: Callable[[], dict[str, Any]], state: Any) -> dict[str, Any]:
    """Return LangGraph's schema of a state. It is told and not held against a run, since LangGraph takes more forms.

    Args:
        schema: The graph's method that makes it.
        state: The class of the state.
    """
    try:
        return {**schema(), UNCHECKED: True}
    except (PydanticInvalidForJsonSchema, PydanticSchemaGenerationError):  # a class that has no JSON form
        return {"type": "object", UNCHECKED: True}
    except PydanticUserError:
        if not is_typeddict(state):
            raise
        return derived(TypeAdapter(_readable(state)).json_schema, None)


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
