"""Call a workflow of the fleet: one function in, one flat result out.

The caller's trace goes along. The trace headers come from the active context at the time of the call. Nothing is
retried, because a run has no idempotency key and a second request would be a second run.

    result = run("email_compose", {"company_name": "Acme"})
    print(result.output["subject"], result.trace_id)

Synchronous and asynchronous calls share one connection pool on a thread of its own. So both can be used from any
thread and any event loop.
"""

import asyncio
import atexit
import json
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agentic_sales.contracts import ErrorKind, Priority, error_kind
from agentic_sales.observability.tracing import merged_baggage
from agentic_sales.outbound.http import httpx
from agentic_sales.runs.chosen_model import config_of_model
from agentic_sales.settings import settings

__all__ = ["DEFAULT_TIMEOUT_S", "Client", "LangGraphError", "RunResult", "arun", "run", "submit_feedback"]

T = TypeVar("T")

DEFAULT_TIMEOUT_S = 60.0
"""Default wall-clock limit of a call in seconds."""
FOLLOW_TIMEOUT_S = 3600.0
"""Wall-clock limit in seconds of a call that tells of its progress."""
_CHUNK_BYTES = 256 * 1024
_BODY_TEXT_CHARS = 500
_LOOPBACK = ("all://127.0.0.1", "all://localhost", "all://[::1]")
_PROPAGATOR = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])


@dataclass(frozen=True, slots=True)
class RunResult:
    """The result of a finished run."""

    output: dict[str, Any]
    """The graph's final state, flat."""
    run_id: str | None
    """Id of the run. None: the server does not tell (another LangGraph server)."""
    trace_id: str | None
    """W3C trace id of the run, 32 hex digits. None: it was not traced."""
    langsmith_run_id: str | None
    """Id of the run's root in LangSmith. None: LangSmith is off."""
    langsmith_run_url: str | None
    """URL of the run for a person. None: LangSmith is off."""


class LangGraphError(Exception):
    """Raised when a call gave no result."""

    def __init__(self, kind: ErrorKind, status: int, assistant_id: str, body_text: str) -> None:
        self.kind: ErrorKind = kind
        """Kind of the error by the caller's remedy: `auth`, `timeout`, `backend`, `client` or `unknown`."""
        self.status = status
        """HTTP status. 0 means no answer. A failure after the answer had begun has 200."""
        self.assistant_id = assistant_id
        """The called workflow. A request that calls none has its method and path here."""
        self.body_text = body_text
        """The server's message, or the reason why the server could not be asked."""
        super().__init__(f"`{assistant_id}` failed ({kind}, status {status}): {body_text}")


class Client:
    """A connection pool to one facade.

    Args:
        url: The facade's. None: `LANGGRAPH_URL`.
        token: Sent as bearer. None: `LANGGRAPH_AUTH_TOKEN`, if that is set.
        max_concurrency: Calls in flight at once. Further ones wait, and their waiting counts as their time.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, max_concurrency: int = 4) -> None:
        self._url = url
        self._token = token
        self._slots = asyncio.Semaphore(max_concurrency)
        self._http = _connections()
        self._loop = _LoopThread()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def run(
        self,
        assistant_id: str,
        input: Mapping[str, Any],  # noqa: A002 - the name that every LangGraph client uses
        *,
        url: str | None = None,
        token: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        priority: Priority = "interactive",
        model: str | None = None,
    ) -> RunResult:
        """Run a workflow and wait for its final state.

        Args:
            assistant_id: Name of the workflow.
            input: Its input. The facade's `/assistants/{id}/schemas` tells the fields.
            url: The facade's. None: the client's.
            token: Sent as bearer. None: the client's.
            timeout_s: Wall-clock limit of the call in seconds. The run itself goes on.
            priority: Lane of the run. `batch` lets every interactive run go before it.
            model: Model that the run asks instead of the deployment's. The deployment says which ones it may name.

        Raises:
            LangGraphError: There was no result. `kind` tells the remedy.
        """
        return self._start(
            assistant_id, input, url=url, token=token, timeout_s=timeout_s, priority=priority, model=model
        ).result()

    async def arun(
        self,
        assistant_id: str,
        input: Mapping[str, Any],  # noqa: A002 - as in `run`
        *,
        url: str | None = None,
        token: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        priority: Priority = "interactive",
        model: str | None = None,
    ) -> RunResult:
        """Do as `run` does without blocking the event loop. A cancelled call disconnects.

        Raises:
            LangGraphError: There was no result. `kind` tells the remedy.
        """
        return await asyncio.wrap_future(
            self._start(assistant_id, input, url=url, token=token, timeout_s=timeout_s, priority=priority, model=model)
        )

    def run_followed(
        self,
        assistant_id: str,
        input: Mapping[str, Any],  # noqa: A002 - as in `run`
        tell: Callable[[Any], object],
        *,
        timeout_s: float = FOLLOW_TIMEOUT_S,
    ) -> RunResult:
        """Do as `run` does, and hand on the custom events of the run as they come.

        Args:
            assistant_id: Name of the workflow.
            input: Its input.
            tell: Takes the data of each event. It is called on the client's thread.
            timeout_s: Wall-clock limit of the call in seconds. The run itself goes on.

        Raises:
            LangGraphError: There was no result. `kind` tells the remedy.
        """
        return self._loop.submit(self._run_followed(assistant_id, input, tell, timeout_s)).result()

    def join_followed(
        self,
        assistant_id: str,
        run_id: str,
        tell: Callable[[Any], object],
        *,
        timeout_s: float = FOLLOW_TIMEOUT_S,
    ) -> RunResult:
        """Hand on the custom events of a run that was started before, from its first one, and return its final state.

        Args:
            assistant_id: Name of its workflow, for errors.
            run_id: Id of the run. A stream with custom events was asked for when it was started.
            tell: Takes the data of each event. It is called on the client's thread.
            timeout_s: Wall-clock limit of the call in seconds. The run itself goes on.

        Raises:
            LangGraphError: There was no result. `kind` tells the remedy.
        """
        return self._loop.submit(self._join_followed(assistant_id, run_id, tell, timeout_s)).result()

    def submit_feedback(self, run_id: str, key: str, score: float, comment: str | None = None) -> str:
        """Rate a run. The fleet brings the feedback to LangSmith, now or when LangSmith is back.

        Args:
            run_id: Id of the run, as `RunResult.run_id`.
            key: Name of the judgement, such as `user_score`.
            score: The rating. True and false are 1 and 0.
            comment: The rating in words.

        Returns:
            The id of the feedback.

        Raises:
            LangGraphError: The facade refused or was not reachable.
        """
        body = {"key": key, "score": score, "comment": comment}
        kept = self.ask("POST", f"/runs/{quote(run_id, safe='')}/feedback", body)
        return str(kept["feedback_id"])

    def ask(self, method: str, path: str, body: Any = None, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Any:
        """Ask the facade for something else than a new run. Return the JSON of its answer, or None for an empty answer.

        Args:
            method: HTTP method.
            path: Path and query.
            body: Sent as JSON, bytes as they are. None: nothing is sent.
            timeout_s: Wall-clock limit of the call in seconds.

        Raises:
            LangGraphError: The facade refused or was not reachable.
        """
        url, asked = f"{self._base_url()}{path}", f"{method} {path}"
        headers = _auth_headers(self._token) | trace_headers()
        response = self._loop.submit(self._send(method, url, body, headers, timeout_s=timeout_s, asked=asked)).result()
        if not response.is_success:
            raise _refusal(asked, response)
        return _parsed(response.text)

    def follow(
        self, method: str, path: str, body: Path | bytes, *, timeout_s: float = FOLLOW_TIMEOUT_S
    ) -> Iterator[dict[str, Any]]:
        """Ask the facade for something that takes long and yield its progress line by line.

        Args:
            method: HTTP method.
            path: Path and query.
            body: A file, which is read while it is sent, or bytes.
            timeout_s: Wall-clock limit of the call in seconds.

        Raises:
            LangGraphError: The facade refused, was not reachable or told an error on the way.
        """
        told: Queue[dict[str, Any] | None] = Queue()
        asked = self._loop.submit(self._follow(method, path, body, told.put, timeout_s=timeout_s))
        asked.add_done_callback(lambda _: told.put(None))
        try:
            while (event := told.get()) is not None:
                yield event
            asked.result()
        finally:
            asked.cancel()

    def download(self, path: str, write: Callable[[bytes], object], *, timeout_s: float = FOLLOW_TIMEOUT_S) -> None:
        """Ask the facade for a file and hand it on piece by piece.

        Args:
            path: Path and query.
            write: Takes each piece. It is called on the client's thread.
            timeout_s: Wall-clock limit of the call in seconds.

        Raises:
            LangGraphError: The facade refused, was not reachable or broke off.
        """
        self._loop.submit(self._download(path, write, timeout_s=timeout_s)).result()

    def close(self) -> None:
        """Cancel the calls in flight and close the connections. Closing twice does nothing."""
        self._loop.close(last=self._http.aclose)

    def _start(
        self,
        assistant_id: str,
        values: Mapping[str, Any],
        *,
        url: str | None,
        token: str | None,
        timeout_s: float,
        priority: Priority,
        model: str | None,
    ) -> "Future[RunResult]":
        target = f"{self._base_url(url)}/runs/wait"
        # The default is not sent: other LangGraph servers do not know the field.
        lane = {} if priority == "interactive" else {"priority": priority}
        body = {"assistant_id": assistant_id, "input": dict(values), **lane, **config_of_model(model)}
        headers = _auth_headers(token or self._token) | trace_headers()
        return self._loop.submit(self._run(target, body, headers, timeout_s))

    def _base_url(self, url: str | None = None) -> str:
        return (url or self._url or settings().langgraph_url).rstrip("/")

    async def _run(self, url: str, body: dict[str, Any], headers: dict[str, str], timeout_s: float) -> RunResult:
        assistant_id = body["assistant_id"]
        response = await self._send("POST", url, body, headers, timeout_s=timeout_s, asked=assistant_id)
        return _result(assistant_id, response)

    async def _run_followed(
        self, assistant_id: str, values: Mapping[str, Any], tell: Callable[[Any], object], timeout_s: float
    ) -> RunResult:
        url, headers = self._base_url(), _auth_headers(self._token) | trace_headers()
        body = {"assistant_id": assistant_id, "input": dict(values), "stream_mode": ["custom"]}
        started = self._http.stream("POST", f"{url}/runs/stream", headers=headers, json=body)
        return await self._to_its_end(assistant_id, started, tell, headers, timeout_s)

    async def _join_followed(
        self, assistant_id: str, run_id: str, tell: Callable[[Any], object], timeout_s: float
    ) -> RunResult:
        headers = _auth_headers(self._token) | trace_headers()
        joined = self._http.stream("GET", f"{self._base_url()}/runs/{quote(run_id, safe='')}/stream", headers=headers)
        return await self._to_its_end(assistant_id, joined, tell, headers, timeout_s)

    async def _to_its_end(
        self,
        assistant_id: str,
        stream: AbstractAsyncContextManager[httpx.Response],
        tell: Callable[[Any], object],
        headers: dict[str, str],
        timeout_s: float,
    ) -> RunResult:
        """Hand on the events of a stream, and return how the run of the stream has ended."""
        url = self._base_url()
        with _reached(url, assistant_id, timeout_s):
            async with asyncio.timeout(timeout_s):
                async with self._slots, stream as response:
                    if not response.is_success:
                        await response.aread()
                        raise _refusal(assistant_id, response)
                    with suppress(httpx.HTTPError):  # A stream that is cut says nothing about its run.
                        await _hand_on(response.aiter_lines(), tell)
                # The answer of a run that ended is that of `/runs/wait`, also where it failed.
                path = f"{url}/runs/{quote(response.headers.get('x-run-id', ''), safe='')}/join"
                ended = await self._send("GET", path, None, headers, timeout_s=timeout_s, asked=assistant_id)
        return _result(assistant_id, ended)

    async def _follow(
        self, method: str, path: str, body: Path | bytes, tell: Callable[[dict[str, Any]], None], *, timeout_s: float
    ) -> None:
        url, asked = f"{self._base_url()}{path}", f"{method} {path}"
        headers = _auth_headers(self._token) | {"accept": "application/x-ndjson"}
        content = body if isinstance(body, bytes) else _chunks(body)
        last: dict[str, Any] = {}
        with _reached(url, asked, timeout_s):
            async with (
                asyncio.timeout(timeout_s),
                self._slots,
                self._http.stream(method, url, headers=headers, content=content) as response,
            ):
                if not response.is_success:
                    await response.aread()
                    raise _refusal(asked, response)
                async for line in response.aiter_lines():
                    last = json.loads(line)
                    tell(last)
        if last.get("event") != "end":
            raise LangGraphError("backend", 200, asked, str(last.get("detail") or "the answer broke off"))

    async def _download(self, path: str, write: Callable[[bytes], object], *, timeout_s: float) -> None:
        url, asked = f"{self._base_url()}{path}", f"GET {path}"
        with _reached(url, asked, timeout_s):
            async with (
                asyncio.timeout(timeout_s),
                self._slots,
                self._http.stream("GET", url, headers=_auth_headers(self._token)) as response,
            ):
                if not response.is_success:
                    await response.aread()
                    raise _refusal(asked, response)
                async for piece in response.aiter_bytes():
                    await asyncio.to_thread(write, piece)

    async def _send(
        self, method: str, url: str, body: object, headers: dict[str, str], *, timeout_s: float, asked: str
    ) -> httpx.Response:
        content: dict[str, Any] = {"content": body} if isinstance(body, bytes) else {"json": body}
        with _reached(url, asked, timeout_s):
            async with asyncio.timeout(timeout_s), self._slots:
                return await self._http.request(method, url, headers=headers, **content)


@contextmanager
def _reached(url: str, asked: str, timeout_s: float) -> Iterator[None]:
    """Raise a `LangGraphError` for a facade that does not answer."""
    try:
        yield
    except TimeoutError as exc:
        raise LangGraphError("timeout", 0, asked, f"no answer after {timeout_s:g} s") from exc
    except (httpx.HTTPError, httpx.InvalidURL) as exc:
        reason = str(exc) or type(exc).__name__
        raise LangGraphError("backend", 0, asked, f"{url} cannot be reached: {reason}") from exc


async def _hand_on(lines: AsyncIterator[str], tell: Callable[[Any], object]) -> None:
    """Hand on the data of the custom events among server-sent events. Each frame of ours has one line of data."""
    event = ""
    async for line in lines:
        name, _, value = line.partition(": ")
        if name == "event":
            event = value.partition("|")[0]
        elif name == "data" and event == "custom":
            tell(json.loads(value))


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while chunk := await asyncio.to_thread(opened.read, _CHUNK_BYTES):
            yield chunk


class _LoopThread:
    """An event loop on a daemon thread that takes work from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="agentic-sales-client", daemon=True)
        self._thread.start()

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self, *, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._loop.is_closed():
            return
        self.submit(_finish(last)).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _finish(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    calls = asyncio.all_tasks() - {asyncio.current_task()}
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    await last()


def _shared_client() -> Client:
    return _client_of(os.getpid())


@cache
def _client_of(pid: int) -> Client:
    """Make the client of one process. A thread does not survive a fork, so a child has its own."""
    client = Client()
    atexit.register(_close_in, pid, client)
    return client


def _close_in(pid: int, client: Client) -> None:
    """Close a client at exit. A child that inherited the duty but not the thread does nothing."""
    if os.getpid() == pid:
        client.close()


def run(
    assistant_id: str,
    input: Mapping[str, Any],  # noqa: A002 - the name that every LangGraph client uses
    *,
    url: str | None = None,
    token: str | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> RunResult:
    """Run a workflow through a client that the process shares, as `Client.run` does.

    Raises:
        LangGraphError: There was no result. `kind` tells the remedy.
    """
    return _shared_client().run(assistant_id, input, url=url, token=token, timeout_s=timeout_s)


async def arun(
    assistant_id: str,
    input: Mapping[str, Any],  # noqa: A002 - as in `run`
    *,
    url: str | None = None,
    token: str | None = None,
    timeout_s: float = DEFAULT_TIMEOUT_S,
) -> RunResult:
    """Run a workflow through a client that the process shares, as `Client.arun` does.

    Raises:
        LangGraphError: There was no result. `kind` tells the remedy.
    """
    return await _shared_client().arun(assistant_id, input, url=url, token=token, timeout_s=timeout_s)


def submit_feedback(run_id: str, key: str, score: float, comment: str | None = None) -> str:
    """Rate a run through a client that the process shares, as `Client.submit_feedback` does.

    Raises:
        LangGraphError: The facade refused or was not reachable.
    """
    return _shared_client().submit_feedback(run_id, key, score, comment)


def trace_headers() -> dict[str, str]:
    """Return the headers of the active trace. They are OpenTelemetry's and those of LangSmith if it is in use."""
    headers: dict[str, str] = {}
    _PROPAGATOR.inject(headers)
    langsmith = _langsmith_headers()
    baggage = merged_baggage(headers.get("baggage", ""), langsmith.pop("baggage", ""))
    return headers | langsmith | ({"baggage": baggage} if baggage else {})


def _langsmith_headers() -> dict[str, str]:
    """Ask LangSmith for the active run but never import it. A process that has not imported it has no active run."""
    run_helpers = sys.modules.get("langsmith.run_helpers")
    run_tree = run_helpers.get_current_run_tree() if run_helpers else None
    return run_tree.to_headers() if run_tree else {}


def _auth_headers(token: str | None) -> dict[str, str]:
    configured = settings().auth_token
    bearer = token or (configured.get_secret_value() if configured else None)
    return {"authorization": f"Bearer {bearer}"} if bearer else {}


def _connections() -> httpx.AsyncClient:
    """Make the pool. Time limits are per call, and a proxy is never asked for this machine."""
    return httpx.AsyncClient(
        timeout=None,  # every call has a wall-clock limit around it
        limits=httpx.Limits(max_connections=None),
        mounts=dict.fromkeys(_LOOPBACK),
    )


def _result(assistant_id: str, response: httpx.Response) -> RunResult:
    if not response.is_success:
        raise _refusal(assistant_id, response)
    output = _parsed(response.text)
    if not isinstance(output, dict):
        raise LangGraphError("backend", response.status_code, assistant_id, _body_text(response.text))
    if "__error__" in output:
        raise LangGraphError("backend", response.status_code, assistant_id, _failure_text(output["__error__"]))
    return RunResult(
        output=output,
        run_id=response.headers.get("x-run-id"),
        trace_id=response.headers.get("x-trace-id"),
        langsmith_run_id=response.headers.get("x-langsmith-run-id"),
        langsmith_run_url=response.headers.get("x-langsmith-run-url"),
    )


def _refusal(asked: str, response: httpx.Response) -> LangGraphError:
    status = response.status_code
    return LangGraphError(error_kind(status), status, asked, _body_text(response.text))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _body_text(text: str) -> str:
    """Return the body's `detail`, else its `error`, else the beginning of its text."""
    body = _parsed(text)
    told = (body.get("detail") or body.get("error")) if isinstance(body, dict) else None
    return told if isinstance(told, str) else text[:_BODY_TEXT_CHARS]


def _failure_text(failure: object) -> str:
    message = failure.get("message") if isinstance(failure, dict) else failure
    return str(message)
