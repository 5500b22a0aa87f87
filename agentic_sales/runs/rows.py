"""Read the ledger's rows and replies: what Redis returns becomes a record or an outcome of a run."""

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from agentic_sales.contracts import RunFailure, RunId, RunStatus
from agentic_sales.runs.records import CANCELLED, Outcome, RunRecord
from agentic_sales.wire import from_wire

_WEBHOOK_FIELDS = ("webhook", "webhook_status", "webhook_attempts", "webhook_error")
RECORD_FIELDS = (
    "status",
    "assistant_id",
    "queue",
    "attempt",
    "losses",
    "worker",
    "thread_id",
    "metadata",
    "multitask_strategy",
    "parent_run_id",
    "trace_id",
    "langsmith_run_id",
    "spent_usd",
    "created_at",
    "started_at",
    "ended_at",
    "cancelled_at",
    "pause",
    *_WEBHOOK_FIELDS,
)
"""The fields of a run\'s hash that make its record."""


def record_of(run_id: RunId, raw: Sequence[bytes | str | None]) -> RunRecord | None:
    """Make the record of a run from the values of `RECORD_FIELDS`. None stands for an unknown run."""
    if raw[0] is None:
        return None
    text = {name: text_of(value) for name, value in zip(RECORD_FIELDS, raw, strict=True)}
    return RunRecord(
        run_id=run_id,
        assistant_id=text["assistant_id"] or "",
        queue=text["queue"] or "",
        status=text["status"],  # type: ignore[arg-type]  # only our scripts write it
        attempt=int(text["attempt"] or 0),
        losses=int(text["losses"] or 0),
        worker=text["worker"] or None,
        thread_id=text["thread_id"] or "",
        metadata=from_wire(text["metadata"] or "{}"),
        multitask_strategy=text["multitask_strategy"] or "enqueue",
        parent_run_id=RunId(text["parent_run_id"]) if text["parent_run_id"] else None,
        trace_id=text["trace_id"] or "",
        langsmith_run_id=text["langsmith_run_id"],
        spent_usd=float(text["spent_usd"] or 0),
        created_at_s=float(text["created_at"] or 0),
        started_at_s=_seconds(text["started_at"]),
        ended_at_s=_seconds(text["ended_at"]),
        cancelled_at_s=_seconds(text["cancelled_at"]),
        pause=from_wire(text["pause"]) if text["pause"] else None,
        webhook=_webhook(*(text[name] for name in _WEBHOOK_FIELDS)),
    )


def parse_reply(message: bytes) -> Outcome:
    """Read the scripts' message of a run's end. Its lines are the id and the status and the body."""
    run_id, status, body = message.split(b"\n", 2)
    is_success = status == b"success"
    outcome = outcome_of(RunId(run_id.decode()), status, body if is_success else None, None if is_success else body)
    if outcome is None:
        raise ValueError(f"reply of run `{run_id.decode()}` has the status {status!r}, which is no end")
    return outcome


def failure_status(failure: RunFailure) -> RunStatus:
    """Return the status of a run with this failure in LangGraph's words."""
    match failure.code:
        case "timeout":
            return "timeout"
        case CANCELLED.code:
            return "interrupted"
        case _:
            return "error"


def _webhook(url: str | None, status: str | None, attempts: str | None, error: str | None) -> dict[str, Any] | None:
    if url is None:
        return None
    return {"url": url, "status": status or "pending", "attempts": int(attempts or 0), "error": error}


def text_of(value: bytes | str | None) -> str | None:
    """Return a value of Redis as text."""
    return value.decode() if isinstance(value, bytes) else value


def _seconds(value: str | None) -> float | None:
    return float(value) if value else None


def outcome_of(run_id: RunId, status: bytes | None, output: bytes | None, failure: bytes | None) -> Outcome | None:
    """Make the outcome of a run from its hash. None stands for an unended or unknown run."""
    if status is None or status in {b"pending", b"running"}:
        return None
    return Outcome(
        run_id=run_id,
        status=status.decode(),  # type: ignore[arg-type]  # only our scripts write it
        output=output,
        failure=_failure(failure) if failure else None,
    )


def _failure(raw: bytes) -> RunFailure:
    """Read a failure. An unreadable one is told as such. So it keeps back no other run's end."""
    try:
        return RunFailure.model_validate_json(raw)
    except ValidationError as exc:
        message = f"its failure cannot be read: {exc.error_count()} problems"
        return RunFailure(code="bug", message=message, is_retryable=False, error=type(exc).__name__)
