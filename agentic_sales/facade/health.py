"""Tell whether the fleet is alive and ready and describe its pools and routes. These paths need no key."""

import asyncio
import json
from importlib.metadata import version
from typing import Any, Literal

from fastapi import APIRouter
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from starlette.responses import Response

from agentic_sales.celery import app as celery_app
from agentic_sales.facade.answers import JsonAnswer
from agentic_sales.facade.bodies import JsonRoute
from agentic_sales.facade.state import Facade, FacadeState
from agentic_sales.routing import CORE_PREFIX

router = APIRouter(tags=["health"], route_class=JsonRoute)

BROKER_CHECK_TIMEOUT_S = 2


@router.get("/health", summary="The facade is alive")
async def health() -> dict[str, str]:
    """Answer while the process lives. This tells nothing of the fleet."""
    return {"status": "ok"}


@router.get("/ok", summary="The facade is alive, in LangGraph's words")
async def ok() -> dict[str, bool]:
    """Answer while the process lives."""
    return {"ok": True}


@router.get("/ready", summary="Every enabled pool can take a run")
async def ready(facade: Facade, pools: Literal["all", "any"] = "all") -> Response:
    """Answer 200 when the broker is reachable and every enabled pool is consumed. Otherwise 503 names the faults.

    With `pools=any` one pool is enough. A load balancer should ask this. A dark pool then does not take down the facade
    of the others.
    """
    try:
        workers = await facade.runs.ledger.live_workers(list(facade.control.queues))
        canaries = await facade.runs.ledger.canary_ages(list(facade.control.queues))
        await _check_broker(facade)
    except (RedisError, OperationalError, OSError) as exc:
        return JsonAnswer({"status": "not ready", "broker": f"unreachable: {exc}", "pools": {}}, 503)
    missing = [queue for queue, count in workers.items() if count == 0]
    is_ready = any(workers.values()) if pools == "any" else not missing
    status = {"status": "ready" if is_ready else "not ready", "broker": "reachable", "pools": workers}
    return JsonAnswer({**status, "missing": missing, "canary_ages_s": canaries}, 200 if is_ready else 503)


@router.get("/info", summary="Tell the identity and the services of this fleet")
async def info(facade: Facade) -> dict[str, Any]:
    """Describe the version and the pools and the routes and their warnings. Add the graphs that could not be loaded."""
    pools, canaries, unavailable = await _live_fleet(facade)
    return {
        "version": version("agentic-sales"),
        "digest": facade.control.digest,
        "pools": pools,
        "canary_ages_s": canaries,
        "routes": _routes(facade),
        "warnings": list(facade.control.warnings),
        "unavailable": unavailable,
        "flags": {"assistants": True, "crons": False, "langsmith": facade.settings.langsmith_tracing},
    }


async def _check_broker(state: FacadeState) -> None:
    if state.settings.celery_broker_url is not None:
        await asyncio.wait_for(asyncio.to_thread(_connect_to_broker), BROKER_CHECK_TIMEOUT_S)


def _connect_to_broker() -> None:
    with celery_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=0, timeout=BROKER_CHECK_TIMEOUT_S)


async def _live_fleet(state: FacadeState) -> tuple[dict[str, int], dict[str, float | None], dict[str, str]]:
    ledger, queues = state.runs.ledger, list(state.control.queues)
    try:
        pools = await ledger.live_workers(queues)
        canaries = await ledger.canary_ages(queues)
        told = await ledger.worker_notes()
    except RedisError as exc:
        return dict.fromkeys(queues, 0), {}, {"*": f"the ledger cannot be reached: {exc}"}
    unavailable: dict[str, str] = {}
    for worker in told:
        unavailable |= json.loads(worker)["unavailable"]
    return pools, canaries, unavailable


def _routes(state: FacadeState) -> list[dict[str, Any]]:
    listed = [
        {"prefix": route.prefix, "queue": route.queue or None, "assistants": sorted(route.assistants)}
        for route in state.control.routes
    ]
    core = sorted(a for a in state.control.rows if state.control.decide(a).prefix == CORE_PREFIX)
    return [*listed, {"prefix": CORE_PREFIX, "queue": state.control.default_queue, "assistants": core}]
