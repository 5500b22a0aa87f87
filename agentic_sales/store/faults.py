"""Tell a fault of one item from a fault of the world, which would meet every item."""

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from agentic_sales.errors import TransientError


def is_of_world(exc: Exception) -> bool:
    """Tell whether an error says nothing of the item at hand, so that the next one would fare alike.

    A database that is away, a table that is missing, a full disk and a busy provider are the world's. A value that the
    database refuses, and whatever our own code raises, is the item's.
    """
    if isinstance(exc, DBAPIError):
        return not isinstance(exc, (DataError, IntegrityError))
    return isinstance(exc, (TransientError, OSError, MemoryError))
