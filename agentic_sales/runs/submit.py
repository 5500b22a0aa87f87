"""Submit a run through the one way in. HTTP and the command line and beat and campaigns and graphs all use it.

The routing contract decides the queue. The ledger records the run. The queue carries its id.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import structlog
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from uuid_utils import uuid7

from agentic_sales.celery import app
from agentic_sales.contracts import RunId
from agentic_sales.control import ControlPlane
from agentic_sales.errors import BrokerUnavailable, RunNotDead, UnknownRun, WaitTimeout
from agentic_sales.observability.plane import langsmith_id
from agentic_sales.observability.spans import RunIdentity, in_place, publishing
from agentic_sales.observability.tracing import TraceContext
from agentic_sales.runs.direct_publisher import DirectPublisher
from agentic_sales.runs.lanes import is_held
from agentic_sales.runs.ledger import Idempotency, Ledger, NewRun, Outcome, RunRecord
from agentic_sales.runs.publisher import Publisher
from agentic_sales.runs.reaching import reaching_redis
from agentic_sales.runs.replies import Replies
from agentic_sales.runs.turns import NextRun, Turn
from agentic_sales.settings import Settings

log = structlog.get_logger()

CONNECT_TIMEOUT_S = 1.0
NO_LIMIT = 2**31 - 1
"""More connections than a process opens."""


@dataclass(frozen=True, slots=True)
class SubmittedRun:
    """A run that was put on its queue."""

    run_id: RunId
    """UUIDv7 of the run."""
    thread_id: str
    """Thread that it belongs to."""
    assistant_id: str
    """Its workflow."""
    queue: str
    """Queue that the routing contract decided."""
    trace_id: str
    """W3C trace id of the action that it belongs to."""
    ended: asyncio.Future[Outcome]
    """Its end. It raises `PoolUnavailable` when the pool's last worker died."""
    langsmith_run_id: str | None = None
    """LangSmith's id of it as far as it is known. None means that LangSmith does not have it."""


class Runs:
    """The door to the fleet, for one event loop. Make one with `open_runs`."""

    def __init__(
        self,
        control: ControlPlane,
        ledger: Ledger,
        replies: Replies,
        publisher: Publisher | DirectPublisher,
        *,
        queue_cap: int,
    ) -> None:
        self.control = control
        self.ledger = ledger
        self._replies = replies
        self._publisher = publisher
        self._queue_cap = queue_cap

    @property
    def waiting(self) -> int:
        """Number of runs that this process waits for."""
        return len(self._replies)

    async def submit(
        self,
        assistant_id: str,
        request: Mapping[str, Any],
        *,
        trace: TraceContext,
        parent_run_id: RunId | None = None,
        idempotency: Idempotency | None = None,
        stream_modes: tuple[str, ...] = (),
        thread_id: str | None = None,
        turn: Turn | None = None,
        run_id: RunId | None = None,
    ) -> SubmittedRun:
        """Record a run and put it on the queue that the routing contract gives it.

        Args:
            assistant_id: Workflow to run, by its name.
            request: `input` and `command` and `config` and so on. A `kind` makes it a question about its thread.
            trace: Trace that the run continues.
            parent_run_id: Run that asks for this one. None means that a caller does.
            idempotency: The caller's key. It joins the run that was started under it.
            stream_modes: Modes to stream. Empty means no stream.
            thread_id: Thread that it asks about without a turn on it. None means `turn`'s thread or its own.
            turn: Its turn on a thread. None means no turn.
            run_id: Its id if the submitter wrote it down beforehand. None means a new one.

        Raises:
            UnknownAssistant: No registry row has the id.
            PoolUnavailable: No live worker consumes the queue. Nothing was recorded.
            QueueFull: The queue has as many waiting runs as it may have. Nothing was recorded.
            IdempotencyConflict: The key was used for another request.
            ThreadBusy: A run holds the thread and the turn's strategy is `reject`. Or too many runs wait for it.
            ThreadOfAnother: The thread holds the state of another assistant.
            NothingToResume: The thread does not wait (any more) at the interrupt that the run resumes.
            BrokerUnavailable: Redis or the broker did not answer.
        """
        run = self._new_run(assistant_id, request, trace, parent_run_id, reply_to=self._replies.channel)
        on_thread = turn.thread_id if turn else thread_id
        run = replace(run, run_id=run_id or run.run_id, stream_modes=stream_modes, thread_id=on_thread or run.thread_id)
        with publishing(trace, RunIdentity(run.assistant_id, run.run_id, run.thread_id, run.queue)) as begun:
            return await self._submit(replace(run, trace=begun), idempotency, turn)

    async def _submit(self, run: NewRun, idempotency: Idempotency | None, turn: Turn | None) -> SubmittedRun:
        assistant_id = run.assistant_id
        ended = self._replies.expect(run.run_id, assistant_id=assistant_id, queue=run.queue)
        try:
            recorded, to_publish = await self._record(run, idempotency, turn)
            if recorded == run.run_id:
                await self._publish(run, to_publish)
                if is_held(run.request):
                    await self._admit(run.queue)
                langsmith_run_id, trace_id = langsmith_id(run.trace, run.run_id), run.trace.trace_id
                return SubmittedRun(
                    run.run_id, run.thread_id, assistant_id, run.queue, trace_id, ended, langsmith_run_id
                )
        except BaseException:
            ended.cancel()
            raise
        ended.cancel()
        return await self.join(recorded)

    async def record_in_place(
        self, assistant_id: str, request: Mapping[str, Any], *, trace: TraceContext, parent_run_id: RunId
    ) -> RunId:
        """Record a run that the asking worker executes itself because it belongs to its own pool.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        run = self._new_run(assistant_id, request, in_place(trace), parent_run_id, reply_to="")
        with reaching_redis(f"recording run `{run.run_id}`"):
            await self.ledger.record_in_place(run)
        return run.run_id

    async def cancel(self, run_id: RunId) -> RunRecord:
        """Cancel a run for good and return its record. A waiting run has ended. A running one is asked to end.

        Raises:
            UnknownRun: The ledger does not have it (any more).
            BrokerUnavailable: Redis did not answer.
        """
        with reaching_redis(f"cancelling run `{run_id}`"):
            verdict = await self.ledger.cancel(run_id)
            record = await self.ledger.load(run_id)
        if verdict == "unknown" or record is None:
            raise UnknownRun(run_id)
        return record

    async def record(self, run_id: RunId) -> RunRecord:
        """Return the record of a run.

        Raises:
            UnknownRun: The ledger does not have it (any more).
            BrokerUnavailable: Redis did not answer.
        """
        with reaching_redis(f"reading run `{run_id}`"):
            record = await self.ledger.load(run_id)
        if record is None:
            raise UnknownRun(run_id)
        return record

    async def dead(self, *, limit: int, offset: int = 0) -> list[RunRecord]:
        """List the runs that lost their workers too often. The latest comes first.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with reaching_redis("listing the dead runs"):
            return await self.ledger.dead(limit=limit, offset=offset)

    async def retry_dead(self, run_id: RunId) -> RunRecord:
        """Put a run of the dead list on its queue again and forgive its losses.

        Raises:
            UnknownRun: The ledger does not have it (any more).
            RunNotDead: It is not on the dead list.
            BrokerUnavailable: Redis or the broker did not answer.
        """
        with reaching_redis(f"retrying run `{run_id}`"):
            revived = await self.ledger.revive(run_id)
            record = await self.ledger.load(run_id)
        if record is None:
            raise UnknownRun(run_id)
        if not revived:
            raise RunNotDead(run_id)
        await self._publisher.publish(run_id, record.assistant_id, record.queue)
        return record

    async def discard_dead(self, run_id: RunId) -> None:
        """Take a run off the dead list for good. Its record stays until it expires.

        Raises:
            RunNotDead: It is not on the dead list.
            BrokerUnavailable: Redis did not answer.
        """
        with reaching_redis(f"discarding run `{run_id}`"):
            is_discarded = await self.ledger.discard(run_id)
        if not is_discarded:
            raise RunNotDead(run_id)

    async def remove(self, run_id: RunId) -> Literal["gone", "live", "unknown"]:
        """Remove the record of an ended run. An unended run stays and the answer says so.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with reaching_redis(f"removing run `{run_id}`"):
            return await self.ledger.remove(run_id)

    async def with_sub_runs(self, run_ids: Iterable[RunId]) -> list[RunId]:
        """Return runs and all their sub-runs as far as the ledger remembers.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with reaching_redis("reading which runs asked for others"):
            return await self.ledger.with_sub_runs(run_ids)

    async def started_by(self, idempotency: Idempotency) -> RunId | None:
        """Return the run that was started under an idempotency key. None means no run.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        with reaching_redis("reading an idempotency key"):
            return await self.ledger.started_by(idempotency)

    async def join(self, run_id: RunId) -> SubmittedRun:
        """Return a submitted run with a future of its end. This also works after its end.

        Raises:
            UnknownRun: The ledger does not have it (any more).
            BrokerUnavailable: Redis did not answer.
        """
        record = await self.record(run_id)
        with reaching_redis(f"reading run `{run_id}`"):
            ended = self._replies.expect(run_id, assistant_id=record.assistant_id, queue=record.queue)
            [outcome] = await self.ledger.outcomes([run_id])
        if outcome is not None and not ended.done():
            ended.set_result(outcome)
        return SubmittedRun(
            run_id, record.thread_id, record.assistant_id, record.queue, record.trace_id, ended, record.langsmith_run_id
        )

    async def wait(self, run: SubmittedRun, *, timeout_s: float) -> Outcome:
        """Wait for the end of a run. The run goes on when the waiter gives up.

        Raises:
            WaitTimeout: It has not ended after `timeout_s`.
            PoolUnavailable: The pool's last worker died.
        """
        try:
            return await asyncio.wait_for(run.ended, timeout_s)
        except TimeoutError as exc:
            raise WaitTimeout(run.assistant_id, run.run_id, timeout_s) from exc

    def _new_run(
        self,
        assistant_id: str,
        request: Mapping[str, Any],
        trace: TraceContext,
        parent_run_id: RunId | None,
        *,
        reply_to: str,
    ) -> NewRun:
        row = self.control.row(assistant_id)
        return NewRun(
            run_id=RunId(str(uuid7())),
            assistant_id=row.assistant_id,
            queue=self.control.decide(row.assistant_id).queue,
            request=request,
            trace=trace,
            reply_to=reply_to,
            thread_id=str(uuid7()),
            parent_run_id=parent_run_id,
        )

    async def _record(
        self, run: NewRun, idempotency: Idempotency | None, turn: Turn | None
    ) -> tuple[RunId, NextRun | None]:
        cap = self._queue_cap
        itself = None if is_held(run.request) else NextRun(run.run_id, run.assistant_id, run.queue)
        with reaching_redis(f"recording run `{run.run_id}`"):
            if turn is not None:
                return await self.ledger.record_in_line(run, turn, queue_cap=cap, idempotency=idempotency)
            return await self.ledger.record(run, queue_cap=cap, idempotency=idempotency), itself

    async def _admit(self, queue: str) -> None:
        """Publish the admissible runs of a queue's lanes. The ledger keeps the runs that cannot be published."""
        try:
            for run in await self.ledger.admit(queue):
                await self._publisher.publish(run.run_id, run.assistant_id, queue, run.headers)
        except (RedisError, BrokerUnavailable) as exc:
            log.warning("queue_not_fed", queue=queue, reason=str(exc))

    async def _publish(self, run: NewRun, to_publish: NextRun | None) -> None:
        if to_publish is None:
            return
        try:
            headers = run.trace.outbound() if to_publish.run_id == run.run_id else {}
            await self._publisher.publish(to_publish.run_id, to_publish.assistant_id, to_publish.queue, headers)
        except BrokerUnavailable:
            with suppress(RedisError):  # Redis is the broker and away. The sweeper drops or publishes the kept runs.
                await self.ledger.forget(run)
            raise


@asynccontextmanager
async def open_runs(configuration: Settings, control: ControlPlane) -> AsyncIterator[Runs]:
    """Open the door to the fleet for the running event loop. An absent broker shows at the first `submit`."""
    redis = connect_redis(configuration)
    try:
        async with _publisher(configuration, redis) as publisher:
            ledger = Ledger(redis, ttl_s=configuration.run_ttl_s, publish_next=publisher.publish)
            replies = Replies(ledger)
            try:
                await replies.start()
                yield Runs(control, ledger, replies, publisher, queue_cap=configuration.queue_cap)
            finally:
                await replies.close()
    finally:
        await redis.aclose()


@asynccontextmanager
async def _publisher(configuration: Settings, redis: Redis) -> AsyncIterator[Publisher | DirectPublisher]:
    """Open a publisher. Celery's way is taken to another broker, and where Flower is to see the runs that are sent."""
    if configuration.celery_broker_url is None and not configuration.task_events:
        yield DirectPublisher(app, redis)
        return
    publisher = Publisher(app)
    publisher.start()
    try:
        yield publisher
    finally:
        publisher.close()


def connect_redis(configuration: Settings) -> Redis:
    """Return a client of the ledger's Redis for the running event loop. It connects at its first use.

    The client has no timeout for answers. `Ledger` has one. With a timeout the client makes a task of every write. That
    costs time and can lose a cancellation in Python 3.11. `Ledger` also bounds the connections for less than a blocking
    pool takes. The client's defaults of five seconds and 100 connections would end silent streams and refuse readers.
    """
    pool = ConnectionPool.from_url(
        configuration.redis_url,
        max_connections=NO_LIMIT,
        socket_timeout=None,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_keepalive=True,
        health_check_interval=15,
        retry=Retry(NoBackoff(), 1),
    )
    return Redis.from_pool(pool)
