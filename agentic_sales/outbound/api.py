"""Ask the API of one outside service. Every client in `sources/` asks through here.

The host is pinned: a redirect to another one is not followed, and a page link to another one is refused. A call waits
for its place at most two seconds, because it holds a child of a worker. An error names the service and the path, and
never the query or a header, because these may carry a key.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urljoin

import structlog

from agentic_sales.errors import (
    AgenticSalesError,
    Blocked,
    CredentialRefused,
    FetchRefused,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
)
from agentic_sales.outbound.addresses import AddressGuard
from agentic_sales.outbound.answer_cache import AnswerCache, KeptAnswer
from agentic_sales.outbound.closing import Closing
from agentic_sales.outbound.connections import Budget, Connections, Question
from agentic_sales.outbound.limits import Bucket, Limiter, Wait
from agentic_sales.wire import from_wire, to_wire

log = structlog.get_logger()

PATIENCE_S = 2.0
"""Longest that a call waits for its place in all, in seconds."""
TIMEOUT_S = 30.0
"""Wall-clock limit of one request, in seconds. Ashby takes up to ten."""
MAX_BYTES = 16 * 1024 * 1024
"""Largest answer that is read, in bytes after decompression. A job board has up to ten million."""
CREDENTIAL_PAUSE_S = 600.0
"""Seconds for which a refused key is not used again, by any worker."""
MAX_REDIRECTS = 3
_KEPT_HEADERS = ("content-type", "etag", "link")
_REDIRECTS = frozenset({301, 302, 307, 308})
_OK = 200
_NOT_MODIFIED = 304

Params = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a service."""

    service: str
    """Name of the service."""
    path: str
    """Path that was asked, without the query."""
    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Headers with names in lower case."""
    body: bytes
    """Body after decompression."""
    is_kept: bool = False
    """Whether it is an answer of before, for which the service was not asked."""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as plain data.

        Raises:
            ProviderUnavailable: It is no JSON, for example because it breaks off.
        """
        try:
            return from_wire(self.body)
        except (ValueError, RecursionError) as exc:
            reason = f"its answer to `{self.path}` is no whole JSON ({len(self.body)} bytes)"
            raise ProviderUnavailable(self.service, reason) from exc

    def json_or_none(self) -> Any:
        """Return the body as plain data, or None if it is no JSON."""
        try:
            return from_wire(self.body)
        except (ValueError, RecursionError):
            return None


Judge = Callable[[Reply], AgenticSalesError | None]
"""Returns the error that an answer stands for, or None if it is an answer to use."""


@dataclass(frozen=True)
class Endpoint:
    """Where and how a service is asked."""

    service: str
    """Name of the service, as errors name it."""
    base_url: str
    """URL before every path, without a slash at its end."""
    account: str
    """Name of the service and key that limits are counted by."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of every request: `User-Agent`, `Accept`, the key."""
    credential: str = ""
    """Setting of the key, for errors. Empty: there is none."""


@dataclass(frozen=True)
class _Call:
    """One request and how its answer is taken."""

    url: str
    question: Question
    judge: Judge
    bucket: Bucket
    cost: int
    is_account_wide: Callable[[Reply], bool]


class Api(Closing):
    """The API of one service. An async context manager."""

    def __init__(self, endpoint: Endpoint, guard: AddressGuard, limiter: Limiter, cache: AnswerCache) -> None:
        self.endpoint = endpoint
        self._guard, self._limiter, self._cache = guard, limiter, cache
        self._connections = Connections(guard)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._connections.aclose()

    async def ask(
        self,
        path: str,
        judge: Judge,
        *,
        bucket: Bucket,
        params: Params | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        fresh_s: float = 0.0,
        cost: int = 1,
        is_account_wide: Callable[[Reply], bool] = lambda _: False,
    ) -> Reply:
        """Send one request and return its answer.

        Args:
            path: Path below the base URL, or a page link of the service.
            judge: Says which answers are errors.
            bucket: What the request is counted in.
            params: Query. A sequence repeats its name.
            json: Body of a POST that asks and changes nothing, so that its answer is kept too. None: a GET.
            headers: Further headers.
            fresh_s: Age in seconds up to which a kept answer is used without asking. 0: it is asked conditionally.
            cost: Units of the bucket's quota.
            is_account_wide: Says whether a refusal stops every bucket of the key.

        Raises:
            RateLimited: The rate does not allow the request within two seconds.
            QuotaSpent: The allowance is used up.
            CredentialRefused: The key was refused, now or a short while ago.
            ProviderUnavailable: The service does not answer, or its answer breaks off.
            Blocked: The service sends on to another host.
            AgenticSalesError: What `judge` returns.
        """
        url = self._url(path, params)
        question = Question("GET", {**self.endpoint.headers, **(headers or {})})
        if json is not None:
            question = Question("POST", {**question.headers, "Content-Type": "application/json"}, to_wire(json))
        name = self._cache_name(url, question)
        kept = await self._cache.get(name)
        if kept is not None and kept.age_s < fresh_s:
            return Reply(self.endpoint.service, _path_of(url), _OK, kept.headers, kept.body, is_kept=True)
        call = _Call(url, _if_changed(question, kept), judge, bucket, cost, is_account_wide)
        reply = await self._patiently(call)
        if kept is not None and reply.status == _NOT_MODIFIED:
            reply = Reply(reply.service, reply.path, _OK, {**kept.headers, **reply.headers}, kept.body)
        if reply.status == _OK and (fresh_s or "etag" in reply.headers) and _is_whole(reply):
            headers = {header: reply.headers[header] for header in _KEPT_HEADERS if header in reply.headers}
            await self._cache.put(name, KeptAnswer(time.time(), headers, reply.body))
        return reply

    async def _patiently(self, call: _Call) -> Reply:
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        while True:
            reply = await self._in_turn(call, until)
            error = None if reply.status == _NOT_MODIFIED else call.judge(reply)
            if error is None:
                return reply
            account = self.endpoint.account
            scope = account if call.is_account_wide(reply) else f"{account}:{call.bucket.name}"
            if not isinstance(error, RateLimited):
                await self._share(error, scope)
                raise error
            pause_s = await self._limiter.pause(scope, "rate", error.retry_after_s)
            if loop.time() + pause_s > until:
                raise RateLimited(self.endpoint.service, pause_s)
            await asyncio.sleep(pause_s)

    async def _share(self, error: AgenticSalesError, scope: str) -> None:
        """Let all workers know of a refusal that concerns them."""
        match error:
            case QuotaSpent():
                await self._limiter.pause(scope, "quota", error.retry_after_s)
            case CredentialRefused():
                await self._limiter.pause(self.endpoint.account, "credential", CREDENTIAL_PAUSE_S)
            case _:
                pass

    async def _in_turn(self, call: _Call, until: float) -> Reply:
        account, ticket, loop = self.endpoint.account, secrets.token_hex(8), asyncio.get_running_loop()
        while wait := await self._limiter.take(account, call.bucket, ticket=ticket, cost=call.cost):
            if wait.reason != "rate" or loop.time() + wait.wait_s > until:
                raise self._refusal(wait, call.bucket)
            await asyncio.sleep(wait.wait_s)
        try:
            return await self._exchange(call.url, call.question)
        finally:
            await self._limiter.done(account, call.bucket, ticket)

    def _refusal(self, wait: Wait, bucket: Bucket) -> AgenticSalesError:
        if wait.reason == "quota":
            return QuotaSpent(self.endpoint.service, bucket.name, wait.wait_s)
        if wait.reason == "credential":
            return CredentialRefused(self.endpoint.service, self.endpoint.credential)
        return RateLimited(self.endpoint.service, wait.wait_s)

    async def _exchange(self, url: str, question: Question) -> Reply:
        service, asked, budget = self.endpoint.service, _path_of(url), Budget(TIMEOUT_S)
        try:
            for _ in range(1 + MAX_REDIRECTS):
                raw = await self._connections.exchange(self._guard.target(url), budget, question, MAX_BYTES)
                if raw.status not in _REDIRECTS or "location" not in raw.headers:
                    return Reply(service, asked, raw.status, raw.headers, raw.body)
                url = self._url(urljoin(url, raw.headers["location"]), None)
        except FetchRefused as exc:  # Its own text has the whole URL.
            raise Blocked(service, f"`{asked}`", exc.reason) from None
        except ProviderUnavailable as exc:
            raise ProviderUnavailable(service, f"`{asked}`: {exc}") from None
        raise Blocked(service, f"`{asked}`", f"it was redirected more than {MAX_REDIRECTS} times")

    def _url(self, path: str, params: Params | None) -> str:
        base = self.endpoint.base_url
        url = path if "://" in path else base + path
        if not url.startswith((f"{base}/", f"{base}?")) and url != base:
            raise Blocked(self.endpoint.service, f"`{_path_of(path)}`", "it leads to another host or out of the API")
        if not params:
            return url
        return f"{url}{'&' if '?' in url else '?'}{urlencode(params, doseq=True)}"

    def _cache_name(self, url: str, question: Question) -> str:
        accept = question.headers.get("Accept", "")
        asked = f"{self.endpoint.account}\n{accept}\n{question.method} {url}\n".encode() + question.body
        return sha256(asked).hexdigest()[:40]


def _is_whole(reply: Reply) -> bool:
    """Tell whether an answer is worth keeping. One that breaks off, or a page for browsers, would fail for as long."""
    content_type = reply.headers.get("content-type", "")
    if "ndjson" in content_type:
        return reply.body.endswith(b"\n")
    if "json" in content_type and "raw" not in content_type:
        return reply.json_or_none() is not None
    if "xml" in content_type:
        return reply.body.rstrip().endswith(b"</feed>")
    return "html" not in content_type


def _if_changed(question: Question, kept: KeptAnswer | None) -> Question:
    """Return the question as a conditional one if there is a kept answer with an ETag."""
    if kept is None or "etag" not in kept.headers or question.method != "GET":  # RFC 9110: a POST would fail.
        return question
    return Question(question.method, {**question.headers, "If-None-Match": kept.headers["etag"]}, question.body)


def _path_of(url: str) -> str:
    path = url.partition("?")[0]
    _, scheme_end, rest = path.partition("://")
    return f"/{rest.partition('/')[2]}" if scheme_end else path
