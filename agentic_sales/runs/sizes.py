"""Limit the data that one run may leave in Redis and in the database and with its caller.

A workflow reads pages of strangers. Without a limit one hostile site filled the ledger with 100 MB a run.
"""

from agentic_sales.errors import ResultTooLarge
from agentic_sales.settings import settings

EVENTS_PER_RESULT = 4
"""All events of a run together may take this many times the limit of one result."""


def fitting(data: bytes, what: str) -> bytes:
    """Return a run's data if its size is allowed.

    Args:
        data: The bytes.
        what: Name for the message, such as "the final state".

    Raises:
        ResultTooLarge: They are more than `AGENTIC_SALES_MAX_RESULT_BYTES`.
    """
    refuse_too_large(len(data), settings().max_result_bytes, what)
    return data


def refuse_too_large(size_bytes: int, limit_bytes: int, what: str) -> None:
    """Raise `ResultTooLarge` if data of a run has more bytes than it may."""
    if size_bytes > limit_bytes:
        raise ResultTooLarge(what, size_bytes, limit_bytes)
