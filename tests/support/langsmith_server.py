"""LangSmith's API on loopback, as far as its client speaks to it: it keeps what it was sent, and the bytes.

with langsmith_server() as langsmith:
    ...  # langsmith.environment points a process at it; langsmith.run(run_id) is what it knows of a run
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from tests.support.collector import body_of
from tests.support.waiting import eventually

TENANT = "11111111-1111-1111-1111-111111111111"
KEY = "lsv2_pt_of_the_tests"
INGESTION = {
    "use_multipart_endpoint": True,
    "size_limit": 100,
    "size_limit_bytes": 20_971_520,
    "scale_up_nthreads_limit": 16,
    "scale_up_qsize_trigger": 1000,
    "scale_down_nempty_trigger": 4,
}


@dataclass
class LangSmith:
    """What the server was sent."""

    url: str
    """Its URL, as `LANGSMITH_ENDPOINT` wants it."""
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Every run by its id: all that was ever said of it, merged."""
    feedback: list[dict[str, Any]] = field(default_factory=list)
    """Every feedback."""
    projects: dict[str, str] = field(default_factory=dict)
    """Id of every project, by its name."""
    bodies: list[bytes] = field(default_factory=list)
    """Every request body."""
    is_away: bool = False
    """Answers everything with 503."""
    is_lossy: bool = False
    """Keeps the feedback that it is given, and then answers 503."""

    @property
    def environment(self) -> dict[str, str]:
        """Variables that let a process trace to it."""
        return {"LANGSMITH_TRACING": "true", "LANGSMITH_ENDPOINT": self.url, "LANGSMITH_API_KEY": KEY}

    def wait_for(self, run_id: str, within_s: float = 20.0) -> dict[str, Any]:
        """Wait until a run has ended, and return it."""
        return eventually(
            f"LangSmith has the end of run {run_id}",
            lambda: self.runs.get(run_id, {}),
            lambda run: run.get("end_time"),
            within_s=within_s,
        )

    def below(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Return the runs right below a run, by name."""
        return {run["name"]: run for run in list(self.runs.values()) if run.get("parent_run_id") == run_id}

    def answer(self, method: str, path: str, body: bytes, content_type: str) -> tuple[int, Any]:
        """Answer one request as LangSmith does."""
        self.bodies.append(body)
        if self.is_away:
            return 503, {"detail": "away"}
        match method, path:
            case "GET", "/info":
                return 200, {"version": "0.14.0", "batch_ingest_config": INGESTION}
            case "POST", "/runs/multipart":
                self._take_parts(body, content_type)
                return 202, {}
            case "POST", "/sessions":
                given = json.loads(body)
                project_id = self.projects.setdefault(given["name"], given["id"])
                return 200, {"id": project_id, "tenant_id": TENANT, "name": given["name"], "reference_dataset_id": None}
            case "POST" | "PATCH", _ if path.startswith("/feedback"):
                return self._take_feedback(json.loads(body), path.removeprefix("/feedback").strip("/"))
            case _:
                return 404, {"detail": f"{method} {path} is not served"}

    def _take_feedback(self, given: dict[str, Any], changed_id: str) -> tuple[int, Any]:
        known = next((one for one in self.feedback if one["id"] == (changed_id or given["id"])), None)
        if known is not None and not changed_id:
            return 409, {"detail": "there is one of this id"}
        if known is not None:
            known.update(given)
        else:
            self.feedback.append(given)
        return (503, {"detail": "the answer was lost"}) if self.is_lossy else (200, {})

    def _take_parts(self, body: bytes, content_type: str) -> None:
        whole = message_from_bytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
        for part in whole.walk():
            name = part.get_param("name", header="content-disposition")
            if name is not None:
                self._take_part(str(name), part)

    def _take_part(self, name: str, part: Message) -> None:
        kind, run_id, *rest = name.split(".")
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        assert kind in {"post", "patch"}, name
        content = json.loads(payload)
        self.runs.setdefault(run_id, {}).update({rest[0]: content} if rest else content)


@contextmanager
def langsmith_server() -> Iterator[LangSmith]:
    """Run the server for as long as the context lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_PATCH(self) -> None:
            self._answer("PATCH")

        def _answer(self, method: str) -> None:
            body = body_of(self)
            status, answer = told.answer(method, urlsplit(self.path).path, body, self.headers["content-type"] or "")
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told = LangSmith(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
