"""Trace one run in the worker that executes it; a run that is not traced pays one comparison."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from opentelemetry.trace import Span

from agentic_sales.observability import names
from agentic_sales.observability.plane import plane
from agentic_sales.observability.spans import RunIdentity, current_trace, end_as, invoking, payload
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.ledger import Claim, Outcome
from agentic_sales.workers.node_spans import NodeSpans

_handlers: ContextVar[tuple[BaseCallbackHandler, ...]] = ContextVar("trace_handlers", default=())


class Untraced:
    """What a run that is not traced is told to do: nothing."""

    def end(self, outcome: Outcome) -> None:
        """Say how the run ended."""


class TracedRun(Untraced):
    """The trace of one attempt of a run."""

    def __init__(self, recorded: Span) -> None:
        self._recorded = recorded

    def end(self, outcome: Outcome) -> None:
        """Say how the run ended."""
        if outcome.output is not None:
            self._recorded.set_attributes(payload(names.OUTPUT, outcome.output))
        end_as(self._recorded, outcome.failure)


_UNTRACED = Untraced()


@contextmanager
def traced(row: GraphSpec, claim: Claim, *, queue: str) -> Iterator[Untraced]:
    """Trace one attempt of a run for as long as the body lasts."""
    trace_token = current_trace.set(claim.trace)
    try:
        if plane() is None:
            yield _UNTRACED
        else:
            with _recording(row, claim, queue) as run:
                yield run
    finally:
        current_trace.reset(trace_token)


@contextmanager
def _recording(row: GraphSpec, claim: Claim, queue: str) -> Iterator[Untraced]:
    identity = RunIdentity(row.assistant_id, claim.run_id, claim.thread_id, queue, claim.attempt)
    with invoking(claim.trace, identity) as recorded:
        recorded.set_attributes(payload(names.INPUT, claim.request.get("input")))
        token = _handlers.set((NodeSpans(),))
        try:
            yield TracedRun(recorded)
        finally:
            _handlers.reset(token)


def traced_config(config: Any) -> Any:
    """Let a graph tell its nodes to the trace of the run, if the run is traced."""
    handlers = _handlers.get()
    return {**config, "callbacks": list(handlers)} if handlers else config
