"""A real OpenAI-compatible model server on loopback, for tests of the real client path.

    with model_server([answer({"subject": "Hello"}), failure(429, retry_after="0")]) as server:
        ...  # server.env holds the variables that point a process at it; server.requests is what it was sent

A script is a list of replies, used in order, or a function from a request to its reply for tests in which the order
is not fixed. A request that the script has no reply for is answered 400 with the reason, which no client retries.
"""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

API_KEY = "test"
MODEL = "openai:gpt-test"
PATH = "/v1/chat/completions"


@dataclass(frozen=True)
class ModelRequest:
    """One request as the server received it."""

    headers: Mapping[str, str]
    """Header names in lower case."""
    body: Mapping[str, Any]
    """The parsed JSON body."""
    received_at_s: float
    """Monotonic clock when it was read, in seconds."""

    @property
    def messages(self) -> list[tuple[str, str]]:
        """(role, text) of each message."""
        return [(message["role"], message["content"]) for message in self.body["messages"]]

    @property
    def prompt(self) -> str:
        """The rendered prompt: the text of the first user message."""
        return next(text for role, text in self.messages if role == "user")

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema that the answer is asked to fit; its `title` is the name of the answer type."""
        system = next(text for role, text in self.messages if role == "system")
        schema: dict[str, Any] = json.loads(system[system.index("{") :])
        return schema


@dataclass(frozen=True)
class Reply:
    """What the server does with one request."""

    status: int
    """HTTP status."""
    body: bytes
    """Body, sent as it is."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers beside the length and type."""
    delay_s: float = 0.0
    """Seconds before anything is sent; cut short when the server ends."""
    is_dropped: bool = False
    """True: the connection is closed without an answer."""


Script = Iterable[Reply] | Callable[[ModelRequest], Reply]


def answer(content: Mapping[str, Any] | str, *, input_tokens: int = 100, output_tokens: int = 10) -> Reply:
    """Answer with an object as JSON, or with a text as it is (a malformed answer, for example)."""
    text = content if isinstance(content, str) else json.dumps(content)
    return completion(
        message={"role": "assistant", "content": text},
        usage={
            "prompt_tokens": input_tokens,
            "completion_tokens": output_tokens,
            "total_tokens": input_tokens + output_tokens,
        },
    )


def completion(
    *, message: Mapping[str, Any], finish_reason: str = "stop", usage: Mapping[str, int] | None = None
) -> Reply:
    """Answer with a whole completion: for refusals, cut-off answers, missing token counts."""
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    body = {"id": "chatcmpl-test", "object": "chat.completion", "created": 0, "model": "gpt-test", "choices": [choice]}
    return Reply(200, json.dumps(body | ({"usage": usage} if usage else {})).encode())


def failure(status: int, *, retry_after: str | None = None, message: str = "scripted failure") -> Reply:
    """Answer with an error in OpenAI's form."""
    body = {"error": {"message": message, "type": "scripted", "param": None, "code": None}}
    return Reply(status, json.dumps(body).encode(), {"Retry-After": retry_after} if retry_after is not None else {})


def slow(reply: Reply, delay_s: float) -> Reply:
    """Send the reply only after a delay."""
    return replace(reply, delay_s=delay_s)


def dropped() -> Reply:
    """Close the connection without an answer."""
    return Reply(0, b"", is_dropped=True)


class ModelServer:
    """A running server and what it was asked."""

    def __init__(self, script: Script) -> None:
        self.requests: list[ModelRequest] = []
        """Every request so far, in order of arrival."""
        self.ending = threading.Event()
        """Set when the server ends; slow replies stop waiting."""
        self._script = script if callable(script) else iter(script)
        self._lock = threading.Lock()
        self._http = _HttpServer(self)

    @property
    def url(self) -> str:
        """Base URL, for `OPENAI_BASE_URL`."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    @property
    def env(self) -> dict[str, str]:
        """The environment that makes this server the model of a process."""
        return {"AGENTIC_SALES_MODEL": MODEL, "OPENAI_BASE_URL": self.url, "OPENAI_API_KEY": API_KEY}

    def reply_to(self, request: ModelRequest) -> Reply:
        """Record a request and take its reply from the script."""
        with self._lock:
            self.requests.append(request)
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return failure(401, message="Incorrect API key provided")
        if callable(self._script):
            return self._script(request)
        with self._lock:
            return next(self._script, failure(400, message="the script has no reply left"))

    def serve(self) -> None:
        """Serve until `close`."""
        self._http.serve_forever(poll_interval=0.01)

    def close(self) -> None:
        """Stop serving and close every connection."""
        self.ending.set()
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def model_server(script: Script) -> Iterator[ModelServer]:
    """Serve a script on a free port of loopback for as long as the context lasts."""
    server = ModelServer(script)
    thread = threading.Thread(target=server.serve, name="model-server", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(timeout=5)


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, model: ModelServer) -> None:
        self.model = model
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in tuple(self._connections):
            with suppress(OSError):  # The client may have closed it in this moment.
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # Else head and body, written one after the other, cost 40 ms.
    server: _HttpServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != PATH:
            self._send(failure(404, message=f"there is nothing at {self.path}"))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.model.reply_to(ModelRequest(headers, json.loads(body), time.monotonic())))

    def _send(self, reply: Reply) -> None:
        self.server.model.ending.wait(reply.delay_s)
        if reply.is_dropped:
            self.close_connection = True
            return
        with suppress(ConnectionError):  # A client that gave up on a slow reply is gone.
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: tests read `ModelServer.requests`."""
