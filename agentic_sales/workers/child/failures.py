"""Convert the exception of a run into a `RunFailure`, because exceptions do not survive the broker.

An exception is foreign code. Its text can be endless, can be no text, and making the text can raise. The conversion
itself never raises, because a failure that cannot be recorded makes the broker deliver the run again.
"""

from pydantic_core import PydanticSerializationError

from agentic_sales.contracts import RunFailure, plain_text
from agentic_sales.errors import AgenticSalesError
from agentic_sales.registry import GraphSpec

EXITS = (SystemExit, KeyboardInterrupt, GeneratorExit)
"""Exceptions by which a node would end its process or its caller. Here they end the run alone."""


def failure_of(row: GraphSpec, exc: BaseException) -> RunFailure:
    """Convert the exception of a run into the form that crosses the queue."""
    try:
        return _failure_of(row, exc)
    except Exception:  # noqa: BLE001 - the last resort uses nothing of what failed
        message = f"`{row.assistant_id}` failed, and its error cannot be told"
        return RunFailure(code="bug", message=message, is_retryable=False, error="Exception")


def _failure_of(row: GraphSpec, exc: BaseException) -> RunFailure:
    error, told = type(exc).__name__, plain_text(exc)
    match exc:
        case AgenticSalesError():
            return RunFailure(code=exc.code, message=told, is_retryable=exc.is_retryable, error=error)
        case PydanticSerializationError():
            message = f"the final state of `{row.assistant_id}` is not JSON: {told}; a node must return plain data"
            return RunFailure(code="bug", message=message, is_retryable=False, error=error)
        case _:
            message = f"`{row.assistant_id}` failed: {error}: {told}"
            return RunFailure(code="bug", message=message, is_retryable=False, error=error)
