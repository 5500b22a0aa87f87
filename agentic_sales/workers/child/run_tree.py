"""Let one run of a graph grow LangSmith's run tree, below the run that its trace comes from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from langchain_core.tracers import LangChainTracer
from langsmith.run_helpers import tracing_context
from uuid_utils import uuid7

from agentic_sales.observability.run_trees import RunTrees, Sink
from agentic_sales.observability.spans import RunIdentity
from agentic_sales.observability.tracing import TraceContext


@dataclass(frozen=True, slots=True)
class TreeOfRun:
    """The part of a run tree that one attempt of a run grows."""

    run_id: str
    """LangSmith's id of its root: the run's own, but for a later attempt, since an id is written once."""
    tracer: LangChainTracer
    """Callback of the graph, which records its nodes."""
    sink: Sink
    """Where it writes."""


@contextmanager
def run_tree(trees: RunTrees, identity: RunIdentity, trace: TraceContext, *, is_shown: bool) -> Iterator[TreeOfRun]:
    """Trace what the body runs, in the project of the run's pool."""
    project = trees.project(identity.assistant_id)
    sink = Sink(trees.client, is_shown=is_shown, is_kept=trace.is_in_run_tree)
    parent = trees.parent(trace, sink, project)  # held here: the context holds it weakly
    tracer = LangChainTracer(project_name=project, client=sink)  # type: ignore[arg-type]  # it only creates and updates
    run_id = identity.run_id if identity.attempt == 1 else str(uuid7())
    with tracing_context(parent=parent or False, project_name=project, client=sink, enabled=True):  # type: ignore[arg-type]  # as above
        yield TreeOfRun(run_id, tracer, sink)
