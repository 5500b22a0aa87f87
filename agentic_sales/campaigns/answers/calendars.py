"""Read the calendar of a mailbox's owner for the spans in which the owner has no time.

It is an iCalendar file or URL, or a CalDAV collection.
"""

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from agentic_sales.campaigns.answers.caldav import caldav_calendars, caldav_place, is_collection
from agentic_sales.campaigns.answers.free_times import Busy
from agentic_sales.contracts import MailboxId
from agentic_sales.errors import ConfigurationError, ExtraMissing, FetchRefused, ProviderUnavailable
from agentic_sales.outbound.http import httpx
from agentic_sales.settings import Settings

TIMEOUT_S = 10.0
MOST_BYTES = 10_000_000
TOO_LARGE = "it is too large"
_FREE = {"TRANSP": "TRANSPARENT", "STATUS": "CANCELLED", "X-MICROSOFT-CDO-BUSYSTATUS": "FREE"}
"""Properties that leave the time of an event free. A tentative event takes it."""


def calendar_of(configuration: Settings, mailbox_id: MailboxId) -> str:
    """Return the place of a mailbox's calendar in `AGENTIC_SALES_CALENDARS`. Empty if it has none.

    Raises:
        ConfigurationError: An entry names no mailbox with a file, URL or collection, or the packages are missing. The
            message does not repeat the value, because the URL of a calendar is a secret.
    """
    value = "" if configuration.calendars is None else configuration.calendars.get_secret_value()
    entries = [part.strip().partition("=") for part in value.split(";") if part.strip()]
    if any(not name.strip() or not place.strip() for name, _, place in entries):
        raise ConfigurationError("AGENTIC_SALES_CALENDARS must be `mailbox=https://…/calendar.ics;other=/a/file.ics`")
    for place in (place.strip() for _, _, place in entries if is_collection(place.strip())):
        try:
            caldav_place(place)
        except ValueError as exc:
            raise ConfigurationError(f"AGENTIC_SALES_CALENDARS: {exc}") from exc
    if entries and find_spec("recurring_ical_events") is None:
        raise ExtraMissing("AGENTIC_SALES_CALENDARS", "calendars", "calendars")
    return {name.strip(): place.strip() for name, _, place in entries}.get(mailbox_id, "")


async def busy_spans(place: str, *, begins_at: datetime, ends_at: datetime, zone: ZoneInfo) -> list[Busy]:
    """Read the busy spans of a calendar between two moments.

    Args:
        place: File, URL, or CalDAV collection.
        begins_at: The first moment.
        ends_at: The last one.
        zone: The owner's time zone. In it stand all-day events and times without a zone.

    Raises:
        ProviderUnavailable: It cannot be read now, or is no calendar. The message does not repeat its URL.
    """
    span: Any = {"begins_at": begins_at, "ends_at": ends_at}
    try:
        if is_collection(place):
            contents = await caldav_calendars(place, **span, timeout_s=TIMEOUT_S, max_bytes=MOST_BYTES)
        else:
            contents = [await _content(place)]
        return [busy for content in contents for busy in spans_in(content, **span, zone=zone)]
    except FetchRefused as exc:
        raise ProviderUnavailable("calendar", "its address must not be asked, or its answer is too large") from exc
    except ProviderUnavailable as exc:
        raise ProviderUnavailable("calendar", "its server does not answer") from exc
    except (httpx.HTTPError, OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as exc:
        told = str(exc) if type(exc) is ValueError and is_collection(place) else type(exc).__name__
        raise ProviderUnavailable("calendar", f"it cannot be read: {told}") from exc


def spans_in(content: bytes, *, begins_at: datetime, ends_at: datetime, zone: ZoneInfo) -> Iterator[Busy]:
    """Yield the busy spans of an iCalendar text: events, each time of a recurring one, and free/busy entries."""
    from icalendar import Calendar  # noqa: PLC0415 - its package is an extra
    from recurring_ical_events import of  # noqa: PLC0415 - the same

    calendar = Calendar.from_ical(content)
    for event in of(calendar).between(begins_at.astimezone(zone), ends_at.astimezone(zone)):
        if not any(str(event.get(name, "")).upper() == value for name, value in _FREE.items()):
            yield Busy(_moment(event.start, zone), _moment(event.end, zone))
    for part in calendar.walk("VFREEBUSY"):
        yield from _free_busy(part, zone)


def _free_busy(part: Any, zone: ZoneInfo) -> Iterator[Busy]:
    entries = part.get("FREEBUSY", [])
    for entry in entries if isinstance(entries, list) else [entries]:
        if str(entry.params.get("FBTYPE", "BUSY")).upper() != "FREE":
            begin, end = entry.dt if isinstance(entry.dt, tuple) else (entry.start, entry.end)
            yield Busy(_moment(begin, zone), _moment(begin + end if isinstance(end, timedelta) else end, zone))


def _moment(value: date | datetime, zone: ZoneInfo) -> datetime:
    """Return a moment. A day begins at midnight of the owner."""
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value if value.tzinfo else value.replace(tzinfo=zone)


def _file_content(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(TOO_LARGE)
    return content


async def _content(place: str) -> bytes:
    if not place.lower().startswith(("https://", "http://")):
        return await asyncio.to_thread(_file_content, Path(place))
    chunks: list[bytes] = []
    async with (
        httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=True) as client,
        client.stream("GET", place) as answer,
    ):
        answer.raise_for_status()
        async for chunk in answer.aiter_bytes():
            chunks.append(chunk)
            if sum(map(len, chunks)) > MOST_BYTES:
                raise ValueError(TOO_LARGE)
    return b"".join(chunks)
