"""Describe the caller of a request to the layers below the routes. No request of Starlette goes further down."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.datastructures import Headers

from agentic_sales.observability.tracing import TraceContext, parse_inbound


@dataclass(frozen=True, slots=True)
class Caller:
    """A request, as far as the work for it depends on it."""

    method: str
    """HTTP method."""
    path: str
    """Path without the query."""
    headers: Headers
    """Its headers."""
    body: bytes
    """Its whole body."""
    leaves: Callable[[], Awaitable[None]]
    """Returns when the caller has left."""

    @property
    def trace(self) -> TraceContext:
        """Return the trace that the caller's headers name, or a new one."""
        return parse_inbound(self.headers)


async def caller_of(request: Request) -> Caller:
    """Read a request."""
    body = await request.body()

    async def leaves() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    return Caller(request.method, request.scope["path"], request.headers, body, leaves)


async def trace_of(request: Request) -> TraceContext:
    """Return the trace that the headers of a request name, or a new one."""
    return parse_inbound(request.headers)


Calling = Annotated[Caller, Depends(caller_of)]
"""Parameter of a route that needs more of the request than its parameters."""
Trace = Annotated[TraceContext, Depends(trace_of)]
"""Parameter of a route with work that belongs to the caller's trace."""
