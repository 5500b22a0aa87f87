"""Show the notes of a fleet's processes to an operator's tools. Send a probe the way of a run.

Host names and versions concern only the operator. So these paths need the key and `/info` does not.
"""

import json
import time
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.callers import Calling
from agentic_sales.facade.runs.waiting import answer_when_ended
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.runs.probe import PROBE_REQUEST
from agentic_sales.runs.reaching import reaching_redis

router = APIRouter(prefix="/fleet", tags=["fleet"], route_class=JsonRoute)

NOTE_LIFETIME_S = 3.5
"""A worker writes its note with each sign of life. A killed worker leaves the note behind."""


@router.get("", summary="Show the reports of the facade and of every live worker")
async def describe_fleet(facade: Facade) -> dict[str, Any]:
    """Tell version and clock and control plane of this facade and of the workers for a comparison."""
    with reaching_redis("asking for the workers"):
        return {"facade": await _about_facade(facade), "workers": await _live_notes(facade)}


@router.post("/probe/{assistant_id}", summary="Send a probe through the pool of an assistant")
async def probe(facade: Facade, caller: Calling, assistant_id: str) -> Response:
    """Go the way of a run up to a worker's child with its headers. Answer with the data that arrived there.

    The graph is loaded and not run. A probe costs no model call and has no effect.
    """
    row = facade.control.row(assistant_id)
    run = await facade.runs.submit(row.assistant_id, PROBE_REQUEST, trace=caller.trace)
    return await answer_when_ended(facade, caller, run)


async def _about_facade(facade: FacadeState) -> dict[str, Any]:
    ledger = facade.runs.ledger
    async with ledger.in_time():
        seconds, micros = await ledger.redis.time()
    return {
        "version": version("agentic-sales"),
        "digest": facade.control.digest,
        "clock_skew_s": round(time.time() - seconds - micros / 1e6, 3),
        "otlp": facade.settings.otlp_endpoint is not None,
        "langsmith": facade.settings.langsmith_tracing,
        "default_queue": facade.control.default_queue,
        "queues": {name: facade.control.decide(name).queue for name in facade.control.rows},
    }


async def _live_notes(facade: FacadeState) -> list[dict[str, Any]]:
    """Return the notes of the workers that live."""
    ledger = facade.runs.ledger
    async with ledger.in_time():
        seconds, _ = await ledger.redis.time()
    notes = [json.loads(note) for note in await ledger.worker_notes()]
    return [note for note in notes if seconds - note["seen_at_s"] <= NOTE_LIFETIME_S]
