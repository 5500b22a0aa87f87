"""Send one GET or POST to one checked address, without redirects and within every limit.

The connection goes to an address that the guard returned for this very request. The Host header and the TLS handshake
name the host. A later answer of DNS is never used. Proxies and credentials of the environment are ignored. No cookie
is
kept.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from ssl import SSLContext

import structlog

from agentic_sales.errors import FetchRefused, ProviderUnavailable
from agentic_sales.outbound.addresses import AddressGuard, Target
from agentic_sales.outbound.bodies import ACCEPTED_ENCODING, read_body
from agentic_sales.outbound.closing import Closing
from agentic_sales.outbound.http import httpx

Transport = Callable[[], httpx.AsyncBaseTransport]
"""Makes the transport of the requests to one host. It is asked only for IP addresses."""

PRODUCT = "AgenticSalesBot"
"""This crawler's name in a robots.txt."""
USER_AGENT = f"{PRODUCT}/0.1 (reads few pages of a company's site; honours robots.txt)"
"""The User-Agent header of every request."""

_HEADERS = {
    "User-Agent": USER_AGENT,
    "Accept": "text/html, application/xhtml+xml, text/plain;q=0.8, application/xml;q=0.7",
    "Accept-Encoding": ACCEPTED_ENCODING,
    "Accept-Language": "en, *;q=0.5",
}
_CONNECT_TIMEOUT_S = 5.0
_MAX_ADDRESSES = 3
# Servers keep an idle connection for longer. So none is lost just when it is used again.
_KEEPALIVE_S = 2.0

_CHARSET = re.compile(r"charset=[\"']?([\w-]{1,40})", re.IGNORECASE)

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_LATER = frozenset({408, 425, 429})

log = structlog.get_logger()


@dataclass(frozen=True)
class Wanted:
    """Conditions for reading a body."""

    max_bytes: int
    """Most bytes that are read, after decompression."""
    content_types: frozenset[str] | None = None
    """Media types that are read. None means any."""
    is_head_enough: bool = False
    """True returns the first `max_bytes` of a larger body. False refuses it."""


@dataclass(frozen=True)
class HttpReply:
    """A server's answer with a body or a redirect."""

    url: httpx.URL
    """The URL that answered, with the host's name."""
    status: int
    """HTTP status of a success or a redirect."""
    location: str | None = None
    """Target of the redirect as the server wrote it. None without a redirect."""
    content_type: str = ""
    """Media type of the body in lower case."""
    charset: str | None = None
    """Character set of the header, or None."""
    body: bytes = b""
    """The body after decompression."""
    is_whole: bool = True
    """False if this is only the start of a larger body."""


@dataclass(frozen=True)
class Question:
    """A request to the API of a service."""

    method: str
    """HTTP method."""
    headers: Mapping[str, str]
    """Headers beside `Host` and `Accept-Encoding`."""
    body: bytes = b""
    """Body, or nothing."""


@dataclass(frozen=True)
class RawAnswer:
    """An answer with any status."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Headers with names in lower case."""
    body: bytes
    """The body after decompression."""


class Budget:
    """Wall-clock seconds for one page over all its requests. Only time inside `spend` counts."""

    def __init__(self, limit_s: float) -> None:
        self._limit_s = self._left_s = limit_s

    @asynccontextmanager
    async def spend(self, host: str) -> AsyncIterator[None]:
        """End the work inside when no time is left.

        Raises:
            ProviderUnavailable: No time is left.
        """
        loop = asyncio.get_running_loop()
        started_at = loop.time()
        try:
            async with asyncio.timeout(self._left_s):
                yield
        except TimeoutError as exc:
            raise ProviderUnavailable(host, f"no complete answer within {self._limit_s:g} s") from exc
        finally:
            self._left_s -= loop.time() - started_at


class Connections(Closing):
    """Holds the connections of one fetcher. Each host has a transport, because a TLS connection is for one name only.

    These are transports and not clients. A client would add unwanted cookies, redirects and credentials.
    """

    def __init__(self, guard: AddressGuard, transport: Transport | None = None) -> None:
        self._guard = guard
        self._new_transport = transport or _network_transport
        self._transports: dict[str, httpx.AsyncBaseTransport] = {}

    async def aclose(self) -> None:
        """Close every connection."""
        for transport in self._transports.values():
            await transport.aclose()

    async def ask(self, target: Target, budget: Budget, wanted: Wanted) -> HttpReply:
        """Send one GET to the target and read its answer.

        Raises:
            FetchRefused: An address of the host is not public, or the answer does not meet the conditions.
            ProviderUnavailable: The host does not answer in time, asks for a later request, or answers with a 5xx.
        """
        try:
            async with budget.spend(target.host), self._answer(target) as response:
                return await _reply(target, response, wanted)
        except httpx.TransportError as exc:
            raise ProviderUnavailable(target.host, f"{type(exc).__name__} {exc}".strip()) from exc

    async def tell(self, target: Target, budget: Budget, body: bytes, headers: Mapping[str, str]) -> int:
        """Send one POST to the target and return the answer's status. Its body is not read.

        Raises:
            FetchRefused: An address of the host is not public.
            ProviderUnavailable: The host does not answer in time.
        """
        request_to = partial(_post, target, body, headers)
        try:
            async with budget.spend(target.host):
                response = await self._send(target, await self._guard.addresses(target), request_to)
                await response.aclose()
                return response.status_code
        except httpx.TransportError as exc:
            raise ProviderUnavailable(target.host, f"{type(exc).__name__} {exc}".strip()) from exc

    async def exchange(self, target: Target, budget: Budget, question: Question, max_bytes: int) -> RawAnswer:
        """Send one request to an API and return its whole answer with any status.

        Raises:
            FetchRefused: An address of the host is not public, or the answer is damaged or larger than `max_bytes`.
            ProviderUnavailable: The host does not answer in time, or its answer breaks off.
        """
        request_to = partial(_question, target, question)
        try:
            async with budget.spend(target.host):
                response = await self._send(target, await self._guard.addresses(target), request_to)
                try:
                    body, is_whole = await read_body(response, max_bytes, url=str(target.url))
                finally:
                    await response.aclose()
        except httpx.TransportError as exc:
            raise ProviderUnavailable(target.host, f"{type(exc).__name__} {exc}".strip()) from exc
        if not is_whole:
            raise FetchRefused(str(target.url), f"it is larger than {max_bytes} bytes")
        return RawAnswer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body)

    @asynccontextmanager
    async def _answer(self, target: Target) -> AsyncIterator[httpx.Response]:
        response = await self._send(target, await self._guard.addresses(target), partial(_request, target))
        try:
            yield response
        finally:
            await response.aclose()

    async def _send(
        self, target: Target, addresses: Sequence[str], request_to: Callable[[str], httpx.Request]
    ) -> httpx.Response:
        """Send the request to the first address that takes the connection."""
        transport = self._transport(target.host)
        *others, last = addresses[:_MAX_ADDRESSES]
        for address in others:
            try:
                return await transport.handle_async_request(request_to(address))
            except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
                log.debug("address_not_reached", address=address, reason=type(exc).__name__)
        return await transport.handle_async_request(request_to(last))

    def _transport(self, host: str) -> httpx.AsyncBaseTransport:
        if host not in self._transports:
            self._transports[host] = self._new_transport()
        return self._transports[host]


def _network_transport() -> httpx.AsyncBaseTransport:
    limits = httpx.Limits(keepalive_expiry=_KEEPALIVE_S)
    return httpx.AsyncHTTPTransport(verify=_tls(), trust_env=False, limits=limits)


@lru_cache(maxsize=1)
def _tls() -> SSLContext:
    return httpx.create_ssl_context(trust_env=False)


def _at(target: Target, address: str) -> httpx.URL:
    """Return the URL with the address in place of the host's name."""
    if target.via is None:
        return target.url.copy_with(host=address)
    return target.url.copy_with(scheme=target.via.scheme, host=address, port=target.via.port)


def _request(target: Target, address: str) -> httpx.Request:
    return httpx.Request(
        "GET",
        _at(target, address),
        headers={"Host": target.url.netloc.decode("ascii"), **_HEADERS},
        extensions={"sni_hostname": target.host, "timeout": {"connect": _CONNECT_TIMEOUT_S}},
    )


def _question(target: Target, question: Question, address: str) -> httpx.Request:
    return httpx.Request(
        question.method,
        _at(target, address),
        headers={
            **question.headers,
            "Host": target.url.netloc.decode("ascii"),
            "Accept-Encoding": ACCEPTED_ENCODING,
        },
        content=question.body or None,
        extensions={"sni_hostname": target.host, "timeout": {"connect": _CONNECT_TIMEOUT_S}},
    )


def _post(target: Target, body: bytes, headers: Mapping[str, str], address: str) -> httpx.Request:
    return httpx.Request(
        "POST",
        _at(target, address),
        headers={**headers, "Host": target.url.netloc.decode("ascii"), "User-Agent": USER_AGENT},
        content=body,
        extensions={"sni_hostname": target.host, "timeout": {"connect": _CONNECT_TIMEOUT_S}},
    )


async def _reply(target: Target, response: httpx.Response, wanted: Wanted) -> HttpReply:
    status = response.status_code
    if status in _REDIRECTS and "location" in response.headers:
        return HttpReply(target.url, status, location=response.headers["location"])
    if status in _TRY_LATER or response.is_server_error:
        raise ProviderUnavailable(target.host, f"it answered {status} to `{target.url}`")
    if not response.is_success:
        raise FetchRefused(str(target.url), f"the server answered {status}")
    return await _with_body(target, response, wanted)


async def _with_body(target: Target, response: httpx.Response, wanted: Wanted) -> HttpReply:
    declared = response.headers.get("content-type", "")
    content_type = declared.partition(";")[0].strip().lower()
    if wanted.content_types is not None and content_type not in wanted.content_types:
        raise FetchRefused(str(target.url), f"its content type is `{content_type[:80]}`, which is not read")
    body, is_whole = await read_body(response, wanted.max_bytes, url=str(target.url))
    if not (is_whole or wanted.is_head_enough):
        raise FetchRefused(str(target.url), f"it is larger than {wanted.max_bytes} bytes")
    charset = _CHARSET.search(declared)
    return HttpReply(target.url, response.status_code, None, content_type, charset and charset[1], body, is_whole)
