"""Trace one run in the worker that executes it; a run that is not traced pays one comparison."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from opentelemetry.trace import Span

from agentic_sales.observability import names
from agentic_sales.observability.plane import ObservabilityPlane, plane
from agentic_sales.observability.spans import RunIdentity, current_trace, end_as, invoking, payload
from agentic_sales.registry import GraphSpec
from agentic_sales.runs.ledger import CANCELLED, Claim, Outcome
from agentic_sales.workers.child.node_spans import NodeSpans
from agentic_sales.workers.child.run_tree import TreeOfRun, run_tree

_additions: ContextVar[dict[str, Any] | None] = ContextVar("traced_config", default=None)
"""Additions of a traced run to the config of its graph."""


class Untraced:
    """Stands in for a trace where a run is not traced, and does nothing."""

    langsmith_run_id: str | None = None
    """LangSmith's id of the run, once it has one."""

    def end(self, outcome: Outcome) -> None:
        """Say how the run ended."""


class TracedRun(Untraced):
    """The trace of one attempt of a run."""

    def __init__(self, recorded: Span, tree: TreeOfRun | None) -> None:
        self._recorded, self._tree = recorded, tree
        self._name_tree()

    def end(self, outcome: Outcome) -> None:
        """Say how the run ended."""
        if outcome.output is not None:
            self._recorded.set_attributes(payload(names.OUTPUT, outcome.output))
        end_as(self._recorded, outcome.failure)
        if self._tree is not None and outcome.failure is not None and outcome.failure.code != CANCELLED.code:
            self._tree.sink.keep()
        self._name_tree()

    def _name_tree(self) -> None:
        if self._tree is not None and self._tree.sink.is_kept:
            self.langsmith_run_id = self._tree.run_id


_UNTRACED = Untraced()


@contextmanager
def traced(row: GraphSpec, claim: Claim, *, queue: str) -> Iterator[Untraced]:
    """Trace one attempt of a run for as long as the body lasts."""
    trace_token = current_trace.set(claim.trace)
    try:
        opened = plane()
        if opened is None:
            yield _UNTRACED
        else:
            with _recording(opened, row, claim, queue) as run:
                yield run
    finally:
        current_trace.reset(trace_token)


@contextmanager
def _recording(opened: ObservabilityPlane, row: GraphSpec, claim: Claim, queue: str) -> Iterator[Untraced]:
    identity = RunIdentity(row.assistant_id, claim.run_id, claim.thread_id, queue, claim.attempt)
    with ExitStack() as stack:
        recorded = stack.enter_context(invoking(claim.trace, identity))
        recorded.set_attributes(payload(names.INPUT, claim.request.get("input")))
        tree = None
        if opened.run_trees is not None:
            is_shown = identity.assistant_id in opened.shown
            tree = stack.enter_context(run_tree(opened.run_trees, identity, claim.trace, is_shown=is_shown))
        token = _additions.set(_additions_of(opened, tree))
        try:
            yield TracedRun(recorded, tree)
        finally:
            _additions.reset(token)


def _additions_of(opened: ObservabilityPlane, tree: TreeOfRun | None) -> dict[str, Any]:
    handlers = [NodeSpans()] if opened.telemetry else []
    if tree is None:
        return {"callbacks": handlers}
    return {"callbacks": [*handlers, tree.tracer], "run_id": UUID(tree.run_id)}


def traced_config(config: Any) -> Any:
    """Let a graph tell its nodes to the trace of the run, if the run is traced."""
    additions = _additions.get()
    return {**config, **additions} if additions else config
