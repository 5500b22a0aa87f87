"""Tell a fault of one item from a fault of the world. A fault of the world would meet every item."""

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from agentic_sales.errors import TransientError


def is_of_world(exc: Exception) -> bool:
    """Tell whether an error would meet the next item alike.

    A database that is away, a missing table, a full disk and a busy provider are faults of the world. A value that the
    database refuses is a fault of the item. So is any error of our own code.
    """
    if isinstance(exc, DBAPIError):
        return not isinstance(exc, (DataError, IntegrityError))
    return isinstance(exc, (TransientError, OSError, MemoryError))
