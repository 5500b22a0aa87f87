"""Put runs and questions on the threads of a fleet, by the ledger and the queue themselves."""

import asyncio
from dataclasses import replace
from typing import Any

from pydantic_core import from_json
from uuid_utils import uuid7

from agentic_sales.contracts import RunId
from agentic_sales.runs.ledger import Ledger, NewRun
from agentic_sales.runs.publisher import task_name
from agentic_sales.runs.submit import connect_redis
from agentic_sales.settings import Settings
from tests.acceptance.messages import send_by_hand
from tests.support.fleet import Fleet
from tests.support.recorded_runs import QUEUE_CAP, new_run
from tests.support.waiting import eventually

QUEUE = "core"
ENDED_WITHIN_S = 60.0


def new_thread() -> str:
    """Name a thread that no other test knows."""
    return str(uuid7())


def submit(fleet: Fleet, assistant_id: str, thread_id: str, **request: Any) -> RunId:
    """Record a run on a thread and put it on the queue of core."""
    run = replace(new_run(queue=QUEUE, **request), assistant_id=assistant_id, thread_id=thread_id)
    asyncio.run(_record(fleet, run))
    send_by_hand(fleet, QUEUE, task_name(assistant_id), run.run_id)
    return run.run_id


async def _record(fleet: Fleet, run: NewRun) -> None:
    async with connect_redis(Settings.model_validate({"REDIS_URL": fleet.environment["REDIS_URL"]})) as redis:
        await Ledger(redis, ttl_s=3600).record(run, queue_cap=QUEUE_CAP)


def output(fleet: Fleet, run_id: RunId) -> Any:
    """Wait for the end of a run; return its output, or its failure."""
    record = eventually(
        f"run {run_id} has ended", lambda: fleet.run(run_id), lambda found: "ended_at" in found, within_s=ENDED_WITHIN_S
    )
    return from_json(record.get("output") or record["failure"])


def ask(fleet: Fleet, assistant_id: str, thread_id: str, **request: Any) -> Any:
    """Submit and wait."""
    return output(fleet, submit(fleet, assistant_id, thread_id, **request))
