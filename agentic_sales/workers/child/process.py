"""Hold the event loop, the Redis connection and the graphs with a checkpointer of one worker child process.

They are made after the fork and closed when the child ends. A loop or a socket that crosses a fork would be shared by
processes that do not know of each other.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import uvloop
from billiard.common import terminate_handler_fired  # type: ignore[attr-defined]  # its types are older
from greenlet import getcurrent  # type: ignore[import-untyped]  # greenlet ships no types

from agentic_sales.contracts import RunId
from agentic_sales.control import ControlPlane
from agentic_sales.errors import AgenticSalesError, RunFailed, SubRunRefused
from agentic_sales.llm.providers import close_models
from agentic_sales.observability.metrics import COUNTS_KEY, LOOP_BLOCKS
from agentic_sales.observability.spans import name_message
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.budgets import Budgets
from agentic_sales.runs.chosen_model import chosen_model_of, config_of_model
from agentic_sales.runs.ledger import Claim, Ledger, Outcome
from agentic_sales.runs.publisher import publish_aside
from agentic_sales.runs.submit import Runs, connect_redis, open_runs
from agentic_sales.runs.subruns import SubRun, ended_sub_runs, finished_sub_run, once_only
from agentic_sales.settings import Settings
from agentic_sales.store.database import close_current_database
from agentic_sales.workers.child.durable import DurableGraphs
from agentic_sales.workers.child.execute import execute
from agentic_sales.workers.child.steps import Owner, Steps, current_owner
from agentic_sales.workers.child.watch import Watch
from agentic_sales.workers.loader import LoadedGraph
from agentic_sales.workers.mark import Mark, entry_of

T = TypeVar("T")


class Child:
    """One worker child process: runs one run at a time, or several where its loop serves greenlets that wait for it."""

    def __init__(self, configuration: Settings, control: ControlPlane) -> None:
        self.control = control
        self.configuration = configuration
        self._budgets = Budgets.of(configuration, control.rows)
        self._loop = uvloop.new_event_loop()
        self._redis = connect_redis(configuration)
        self.ledger = Ledger(self._redis, ttl_s=configuration.run_ttl_s, publish_next=publish_aside)
        self._durable = DurableGraphs(configuration)
        self._stack = AsyncExitStack()
        self._runs: Runs | None = None
        self._is_serving = False

    def run(self, row: GraphSpec, run_id: RunId, *, queue: str) -> Outcome | None:
        """Execute a run that the queue delivered, and return when it has ended."""
        name_message(queue, run_id)
        token = current_owner.set(Owner(row.assistant_id, entry_of(run_id))) if self._is_serving else None
        try:
            return self.do(self.execute(row, run_id, queue=queue))
        finally:
            if token is not None:
                current_owner.reset(token)

    def do(self, job: Coroutine[Any, Any, T]) -> T:
        """Do something on this child's loop, and return when it is done.

        asyncio lets `SystemExit` and `KeyboardInterrupt` of any task out of the loop. Unless this process was told to
        end, they come from a node; the loop goes on, so that the node's run ends with it and nothing else does.
        """
        if self._is_serving:
            return self._awaited(job)
        task = self._loop.create_task(job)
        while True:
            try:
                return self._loop.run_until_complete(task)
            except (SystemExit, KeyboardInterrupt):
                if task.done() or terminate_handler_fired():
                    raise

    def _awaited(self, job: Coroutine[Any, Any, T]) -> T:
        """Let the loop go on until a job is done; it then switches back to the greenlet that waits here."""
        task, waiting = self._loop.create_task(job), getcurrent()
        assert waiting.parent is not None  # noqa: S101 - the loop's own greenlet would wait for itself
        task.add_done_callback(waiting.switch)
        waiting.parent.switch()
        return task.result()

    def serve(self, mark: Mark, begin: Callable[[asyncio.AbstractEventLoop], object]) -> None:
        """Let greenlets of the main thread use this child's loop, until somebody stops it.

        The loop keeps the main thread, since only there a step that blocks it can be interrupted.

        Args:
            mark: Where this child notes whose step the loop executes.
            begin: Lets the loop take jobs. A job that came sooner would find a loop that does not run yet.
        """
        steps = Steps(mark)
        self._loop.set_task_factory(steps.task)
        watch = Watch(steps, self._count_block)
        self._is_serving = True
        watch.start()
        begin(self._loop)
        while True:
            try:
                self._loop.run_forever()
                break
            except (SystemExit, KeyboardInterrupt):  # as in `do`
                if terminate_handler_fired():
                    raise
        watch.stop()
        self._is_serving = False

    def _count_block(self, owner: Owner, _: str) -> None:
        field = LOOP_BLOCKS.field(owner.assistant_id)
        asyncio.run_coroutine_threadsafe(self._counted(field), self._loop)

    async def _counted(self, field: str) -> None:
        async with self.ledger.in_time():
            await self.ledger.redis.hincrby(COUNTS_KEY, field, 1)

    async def execute(self, row: GraphSpec, run_id: RunId, *, queue: str, in_place: bool = False) -> Outcome | None:
        """Execute a run on this child's loop; sub-runs of the own pool come here too."""
        return await execute(
            row,
            run_id,
            control=self.control,
            ledger=self.ledger,
            durable=self._durable,
            queue=queue,
            sub_runner_of=lambda claim: WorkerSubRunner(self, claim, queue),
            budgets=self._budgets,
            in_place=in_place,
        )

    async def durable_graph(self, row: GraphSpec) -> LoadedGraph:
        """Return the graph of a row with the shared checkpointer."""
        return await self._durable.graph_of(row)

    async def runs(self) -> Runs:
        """Return the door for sub-runs, opened when a run first needs it."""
        if self._runs is None:
            self._runs = await self._stack.enter_async_context(open_runs(self.configuration, self.control))
        return self._runs

    def close(self) -> None:
        """Close the connections and the loop."""
        self._loop.run_until_complete(self._aclose())
        self._loop.close()

    async def _aclose(self) -> None:
        await close_models()
        await self._stack.aclose()
        await self._durable.aclose()
        await close_current_database()
        await self._redis.aclose()


class WorkerSubRunner:
    """Run the sub-runs of one run, from the worker child that executes it."""

    def __init__(self, child: Child, claim: Claim, queue: str) -> None:
        self._child, self._claim, self._queue = child, claim, queue

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        """Run an assistant to its end: in place if this pool serves it, else through its pool's queue."""
        row = self._child.control.row(assistant_id)
        queue = self._child.control.decide(row.assistant_id).queue
        request = {"input": dict(values), "on_completion": "delete", "priority": self._claim.request.get("priority")}
        request |= config_of_model(chosen_model_of(self._claim.request))
        runs = await self._child.runs()
        if queue == self._queue:
            outcome = await self._run_in_place(runs, row, request)
        else:
            if queue == self._child.control.default_queue:
                raise SubRunRefused(row.assistant_id, queue, asked_from=self._queue)
            run = await runs.submit(
                row.assistant_id, request, trace=self._claim.trace, parent_run_id=self._claim.run_id
            )
            outcome = await runs.wait(run, timeout_s=self._child.configuration.wait_timeout_s)
        return await finished_sub_run(self._child.ledger, outcome)

    async def begin(self, assistant_id: str, values: Mapping[str, Any], *, once: str) -> RunId:
        """Begin a run in the batch lane of its pool. Nobody waits for it, so its pool may also be the own one."""
        request = {"input": dict(values), "on_completion": "delete", "priority": "batch"}
        run = await (await self._child.runs()).submit(
            assistant_id,
            request,
            trace=self._claim.trace,
            parent_run_id=self._claim.run_id,
            idempotency=once_only(once),
        )
        run.ended.cancel()
        return run.run_id

    async def ended(self, run_ids: Sequence[RunId]) -> list[SubRun | AgenticSalesError | None]:
        """Return how runs ended. None: one has not ended."""
        return await ended_sub_runs(self._child.ledger, run_ids)

    async def _run_in_place(self, runs: Runs, row: GraphSpec, request: Mapping[str, Any]) -> Outcome:
        run_id = await runs.record_in_place(
            row.assistant_id, request, trace=self._claim.trace, parent_run_id=self._claim.run_id
        )
        outcome = await self._child.execute(row, run_id, queue=self._queue, in_place=True)
        if outcome is None:
            raise RunFailed(run_id, "taken_over", f"sub-run `{run_id}` was taken over", is_retryable=True)
        return outcome
