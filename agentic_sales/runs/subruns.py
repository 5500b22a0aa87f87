"""Let a graph ask the fleet for the work of another graph by the contract of any caller.

Work of another pool goes through that pool's queue. Work of the run's own pool runs in place. So a pool never waits for
itself. A worker puts a `SubRunner` into the context. Outside a worker (as under `langgraph dev`) the sub-run goes to
the fleet that the environment names.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol

from agentic_sales import effects
from agentic_sales.contracts import RunId
from agentic_sales.control import control_plane
from agentic_sales.errors import AgenticSalesError, RunFailed
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.runs.ledger import Idempotency, Ledger, Outcome, RunRecord
from agentic_sales.runs.submit import open_runs
from agentic_sales.settings import settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.wire import from_wire

__all__ = [
    "SubRun",
    "SubRunner",
    "begin_assistant",
    "current_sub_runner",
    "ended_assistants",
    "ended_sub_runs",
    "finished_sub_run",
    "once_only",
    "run_assistant",
    "run_each",
]


@dataclass(frozen=True, slots=True)
class SubRun:
    """A sub-run that succeeded."""

    record: RunRecord
    """Where it ran and how long it took."""
    output: dict[str, Any]
    """Final state of its graph."""

    @property
    def duration_ms(self) -> int:
        """Return the milliseconds from the worker's claim to the end without the time in the queue."""
        return round(1000 * ((self.record.ended_at_s or 0.0) - (self.record.started_at_s or 0.0)))


class SubRunner(Protocol):
    """How the surrounding process runs a sub-run."""

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        """Run an assistant to its end."""

    async def begin(self, assistant_id: str, values: Mapping[str, Any], *, once: str) -> RunId:
        """Begin a run in the batch lane, or join the one that was begun under the same key."""

    async def ended(self, run_ids: Sequence[RunId]) -> "list[SubRun | AgenticSalesError | None]":
        """Return how runs ended. None: one has not ended."""


current_sub_runner: ContextVar[SubRunner | None] = ContextVar("current_sub_runner", default=None)
"""Set by a worker for the run that it executes. None outside a worker."""


async def run_assistant(assistant_id: str, values: Mapping[str, Any]) -> SubRun:
    """Run another workflow and return its final state.

    Args:
        assistant_id: Workflow to run, by its name.
        values: Its input.

    Raises:
        RunFailed: It ended with the failure that `code` names.
        PoolUnavailable: No live worker consumes its queue.
        SubRunRefused: The pool of the asking run may not wait for that pool.
        EffectExceeded: The other workflow has a stronger effect than the asking one.
    """
    effects.require(control_plane().row(assistant_id).effect, f"ask for `{assistant_id}`")
    runner = current_sub_runner.get() or _OutsideRunner()
    return await runner.run(assistant_id, values)


async def begin_assistant(assistant_id: str, values: Mapping[str, Any], *, once: str) -> RunId:
    """Begin a run of another workflow in the batch lane, and do not wait for it.

    Args:
        assistant_id: Workflow to run, by its name.
        values: Its input.
        once: Key of the run. A second begin under it joins the first run, also after the death of the asking process.

    Raises:
        PoolUnavailable: No live worker consumes its queue.
        QueueFull: The queue has as many waiting runs as it may have.
        EffectExceeded: The other workflow has a stronger effect than the asking one.
    """
    effects.require(control_plane().row(assistant_id).effect, f"begin `{assistant_id}`")
    runner = current_sub_runner.get() or _OutsideRunner()
    return await runner.begin(assistant_id, values, once=once)


async def ended_assistants(run_ids: Sequence[RunId]) -> list[SubRun | AgenticSalesError | None]:
    """Return how runs that were begun have ended: an answer, an error, or None for a run that has not ended.

    A run that the ledger does not know any more is an error `record_lost`, which a retry mends.
    """
    runner = current_sub_runner.get() or _OutsideRunner()
    return await runner.ended(run_ids) if run_ids else []


async def run_each(
    assistant_id: str, inputs: Sequence[Mapping[str, Any]], *, at_once: int
) -> list[SubRun | AgenticSalesError]:
    """Run another workflow for many inputs. Return an answer or an error for each, in their order.

    Args:
        assistant_id: Workflow to run, by its name.
        inputs: Its inputs.
        at_once: Sub-runs at the same time.
    """

    async def run(values: Mapping[str, Any]) -> SubRun | AgenticSalesError:
        try:
            return await run_assistant(assistant_id, values)
        except AgenticSalesError as exc:
            return exc

    return await ask_each(inputs, run, at_once=at_once)


def _output_of(outcome: Outcome) -> dict[str, Any]:
    """Return the final state of an outcome.

    Raises:
        RunFailed: The run did not succeed.
    """
    if outcome.failure is not None:
        failure = outcome.failure
        raise RunFailed(outcome.run_id, failure.code, failure.message, is_retryable=failure.is_retryable)
    output: dict[str, Any] = from_wire(outcome.output or b"{}")
    return output


async def finished_sub_run(ledger: Ledger, outcome: Outcome) -> SubRun:
    """Join the end of a sub-run with its record.

    Raises:
        RunFailed: The run did not succeed or the ledger has lost it already.
    """
    output = _output_of(outcome)
    record = await ledger.load(outcome.run_id)
    if record is None:
        reason = f"the ledger lost run `{outcome.run_id}` right after its end; is Redis evicting keys?"
        raise RunFailed(outcome.run_id, "record_lost", reason, is_retryable=True)
    return SubRun(record, output)


def once_only(once: str) -> Idempotency:
    """Return the key of a run that is begun once. Its first input counts."""
    digest = sha256(f"begun once: {once}".encode()).hexdigest()
    return Idempotency(scope=digest, digest=digest)


async def ended_sub_runs(ledger: Ledger, run_ids: Sequence[RunId]) -> list[SubRun | AgenticSalesError | None]:
    """Return how runs of a ledger ended. None: one has not ended."""
    outcomes = zip(run_ids, await ledger.outcomes(run_ids), strict=True)
    return [await _end_of(ledger, run_id, outcome) for run_id, outcome in outcomes]


async def _end_of(ledger: Ledger, run_id: RunId, outcome: Outcome | None) -> SubRun | AgenticSalesError | None:
    if outcome is None:
        is_known = await ledger.load(run_id) is not None
        lost = f"the ledger has lost run `{run_id}`"
        return None if is_known else RunFailed(run_id, "record_lost", lost, is_retryable=True)
    try:
        return await finished_sub_run(ledger, outcome)
    except RunFailed as exc:
        return exc


class _OutsideRunner:
    """Submit to the fleet from a process that is not one of its workers."""

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        configuration = settings()
        async with open_runs(configuration, control_plane()) as runs:
            run = await runs.submit(assistant_id, {"input": dict(values)}, trace=parse_inbound({}))
            outcome = await runs.wait(run, timeout_s=configuration.wait_timeout_s)
            return await finished_sub_run(runs.ledger, outcome)

    async def begin(self, assistant_id: str, values: Mapping[str, Any], *, once: str) -> RunId:
        request = {"input": dict(values), "priority": "batch"}
        async with open_runs(settings(), control_plane()) as runs:
            run = await runs.submit(assistant_id, request, trace=parse_inbound({}), idempotency=once_only(once))
            run.ended.cancel()
            return run.run_id

    async def ended(self, run_ids: Sequence[RunId]) -> list[SubRun | AgenticSalesError | None]:
        async with open_runs(settings(), control_plane()) as runs:
            return await ended_sub_runs(runs.ledger, run_ids)
