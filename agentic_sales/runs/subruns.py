"""Let a graph ask the fleet for the work of another graph by the contract of any caller.

Work of another pool goes through that pool's queue. Work of the run's own pool runs in place. So a pool never waits for
itself. A worker puts a `SubRunner` into the context. Outside a worker (as under `langgraph dev`) the sub-run goes to
the fleet that the environment names.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from agentic_sales import effects
from agentic_sales.control import control_plane
from agentic_sales.errors import AgenticSalesError, RunFailed
from agentic_sales.observability.tracing import parse_inbound
from agentic_sales.runs.ledger import Ledger, Outcome, RunRecord
from agentic_sales.runs.submit import open_runs
from agentic_sales.settings import settings
from agentic_sales.side_by_side import ask_each
from agentic_sales.wire import from_wire

__all__ = ["SubRun", "SubRunner", "current_sub_runner", "finished_sub_run", "run_assistant", "run_each"]


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


class _OutsideRunner:
    """Submit to the fleet from a process that is not one of its workers."""

    async def run(self, assistant_id: str, values: Mapping[str, Any]) -> SubRun:
        configuration = settings()
        async with open_runs(configuration, control_plane()) as runs:
            run = await runs.submit(assistant_id, {"input": dict(values)}, trace=parse_inbound({}))
            outcome = await runs.wait(run, timeout_s=configuration.wait_timeout_s)
            return await finished_sub_run(runs.ledger, outcome)
