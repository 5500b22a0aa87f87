"""Describe runs to callers in the words of LangGraph's SDKs.

Answers and webhook deliveries use these descriptions.
"""

from datetime import UTC, datetime
from typing import Any

from agentic_sales.control import assistant_uuid
from agentic_sales.runs.ledger import RunRecord


def described(record: RunRecord) -> dict[str, Any]:
    """Describe a run as LangGraph's SDKs know it. Add the place where it ran."""
    return {
        "run_id": record.run_id,
        "thread_id": record.thread_id,
        "assistant_id": assistant_uuid(record.assistant_id),
        "graph_id": record.assistant_id,
        "status": record.status,
        "metadata": dict(record.metadata),
        "kwargs": {},
        "multitask_strategy": record.multitask_strategy,
        "created_at": moment(record.created_at_s),
        "updated_at": moment(record.ended_at_s or record.started_at_s or record.created_at_s),
        "queue": record.queue,
        "attempt": record.attempt,
        "losses": record.losses,
        "worker": record.worker,
        "trace_id": record.trace_id,
        "langsmith_run_id": record.langsmith_run_id,
        "spent_usd": round(record.spent_usd, 6),
        "parent_run_id": record.parent_run_id,
        "cancelled_at": None if record.cancelled_at_s is None else moment(record.cancelled_at_s),
    } | ({} if record.webhook is None else {"webhook": dict(record.webhook)})


def moment(epoch_s: float) -> str:
    """Write a time as callers read it."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat()
