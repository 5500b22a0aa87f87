"""Complete the OpenAPI document by rules. No route then repeats the answers of the guard and readers and pools.

FastAPI documents 422 with a body of its own wherever there is a parameter. Every error of this facade has `ErrorBody`.
"""

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from agentic_sales.campaigns.sending.links import UNSUBSCRIBE_PATH
from agentic_sales.contracts import ErrorBody
from agentic_sales.facade.answers import JSON
from agentic_sales.routing import HEALTH_PATHS, OPEN_PREFIXES

_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_OF_FASTAPI = ("HTTPValidationError", "ValidationError")
_DEFINITIONS, _COMPONENTS = "#/$defs/", "#/components/schemas/"
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}


def documented(app: FastAPI) -> dict[str, Any]:
    """Return the document for `app.openapi`. It is made at the first request for it."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in _OF_FASTAPI:
            schemas.pop(name, None)
        schemas["ErrorBody"] = ErrorBody.model_json_schema(mode="serialization")
        document["components"]["securitySchemes"] = _SCHEMES
        document["paths"] = _hoisted(document["paths"], schemas)
        for path, operation in _operations(document):
            _complete(path, operation)
        app.openapi_schema = document
    return app.openapi_schema


def _hoisted(value: Any, schemas: dict[str, Any]) -> Any:
    """Return a part of the document with its definitions among the components. Its own `$defs` are not found there."""
    match value:
        case {"$ref": str(reference)} if reference.startswith(_DEFINITIONS):
            return {"$ref": f"{_COMPONENTS}{reference.removeprefix(_DEFINITIONS)}"}
        case dict():
            for name, schema in value.get("$defs", {}).items():
                schemas[name] = _hoisted(schema, schemas)
            return {name: _hoisted(inner, schemas) for name, inner in value.items() if name != "$defs"}
        case list():
            return [_hoisted(inner, schemas) for inner in value]
        case _:
            return value


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((path, operation) for method, operation in item.items() if method in _METHODS)


def _complete(path: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status in ("401", "403", "413", "422"):
        responses.pop(status, None)
    if "{" not in path and "requestBody" not in operation:
        responses.pop("404", None)
    for status, description in _refusals(path, operation):
        responses[status] = _error(description)
    if path == "/ready":
        responses["503"] = {"description": "It is not ready; what is missing is named.", "content": {JSON: {}}}
    if path.endswith("/stream"):
        responses["200"]["content"] = {"text/event-stream": {}}
    responses["default"] = _error("Anything else that is no success.")
    is_open = path in HEALTH_PATHS or path.startswith(OPEN_PREFIXES)
    operation["security"] = [] if is_open else [{name: []} for name in _SCHEMES]


def _refusals(path: str, operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if path.startswith(UNSUBSCRIBE_PATH):
        return  # every token has the same answer
    if path not in HEALTH_PATHS:
        yield "401", "The key is missing or wrong, or an event is not signed."
    if "{" in path:
        yield "404", "There is nothing of this id."
    if "requestBody" in operation:
        yield "413", "The body is too large."
    if "requestBody" in operation or operation.get("parameters"):
        yield "422", "The request does not fit; the field is named."


def _error(description: str) -> dict[str, Any]:
    schema = {"$ref": f"{_COMPONENTS}ErrorBody"}
    return {"description": description, "content": {JSON: {"schema": schema}}}
