"""Serve the facade with one more route, which tells how many runs it waits for; `uvicorn` starts it in tests."""

from starlette.requests import Request

from agentic_sales.control import control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.facade.state import state_of
from agentic_sales.settings import settings

app = create_app(settings(), control_plane())


@app.get("/health/waiting")
async def waiting(request: Request) -> int:
    """Count the runs that this facade waits for."""
    return state_of(request).runs.waiting
