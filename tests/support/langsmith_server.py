"""LangSmith's API on loopback, as far as its client speaks to it: it keeps what it was sent, and the bytes.

with langsmith_server() as langsmith:
    ...  # langsmith.environment points a process at it; langsmith.run(run_id) is what it knows of a run
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from tests.support.collector import body_of
from tests.support.http_server import QuietHandler, served
from tests.support.waiting import eventually

TENANT = "11111111-1111-1111-1111-111111111111"
KEY = "lsv2_pt_of_the_tests"
_NOW = "2026-11-30T00:00:00+00:00"
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
    experiments: dict[str, str] = field(default_factory=dict)
    """Id of the dataset of every project that is an experiment, by the project's name."""
    datasets: dict[str, str] = field(default_factory=dict)
    """Id of every dataset, by its name."""
    examples: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Every example by its id, with the id of its dataset."""
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

    def answer(
        self, method: str, path: str, body: bytes, content_type: str, query: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """Answer one request as LangSmith does."""
        self.bodies.append(body)
        if self.is_away:
            return 503, {"detail": "away"}
        match method, path:
            case "GET", "/info":
                flags = {"dataset_examples_multipart_enabled": True}
                return 200, {"version": "0.14.0", "batch_ingest_config": INGESTION, "instance_flags": flags}
            case "POST", "/runs/multipart":
                self._take_parts(body, content_type)
                return 202, {}
            case "POST" | "PATCH", _ if path.startswith("/feedback"):
                return self._take_feedback(json.loads(body), path.removeprefix("/feedback").strip("/"))
            case "POST", "/sessions":
                return self._take_project(json.loads(body))
            case _:
                return self._of_datasets(method, path, body, content_type, query or {})

    def _take_project(self, given: dict[str, Any]) -> tuple[int, Any]:
        project_id, dataset_id = self.projects.setdefault(given["name"], given["id"]), given.get("reference_dataset_id")
        if dataset_id is not None:
            self.experiments[given["name"]] = dataset_id
        told = {"tenant_id": TENANT, "name": given["name"], "reference_dataset_id": dataset_id}
        return 200, {"id": project_id, "start_time": _NOW, **told}

    def _of_datasets(
        self, method: str, path: str, body: bytes, content_type: str, query: Mapping[str, str]
    ) -> tuple[int, Any]:
        match method, path.strip("/").split("/"):
            case "GET", ["datasets"]:
                return 200, [self._dataset(name) for name in self.datasets if name == query.get("name", name)]
            case "POST", ["datasets"]:
                name = json.loads(body)["name"]
                assert name not in self.datasets
                self.datasets[name] = str(uuid4())
                return 200, self._dataset(name)
            case "POST", ["runs"]:
                given = json.loads(body)
                self.runs.setdefault(given["id"], {}).update(given)
                return 202, {}
            case "GET", ["examples"]:
                found = [one for one in self.examples.values() if one["dataset_id"] == query.get("dataset")]
                start = int(query.get("offset", "0"))
                return 200, found[start : start + int(query.get("limit", "100"))]
            case "POST", [*_, dataset_id, "examples"]:
                return self._take_examples(dataset_id, body, content_type)
            case _:
                return 404, {"detail": f"{method} {path} is not served"}

    def _dataset(self, name: str) -> dict[str, Any]:
        return {"id": self.datasets[name], "name": name, "created_at": _NOW, "data_type": "kv", "tenant_id": TENANT}

    def _take_examples(self, dataset_id: str, body: bytes, content_type: str) -> tuple[int, Any]:
        ids = []
        for name, part in _parts(body, content_type):
            example_id, *rest = name.split(".")
            told = {rest[0]: _content(part)} if rest else _content(part)
            known = self.examples.setdefault(
                example_id, {"id": example_id, "dataset_id": dataset_id, "created_at": _NOW, "modified_at": _NOW}
            )
            known.update(told)
            ids.append(example_id)
        return 201, {"example_ids": list(dict.fromkeys(ids)), "count": len(set(ids))}

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
        for name, part in _parts(body, content_type):
            self._take_part(name, part)

    def _take_part(self, name: str, part: Message) -> None:
        kind, run_id, *rest = name.split(".")
        assert kind in {"post", "patch"}, name
        content = _content(part)
        self.runs.setdefault(run_id, {}).update({rest[0]: content} if rest else content)


def _parts(body: bytes, content_type: str) -> Iterator[tuple[str, Message]]:
    """Yield the named parts of a multipart body."""
    whole = message_from_bytes(b"content-type: " + content_type.encode() + b"\r\n\r\n" + body)
    for part in whole.walk():
        name = part.get_param("name", header="content-disposition")
        if name is not None:
            yield str(name), part


def _content(part: Message) -> Any:
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return json.loads(payload)


@contextmanager
def langsmith_server() -> Iterator[LangSmith]:
    """Run the server for as long as the context lasts."""

    class Handler(QuietHandler, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def do_PATCH(self) -> None:
            self._answer("PATCH")

        def _answer(self, method: str) -> None:
            body = body_of(self)
            asked = urlsplit(self.path)
            query = dict(parse_qsl(asked.query))
            status, answer = told.answer(method, asked.path, body, self.headers["content-type"] or "", query)
            self.answer_json(status, answer)

    with served(Handler) as url:
        told = LangSmith(url)
        yield told
