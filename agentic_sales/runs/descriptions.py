"""Describe runs to callers in the words of LangGraph's SDKs.

Answers and webhook deliveries use these descriptions. Moments are texts in ISO 8601, as callers have always read them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from agentic_sales.contracts import RunStatus
from agentic_sales.control import assistant_uuid
from agentic_sales.runs.ledger import RunRecord

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""A time as callers read it."""


def _is_none(value: object) -> bool:
    return value is None


class Run(BaseModel):  # type: ignore[no-redef]  # pydantic.mypy gives `__init__` a `kwargs` of its own
    """A run as LangGraph's SDKs know it, and the place where it ran."""

    model_config = ConfigDict(frozen=True)

    run_id: str = Field(description="Its id.")
    thread_id: str = Field(description="Thread that it belongs to. A run without a thread has an id of its own.")
    assistant_id: str = Field(description="UUID of its workflow.")
    graph_id: str = Field(description="Name of its workflow.")
    status: RunStatus = Field(description="Where it stands.")
    metadata: Mapping[str, Any] = Field(description="Metadata of its caller.")
    kwargs: Mapping[str, Any] = Field(default={}, description="Always empty.")
    multitask_strategy: str = Field(description="Rule for a thread with another run at work.")
    created_at: Moment = Field(description="When it was submitted.")
    updated_at: Moment = Field(description="When it was claimed or ended last.")
    queue: str = Field(description="Queue that it was published on.")
    attempt: int = Field(description="Attempts so far. 0: no worker has claimed it.")
    losses: int = Field(description="Attempts that ended because the worker died.")
    worker: str | None = Field(description="`host/pid` of the process that claimed it last.")
    trace_id: str = Field(description="W3C trace id.")
    langsmith_run_id: str | None = Field(description="Its id in LangSmith.")
    spent_usd: float = Field(description="Cost of its model calls so far, in USD at list price.")
    parent_run_id: str | None = Field(description="Run that asked for it.")
    cancelled_at: Moment | None = Field(description="When its cancellation was asked for.")
    webhook: Mapping[str, Any] | None = Field(
        default=None, exclude_if=_is_none, description="Its webhook and the delivery. Absent when it has none."
    )


def described(record: RunRecord) -> Run:
    """Describe a run to its caller."""
    return Run(
        run_id=record.run_id,
        thread_id=record.thread_id,
        assistant_id=assistant_uuid(record.assistant_id),
        graph_id=record.assistant_id,
        status=record.status,
        metadata=record.metadata,
        multitask_strategy=record.multitask_strategy,
        created_at=moment(record.created_at_s),
        updated_at=moment(record.ended_at_s or record.started_at_s or record.created_at_s),
        queue=record.queue,
        attempt=record.attempt,
        losses=record.losses,
        worker=record.worker,
        trace_id=record.trace_id,
        langsmith_run_id=record.langsmith_run_id,
        spent_usd=round(record.spent_usd, 6),
        parent_run_id=record.parent_run_id,
        cancelled_at=None if record.cancelled_at_s is None else moment(record.cancelled_at_s),
        webhook=record.webhook,
    )


def moment(epoch_s: float) -> str:
    """Write a time as callers read it."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()
