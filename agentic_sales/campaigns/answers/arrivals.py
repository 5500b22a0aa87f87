"""Read the mails that a provider received for us, from a worker. Their events carry no headers and no text.

Each mail is read by itself. A mail that raises is kept for people. If the provider does not return the content now, the
mail is retried with back-off. Neither delays the mails behind it.
"""

from datetime import datetime, timedelta

import structlog

from agentic_sales.campaigns.answers.events import Recorded, record
from agentic_sales.campaigns.answers.received import received_content
from agentic_sales.campaigns.answers.resend_events import parse_resend, with_content
from agentic_sales.campaigns.answers.unreadable import keep_unreadable
from agentic_sales.errors import ProviderUnavailable
from agentic_sales.settings import Settings
from agentic_sales.store.arrivals import ArrivalRow, drop_arrival, due_arrivals, put_off_arrival
from agentic_sales.store.database import Database
from agentic_sales.store.faults import is_of_world
from agentic_sales.wire import to_wire

AT_ONCE = 100
"""Events of one round."""
BACK_OFF = timedelta(seconds=15)
"""Back-off after the first failed try. It doubles with each further one."""
LONGEST_PAUSE = timedelta(hours=1)
MOST_TRIES = 60
"""Failed tries, over more than two days. After that many a person must look."""
RESEND = "resend"

log = structlog.get_logger()


async def read_due(configuration: Settings, database: Database, *, now: datetime) -> int:
    """Read the events that are due. Return how many were about a campaign."""
    async with database.reading() as connection:
        due = await due_arrivals(connection, now=now, limit=AT_ONCE)
    return sum([await _read(configuration, database, arrival, now) for arrival in due])


async def _read(configuration: Settings, database: Database, arrival: ArrivalRow, now: datetime) -> bool:
    try:
        return await _record(configuration, database, arrival, now) == "recorded"
    except ProviderUnavailable as exc:
        if arrival.tries + 1 >= MOST_TRIES:
            await _give_up(database, arrival, exc, now)
        else:
            await _put_off(database, arrival, now)
    except Exception as exc:
        if is_of_world(exc):
            raise
        await _give_up(database, arrival, exc, now)
    return False


async def _record(configuration: Settings, database: Database, arrival: ArrivalRow, now: datetime) -> Recorded:
    event = parse_resend(arrival.event_id, arrival.event, received_at=arrival.received_at)
    if event is not None and event.provider_id:
        event = with_content(event, await received_content(configuration, event.provider_id))
    async with database.writing() as connection:
        await drop_arrival(connection, arrival.event_id)
        return "ignored" if event is None else await record(connection, event, now=now)


async def _put_off(database: Database, arrival: ArrivalRow, now: datetime) -> None:
    tries = arrival.tries + 1
    due_at = now + min(BACK_OFF * 2 ** min(arrival.tries, 20), LONGEST_PAUSE)
    async with database.writing() as connection:
        await put_off_arrival(connection, arrival.event_id, tries=tries, due_at=due_at)
    log.warning("arrival_put_off", event_id=arrival.event_id, tries=tries)


async def _give_up(database: Database, arrival: ArrivalRow, exc: Exception, now: datetime) -> None:
    async with database.writing() as connection:
        await drop_arrival(connection, arrival.event_id)
        await keep_unreadable(
            connection, to_wire(arrival.event), exc, source=RESEND, received_at=arrival.received_at, now=now
        )
