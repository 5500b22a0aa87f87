"""Ask a CalDAV server for the events of one collection (RFC 4791), by one `calendar-query` of our own HTTP client.

The deployment names the collection, so its host may be on a private network. No redirect is followed, and the login
goes over TLS alone, but on this machine. The server is asked to expand recurring events. One that does not is no worse,
because the reader expands them too.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote, urlsplit

from lxml import etree  # type: ignore[import-untyped]  # lxml ships no types

from agentic_sales.campaigns.mailboxes.secret_places import check_place, secret_at
from agentic_sales.errors import InvalidRequest
from agentic_sales.outbound.addresses import AddressGuard, is_loopback
from agentic_sales.outbound.connections import USER_AGENT, Budget, Connections, Question

SCHEME = "caldav+"
"""Begin of the place of a collection: `caldav+https://user@host/path/ env:NAME`."""
_DATA = "{urn:ietf:params:xml:ns:caldav}calendar-data"
_MULTI_STATUS = 207
_REFUSED = frozenset({401, 403})
_QUERY = """<?xml version="1.0" encoding="utf-8"?>
<c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
<d:prop><c:calendar-data><c:expand start="{begin}" end="{end}"/></c:calendar-data></d:prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range start="{begin}" end="{end}"/>\
</c:comp-filter></c:comp-filter></c:filter>
</c:calendar-query>"""


@dataclass(frozen=True, slots=True)
class CaldavPlace:
    """A collection, and how its owner logs in."""

    url: str
    """URL of the collection, without a user."""
    username: str
    """Login. Empty asks without one."""
    secret: str
    """Place of the password, `env:NAME` or `file:/path`. Empty without a login."""


def is_collection(place: str) -> bool:
    """Tell whether a place is that of a collection."""
    return place.lower().startswith(SCHEME)


def caldav_place(place: str) -> CaldavPlace:
    """Read the place of a collection.

    Raises:
        ValueError: It is none. The message repeats no part of it.
    """
    address, _, secret = place.removeprefix(SCHEME).partition(" ")
    url, secret = urlsplit(address), secret.strip()
    if url.scheme not in {"https", "http"} or not url.hostname or url.password:
        raise ValueError("a collection is told as `caldav+https://user@host/path/ env:NAME`, without a password")
    if url.scheme == "http" and not is_loopback(url.hostname):
        raise ValueError("a collection on another machine needs https, because its password goes along")
    if bool(url.username) != bool(secret):
        raise ValueError("a collection needs both a user and the place of the password, `env:NAME` or `file:/path`")
    if secret:
        try:
            check_place(secret, "the password of a calendar")
        except InvalidRequest as exc:
            raise ValueError(str(exc)) from exc
    bare = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()
    return CaldavPlace(bare, unquote(url.username or ""), secret)


async def caldav_calendars(
    place: str, *, begins_at: datetime, ends_at: datetime, timeout_s: float, max_bytes: int
) -> list[bytes]:
    """Return the iCalendar texts of the events between two moments.

    Raises:
        ValueError: It is no place of a collection, its password is not there, or the server refuses or breaks the
            protocol. The message repeats no part of the place.
        FetchRefused: The URL must not be asked, or the answer is larger than `max_bytes`.
        ProviderUnavailable: The server does not answer in time.
    """
    collection = caldav_place(place)
    guard = AddressGuard([urlsplit(collection.url).netloc])
    question = Question("REPORT", _headers(collection), _query(begins_at, ends_at))
    async with Connections(guard) as connections:
        answer = await connections.exchange(guard.target(collection.url), Budget(timeout_s), question, max_bytes)
    if answer.status in _REFUSED:
        raise ValueError(f"the server refused the login ({answer.status})")
    if answer.status != _MULTI_STATUS:
        raise ValueError(f"the server answered {answer.status}, and a collection answers {_MULTI_STATUS}")
    return list(_texts(answer.body))


def _headers(collection: CaldavPlace) -> dict[str, str]:
    headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": "1", "User-Agent": USER_AGENT}
    if not collection.username:
        return headers
    login = f"{collection.username}:{secret_at(collection.secret)}".encode()
    return {**headers, "Authorization": f"Basic {base64.b64encode(login).decode()}"}


def _query(begins_at: datetime, ends_at: datetime) -> bytes:
    begin, end = (f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}" for at in (begins_at, ends_at))
    return _QUERY.format(begin=begin, end=end).encode()


def _texts(body: bytes) -> Iterator[bytes]:
    """Yield the calendars in a `multistatus`. No entity is expanded."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as exc:
        raise ValueError("the server's answer is no XML") from exc
    for found in root.iter(_DATA):
        if found.text:
            yield found.text.encode()
