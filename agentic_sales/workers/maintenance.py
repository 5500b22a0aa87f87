"""Run the periodic jobs of the fleet. Beat sends a task per job, and a child of core does it.

Two beats may run, and messages pile up while core is away. So one task does the work of a slot, and the other tasks of
that slot do nothing. A job that fails or dies is done at the next task, in this slot or in a later one. So each job
must be safe to repeat, and to stop anywhere.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from celery import Celery, Task

from agentic_sales.celery import app
from agentic_sales.schedule import job_task
from agentic_sales.settings import settings
from agentic_sales.workers import current
from agentic_sales.workers.current import CurrentChild

log = structlog.get_logger()

TIME_LIMIT_S = 300.0
"""Longest that a job may take."""
LEASE_S = 360
"""How long a job holds its slot. A job whose process died lets another one have it after that."""


async def _tick_campaigns(child: CurrentChild, _: str) -> object:
    from agentic_sales.workers.child.campaigns import tick_campaigns  # noqa: PLC0415 - beat loads the tasks too

    return await tick_campaigns(child)


async def _tick_flows(child: CurrentChild, _: str) -> object:
    from agentic_sales.workers.child.flows import tick_flows  # noqa: PLC0415 - as above

    return await tick_flows(child)


async def _tick_verticals(child: CurrentChild, _: str) -> object:
    from agentic_sales.workers.child.verticals import tick_verticals  # noqa: PLC0415 - as above

    return await tick_verticals(child)


async def _deliver_events(_child: CurrentChild, _: str) -> object:
    from agentic_sales.workers.child.outbox import deliver_events  # noqa: PLC0415 - as above

    return await deliver_events(settings())


async def _read_arrivals(_child: CurrentChild, _: str) -> object:
    from agentic_sales.workers.child.campaigns import read_arrivals  # noqa: PLC0415 - as above

    return await read_arrivals(settings())


async def _read_inboxes(_child: CurrentChild, _: str) -> object:
    from agentic_sales.workers.child.campaigns import read_inboxes  # noqa: PLC0415 - as above

    return await read_inboxes(settings())


async def _prune_checkpoints(child: CurrentChild, _: str) -> object:
    if not any(row.resumable for row in child.control.rows.values()):
        return "no workflow keeps its state"
    from agentic_sales.runs.threads import BUSY_KEY  # noqa: PLC0415 - as above
    from agentic_sales.workers.child.retention import prune  # noqa: PLC0415 - as above

    async def is_busy(thread_id: str) -> bool:
        return bool(await child.ledger.redis.sismember(BUSY_KEY, thread_id))

    return await prune(child.configuration, is_busy=is_busy, now=datetime.now(UTC))


async def _index_documents(_child: CurrentChild, _: str) -> object:
    from agentic_sales.workers.child.documents import index_documents  # noqa: PLC0415 - as above

    return await index_documents()


async def _read_boards(child: CurrentChild, slot: str) -> object:
    from agentic_sales.workers.child.nightly import read_boards  # noqa: PLC0415 - as above

    return await read_boards(child, slot)


async def _check_freshness(child: CurrentChild, slot: str) -> object:
    from agentic_sales.workers.child.nightly import check_freshness  # noqa: PLC0415 - as above

    return await check_freshness(child, slot)


JOBS: Mapping[str, Callable[[CurrentChild, str], Awaitable[object]]] = {
    "tick_campaigns": _tick_campaigns,
    "tick_flows": _tick_flows,
    "tick_verticals": _tick_verticals,
    "deliver_events": _deliver_events,
    "read_arrivals": _read_arrivals,
    "read_inboxes": _read_inboxes,
    "prune_checkpoints": _prune_checkpoints,
    "index_documents": _index_documents,
    "read_boards": _read_boards,
    "check_freshness": _check_freshness,
}
"""Function of every job of the schedule. It gets the name of its slot."""


class MaintenanceTask(Task[[], str]):
    """The task of every job."""

    abstract = True
    job: str

    def run(self) -> str:
        """Do the job unless it is done in this slot already. Return its result as a text."""
        child = current.child()
        return child.do(self._in_slot(child))

    async def _in_slot(self, child: CurrentChild) -> str:
        interval_s = child.configuration.job_intervals_s.get(self.job)
        if interval_s is None:
            return "it is off here"
        redis, slot = child.ledger.redis, f"{self.job}:{await _slot_of(child, interval_s)}"
        key = f"agentic:slot:{slot}"
        if not await redis.set(key, "1", nx=True, ex=LEASE_S):
            return "done by another"
        try:
            async with asyncio.timeout(TIME_LIMIT_S):
                done = await JOBS[self.job](child, slot)
        except BaseException:
            await redis.delete(key)
            raise
        await redis.expire(key, max(3600, int(2 * interval_s)))
        log.debug("job_done", job=self.job, done=str(done))
        return str(done)


async def _slot_of(child: CurrentChild, interval_s: float) -> int:
    """Return the number of the interval that it is, by the clock of Redis, which all beats share."""
    seconds, micros = await child.ledger.redis.time()
    return int((seconds + micros / 1e6) // interval_s)


def register_jobs(celery_app: Celery) -> None:
    """Register the task of every job."""
    for job in JOBS:
        options: dict[str, Any] = {"name": job_task(job), "job": job, "__module__": __name__}
        options |= {"soft_time_limit": TIME_LIMIT_S + 5, "time_limit": TIME_LIMIT_S + 10}
        celery_app.register_task(type(f"Job_{job}", (MaintenanceTask,), options)())


register_jobs(app)
