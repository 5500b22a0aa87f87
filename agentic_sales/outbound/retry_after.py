"""Read the `Retry-After` header of an answer."""

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def parse_retry_after(value: str) -> float | None:
    """Return the seconds of a `Retry-After` header with a number or a date. None if it has neither."""
    try:
        pause_s = float(value)
    except ValueError:
        pause_s = _seconds_until(value)
    return max(pause_s, 0.0) if math.isfinite(pause_s) else None


def _seconds_until(http_date: str) -> float:
    try:
        return (parsedate_to_datetime(http_date).astimezone(UTC) - datetime.now(UTC)).total_seconds()
    except ValueError:
        return math.nan
