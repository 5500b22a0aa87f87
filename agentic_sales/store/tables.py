"""Name every table of the store, so that a migration sees them all."""

from agentic_sales.store.columns import Table
from agentic_sales.store.threads import ThreadRow

__all__ = ["Table", "ThreadRow"]
