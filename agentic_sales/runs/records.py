"""Describe a run as the ledger knows it: at its submission, in a worker's hands, at its end, and in between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentic_sales.contracts import RunFailure, RunId, RunStatus
from agentic_sales.observability.tracing import TraceContext

CANCELLED = RunFailure(code="cancelled", message="the run was cancelled", is_retryable=False, error="RunCancelled")
"""Outcome of a run after a request for cancellation."""
CANCELLED_BODY = CANCELLED.model_dump_json()
"""The same as JSON, which every end of a run takes along."""


@dataclass(frozen=True, slots=True)
class Idempotency:
    """The caller's statement that two requests are one."""

    scope: str
    """Digest of caller and method and path and `Idempotency-Key`. Keys of different callers never meet."""
    digest: str
    """Digest of the request's body. The same key with another body is refused."""


@dataclass(frozen=True, slots=True)
class NewRun:
    """The facts of a run at its submission."""

    run_id: RunId
    """UUIDv7 of the run."""
    assistant_id: str
    """Workflow to run."""
    queue: str
    """Celery queue that the routing contract decided."""
    request: Mapping[str, Any]
    """`input` and `config` and `metadata` and `context` as the caller sent them."""
    trace: TraceContext
    """Trace that the run belongs to."""
    reply_to: str
    """Channel that is told of its end. Empty means that nobody waits."""
    thread_id: str = ""
    """Thread that the run belongs to. A run without a thread has an id that no other run has."""
    stream_modes: tuple[str, ...] = ()
    """Stream modes in LangGraph's words. Empty means no stream."""
    parent_run_id: RunId | None = None
    """Run that asked for this one. None means that a caller did."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's hold on one attempt of a run."""

    run_id: RunId
    """The run."""
    attempt: int
    """Number of this attempt from 1. It is the fence of every later change."""
    is_exhausted: bool
    """True means that too many workers died of it. The run must then be finished as failed."""
    request: Mapping[str, Any]
    """`input` and `config` and `metadata` and `context`."""
    trace: TraceContext
    """Trace that the run belongs to."""
    stream_modes: tuple[str, ...] = ()
    """Stream modes. Empty means no stream."""
    thread_id: str = ""
    """Thread that the run belongs to."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    run_id: RunId
    """The run."""
    status: RunStatus
    """`success` or `error` or `timeout` or `interrupted`."""
    output: bytes | None
    """Final state as JSON. None unless the run succeeded."""
    failure: RunFailure | None
    """Reason of its failure. None when it succeeded."""
    pause: bytes | None = None
    """Pause of its thread as `RunRecord.pause` in JSON. None means no pause. After a failure None means unknown."""
    is_refused: bool = field(default=False, compare=False)
    """It was refused before anything ran. So its thread stays as it was."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The ledger's data of a run without its payload."""

    run_id: RunId
    """The run."""
    assistant_id: str
    """Its workflow."""
    queue: str
    """Queue that it was published on."""
    status: RunStatus
    """Where it stands."""
    attempt: int
    """Attempts so far. 0 means never claimed."""
    losses: int
    """Attempts that ended because the worker died."""
    worker: str | None
    """`host/pid` of the process that claimed it last."""
    thread_id: str
    """Thread that it belongs to."""
    metadata: Mapping[str, Any]
    """Metadata that the caller put on it."""
    parent_run_id: RunId | None
    """Run that asked for it."""
    trace_id: str
    """W3C trace id."""
    langsmith_run_id: str | None
    """LangSmith's id of it. None means that LangSmith does not have it."""
    spent_usd: float
    """Cost of its model calls so far in USD at list price. Sub-runs and earlier attempts are included."""
    created_at_s: float
    """Epoch seconds of the submission."""
    started_at_s: float | None
    """Epoch seconds of the last claim."""
    ended_at_s: float | None
    """Epoch seconds of the end."""
    cancelled_at_s: float | None
    """Epoch seconds of the wish to cancel it. None means no such wish."""
    pause: Mapping[str, Any] | None = None
    """Pause of its thread at its end as `next` (names of nodes) and `interrupts` (by the task). None means no pause."""
    multitask_strategy: str = "enqueue"
    """Strategy for the case that another run is at work on its thread."""
    webhook: Mapping[str, Any] | None = None
    """Its webhook with `url` and `status` and `attempts` and last `error`. None means that it has none.

    The status is `pending` or `delivered` or `dead`.
    """
