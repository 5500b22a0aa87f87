"""Take the spans of a fleet and count their bytes, in a process of its own that neither unpacks nor reads them."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

_taken: list[int] = []


async def _take(request: Request) -> Response:
    _taken.append(len(await request.body()))
    return Response()


async def _count(request: Request) -> Response:
    del request
    return PlainTextResponse(str(sum(_taken)))


app = Starlette(routes=[Route("/v1/traces", _take, methods=["POST"]), Route("/bytes", _count)])
