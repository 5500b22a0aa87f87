"""The floor that the fleet is held against: FastAPI awaits the graph itself, and nothing is durable or isolated."""

from typing import Any

from fastapi import FastAPI, Request
from pydantic_core import to_json
from starlette.responses import Response

from agentic_sales.contracts import RunRequest
from agentic_sales.registry import index_rows
from agentic_sales.workers.loader import load_graph
from tests.workflows.registry import GRAPHS

app = FastAPI()
_graphs = {name: load_graph(row).graph for name, row in index_rows(GRAPHS).items() if name in {"echo", "sleepy"}}


@app.post("/runs/wait")
async def wait_for_run(request: Request) -> Response:
    """Run a workflow in this process and answer with its final state."""
    body = RunRequest.model_validate_json(await request.body())
    final: dict[str, Any] = await _graphs[body.assistant_id].ainvoke(body.input)
    return Response(to_json(final), media_type="application/json")
