"""Read the bodies of requests as JSON by one set of rules for all endpoints. Problems come with JSON pointers."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from agentic_sales.errors import InvalidRequest
from agentic_sales.wire import escaped, read_body

T = TypeVar("T")


class JsonRoute(APIRoute):
    """A route whose JSON is read by `read_body` before FastAPI reads it. All routers use this class."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of a request."""
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle

        async def handle_checked(request: Request) -> Response:
            if raw := await request.body():
                read_body(raw)
            return await handle(request)

        return handle_checked


def parsed(body: TypeAdapter[T], raw: bytes, *, what: str) -> T:
    """Read a body that is a model.

    Raises:
        InvalidRequest: It is no JSON or does not fit the model. Every problem is named with its pointer.
    """
    value = read_body(raw)
    try:
        return body.validate_python(value)
    except ValidationError as exc:
        raise InvalidRequest(f"the request body is not {what}: {problems_told(exc.errors(), value)}") from exc


def problems_told(problems: Iterable[Mapping[str, Any]], body: Any) -> str:
    """Describe pydantic's problems with a body by JSON pointers. An empty pointer is the whole body."""
    return "; ".join(f"`{_pointer(problem, body)}`: {problem['msg']}" for problem in problems)


def _pointer(problem: Mapping[str, Any], body: Any) -> str:
    """Return the place of a problem. Pydantic's places also name the alternatives of a type. The body lacks those."""
    parts, at = [], body
    for part in problem["loc"]:
        if (isinstance(at, dict) and part in at) or (isinstance(at, list) and isinstance(part, int) and part < len(at)):
            parts.append(part)
            at = at[part]
    if problem["type"] == "missing":
        parts.append(problem["loc"][-1])
    return "".join(f"/{escaped(part)}" for part in parts)
