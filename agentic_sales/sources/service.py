"""Hold the shared parts of the clients of outside services: their place among the workers and their errors.

A client is a `Source`: an async context manager with methods that return frozen records. A run of a worker asks by the
limits of all workers. A command asks by those of its own process.
"""

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar

import structlog
from pydantic import SecretStr
from redis.asyncio import Redis

from agentic_sales import effects
from agentic_sales.errors import (
    AgenticSalesError,
    AnswerChanged,
    BadQuery,
    Blocked,
    CredentialMissing,
    CredentialRefused,
    NotFound,
    ProviderUnavailable,
    QuotaSpent,
    RateLimited,
)
from agentic_sales.outbound.addresses import AddressGuard
from agentic_sales.outbound.answer_cache import AnswerCache, OwnCache, SharedCache
from agentic_sales.outbound.api import Api, Endpoint, Params, Reply
from agentic_sales.outbound.closing import Closing
from agentic_sales.outbound.http import httpx
from agentic_sales.outbound.limits import Bucket, Limit, Limiter, OwnLimiter, account_of, with_limits
from agentic_sales.outbound.retry_after import parse_retry_after
from agentic_sales.outbound.shared_limits import SharedLimiter
from agentic_sales.runs.pauses import LONGEST_PAUSE_S, Pauses, current_pauses
from agentic_sales.settings import Settings
from agentic_sales.wire import clean_text

log = structlog.get_logger()

PRODUCT = "AgenticSales/0.2"
_LONGEST_TOLD = 200
_TRY_LATER = frozenset({408, 425})


@dataclass(frozen=True)
class Place:
    """Where calls are counted and answers are kept."""

    limiter: Limiter = field(default_factory=OwnLimiter)
    cache: AnswerCache = field(default_factory=OwnCache)


_OF_THIS_PROCESS = Place()
current_place: ContextVar[Place | None] = ContextVar("current_place", default=None)
"""Place of the sources of this context. None: with all workers in a run, else in this process."""


class Source(Closing):
    """A client of one service. A subclass names the service and its buckets, and reads its answers."""

    name: ClassVar[str]
    """Name of the service in errors and limits."""
    credential: ClassVar[str] = ""
    """Setting of its key. Empty: there is none."""
    accept: ClassVar[str] = "application/json"
    """`Accept` header."""
    fresh_s: ClassVar[float] = 300.0
    """Age in seconds up to which a kept answer is used again."""

    def __init__(
        self, configuration: Settings, base_url: str, *, secret: SecretStr | None = None, place: Place | None = None
    ) -> None:
        """Take the limits and the place of the service from the configuration.

        Args:
            configuration: Its source settings are read.
            base_url: Base URL from the configuration. A host that the deployment names may be private.
            secret: The key, or None.
            place: Where calls are counted and answers kept. None: with all workers in a run, else in this process.
        """
        self._secret = secret.get_secret_value() if secret is not None else ""
        self._base_url = base_url.rstrip("/")
        self._limits = {name: Limit(*limit) for name, limit in configuration.source_limits.items()}
        self._user_agent = _user_agent(configuration)
        endpoint = Endpoint(
            self.name,
            self._base_url,
            account_of(self.name, self._base_url, self._secret),
            {"User-Agent": self._user_agent, "Accept": self.accept, **self.key_headers()},
            self.credential,
        )
        guard = AddressGuard([*configuration.allow_private_hosts, *_own_hosts(base_url)])
        place = place or _place()
        self._api = Api(endpoint, guard, place.limiter, place.cache)

    async def aclose(self) -> None:
        """Close its connections."""
        await self._api.aclose()

    def key_headers(self) -> Mapping[str, str]:
        """Return the headers that carry the key. A key never stands in a URL."""
        return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}

    def require_key(self) -> None:
        """Refuse to ask without a key.

        Raises:
            CredentialMissing: None is set.
        """
        if not self._secret:
            raise CredentialMissing(self.name, self.credential)

    async def ask(
        self,
        path: str,
        *,
        bucket: Bucket,
        params: Params | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        fresh_s: float | None = None,
        cost: int = 1,
    ) -> Reply:
        """Ask the service, see `Api.ask`. A pause is noted, so that a batch run is put back until it is over."""
        effects.require("read", f"ask {self.name}")
        try:
            return await self._api.ask(
                path,
                self.judge,
                bucket=with_limits(bucket, self._limits, self.name),
                params=params,
                json=json,
                headers=headers,
                fresh_s=self.fresh_s if fresh_s is None else fresh_s,
                cost=cost,
                is_account_wide=self.is_account_wide,
            )
        except RateLimited as exc:
            if (pauses := current_pauses.get()) is not None and exc.retry_after_s:
                pauses.met_s = exc.retry_after_s
            raise

    def judge(self, reply: Reply) -> AgenticSalesError | None:
        """Return the error that an answer stands for, or None. A subclass knows the habits of its service."""
        if reply.status == httpx.codes.TOO_MANY_REQUESTS:
            return RateLimited(self.name, parse_retry_after(reply.headers.get("retry-after", "")))
        return self.judge_by_status(reply)

    def judge_by_status(self, reply: Reply) -> AgenticSalesError | None:
        """Return the error of a status as HTTP means it."""
        what, told = f"`{reply.path}`", self.told(reply)
        error: AgenticSalesError | None
        match reply.status:
            case status if httpx.codes.is_success(status):
                error = None
            case 401:
                error = CredentialRefused(self.name, self.credential) if self._secret else self._keyless(what)
            case 403 | 451:
                error = Blocked(self.name, what, told)
            case 404 | 410:
                error = NotFound(self.name, what)
            case status if status in _TRY_LATER or httpx.codes.is_server_error(status):
                error = ProviderUnavailable(self.name, f"it answered {status} to {what}: {told}")
                error.retry_after_s = parse_retry_after(reply.headers.get("retry-after", ""))
            case _:
                error = BadQuery(self.name, what, told)
        return error

    def _keyless(self, what: str) -> AgenticSalesError:
        return CredentialMissing(self.name, self.credential) if self.credential else Blocked(self.name, what, "401")

    def is_account_wide(self, reply: Reply) -> bool:
        """Tell whether a refusal stops every bucket of the key."""
        del reply
        return False

    def told(self, reply: Reply) -> str:
        """Return a service's message of a failure, short and without the key."""
        data = reply.json_or_none()
        found = _message_in(data) if isinstance(data, dict) else ""
        text = clean_text(" ".join((found or reply.text).split()))[:_LONGEST_TOLD] or f"status {reply.status}"
        return text.replace(self._secret, "…") if self._secret else text


def _message_in(data: Mapping[str, Any]) -> str:
    """Return the message of the error bodies that services write."""
    for name in ("message", "error", "detail", "developer-message", "errors", "title", "info", "reason"):
        match data.get(name):
            case str(text) if text:
                return text
            case dict(inner) | [dict(inner), *_] if found := _message_in(inner):
                return found
            case _:
                pass
    return ""


CANNOT_SERVE = (
    *(AnswerChanged, Blocked, CredentialMissing, CredentialRefused),
    *(ProviderUnavailable, QuotaSpent, RateLimited),
)
"""Errors of a source that cannot serve any question."""


def why_not(exc: AgenticSalesError) -> str:
    """Return why a source cannot serve, in the few words that stand behind its name."""
    return f"{exc.setting} is not set" if isinstance(exc, CredentialMissing) else str(exc)


def _user_agent(configuration: Settings) -> str:
    contact = f" (mailto:{configuration.contact_email})" if configuration.contact_email else ""
    return f"{PRODUCT}{contact}"


_DEFAULT_URLS = frozenset(
    str(field.default) for name, field in Settings.model_fields.items() if name.endswith("_url") and field.default
)


def _own_hosts(base_url: str) -> tuple[str, ...]:
    """Return the host of a URL that the deployment has chosen. It may be on a private network."""
    if base_url in _DEFAULT_URLS:
        return ()
    url = httpx.URL(base_url)
    return (url.netloc.decode("ascii"),) if url.port else (url.host,)


def _patience() -> Pauses | None:
    """Return the pauses of a run that can be put back. None: it is no batch run, or no run."""
    pauses = current_pauses.get()
    return pauses if pauses is not None and pauses.is_patient else None


def _place() -> Place:
    """Return the limits and the cache of all workers, or of this process outside a run."""
    if (place := current_place.get()) is not None:
        return place
    pauses = current_pauses.get()
    return _OF_THIS_PROCESS if pauses is None else place_of(pauses.redis)


def place_of(redis: Redis) -> Place:
    """Return the limits and the cache that everything on one Redis shares."""
    return Place(SharedLimiter(redis), SharedCache(redis))


class Unavailable:
    """Collects the sources that a run does without, with the reason for each."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    @property
    def told(self) -> tuple[str, ...]:
        """One line per source, such as `youtube: YOUTUBE_API_KEY is not set`."""
        return tuple(f"{name}: {reason}" for name, reason in self._told.items())

    def add(self, told: Iterable[str]) -> None:
        """Take in lines of sources that others stood in for, such as `brave: BRAVE_API_KEY is not set`."""
        for line in told:
            name, _, reason = line.partition(": ")
            self._told.setdefault(name, reason)

    def note(self, name: str, exc: AgenticSalesError) -> None:
        """Note that a source cannot serve. A batch run that meets a pause is to be put back instead.

        A run is not put back for more than `LONGEST_PAUSE_S`. Then a batch run goes on without the source, too.

        Raises:
            RateLimited: The run is a batch run, and it is delivered again when the pause is over.
            AgenticSalesError: The failure is none of a source, such as a missing Redis.
        """
        match exc:
            case RateLimited() if (pauses := _patience()) and (exc.retry_after_s or 0) <= LONGEST_PAUSE_S:
                pauses.has_declined_rules = True  # Also where the graph, or the run that asked for it, goes on.
                raise exc
            case _ if isinstance(exc, CANNOT_SERVE):
                self._told[name] = why_not(exc)
            case _:
                raise exc
        log.warning("source_unavailable", source=name, error_code=exc.code)
