"""Send messages to a model provider and return its text. This layer alone connects, retries and sorts failures.

Every failure leaves here as an error of ours. Models are built inside the event loop that uses them, because their
HTTP
clients are bound to it. So only `check_models` may be called before a fork. Messages and answers are never logged.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from ssl import SSLContext
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from langchain.chat_models import init_chat_model
from langchain_core.exceptions import ContextOverflowError, ModelError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from pydantic import SecretStr
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_random_exponential

from agentic_sales.errors import (
    AgenticSalesError,
    ConfigurationError,
    ModelMisconfigured,
    ModelRefused,
    ProviderUnavailable,
    RateLimited,
    TransientError,
)
from agentic_sales.llm.graph_meta import Spending
from agentic_sales.llm.prices import price_of
from agentic_sales.llm.prompts import Prompt
from agentic_sales.observability.chat_spans import chat_span
from agentic_sales.observability.spans import outgoing_headers
from agentic_sales.outbound.http import httpx
from agentic_sales.outbound.retry_after import parse_retry_after
from agentic_sales.runs.pauses import SLOT_PATIENCE_S, current_pauses, pause_key
from agentic_sales.runs.purse import Purse, current_purse
from agentic_sales.settings import Settings

BACKOFF_BASE_S = 1.0
"""Upper end of the first random back-off in seconds. It doubles with every try."""
BACKOFF_CAP_S = 20.0
"""Upper end of every random back-off in seconds."""
LONGEST_PAUSE_S = 30.0
"""Longest pause in seconds that a caller waits for a provider.

Where workers share their pauses a child waits for less (`runs.pauses`).
"""
_REASON_CHARS = 300
"""Longest kept text of a provider's error, in characters. A gateway may answer with a whole page."""

_JSON_MODE: Mapping[str, Mapping[str, Any]] = {
    "anthropic": {},
    "deepseek": {"response_format": {"type": "json_object"}},
    "ollama": {"format": "json"},
    "openai": {"response_format": {"type": "json_object"}},
}
"""Options that make a provider answer in JSON. The keys are the extras of this package."""
_SPEAKS_OPENAI = frozenset({"deepseek", "openai"})
"""Providers that take an HTTP client of ours.

Anthropic's client is LangChain's own. All loops of a process share it. A process that asks Anthropic keeps to one
loop,
as workers do.
"""
_TAKES_HEADERS = _SPEAKS_OPENAI | {"anthropic"}
_TEMPORARY = frozenset({408, 409, 425, 429})
_OF_THE_SETUP = frozenset({401, 403, 404})


class _HttpClient(Protocol):
    async def aclose(self) -> None: ...


@dataclass
class _Connections:
    models: dict[tuple[str, float], BaseChatModel] = field(default_factory=dict)
    http: _HttpClient | None = None

    def http_options(self, provider: str) -> dict[str, Any]:
        """Share one HTTP client between this loop's models if their provider takes one."""
        if provider in _SPEAKS_OPENAI:
            self.http = self.http or _openai_http_client()
            return {"http_async_client": self.http}
        return {}


_connections: WeakKeyDictionary[asyncio.AbstractEventLoop, _Connections] = WeakKeyDictionary()


@dataclass(frozen=True)
class Chat:
    """One conversation with a model."""

    model: str
    """The model as `provider:model`."""
    temperature: float
    """Sampling temperature, 0-2. Left out for models that take none."""
    prompt: Prompt
    """The prompt, for errors and the trace."""
    spending: Spending
    """Account of every call."""
    configuration: Settings
    """Source of the number of tries and the time limit."""

    async def reply(self, messages: Sequence[BaseMessage]) -> str:
        """Return the model's answer, with retries for temporary failures.

        Raises:
            ModelMisconfigured: The model cannot be built, or its provider refuses the key or the name.
            ModelRefused: The provider refuses these messages, or cuts the answer off.
            ProviderUnavailable: The provider does not answer, also after the retries.
            RateLimited: The provider asks for too long a pause, or for one more after the last try.
            BudgetExceeded: The money for this run or this day is spent.
            BrokerUnavailable: There are budgets, and Redis did not return their state.
        """
        model = _connect(self.model, self.temperature)
        retrying = AsyncRetrying(
            retry=retry_if_exception(_is_worth_waiting),
            wait=_pause_s,
            stop=stop_after_attempt(self.configuration.model_max_tries),
            reraise=True,
        )
        return await retrying(partial(self._call, model, messages))

    async def _call(self, model: BaseChatModel, messages: Sequence[BaseMessage]) -> str:
        purse, prompt = current_purse.get(), self.prompt
        await self._heed_pause(model)
        if purse is not None:
            await purse.admit(self.model, is_priced=self.spending.price is not None)
        with chat_span(
            self.model, messages, temperature=self.temperature, prompt=prompt.name, prompt_sha256=prompt.sha256
        ) as chat:
            try:
                answer = await self._answer(model, messages)
            except RateLimited as exc:
                await self._share_pause(model, exc)
                raise
            chat.end(answer)
        if purse is not None:
            await self._pay(purse, messages, answer)
        return str(answer.text)

    async def _heed_pause(self, model: BaseChatModel) -> None:
        pauses = current_pauses.get()
        if pauses is not None and (left_s := await pauses.left_s(pause_key(self.model, _secret_of(model)))) > 0:
            raise RateLimited(self.model, left_s)

    async def _share_pause(self, model: BaseChatModel, limited: RateLimited) -> None:
        if (pauses := current_pauses.get()) is not None and limited.retry_after_s:
            await pauses.note(pause_key(self.model, _secret_of(model)), limited.retry_after_s)

    async def _answer(self, model: BaseChatModel, messages: Sequence[BaseMessage]) -> AIMessage:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.configuration.model_timeout_s):
                answer = await self._invoke(model, messages)
        except TimeoutError as exc:
            limit_s = self.configuration.model_timeout_s
            raise ProviderUnavailable(self.model, f"no answer within {limit_s:g} s") from exc
        except Exception as exc:  # the boundary: each provider's client raises classes of its own
            failure = self._failure(exc)
            if failure is None:
                raise
            raise failure from exc
        finally:
            self.spending.add_call(time.monotonic() - started)
        self.spending.add_usage(answer.usage_metadata)
        return answer

    async def _pay(self, purse: Purse, messages: Sequence[BaseMessage], answer: AIMessage) -> None:
        if answer.usage_metadata is not None:
            read, written = answer.usage_metadata["input_tokens"], answer.usage_metadata["output_tokens"]
        else:  # A token is at least one byte, so an estimate in bytes is never too low.
            read, written = sum(_bytes_of(message) for message in messages), _bytes_of(answer)
        usd = self.spending.price.usd(read, written) if self.spending.price else None
        await purse.pay(self.model, input_tokens=read, output_tokens=written, usd=usd)

    async def _invoke(self, model: BaseChatModel, messages: Sequence[BaseMessage]) -> AIMessage:
        trace = {"prompt": self.prompt.name, "prompt_sha256": self.prompt.sha256}
        options = dict(_JSON_MODE.get(_provider(self.model), {}))
        if _provider(self.model) in _TAKES_HEADERS and (headers := self._trace_headers()):
            options["extra_headers"] = headers
        return await model.ainvoke(list(messages), {"run_name": self.prompt.name, "metadata": trace}, **options)

    def _trace_headers(self) -> dict[str, str]:
        """Return the trace for a gateway that takes part in it.

        The baggage is included only if the configuration allows.
        """
        headers = outgoing_headers()
        if self.configuration.trace_model_baggage:
            return headers
        return {name: headers[name] for name in ("traceparent", "tracestate") if name in headers}

    def _failure(self, exc: Exception) -> AgenticSalesError | None:
        """Return our error for a client's exception.

        None if the exception is no failure of a model and stays as it is.
        """
        status = getattr(exc, "status_code", None)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            return RateLimited(self.model, _asked_pause_s(exc))
        reason = f"{type(exc).__name__}: {exc}"[:_REASON_CHARS]
        if _is_temporary(exc, status):
            failure = ProviderUnavailable(self.model, reason)
            failure.retry_after_s = _asked_pause_s(exc)
            return failure
        if _is_about_this_prompt(exc, status):
            return ModelRefused(self.prompt.name, self.model, reason)
        return ModelMisconfigured(self.model, reason) if _is_about_the_setup(exc, status) else None


def _bytes_of(message: BaseMessage) -> int:
    return len(str(message.text).encode())


def check_models(configuration: Settings) -> None:
    """Import and build the configured models once before the fork. Memory is then shared, and mistakes stop the start.

    Raises:
        ConfigurationError: A model has an unknown provider, or its package or its key is missing. Or its price is
            unknown although there are budgets.
    """
    has_budgets = configuration.budget_usd_per_run or configuration.budget_usd_per_day or configuration.budgets
    for model in filter(None, (configuration.model, configuration.model_deep)):
        if price_of(model, configuration.model_prices) is None and has_budgets:
            raise ConfigurationError(
                f"there are budgets, and the price of model `{model}` is not known; set "
                f"AGENTIC_SALES_MODEL_PRICES={model}=INPUT/OUTPUT, in USD per million tokens"
            )
        try:
            _build(model, {})
        except ModelMisconfigured as exc:
            raise ConfigurationError(str(exc)) from exc


async def close_models() -> None:
    """Close the connections of the running event loop's models. The next call builds new ones."""
    closing = _connections.pop(asyncio.get_running_loop(), None)
    if closing and closing.http:
        await closing.http.aclose()


def _connect(model: str, temperature: float) -> BaseChatModel:
    here = _connections.setdefault(asyncio.get_running_loop(), _Connections())
    if (model, temperature) not in here.models:
        options = {"temperature": temperature, **here.http_options(_provider(model))}
        here.models[model, temperature] = _build(model, options)
    return here.models[model, temperature]


def _provider(model: str) -> str:
    return model.partition(":")[0]


def _openai_http_client() -> _HttpClient | None:
    try:
        from openai import DefaultAsyncHttpxClient  # noqa: PLC0415 - only where such a model is configured

        return DefaultAsyncHttpxClient(verify=_trusted_certificates())
    except ImportError:
        return None  # Building the model fails in the same way and names the missing package.


@cache
def _trusted_certificates() -> SSLContext:
    """Return the default trust of OpenAI's client. It is read once per process, because it takes longest of all."""
    return httpx.create_ssl_context()


def _build(model: str, options: Mapping[str, Any]) -> BaseChatModel:
    provider = _provider(model)
    if provider == model:
        raise ModelMisconfigured(model, "expected `provider:model`, e.g. `openai:gpt-4.1-mini`")
    try:
        built: BaseChatModel = init_chat_model(model, max_retries=0, **options)
    except ImportError as exc:
        how = f"run `pip install 'agentic-sales[{provider}]'`" if provider in _JSON_MODE else str(exc)
        raise ModelMisconfigured(model, f"the package of provider `{provider}` is missing; {how}") from exc
    except Exception as exc:  # the boundary: each provider's client raises classes of its own
        raise ModelMisconfigured(model, f"{type(exc).__name__}: {exc}") from exc
    if _has_empty_key(built):
        raise ModelMisconfigured(model, f"its API key is empty; set {provider.upper()}_API_KEY")
    takes_temperature = (built.profile or {}).get("temperature", True)
    return built if takes_temperature else built.model_copy(update={"temperature": None})


def _has_empty_key(model: BaseChatModel) -> bool:
    return any(isinstance(value, SecretStr) and not value.get_secret_value() for value in vars(model).values())


def _secret_of(model: BaseChatModel) -> str:
    return next((value.get_secret_value() for value in vars(model).values() if isinstance(value, SecretStr)), "")


def _is_temporary(exc: Exception, status: int | None) -> bool:
    if isinstance(status, int) and status > 0:
        return status in _TEMPORARY or httpx.codes.is_server_error(status)
    if isinstance(exc, ModelError):
        return exc.is_retryable
    return isinstance(exc, TimeoutError | ConnectionError | httpx.TransportError)


def _is_about_this_prompt(exc: Exception, status: int | None) -> bool:
    """Tell a refusal of these messages from a mistake in the setup.

    A cut-off or filtered answer counts as a refusal.
    """
    if isinstance(exc, ContextOverflowError) or hasattr(exc, "completion"):
        return True
    return isinstance(status, int) and status not in _OF_THE_SETUP


def _is_about_the_setup(exc: Exception, status: int | None) -> bool:
    """Tell a wrong key, name or address. At a wrong address clients fail over the strange answer."""
    return status in _OF_THE_SETUP or isinstance(
        exc, ModelError | AttributeError | LookupError | TypeError | ValueError
    )


def _is_worth_waiting(exc: BaseException) -> bool:
    is_shared = isinstance(exc, RateLimited) and current_pauses.get() is not None
    longest_s = SLOT_PATIENCE_S if is_shared else LONGEST_PAUSE_S
    return isinstance(exc, TransientError) and (exc.retry_after_s or 0.0) <= longest_s


def _pause_s(state: RetryCallState) -> float:
    failure = state.outcome.exception() if state.outcome else None
    if isinstance(failure, TransientError) and failure.retry_after_s is not None:
        return failure.retry_after_s
    return wait_random_exponential(multiplier=BACKOFF_BASE_S, max=BACKOFF_CAP_S)(state)


def _asked_pause_s(exc: Exception) -> float | None:
    headers: Mapping[str, str] = getattr(getattr(exc, "response", None), "headers", {})
    return parse_retry_after(headers.get("retry-after", ""))
