"""What the whole application answers where no route of it does: a bug, a slash too many, another host's name."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.responses import StreamingResponse
from starlette.testclient import TestClient

from agentic_sales.contracts import ErrorBody
from agentic_sales.control import assistant_uuid, control_plane
from agentic_sales.facade.app import create_app
from agentic_sales.settings import Settings

KEY = {"authorization": "Bearer key"}


@pytest.fixture
def app(migrated: Settings, redis_url: str) -> FastAPI:
    """The facade with two routes that have a bug."""
    app = create_app(
        migrated.model_copy(update={"redis_url": redis_url, "auth_token": SecretStr("key")}), control_plane()
    )

    @app.get("/runs/bug/{text}")
    async def bug(text: str) -> None:
        raise ZeroDivisionError(text)

    @app.get("/runs/late/bug")
    async def late() -> StreamingResponse:
        def parts() -> Iterator[bytes]:
            yield b"begun"
            raise ZeroDivisionError

        return StreamingResponse(parts())

    return app


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    """A caller with the key."""
    with TestClient(app, headers=KEY, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


def test_a_bug_is_answered_with_the_documented_body_its_id_and_none_of_its_text(client: TestClient) -> None:
    answer = client.get("/runs/bug/jane-at-acme", headers={"x-request-id": "request-7"})
    told = ErrorBody.model_validate_json(answer.content)
    assert (answer.status_code, told.code, told.kind) == (500, "bug", "backend")
    assert answer.headers["x-request-id"] == "request-7"
    assert "jane" not in answer.text
    counted = client.get("/metrics").text
    assert 'agentic_http_requests_total{method="GET",route="/runs/bug/{text}",status="500"} 1.0' in counted


def test_an_answer_that_has_begun_is_cut_off_by_a_bug(app: FastAPI) -> None:
    with TestClient(app, headers=KEY) as client, pytest.raises(ZeroDivisionError):
        client.get("/runs/late/bug")


@pytest.mark.parametrize("path", ["/runs/", "/threads/", "/assistants/search/", "/runs/wait/"])
def test_a_slash_too_many_is_not_found_and_leads_to_no_host_that_the_caller_named(
    client: TestClient, path: str
) -> None:
    for method in ("GET", "POST"):
        answer = client.request(method, path, headers={"host": "evil.example"})
        assert (answer.status_code, "location" in answer.headers) == (404, False)
        assert ErrorBody.model_validate_json(answer.content).code == "not_found"


LOCAL_PAGE, STUDIO = "http://localhost:3000", "https://smith.langchain.com"


@pytest.mark.parametrize(
    ("values", "origin", "is_allowed"),
    [
        ({}, LOCAL_PAGE, False),
        ({"dev": True}, LOCAL_PAGE, True),
        ({"dev": True}, "http://127.0.0.1:5173", True),
        ({"dev": True}, "http://localhost.evil.example", False),
        ({"dev": True}, STUDIO, False),
        ({"cors_origins": (STUDIO,)}, STUDIO, True),
        ({"cors_origins": (STUDIO,)}, LOCAL_PAGE, False),
    ],
)
def test_a_page_of_another_origin_calls_the_facade_where_the_settings_say_so(
    migrated: Settings, redis_url: str, values: dict[str, Any], origin: str, *, is_allowed: bool
) -> None:
    told = {"redis_url": redis_url, "auth_token": SecretStr("key"), **values}
    with TestClient(create_app(migrated.model_copy(update=told), control_plane())) as client:
        asked = {
            "origin": origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "x-api-key",
        }
        preflight = client.options("/runs/wait", headers=asked)
        answer = client.post("/assistants/search", headers={"origin": origin, **KEY})
        refused = client.post("/assistants/search", headers={"origin": origin})
    assert (preflight.status_code == 200) is is_allowed
    assert (answer.status_code, refused.status_code) == (200, 401)
    for told_by in (preflight, answer, refused):
        assert (told_by.headers.get("access-control-allow-origin") == origin) is is_allowed
    assert not is_allowed or "x-pagination-total" in answer.headers["access-control-expose-headers"]


def test_an_assistant_is_drawn_from_the_generated_file_by_its_name_or_its_uuid(client: TestClient) -> None:
    for assistant in ("pipeline", assistant_uuid("pipeline")):
        drawn = client.get(f"/assistants/{assistant}/graph").json()
        assert {"__start__", "__end__"} < {node["id"] for node in drawn["nodes"]}
        ids = {node["id"] for node in drawn["nodes"]}
        assert all({edge["source"], edge["target"]} <= ids for edge in drawn["edges"])
        assert client.get(f"/assistants/{assistant}/graph?xray=true").status_code == 200
        assert client.get(f"/assistants/{assistant}/subgraphs?recurse=true").json() == {}
        assert client.get(f"/assistants/{assistant}/subgraphs/below").json() == {}
    assert client.get("/assistants/nobody/graph").json()["code"] == "unknown_assistant"


def test_the_openapi_document_refers_to_what_it_has_and_names_the_errors_of_each_operation(client: TestClient) -> None:
    text = client.get("/openapi.json").text
    document = json.loads(text)
    schemas = document["components"]["schemas"]
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= schemas.keys()
    assert "$defs" not in text
    assert "HTTPValidationError" not in text
    for path, item in document["paths"].items():
        for method, operation in item.items():
            told = operation["responses"].keys()
            is_open = path.startswith(("/unsubscribe/", "/health", "/ready", "/ok", "/info"))
            assert ("401" in told) is not is_open, (method, path)
            takes = not path.startswith("/unsubscribe/") and bool({"requestBody", "parameters"} & operation.keys())
            assert ("422" in told) is takes, (method, path)
            assert "404" in told or "{" not in path or is_open, (method, path)


def test_an_answer_has_the_members_that_the_openapi_document_tells(client: TestClient) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    thread = client.post("/threads", json={"metadata": {"deal": 7}}).json()
    assistant = client.get("/assistants/pipeline").json()
    assert list(thread) == list(schemas["Thread"]["properties"])
    assert list(assistant) == list(schemas["Assistant"]["properties"])
    assert list(assistant["metadata"]) == list(schemas["AssistantMetadata"]["properties"])
    assert client.get(f"/threads/{thread['thread_id']}").json() == thread
