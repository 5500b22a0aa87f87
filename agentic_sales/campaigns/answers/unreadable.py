"""Keep an unreadable item as it came. So people see it, and nothing behind it waits."""

from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from agentic_sales.campaigns.answers.inbound import event_id_of
from agentic_sales.rules.wording import readable
from agentic_sales.store.inbound import UNREADABLE, add_inbound

LONGEST_KEPT_CHARS = 100_000
LONGEST_REASON_CHARS = 500

log = structlog.get_logger()


async def keep_unreadable(
    connection: AsyncConnection, raw: bytes, exc: Exception, *, source: str, received_at: datetime, now: datetime
) -> str:
    """Keep an item that raised, for people. Return its id. `campaigns inbound --kind unreadable` lists them.

    Args:
        connection: Of a writing transaction.
        raw: The item as it came. Its beginning is kept.
        exc: The exception that it raised.
        source: Where it was read.
        received_at: When it came.
        now: The present.
    """
    event_id = event_id_of(source, raw)
    reason = readable(f"{type(exc).__name__}: {exc}"[:LONGEST_REASON_CHARS])
    text = readable(raw[:LONGEST_KEPT_CHARS].decode("utf-8", errors="backslashreplace"))
    values = {"source": source, "kind": UNREADABLE, "text": f"{reason}\n\n{text}", "received_at": received_at}
    await add_inbound(connection, event_id, {**values, "subject": "could not be read"}, now=now)
    log.error("item_unreadable", event_id=event_id, source=source, reason=type(exc).__name__)
    return event_id
